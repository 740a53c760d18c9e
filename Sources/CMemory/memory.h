#ifndef NOSTR_MEMORY_H
#define NOSTR_MEMORY_H

#include <malloc.h>

/// Asks for the cache line at `address`, which is about to be read. Reads nothing: any address will do.
static inline void prefetch(const void *address) { __builtin_prefetch(address); }

/// Lets malloc open at most `count` arenas, those that are open included.
static inline void bound_arenas(int count) { mallopt(M_ARENA_MAX, count); }

#endif
