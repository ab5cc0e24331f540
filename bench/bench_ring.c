/* bench_ring: what a message costs on its way through a ring, beside a raw cache line and beside
 * DPDK's rte_ring and Concurrency Kit's ck_ring, where those are installed.
 *
 *   bench_ring [-j FILE] [--rounds N] [--cpus A,B] [--pages huge|normal] [WORD]...
 *
 * Two processes on two CPUs.  What two CPUs can do is measured first and last in every slice: one
 * cache line there and back.  It is not one number on a shared machine: it has states (A: siblings
 * of one core, B: one last-level cache, C: far) and it changes them by itself, so a slice in which
 * it changed is dropped, candidates take turns, and results are kept by state.  Throughput is the
 * median of runs of 1 ms, since the host takes a CPU away for milliseconds at a time.  A latency is
 * the median over slices of the slice's quantile, given also as a multiple of the raw line's median
 * in the same slice.
 *
 * -j writes one JSON object a line and figure: bench, case, metric, value, unit, peer, state.
 *
 * The candidates are tables: bench/ring/own.c and bench/ring/peer_*.c. */
#include "ring/ring_bench.h"

#include "base/clock.h"
#include "ring/ring.h"
#include "ring/shm.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RAW_TRIPS    2048u
#define RAW_DRIFT    1.25 /* before and after a slice: more, and it is dropped */
#define CPU_MIN	     0.85 /* of a slice: less CPU than that on either side, and it is dropped */
#define CANDS_MAX    96u
#define ROUNDS_DEF   24u
#define STAGE_ROUNDS 3u
#define KILLS	     100u
#define CLEAN_TRIES  40u
#define CLEAN_US     50000u

enum state { STATE_A, STATE_B, STATE_C, STATES };

/* Samples: of a slice each (latency), of a run each (throughput). */
struct samples {
	double *v;
	unsigned n, cap;
};

enum { P50, P99, P50_X, P99_X, RAW, RAW99, RATE, RATE_X, WORK, SETS };

struct result {
	struct samples set[SETS];
};

struct bench_out {
	FILE *f;
};

struct bench_shared *bench_sh;
double bench_ns_per_tsc;
uint8_t *bench_area[2];

static int cpus[2] = {0, 1};
static const struct bench_cand *cands[CANDS_MAX];
static unsigned cand_cnt, slices;
static unsigned changed, disturbed; /* slices that were dropped: state, other processes */
static struct result results[CANDS_MAX][STATES];
static char dir[64];

void bench_stop_with(const char *what)
{
	fprintf(stderr, "bench_ring: %s\n", what);
	exit(1);
}

/* ---- the raw line ---------------------------------------------------------------------------- */

static void raw_ping(const struct bench_cand *c)
{
	struct bench_shared *sh = bench_sh;
	(void)c;
	uint64_t t = __rdtsc();
	for (uint64_t i = 1; i <= RAW_TRIPS; i++) {
		__atomic_store_n(&sh->ping[i % BENCH_LINES].v, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&sh->pong[i % BENCH_LINES].v, __ATOMIC_ACQUIRE) != i)
			;
		uint64_t now = __rdtsc();
		sh->trip[i - 1] = now - t;
		t = now;
	}
	sh->trips = RAW_TRIPS;
}

static void raw_pong(const struct bench_cand *c)
{
	struct bench_shared *sh = bench_sh;
	(void)c;
	for (uint64_t i = 1; i <= RAW_TRIPS; i++) {
		while (__atomic_load_n(&sh->ping[i % BENCH_LINES].v, __ATOMIC_ACQUIRE) != i)
			if (bench_get(&sh->stop))
				return;
		__atomic_store_n(&sh->pong[i % BENCH_LINES].v, i, __ATOMIC_RELEASE);
	}
}

static const struct bench_ops raw_ops = {.ping = raw_ping, .pong = raw_pong};
static const struct bench_cand raw_line = {.kind = BENCH_TRIP, .ops = &raw_ops};

/* ---- samples --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double quantile(struct samples *r, double q)
{
	if (r->n == 0)
		return 0;
	qsort(r->v, r->n, sizeof *r->v, by_value);
	return r->v[(unsigned)((double)(r->n - 1) * q)];
}

static void add(struct samples *r, double v)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 1024;
		r->v = realloc(r->v, r->cap * sizeof *r->v);
		if (!r->v)
			bench_stop_with("no memory");
	}
	r->v[r->n++] = v;
}

/* ---- slices ---------------------------------------------------------------------------------- */

