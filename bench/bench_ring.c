/* bench_ring: what a message costs on its way through a ring, beside a raw cache line.
 *
 *   bench_ring [--json] [--rounds N] [--cpus A,B] [NAME]...
 *
 * Two processes on two CPUs.  What two CPUs can do is measured first and last in every slice: one
 * cache line there and back.  It is not one number on a shared machine: it has states (A: siblings
 * of one core, B: one last-level cache, C: far) and it changes them by itself, so a slice whose
 * state changed is dropped, candidates take turns, and results are kept by state.  Throughput is
 * the median of runs of 1 ms, since the host takes a CPU away for milliseconds at a time; latency
 * is also given as a multiple of the raw line.
 *
 * A candidate is a row of a table: four loops (send, receive, ping, pong) and its shape. */
#include "base/clock.h"
#include "ring/ring.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define RUN_NS	    1000000u /* one run */
#define RUNS	    12u	     /* of a slice; the first is for warming up */
#define TRIPS	    4000u    /* round trips of a slice */
#define WARM	    500u     /* of them for warming up */
#define RAW_TRIPS   2048u
#define RAW_LINES   128u /* how far a line is depends on its address */
#define SAMPLES_MAX (1u << 20)
#define BURST	    64u /* what a consumer takes at most */
#define HANDLES	    4u	/* consumers of the widest candidate */

enum state { STATE_A, STATE_B, STATE_C, STATES };
enum kind { TRIP, RATE };

struct line {
	uint64_t v;
	uint8_t pad[120];
};

/* Shared by the two processes of a slice. */
struct shared {
	struct line ping[RAW_LINES], pong[RAW_LINES];
	uint32_t ready, stop, over;
	uint32_t runs;
	uint64_t run[RUNS]; /* messages received in each run */
	uint64_t run_tsc[RUNS];
	uint64_t sum; /* of what was read, so that it is read */
	uint32_t trips;
	uint64_t trip[TRIPS]; /* tsc */
};

struct cand {
	const char *name;
	enum kind kind;
	uint32_t slot_sz, payload, batch, consumers;
	uint64_t slots;
	void (*send)(const struct cand *);    /* until stop; RATE */
	void (*receive)(const struct cand *); /* counts runs; RATE */
	void (*ping)(const struct cand *);    /* times trips; TRIP */
	void (*pong)(const struct cand *);    /* until stop; TRIP */
};

struct result {
	double *v; /* samples: ns of a trip, or messages a second of a run */
	unsigned n, cap;
};

static struct shared *sh;
static double ns_per_tsc;
static int cpus[2] = {0, 1};
static struct result results[64][STATES];
static struct result raw_of[64][STATES]; /* the raw line in the same slices */

static void stop_with(const char *what)
{
	fprintf(stderr, "bench_ring: %s\n", what);
	exit(1);
}

static uint32_t get32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void set32(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* ---- the raw line ---------------------------------------------------------------------------- */

static void raw_ping(const struct cand *c)
{
	(void)c;
	uint64_t t = __rdtsc();
	for (uint64_t i = 1; i <= RAW_TRIPS; i++) {
		__atomic_store_n(&sh->ping[i % RAW_LINES].v, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&sh->pong[i % RAW_LINES].v, __ATOMIC_ACQUIRE) != i)
			;
		uint64_t now = __rdtsc();
		sh->trip[i - 1] = now - t;
		t = now;
	}
	sh->trips = RAW_TRIPS;
}

static void raw_pong(const struct cand *c)
{
	(void)c;
	for (uint64_t i = 1; i <= RAW_TRIPS; i++) {
		while (__atomic_load_n(&sh->ping[i % RAW_LINES].v, __ATOMIC_ACQUIRE) != i)
			if (get32(&sh->stop))
				return;
		__atomic_store_n(&sh->pong[i % RAW_LINES].v, i, __ATOMIC_RELEASE);
	}
}

