/* Adds up the CPU time that a process spends in secp256k1_schnorrsig_verify, without a change to the process.
 *
 *   cc -O2 -shared -fPIC -o verify_meter.so verify_meter.c && LD_PRELOAD=./verify_meter.so VERIFY_METER=out.json command
 *
 * Reading the thread's clock twice an event costs the process some tenths of a microsecond. At the end that price is
 * measured, so that the reader of the file can subtract it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef int verify_function(const void *, const unsigned char *, const unsigned char *, size_t, const void *);

static verify_function *verify;
static atomic_ullong calls, nanoseconds;

static unsigned long long cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
    verify = (verify_function *)dlsym(RTLD_NEXT, "secp256k1_schnorrsig_verify");
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("VERIFY_METER");
    FILE *file = path && atomic_load(&calls) ? fopen(path, "w") : NULL;
    if (!file) return;
    unsigned long long start = cpu(), last = start;
    for (int i = 0; i < 10000; i++) last = cpu();
    /* Of the two reads of an event one falls between them, half of it each. */
    double read = (last - start) / 10000.0 / 1e9, count = atomic_load(&calls);
    fprintf(file, "{\"calls\":%.0f,\"cpu_s\":%.6f,\"meter_s\":%.6f}\n", count,
            atomic_load(&nanoseconds) / 1e9 - count * read, 2 * count * read);
    fclose(file);
}

int secp256k1_schnorrsig_verify(const void *context, const unsigned char *sig, const unsigned char *message,
                                size_t length, const void *key) {
    unsigned long long start = cpu();
    int result = verify(context, sig, message, length, key);
    atomic_fetch_add_explicit(&nanoseconds, cpu() - start, memory_order_relaxed);
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    return result;
}
