#ifndef NOSTR_PREFETCH_H
#define NOSTR_PREFETCH_H

/// Asks for the cache line at `address`, which is about to be read. Reads nothing: any address will do.
static inline void prefetch(const void *address) { __builtin_prefetch(address); }

#endif