/* ---- our ring -------------------------------------------------------------------------------- */

static struct nmw_prod open_ring(const struct cand *c, const char *name)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	const struct nmw_ring_spec s = {.name = name,
					.slots = c->slots,
					.slot_sz = c->slot_sz,
					.frame_bytes = c->slots * 128,
					.min_consumers = c->consumers,
					.tool = "bench"};
	if (nmw_prod_open(&p, &s, &e) != 0)
		stop_with(e.msg);
	return p;
}

static struct nmw_cons join_ring(const char *name)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	const struct nmw_cons_spec s = {.ring = name};
	uint64_t t = nmw_clock_mono();
	while (nmw_cons_join(&c, &s, &e) != 0)
		if (nmw_clock_mono() - t > NMW_NS_PER_S)
			stop_with(e.msg);
	return c;
}

static inline void write_message(struct nmw_prod *p, unsigned i, uint32_t len)
{
	struct nmw_slot *s = nmw_prod_slot(p, i);
	uint64_t *to = (uint64_t *)(void *)nmw_prod_payload(p, s, len);
	if (!to)
		stop_with("frame area too small");
	for (uint32_t k = 0; k < len / 8; k += 2) {
		to[k] = p->next;
		to[k + 1] = p->next;
	}
	s->ts_ns = p->next;
	s->ingress_ns = p->next;
	s->in_seq = p->next;
	s->session = 1;
	s->channel = NMW_CH_FEED;
	s->codec = NMW_CODEC_NONE;
}

static inline uint64_t read_message(const struct nmw_cons *c, unsigned i)
{
	uint32_t len;
	const struct nmw_slot *s = nmw_cons_slot(c, i);
	const uint64_t *at = (const uint64_t *)(const void *)nmw_cons_payload(c, s, &len);
	uint64_t sum = s->ts_ns;
	if (!at)
		stop_with("corrupt");
	for (uint32_t k = 0; k < len / 8; k += 2)
		sum += at[k] + at[k + 1];
	return sum;
}

static void ring_send(const struct cand *c)
{
	struct nmw_prod p = open_ring(c, "bench-a");
	set32(&sh->ready, 1);
	while (!get32(&sh->stop)) {
		unsigned n = nmw_prod_room(&p, c->batch);
		if (n < c->batch)
			continue;
		for (unsigned i = 0; i < n; i++)
			write_message(&p, i, c->payload);
		nmw_prod_publish(&p, n);
	}
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
}

/* Several consumers in one process, since there are two CPUs: each looks at every message and hands
 * it back, one of them reads the payload. It shows what more cursors cost the producer. */
static unsigned take_burst(struct nmw_cons *h, unsigned n_handles, uint64_t *sum)
{
	unsigned n = 0;
	for (unsigned k = 0; k < n_handles; k++) {
		n = nmw_cons_ready(&h[k], BURST);
		for (unsigned i = 0; k == 0 && i < n; i++)
			*sum += read_message(&h[k], i);
		nmw_cons_release(&h[k], n);
	}
	return n;
}

static void ring_receive(const struct cand *c)
{
	struct nmw_cons h[HANDLES];
	const uint64_t run_tsc = (uint64_t)(RUN_NS / ns_per_tsc);
	uint64_t sum = 0, got = 0, calls = 0;
	while (!get32(&sh->ready))
		;
	for (unsigned k = 0; k < c->consumers; k++)
		h[k] = join_ring("bench-a");
	uint64_t t = __rdtsc();
	while (sh->runs < RUNS) {
		got += take_burst(h, c->consumers, &sum);
		if (++calls % 8)
			continue;
		uint64_t now = __rdtsc();
		if (now - t < run_tsc)
			continue;
		sh->run[sh->runs] = got;
		sh->run_tsc[sh->runs++] = now - t;
		got = 0;
		t = now;
	}
	set32(&sh->stop, 1);
	sh->sum = sum;
	for (unsigned k = 0; k < c->consumers; k++)
		nmw_cons_leave(&h[k], false);
}

