/* Measures the CPU time that a process spends on verification in libsecp256k1, without a change to the process: on
 * secp256k1_schnorrsig_verify, and on parsing the keys that it does not hold yet.
 *
 *   cc -O2 -shared -fPIC -o verify_meter.so verify_meter.c && LD_PRELOAD=./verify_meter.so VERIFY_METER=out.json command
 *
 * Reading a thread's clock is a system call and costs more than a microsecond, twice a call. So only every eighth call of a
 * thread is measured, and stands for the others: they do the same work. At the end the price of reading is measured, so that
 * the reader of the file can subtract it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { INTERVAL = 8 };

typedef int verify_function(const void *, const unsigned char *, const unsigned char *, size_t, const void *);
typedef int parse_function(const void *, void *, const unsigned char *);

static verify_function *verify;
static parse_function *parse;

struct total {
    atomic_ullong calls, measured, nanoseconds;
};
static struct total verifications, keys;

static unsigned long long cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
    verify = (verify_function *)dlsym(RTLD_NEXT, "secp256k1_schnorrsig_verify");
    parse = (parse_function *)dlsym(RTLD_NEXT, "secp256k1_xonly_pubkey_parse");
}

/* Seconds of all calls; one of the two reads of a measured call falls between them, half of it each. */
static double seconds(struct total *total, double read) {
    double measured = atomic_load(&total->measured);
    return measured ? (atomic_load(&total->nanoseconds) / 1e9 / measured - read) * atomic_load(&total->calls) : 0;
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("VERIFY_METER");
    FILE *file = path && atomic_load(&verifications.calls) ? fopen(path, "w") : NULL;
    if (!file) return;
    unsigned long long start = cpu(), last = start;
    for (int i = 0; i < 10000; i++) last = cpu();
    double read = (last - start) / 10000.0 / 1e9;
    double reads = 2.0 * (atomic_load(&verifications.measured) + atomic_load(&keys.measured));
    fprintf(file, "{\"calls\":%llu,\"measured\":%llu,\"cpu_s\":%.6f,\"meter_s\":%.6f}\n",
            atomic_load(&verifications.calls), atomic_load(&verifications.measured),
            seconds(&verifications, read) + seconds(&keys, read), reads * read);
    fclose(file);
}

/* Whether the thread's next call is to be measured. */
static int is_due(struct total *total, unsigned *count) {
    atomic_fetch_add_explicit(&total->calls, 1, memory_order_relaxed);
    return (*count)++ % INTERVAL == 0;
}

static void add(struct total *total, unsigned long long start) {
    atomic_fetch_add_explicit(&total->nanoseconds, cpu() - start, memory_order_relaxed);
    atomic_fetch_add_explicit(&total->measured, 1, memory_order_relaxed);
}

int secp256k1_schnorrsig_verify(const void *context, const unsigned char *sig, const unsigned char *message,
                                size_t length, const void *key) {
    static _Thread_local unsigned count;
    if (!is_due(&verifications, &count)) return verify(context, sig, message, length, key);
    unsigned long long start = cpu();
    int result = verify(context, sig, message, length, key);
    add(&verifications, start);
    return result;
}

int secp256k1_xonly_pubkey_parse(const void *context, void *key, const unsigned char *bytes) {
    static _Thread_local unsigned count;
    if (!is_due(&keys, &count)) return parse(context, key, bytes);
    unsigned long long start = cpu();
    int result = parse(context, key, bytes);
    add(&keys, start);
    return result;
}
