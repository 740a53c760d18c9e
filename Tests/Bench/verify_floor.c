/* The floor of verification: secp256k1_schnorrsig_verify over a corpus, keys parsed before the clock starts.
 *
 *   cc -O2 -o verify_floor verify_floor.c -lsecp256k1 && ./verify_floor corpus.bin
 *
 * The corpus is what `ingest-bench corpus` writes: id, public key and signature of each event, 32 + 32 + 64 bytes.
 */
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct event {
    unsigned char id[32], pubkey[32], sig[64];
};

struct author {
    unsigned char pubkey[32];
    secp256k1_xonly_pubkey key;
};

static int by_pubkey(const void *a, const void *b) { return memcmp(a, b, 32); }

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        fprintf(stderr, "usage: verify_floor corpus.bin\n");
        return 2;
    }
    fseek(file, 0, SEEK_END);
    size_t count = (size_t)ftell(file) / sizeof(struct event);
    rewind(file);
    struct event *events = malloc(count * sizeof *events);
    struct author *authors = calloc(count, sizeof *authors);
    const struct author **author_of = malloc(count * sizeof *author_of);
    if (!events || !authors || !author_of || fread(events, sizeof *events, count, file) != count) return 1;
    fclose(file);

    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    for (size_t i = 0; i < count; i++) memcpy(authors[i].pubkey, events[i].pubkey, 32);
    qsort(authors, count, sizeof *authors, by_pubkey);
    size_t unique = 0;
    for (size_t i = 0; i < count; i++)
        if (unique == 0 || memcmp(authors[unique - 1].pubkey, authors[i].pubkey, 32)) authors[unique++] = authors[i];
    for (size_t i = 0; i < unique; i++)
        if (!secp256k1_xonly_pubkey_parse(context, &authors[i].key, authors[i].pubkey)) return 1;
    for (size_t i = 0; i < count; i++)
        author_of[i] = bsearch(events[i].pubkey, authors, unique, sizeof *authors, by_pubkey);

    size_t valid = 0;
    double start = cpu();
    for (size_t i = 0; i < count; i++)
        valid += secp256k1_schnorrsig_verify(context, events[i].sig, events[i].id, 32, &author_of[i]->key);
    double spent = cpu() - start;
    printf("{\"events\":%zu,\"authors\":%zu,\"valid\":%zu,\"verify_us\":%.4f}\n", count, unique, valid,
           spent / (double)count);
    return valid == count ? 0 : 1;
}