static void one_way(struct nmw_prod *p, uint32_t len)
{
	while (nmw_prod_room(p, 1) == 0)
		;
	write_message(p, 0, len);
	nmw_prod_publish(p, 1);
}

static void ring_ping(const struct cand *c)
{
	struct nmw_prod p = open_ring(c, "bench-a");
	set32(&sh->ready, 1);
	while (get32(&sh->ready) != 2)
		;
	struct nmw_cons in = join_ring("bench-b");
	uint64_t sum = 0, t = __rdtsc();
	for (uint32_t i = 0; i < TRIPS; i++) {
		one_way(&p, c->payload);
		while (nmw_cons_ready(&in, 1) == 0)
			;
		sum += read_message(&in, 0);
		nmw_cons_release(&in, 1);
		uint64_t now = __rdtsc();
		sh->trip[i] = now - t;
		t = now;
	}
	sh->trips = TRIPS;
	sh->sum = sum;
	set32(&sh->stop, 1);
	nmw_cons_leave(&in, false);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
}

static void ring_pong(const struct cand *c)
{
	while (!get32(&sh->ready))
		;
	struct nmw_cons in = join_ring("bench-a");
	struct nmw_prod p = open_ring(c, "bench-b");
	set32(&sh->ready, 2);
	uint64_t sum = 0;
	while (!get32(&sh->stop)) {
		if (nmw_cons_ready(&in, 1) == 0)
			continue;
		sum += read_message(&in, 0);
		nmw_cons_release(&in, 1);
		one_way(&p, c->payload);
	}
	__atomic_fetch_add(&sh->sum, sum, __ATOMIC_RELAXED);
	nmw_cons_leave(&in, false);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define RING_TRIP .kind = TRIP, .consumers = 1, .slots = 256, .ping = ring_ping, .pong = ring_pong
#define RING_RATE .kind = RATE, .send = ring_send, .receive = ring_receive

static const struct cand raw = {
	.name = "raw line", .kind = TRIP, .ping = raw_ping, .pong = raw_pong};

static const struct cand cands[] = {
	{.name = "trip slot64 16B", RING_TRIP, .slot_sz = 64, .payload = 16},
	{.name = "trip slot128 16B", RING_TRIP, .slot_sz = 128, .payload = 16},
	{.name = "trip slot128 64B", RING_TRIP, .slot_sz = 128, .payload = 64},
	{.name = "trip slot128 80B", RING_TRIP, .slot_sz = 128, .payload = 80},
	{.name = "trip slot64 frame64B", RING_TRIP, .slot_sz = 64, .payload = 64},
	{.name = "trip slot128 frame96B", RING_TRIP, .slot_sz = 128, .payload = 96},
	{.name = "rate slot64 16B b1",
	 RING_RATE,
	 .slot_sz = 64,
	 .payload = 16,
	 .batch = 1,
	 .consumers = 1,
	 .slots = 8192},
	{.name = "rate slot64 16B b32",
	 RING_RATE,
	 .slot_sz = 64,
	 .payload = 16,
	 .batch = 32,
	 .consumers = 1,
	 .slots = 8192},
	{.name = "rate slot128 64B b1",
	 RING_RATE,
	 .slot_sz = 128,
	 .payload = 64,
	 .batch = 1,
	 .consumers = 1,
	 .slots = 4096},
	{.name = "rate slot128 64B b32",
	 RING_RATE,
	 .slot_sz = 128,
	 .payload = 64,
	 .batch = 32,
	 .consumers = 1,
	 .slots = 4096},
	{.name = "rate slot128 64B b32 x4",
	 RING_RATE,
	 .slot_sz = 128,
	 .payload = 64,
	 .batch = 32,
	 .consumers = 4,
	 .slots = 4096},
	{.name = "rate slot64 frame64B b32",
	 RING_RATE,
	 .slot_sz = 64,
	 .payload = 64,
	 .batch = 32,
	 .consumers = 1,
	 .slots = 4096},
	{.name = "bulk slot64 16B b1",
	 RING_RATE,
	 .slot_sz = 64,
	 .payload = 16,
	 .batch = 1,
	 .consumers = 1,
	 .slots = 65536},
	{.name = "bulk slot64 16B b32",
	 RING_RATE,
	 .slot_sz = 64,
	 .payload = 16,
	 .batch = 32,
	 .consumers = 1,
	 .slots = 65536},
	{.name = "bulk slot128 64B b1",
	 RING_RATE,
	 .slot_sz = 128,
	 .payload = 64,
	 .batch = 1,
	 .consumers = 1,
	 .slots = 32768},
	{.name = "bulk slot128 64B b32",
	 RING_RATE,
	 .slot_sz = 128,
	 .payload = 64,
	 .batch = 32,
	 .consumers = 1,
	 .slots = 32768},
};
#define CANDS (sizeof cands / sizeof *cands)

/* ---- slices ---------------------------------------------------------------------------------- */

static void pin(pid_t pid, int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(pid, sizeof set, &set) != 0)
		stop_with("cannot be pinned to the two CPUs: see --cpus");
}