static void pin(pid_t pid, int first, int second)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)first, &set);
	CPU_SET((size_t)second, &set);
	if (sched_setaffinity(pid, sizeof set, &set) != 0)
		bench_stop_with("cannot be pinned to the two CPUs: see --cpus");
}

/* The part of the time that the side with less of it had a CPU. */
static double slice(const struct bench_cand *c)
{
	struct bench_shared *sh = bench_sh;
	const bool trip = c->kind == BENCH_TRIP;
	sh->ready = sh->stop = sh->runs = sh->trips = 0;
	memset(sh->ping, 0, sizeof sh->ping);
	memset(sh->pong, 0, sizeof sh->pong);
	uint64_t t = nmw_clock_mono(), cpu = nmw_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	pid_t pid = fork();
	if (pid < 0)
		bench_stop_with("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(trip ? c->ops->pong : c->ops->receive)(c);
		_exit(0);
	}
	pin(pid, cpus[1],
	    cpus[1]); /* by the parent: it spins, and may not let the child run here */
	(trip ? c->ops->ping : c->ops->send)(c);
	int status;
	struct rusage u;
	bench_set(&sh->stop, 1);
	cpu = nmw_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	double whole = (double)(nmw_clock_mono() - t);
	wait4(pid, &status, 0, &u);
	if (status != 0)
		bench_stop_with("the other process failed");
	double child = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
		       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
	return (child < (double)cpu ? child : (double)cpu) / whole;
}

/* The median and p99 of the trips of the last slice, ns. */
static void trips(double out[2])
{
	struct samples r = {0};
	for (uint32_t i = BENCH_WARM; i < bench_sh->trips; i++)
		add(&r, (double)bench_sh->trip[i] * bench_ns_per_tsc);
	out[0] = quantile(&r, 0.5);
	out[1] = quantile(&r, 0.99);
	free(r.v);
}

static enum state state_of(double raw_p50)
{
	return raw_p50 < 85 ? STATE_A : raw_p50 < 250 ? STATE_B : STATE_C;
}

static void keep_trips(struct result *r, const double t[2], double raw)
{
	add(&r->set[P50], t[0]);
	add(&r->set[P99], t[1]);
	add(&r->set[P50_X], t[0] / raw);
	add(&r->set[P99_X], t[1] / raw);
}

static void keep_runs(struct result *r, const struct bench_shared *sh, double raw)
{
	for (uint32_t i = 1; i < sh->runs; i++) {
		double rate = (double)sh->run[i] * 1e3 /
			      ((double)sh->run_tsc[i] * bench_ns_per_tsc); /* M/s */
		add(&r->set[RATE], rate);
		add(&r->set[RATE_X], rate * raw / 1e3);
	}
	if (sh->work > 0)
		add(&r->set[WORK], (double)sh->work_tsc * bench_ns_per_tsc / (double)sh->work);
}

static void measure(unsigned k)
{
	double before[2], after[2], t[2];
	static struct bench_shared kept;
	slice(&raw_line);
	trips(before);
	bench_sh->work = 0;
	double had = slice(cands[k]);
	kept = *bench_sh;
	trips(t);
	slice(&raw_line);
	trips(after);
	slices++;
	enum state s = state_of(before[0]);
	if (s != state_of(after[0]) || before[0] > after[0] * RAW_DRIFT ||
	    after[0] > before[0] * RAW_DRIFT) {
		changed++;
		return;
	}
	if (had < CPU_MIN) {
		disturbed++;
		return;
	}
	struct result *r = &results[k][s];
	double raw = (before[0] + after[0]) / 2;
	add(&r->set[RAW], raw);
	add(&r->set[RAW99], (before[1] + after[1]) / 2);
	if (cands[k]->kind == BENCH_TRIP)
		keep_trips(r, t, raw);
	else
		keep_runs(r, &kept, raw);
}

/* ---- what comes out -------------------------------------------------------------------------- */

