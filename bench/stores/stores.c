/* stores MODE PROCESSES KEYS ENTRIES SKEW LOOKUPS: what a cache costs and hits, one shared store against one per process.
 *
 * MODE private: each process has a table of ENTRIES / PROCESSES of its own. MODE shared: one table of ENTRIES in shared
 * memory; a bucket is looked at under a spin lock, and a hit pins its entry with an atomic count while it is read.
 * Keys are drawn by Zipf's law with exponent SKEW. A bucket has 8 places and gives a second chance before it evicts.
 * Prints one JSON object: hits of all lookups, and nanoseconds of CPU for each lookup.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAYS = 8, BODY = 1024 };

struct entry {
    uint64_t key;               /* 0: empty */
    uint32_t pins;
    uint32_t used;
    char body[BODY];
};

struct bucket {
    uint32_t lock;
    uint32_t hand;
    struct entry ways[WAYS];
};

struct result {
    uint64_t hits;
    double seconds;
};

static uint64_t state;
static char taken[BODY];

static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint32_t ranked(const double *sums, uint32_t n) {
    double wanted = (double)(draw() >> 11) / 9007199254740992.0 * sums[n - 1];
    uint32_t low = 0, high = n - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sums[middle] < wanted) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void enter(struct bucket *b) {
    while (__atomic_exchange_n(&b->lock, 1, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&b->lock, __ATOMIC_RELAXED)) __builtin_ia32_pause();
}

static void leave(struct bucket *b) { __atomic_store_n(&b->lock, 0, __ATOMIC_RELEASE); }

static struct entry *find(struct bucket *b, uint64_t key) {
    for (int i = 0; i < WAYS; i++)
        if (b->ways[i].key == key) return &b->ways[i];
    return NULL;
}

static void keep(struct bucket *b, uint64_t key) {
    for (int tries = 0; tries < 2 * WAYS; tries++) {
        struct entry *e = &b->ways[b->hand++ % WAYS];
        if (__atomic_load_n(&e->pins, __ATOMIC_ACQUIRE)) continue;
        if (e->used) {
            e->used = 0;
            continue;
        }
        e->key = key;
        memset(e->body, (int)key, BODY);
        return;
    }
}

static int look(struct bucket *table, uint64_t buckets, uint64_t key, int shared) {
    struct bucket *b = &table[(key * 0x9E3779B97F4A7C15u >> 20) % buckets];
    if (shared) enter(b);
    struct entry *e = find(b, key);
    if (e == NULL) {
        keep(b, key);
        if (shared) leave(b);
        return 0;
    }
    e->used = 1;
    if (shared) {
        __atomic_add_fetch(&e->pins, 1, __ATOMIC_ACQ_REL);
        leave(b);
        memcpy(taken, e->body, BODY);
        __atomic_sub_fetch(&e->pins, 1, __ATOMIC_ACQ_REL);
    } else {
        e->pins++;
        memcpy(taken, e->body, BODY);
        e->pins--;
    }
    return 1;
}

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *memory(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return p;
}

static void run(struct result *mine, struct bucket *table, uint64_t buckets, const uint32_t *keys, uint64_t lookups,
                int shared) {
    uint64_t n;
    for (n = 0; n < lookups; n++) look(table, buckets, keys[n] + 1u, shared);  /* fills the table */
    double began = cpu();
    for (n = 0; n < lookups; n++) mine->hits += (uint64_t)look(table, buckets, keys[n] + 1u, shared);
    mine->seconds = cpu() - began;
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: stores private|shared PROCESSES KEYS ENTRIES SKEW LOOKUPS\n");
        return 2;
    }
    int shared = strcmp(argv[1], "shared") == 0, processes = atoi(argv[2]);
    uint32_t keys = (uint32_t)atoi(argv[3]);
    uint64_t entries = (uint64_t)atoll(argv[4]), lookups = (uint64_t)atoll(argv[6]);
    double skew = atof(argv[5]), *sums = malloc(keys * sizeof(double));
    uint64_t buckets = entries / WAYS / (uint64_t)(shared ? 1 : processes);
    struct result *results = memory((size_t)processes * sizeof *results);
    struct bucket *one = shared ? memory(buckets * sizeof *one) : NULL;
    for (uint32_t i = 0; i < keys; i++) sums[i] = (i ? sums[i - 1] : 0) + pow(i + 1, -skew);
    for (int p = 0; p < processes; p++) {
        if (fork()) continue;
        uint32_t *drawn = malloc(lookups * sizeof *drawn);
        state = 88172645463325252u + (uint64_t)p * 7919u;
        for (uint64_t n = 0; n < lookups; n++) drawn[n] = ranked(sums, keys);
        run(&results[p], one ? one : memory(buckets * sizeof *one), buckets, drawn, lookups, shared);
        _exit(0);
    }
    uint64_t hits = 0;
    double seconds = 0;
    while (wait(NULL) > 0) continue;
    for (int p = 0; p < processes; p++) {
        hits += results[p].hits;
        seconds += results[p].seconds;
    }
    double all = (double)lookups * processes;
    printf("{\"hits\": %.4f, \"ns\": %.1f}\n", (double)hits / all, seconds / all * 1e9);
    return 0;
}