static void slice(const struct cand *c)
{
	sh->ready = sh->stop = sh->over = sh->runs = sh->trips = 0;
	memset(sh->ping, 0, sizeof sh->ping);
	memset(sh->pong, 0, sizeof sh->pong);
	pid_t pid = fork();
	if (pid < 0)
		stop_with("fork");
	if (pid == 0) {
		(c->kind == TRIP ? c->pong : c->receive)(c);
		_exit(0);
	}
	pin(pid, cpus[1]); /* by the parent: it spins, and may not let the child run here */
	(c->kind == TRIP ? c->ping : c->send)(c);
	int status;
	set32(&sh->stop, 1);
	waitpid(pid, &status, 0);
	if (status != 0)
		stop_with("the other process failed");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double quantile(struct result *r, double q)
{
	if (r->n == 0)
		return 0;
	qsort(r->v, r->n, sizeof *r->v, by_value);
	return r->v[(unsigned)((double)(r->n - 1) * q)];
}

static void add(struct result *r, double v)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 4096;
		r->v = realloc(r->v, r->cap * sizeof *r->v);
		if (!r->v)
			stop_with("no memory");
	}
	if (r->n < SAMPLES_MAX)
		r->v[r->n++] = v;
}

/* Median of the raw line, and its state. */
static double raw_line(enum state *state, struct result *out)
{
	struct result r = {0};
	slice(&raw);
	for (uint32_t i = WARM; i < sh->trips; i++)
		add(&r, (double)sh->trip[i] * ns_per_tsc);
	double p50 = quantile(&r, 0.5);
	if (out)
		for (unsigned i = 0; i < r.n; i++)
			add(out, r.v[i]);
	free(r.v);
	*state = p50 < 85 ? STATE_A : p50 < 250 ? STATE_B : STATE_C;
	return p50;
}

static void measure(unsigned k)
{
	const struct cand *c = &cands[k];
	enum state before, after;
	struct result line = {0};
	raw_line(&before, &line);
	slice(c);
	struct shared keep = *sh;
	raw_line(&after, &line);
	if (before == after) {
		for (uint32_t i = WARM; i < keep.trips; i++)
			add(&results[k][before], (double)keep.trip[i] * ns_per_tsc);
		for (uint32_t i = 1; i < keep.runs; i++)
			add(&results[k][before],
			    (double)keep.run[i] * 1e9 / ((double)keep.run_tsc[i] * ns_per_tsc));
		for (unsigned i = 0; i < line.n; i++)
			add(&raw_of[k][before], line.v[i]);
	}
	free(line.v);
}

/* ---- what comes out -------------------------------------------------------------------------- */