void bench_figure(struct bench_out *out, const struct bench_cand *c, const char *what,
		  const char *metric, double value, const char *unit, char state)
{
	static const char *const kinds[BENCH_KINDS] = {"round trip", "throughput", "bulk",
						       "producer"};
	if (!out->f)
		return;
	fprintf(out->f,
		"{\"bench\":\"ring\",\"case\":\"%s%s%s\",\"metric\":\"%s\",\"value\":%.6g,"
		"\"unit\":\"%s\",\"peer\":\"%s\",\"state\":\"%c\"}\n",
		c ? kinds[c->kind] : "", c ? ": " : "", what, metric, value, unit,
		c ? c->peer : "nmw", state);
}

static double median(struct result *r, unsigned set)
{
	return quantile(&r->set[set], 0.5);
}

static void print_trip(struct bench_out *out, const struct bench_cand *c, struct result *r, char s)
{
	printf("   %-10s %-42s %5.0f %5.0f ns   %4.2f %4.2f x raw   (raw %.0f / %.0f, %u slices)\n",
	       c->peer, c->name, median(r, P50), median(r, P99), median(r, P50_X), median(r, P99_X),
	       median(r, RAW), median(r, RAW99), r->set[P50].n);
	bench_figure(out, c, c->name, "p50", median(r, P50), "ns", s);
	bench_figure(out, c, c->name, "p99", median(r, P99), "ns", s);
	bench_figure(out, c, c->name, "p50_x_raw", median(r, P50_X), "x raw", s);
	bench_figure(out, c, c->name, "p99_x_raw", median(r, P99_X), "x raw", s);
}

static void print_rate(struct bench_out *out, const struct bench_cand *c, struct result *r, char s)
{
	printf("   %-10s %-42s %6.1f M/s   p10 %6.1f  p90 %6.1f   %5.1f a raw trip   (raw %.0f, %u "
	       "runs)\n",
	       c->peer, c->name, median(r, RATE), quantile(&r->set[RATE], 0.1),
	       quantile(&r->set[RATE], 0.9), median(r, RATE_X), median(r, RAW), r->set[RATE].n);
	bench_figure(out, c, c->name, "rate", median(r, RATE), "M/s", s);
	bench_figure(out, c, c->name, "rate_p10", quantile(&r->set[RATE], 0.1), "M/s", s);
	bench_figure(out, c, c->name, "messages_a_raw_trip", median(r, RATE_X), "messages", s);
}

static void print_work(struct bench_out *out, const struct bench_cand *c, struct result *r, char s)
{
	printf("   %-10s %-42s %6.2f ns a message   (raw %.0f, %u slices)\n", c->peer, c->name,
	       median(r, WORK), median(r, RAW), r->set[WORK].n);
	bench_figure(out, c, c->name, "producer_time", median(r, WORK), "ns", s);
}

static void print_kind(struct bench_out *out, enum bench_kind kind, unsigned s)
{
	static const char *const titles[BENCH_KINDS] = {"Round trip, p50 and p99",
							"Throughput through a ring of 512 KiB",
							"Throughput through a ring beyond level 2",
							"The producer's time while it finds room"};
	bool any = false;
	for (unsigned k = 0; k < cand_cnt; k++) {
		const struct bench_cand *c = cands[k];
		if (c->kind != kind || results[k][s].set[RAW].n == 0)
			continue;
		if (!any)
			printf("\n%s, state %c\n", titles[kind], 'A' + (int)s);
		any = true;
		(kind == BENCH_TRIP   ? print_trip
		 : kind == BENCH_WORK ? print_work
				      : print_rate)(out, c, &results[k][s], (char)('A' + (int)s));
	}
}

/* Two candidates beside each other: how much of the one the other has. */
static void print_ratio(struct bench_out *out, const char *what, const char *a, const char *b,
			unsigned set, unsigned s)
{
	struct result *r[2] = {NULL, NULL};
	for (unsigned k = 0; k < cand_cnt; k++)
		for (unsigned i = 0; i < 2; i++)
			if (cands[k]->kind == (set == WORK ? BENCH_WORK : BENCH_RATE) &&
			    strcmp(cands[k]->peer, "nmw") == 0 &&
			    strcmp(cands[k]->name, i ? b : a) == 0 && results[k][s].set[set].n > 0)
				r[i] = &results[k][s];
	if (!r[0] || !r[1])
		return;
	double ratio = median(r[0], set) / median(r[1], set);
	printf("   %-62s %5.1f %%\n", what, 100 * ratio);
	bench_figure(out, NULL, what, "ratio", ratio, "", (char)('A' + (int)s));
}

