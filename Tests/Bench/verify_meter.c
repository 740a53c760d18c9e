/* Adds up the CPU time that a process spends on verification in libsecp256k1, without a change to the process: on
 * secp256k1_schnorrsig_verify, and on parsing the keys that it does not hold yet.
 *
 *   cc -O2 -shared -fPIC -o verify_meter.so verify_meter.c && LD_PRELOAD=./verify_meter.so VERIFY_METER=out.json command
 *
 * Reading the thread's clock twice a call costs the process some tenths of a microsecond. At the end that price is
 * measured, so that the reader of the file can subtract it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef int verify_function(const void *, const unsigned char *, const unsigned char *, size_t, const void *);
typedef int parse_function(const void *, void *, const unsigned char *);

static verify_function *verify;
static parse_function *parse;
static atomic_ullong calls, nanoseconds;

static unsigned long long cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
    verify = (verify_function *)dlsym(RTLD_NEXT, "secp256k1_schnorrsig_verify");
    parse = (parse_function *)dlsym(RTLD_NEXT, "secp256k1_xonly_pubkey_parse");
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("VERIFY_METER");
    FILE *file = path && atomic_load(&calls) ? fopen(path, "w") : NULL;
    if (!file) return;
    unsigned long long start = cpu(), last = start;
    for (int i = 0; i < 10000; i++) last = cpu();
    /* Of the two reads of a call one falls between them, half of it each. */
    double read = (last - start) / 10000.0 / 1e9, number = atomic_load(&calls);
    fprintf(file, "{\"calls\":%.0f,\"cpu_s\":%.6f,\"meter_s\":%.6f}\n", number,
            atomic_load(&nanoseconds) / 1e9 - number * read, 2 * number * read);
    fclose(file);
}

static void count(unsigned long long start) {
    atomic_fetch_add_explicit(&nanoseconds, cpu() - start, memory_order_relaxed);
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

int secp256k1_schnorrsig_verify(const void *context, const unsigned char *sig, const unsigned char *message,
                                size_t length, const void *key) {
    unsigned long long start = cpu();
    int result = verify(context, sig, message, length, key);
    count(start);
    return result;
}

int secp256k1_xonly_pubkey_parse(const void *context, void *key, const unsigned char *bytes) {
    unsigned long long start = cpu();
    int result = parse(context, key, bytes);
    count(start);
    return result;
}