static void print_text(unsigned k, unsigned s)
{
	struct result *r = &results[k][s], *w = &raw_of[k][s];
	double raw50 = quantile(w, 0.5);
	if (cands[k].kind == TRIP)
		printf("%c  %-25s p50 %6.0f ns  p99 %6.0f ns  raw %4.0f %5.0f  x raw %.2f, p99 "
		       "%.2f  "
		       "(%u)\n",
		       'A' + (int)s, cands[k].name, quantile(r, 0.5), quantile(r, 0.99), raw50,
		       quantile(w, 0.99), quantile(r, 0.5) / raw50, quantile(r, 0.99) / raw50,
		       r->n);
	else
		printf("%c  %-25s %6.1f M/s  p10 %6.1f  p90 %6.1f  raw %4.0f  (%u runs)\n",
		       'A' + (int)s, cands[k].name, quantile(r, 0.5) / 1e6, quantile(r, 0.1) / 1e6,
		       quantile(r, 0.9) / 1e6, raw50, r->n);
}

static void print_json(unsigned k, unsigned s, bool first)
{
	struct result *r = &results[k][s], *w = &raw_of[k][s];
	double raw50 = quantile(w, 0.5);
	printf("%s{\"name\":\"%s\",\"state\":\"%c\",\"samples\":%u,\"raw_p50_ns\":%.1f",
	       first ? "" : ",\n", cands[k].name, 'A' + (int)s, r->n, raw50);
	if (cands[k].kind == TRIP)
		printf(",\"p50_ns\":%.1f,\"p99_ns\":%.1f,\"p50_x_raw\":%.3f}", quantile(r, 0.5),
		       quantile(r, 0.99), quantile(r, 0.5) / raw50);
	else
		printf(",\"median_per_s\":%.0f,\"p10_per_s\":%.0f,\"p90_per_s\":%.0f}",
		       quantile(r, 0.5), quantile(r, 0.1), quantile(r, 0.9));
}

static void print(bool json)
{
	bool first = true;
	if (json)
		printf("[");
	for (unsigned s = 0; s < STATES; s++)
		for (unsigned k = 0; k < CANDS; k++) {
			if (results[k][s].n == 0)
				continue;
			if (json)
				print_json(k, s, first);
			else
				print_text(k, s);
			first = false;
		}
	if (json)
		printf("]\n");
}

static void calibrate(void)
{
	uint64_t t = nmw_clock_mono(), c = __rdtsc();
	while (nmw_clock_mono() - t < 20000000)
		;
	ns_per_tsc = (double)(nmw_clock_mono() - t) / (double)(__rdtsc() - c);
}

static char dir[] = "/dev/shm/nmw-bench-XXXXXX";

static void clean_up(void)
{
	nmw_ring_reap(false, NULL);
	rmdir(dir);
}

static bool chosen(const struct cand *c, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strstr(c->name, argv[i]))
			return true;
	return argc == 0;
}

int main(int argc, char **argv)
{
	bool json = false;
	unsigned rounds = 10;
	int i = 1;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = (unsigned)atoi(argv[++i]);
		else if (strcmp(argv[i], "--cpus") == 0 && i + 1 < argc &&
			 sscanf(argv[i + 1], "%d,%d", &cpus[0], &cpus[1]) == 2)
			i++;
		else {
			printf("usage: bench_ring [--json] [--rounds N] [--cpus A,B] [NAME]...\n");
			return strcmp(argv[i], "--help") == 0 ? 0 : 2;
		}
	}
	sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED || !mkdtemp(dir) || setenv("NMW_DIR", dir, 1) != 0)
		stop_with("no shared memory");
	atexit(clean_up);
	calibrate();
	pin(0, cpus[0]);
	for (unsigned r = 0; r < rounds; r++)
		for (unsigned k = 0; k < CANDS; k++)
			if (chosen(&cands[k], argc - i, argv + i))
				measure(k);
	print(json);
	return 0;
}