static void print_state(struct bench_out *out, unsigned s)
{
	for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
		print_kind(out, (enum bench_kind)kind, s);
	printf("\nRatios, state %c\n", 'A' + (int)s);
	print_ratio(out, "rate with the ability to sleep, of that without", "1-line slot, batch 1",
		    "1-line slot, batch 1, cannot sleep", RATE, s);
	print_ratio(out, "rate with a fence a message, of that without",
		    "1-line slot, batch 1, fence a message", "1-line slot, batch 1, cannot sleep",
		    RATE, s);
	print_ratio(out, "rate with 4 consumers, of that with one, 1-line slots",
		    "1-line slot, batch 32, 4 consumers", "1-line slot, batch 32", RATE, s);
	print_ratio(out, "rate with 4 consumers, of that with one, 2-line slots",
		    "2-line slot, 80 B, batch 32, 4 consumers", "2-line slot, 80 B, batch 32", RATE,
		    s);
	print_ratio(out, "rate with 4 consumers, of one with their work, 1-line slots",
		    "1-line slot, batch 32, 4 consumers", "1-line slot, batch 32, the work of 4",
		    RATE, s);
	print_ratio(out, "rate with 4 consumers, of one with their work, 2-line slots",
		    "2-line slot, 80 B, batch 32, 4 consumers",
		    "2-line slot, 80 B, batch 32, the work of 4", RATE, s);
	print_ratio(out, "producer's time with 4 consumers, of that with one",
		    "1-line slot, batch 32, 4 consumers", "1-line slot, batch 32, 1 consumer", WORK,
		    s);
}

static bool seen(unsigned s)
{
	bool any = false;
	for (unsigned k = 0; k < cand_cnt; k++)
		any = any || results[k][s].set[RAW].n > 0;
	return any;
}

static void print_all(struct bench_out *out)
{
	printf("%u slices; dropped: %u in which the state of the CPUs changed, %u disturbed by "
	       "other "
	       "processes\n",
	       slices, changed, disturbed);
	for (unsigned s = 0; s < STATES; s++)
		if (seen(s))
			print_state(out, s);
}

/* ---- setting up ------------------------------------------------------------------------------ */

static void calibrate(void)
{
	uint64_t t = nmw_clock_mono(), c = __rdtsc();
	while (nmw_clock_mono() - t < 20000000)
		;
	bench_ns_per_tsc = (double)(nmw_clock_mono() - t) / (double)(__rdtsc() - c);
}

static void clean_up(void)
{
	nmw_ring_reap(false, NULL);
	rmdir(dir);
}

/* A process of its own that cleans up when this one was killed. */
static void watch_over(void)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t term;
	int sig;
	if (pid < 0)
		bench_stop_with("fork");
	if (pid > 0)
		return;
	setpgid(0, 0); /* what ends the others from a terminal does not end it */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
		sigwait(&term, &sig);
	for (unsigned i = 0; i < CLEAN_TRIES && rmdir(dir) != 0 && errno != ENOENT; i++) {
		nmw_ring_reap(false, NULL);
		usleep(CLEAN_US);
	}
	_exit(0);
}

static void *shared(uint64_t sz, int flags)
{
	return mmap(NULL, sz, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | flags, -1, 0);
}

/* Our rings and the peers' memory on pages of one kind. */
static bool take_memory(bool huge)
{
	struct nmw_err e = NMW_ERR_INIT;
	if (huge && !nmw_shm_dir(NMW_PAGES_HUGE, false, &e))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		bench_area[i] = shared(BENCH_AREA, huge ? MAP_HUGETLB : 0);
		if (bench_area[i] == MAP_FAILED)
			return false;
	}
	snprintf(dir, sizeof dir, "%s/nmw-bench-XXXXXX", huge ? "/dev/hugepages" : "/dev/shm");
	if (!mkdtemp(dir) || setenv("NMW_DIR", dir, 1) != 0)
		return false;
	atexit(clean_up);
	watch_over();
	return true;
}

static void add_peer(const struct bench_peer *p, const char *without, int argc, char **argv)
{
	if (!p) {
		printf("%s\n", without);
		return;
	}
	for (unsigned k = 0; k < p->n && cand_cnt < CANDS_MAX; k++) {
		char text[128];
		bool wanted = argc == 0;
		snprintf(text, sizeof text, "%s %s", p->cand[k].peer, p->cand[k].name);
		for (int i = 0; i < argc; i++)
			wanted = wanted || strstr(text, argv[i]);
		if (wanted)
			cands[cand_cnt++] = &p->cand[k];
	}
}

/* The throughput candidates that are worth counting: one of each way. */
static void count_all(struct bench_out *out, const char *self)
{
	const struct bench_cand *some[CANDS_MAX];
	unsigned n = 0;
	for (unsigned k = 0; k < cand_cnt; k++)
		if (cands[k]->kind == BENCH_RATE && cands[k]->consumers == 1)
			some[n++] = cands[k];
	if (n > 0)
		bench_count(out, self, some, n);
}

struct options {
	const char *json, *pages;
	unsigned rounds;
	bool count;
	int first; /* of the words */
};

static int usage(int status)
{
	printf("usage: bench_ring [-j FILE] [--rounds N] [--cpus A,B] [--pages huge|normal] "
	       "[WORD]...\n"
	       "WORD: a peer or a part of a candidate's name; stages, kill, count: only those\n");
	exit(status);
}

static struct options parse(int argc, char **argv)
{
	struct options o = {.rounds = ROUNDS_DEF};
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0)
			usage(0);
		if (strcmp(argv[i], "--count") == 0) {
			o.count = true;
			continue;
		}
		if (i + 1 == argc)
			usage(2);
		if (strcmp(argv[i], "-j") == 0)
			o.json = argv[++i];
		else if (strcmp(argv[i], "--rounds") == 0)
			o.rounds = (unsigned)atoi(argv[++i]);
		else if (strcmp(argv[i], "--pages") == 0)
			o.pages = argv[++i];
		else if (strcmp(argv[i], "--cpus") != 0 ||
			 sscanf(argv[++i], "%d,%d", &cpus[0], &cpus[1]) != 2)
			usage(2);
	}
	o.first = i;
	return o;
}

static bool named(int argc, char **argv, const char *word)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return argc == 0;
}

int main(int argc, char **argv)
{
	const struct options o = parse(argc, argv);
	char **words = argv + o.first;
	struct bench_out out = {NULL};
	argc -= o.first;
	bench_sh = shared(sizeof *bench_sh, 0);
	bool huge = !o.pages || strcmp(o.pages, "huge") == 0;
	if (bench_sh == MAP_FAILED || !(take_memory(huge) || (!o.pages && take_memory(false))))
		bench_stop_with("no shared memory");
	if (o.json && !(out.f = fopen(o.json, "w")))
		bench_stop_with("the file of -j cannot be written");
	printf("rings and messages in %s\n", dir);
	add_peer(&bench_own, "", o.count ? 0 : argc, words);
	add_peer(&bench_dpdk, "rte_ring: not measured, libdpdk-dev was not there", argc, words);
	add_peer(&bench_ck, "ck_ring: not measured, libck-dev was not there", argc, words);
	if (o.count) {
		for (unsigned k = 0; argc == 2 && k < cand_cnt; k++)
			if (strcmp(cands[k]->peer, words[0]) == 0 &&
			    strcmp(cands[k]->name, words[1]) == 0) {
				bench_count_run(cands[k]);
				return 0;
			}
		return 2;
	}
	calibrate();
	pin(0, cpus[0], cpus[0]);
	for (unsigned r = 0; r < o.rounds; r++)
		for (unsigned k = 0; k < cand_cnt; k++)
			measure(k);
	print_all(&out);
	pin(0, cpus[0], cpus[1]);
	if (named(argc, words, "count"))
		count_all(&out, argv[0]);
	if (named(argc, words, "stages"))
		bench_stages(&out, STAGE_ROUNDS);
	if (named(argc, words, "kill"))
		bench_kills(&out, KILLS);
	if (out.f && fclose(out.f) != 0)
		bench_stop_with("the file of -j cannot be written");
	return 0;
}
