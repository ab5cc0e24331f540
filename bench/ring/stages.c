/* Three stages on two CPUs, 100 thousand messages a second: what a way of waiting does to the time
 * a message takes when there are fewer CPUs than stages, and what it costs when nothing is late. */
#include "ring_bench.h"

#include "base/clock.h"
#include "ring/wait.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PERIOD_NS 10000u  /* between two messages */
#define MESSAGES  100000u /* of a round: a second */
#define ROUNDS	  8u	  /* at most */

static const char *const rings[2] = {"bench-s1", "bench-s2"};

struct way {
	const char *name;
	enum nmw_wait_mode mode;
	bool yield; /* sched_yield in place of nmw_wait */
};

static const struct way ways[] = {
	{"spin", NMW_WAIT_SPIN, false},
	{"sched_yield", NMW_WAIT_SPIN, true},
	{"auto", NMW_WAIT_AUTO, false},
	{"park", NMW_WAIT_PARK, false},
};
#define WAYS (sizeof ways / sizeof *ways)

/* Written by the last stage. */
struct seen {
	uint64_t n;
	uint64_t way_ns[MESSAGES]; /* from the time it was sent */
	uint64_t due_ns[MESSAGES]; /* from the time it was to be sent */
};
static struct seen *seen;

static void idle(const struct way *y, struct nmw_wait *w, struct nmw_cons *c)
{
	if (y->yield)
		sched_yield();
	else
		nmw_wait_idle(w, c);
}

static struct nmw_prod open_ring(const char *name)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	const struct nmw_ring_spec s = {
		.name = name, .frame_bytes = 4096, .min_consumers = 1, .tool = "bench"};
	if (nmw_prod_open(&p, &s, &e) != 0)
		bench_stop_with(e.msg);
	return p;
}

static struct nmw_cons join_ring(const char *name)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	const struct nmw_cons_spec s = {.ring = name};
	for (unsigned i = 0; nmw_cons_join(&c, &s, &e) != 0; i++) {
		if (i == 5000)
			bench_stop_with(e.msg);
		usleep(1000);
	}
	return c;
}

/* One message on, when there is room; ts_ns is when it was due, ingress_ns when it went. */
static void put(const struct way *y, struct nmw_wait *w, struct nmw_prod *p, uint64_t due,
		uint64_t sent)
{
	while (nmw_prod_room(p, 1) == 0)
		idle(y, w, NULL);
	struct nmw_slot *s = nmw_prod_slot(p, 0);
	memset(nmw_prod_payload(p, s, 64), 1, 64);
	s->ts_ns = due;
	s->ingress_ns = sent;
	s->in_seq = p->next;
	s->session = 0;
	s->channel = NMW_CH_FEED;
	s->codec = NMW_CODEC_NONE;
	nmw_prod_publish(p, 1);
}

static void first_stage(const struct way *y)
{
	struct nmw_prod p = open_ring(rings[0]);
	struct nmw_wait w;
	nmw_wait_init(&w, y->mode);
	while (nmw_prod_room(&p, 1) == 0) /* until the second has joined */
		usleep(1000);
	uint64_t start = nmw_clock_mono() + 20000000;
	for (uint64_t i = 0; i < MESSAGES; i++) {
		uint64_t due = start + i * PERIOD_NS, now;
		while ((now = nmw_clock_mono()) < due)
			idle(y, &w, NULL);
		nmw_wait_busy(&w);
		put(y, &w, &p, due, now);
	}
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
}

/* Calls take for each message until the ring is closed and read. */
static void each(const struct way *y, const char *ring,
		 void (*take)(const struct way *, struct nmw_wait *, const struct nmw_slot *,
			      void *),
		 void *arg)
{
	struct nmw_cons c = join_ring(ring);
	struct nmw_wait w;
	nmw_wait_init(&w, y->mode);
	for (uint64_t turn = 0;;) {
		unsigned n = nmw_cons_ready(&c, BENCH_BURST);
		for (unsigned i = 0; i < n; i++)
			take(y, &w, nmw_cons_slot(&c, i), arg);
		nmw_cons_release(&c, n);
		if (n > 0) {
			nmw_wait_busy(&w);
			continue;
		}
		if (++turn % 64 == 0 && nmw_cons_state(&c) == NMW_RING_CLOSED &&
		    nmw_cons_ready(&c, 1) == 0)
			break;
		idle(y, &w, &c);
	}
	nmw_cons_leave(&c, false);
}

static void pass_on(const struct way *y, struct nmw_wait *w, const struct nmw_slot *s, void *arg)
{
	put(y, w, arg, s->ts_ns, s->ingress_ns);
}

static void note(const struct way *y, struct nmw_wait *w, const struct nmw_slot *s, void *arg)
{
	uint64_t now = nmw_clock_mono();
	(void)y;
	(void)w;
	(void)arg;
	if (seen->n == MESSAGES)
		return;
	seen->way_ns[seen->n] = now - s->ingress_ns;
	seen->due_ns[seen->n++] = now - s->ts_ns;
}

static void stage(unsigned k, const struct way *y)
{
	if (k == 0) {
		first_stage(y);
	} else if (k == 1) {
		struct nmw_prod p = open_ring(rings[1]);
		each(y, rings[0], pass_on, &p);
		nmw_prod_close(&p);
		nmw_prod_leave(&p);
	} else {
		each(y, rings[1], note, NULL);
	}
}

static double cpu_s(void)
{
	struct rusage u;
	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

struct figures {
	double way[3], due[3], cpu; /* us: p50, p90, p99; CPUs in use */
};

static void quantiles(uint64_t *v, uint64_t n, double out[3])
{
	static const double q[3] = {0.5, 0.9, 0.99};
	qsort(v, n, sizeof *v, by_value);
	for (unsigned i = 0; i < 3; i++)
		out[i] = (double)v[(uint64_t)((double)(n - 1) * q[i])] / 1e3;
}

static struct figures one_round(const struct way *y)
{
	struct figures f = {0};
	pid_t pid[3];
	double before = cpu_s();
	uint64_t t = nmw_clock_mono();
	seen->n = 0;
	for (unsigned k = 0; k < 3; k++) {
		pid[k] = fork();
		if (pid[k] < 0)
			bench_stop_with("fork");
		if (pid[k] == 0) {
			stage(k, y);
			_exit(0);
		}
	}
	for (unsigned k = 0; k < 3; k++) {
		int status;
		waitpid(pid[k], &status, 0);
		if (status != 0)
			bench_stop_with("a stage failed");
	}
	f.cpu = (cpu_s() - before) / ((double)(nmw_clock_mono() - t) / 1e9);
	if (seen->n != MESSAGES)
		bench_stop_with("messages were lost between the stages");
	quantiles(seen->way_ns, seen->n, f.way);
	quantiles(seen->due_ns, seen->n, f.due);
	return f;
}

static int by_p50(const void *a, const void *b)
{
	const struct figures *x = a, *y = b;
	return (x->way[0] > y->way[0]) - (x->way[0] < y->way[0]);
}

static void report(struct bench_out *out, const struct way *y, const struct figures *f)
{
	static const char *const q[3] = {"p50", "p90", "p99"};
	printf("   %-12s %9.1f %9.1f %9.1f   %9.1f %9.1f %9.1f   %5.2f\n", y->name, f->way[0],
	       f->way[1], f->way[2], f->due[0], f->due[1], f->due[2], f->cpu);
	for (unsigned i = 0; i < 3; i++) {
		char metric[16];
		bench_figure(out, NULL, y->name, q[i], f->way[i], "us", '-');
		snprintf(metric, sizeof metric, "due_%s", q[i]);
		bench_figure(out, NULL, y->name, metric, f->due[i], "us", '-');
	}
	bench_figure(out, NULL, y->name, "cpus", f->cpu, "CPUs", '-');
}

void bench_stages(struct bench_out *out, unsigned rounds)
{
	static struct figures f[WAYS][ROUNDS];
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		bench_stop_with("no shared memory");
	rounds = rounds < ROUNDS ? rounds : ROUNDS;
	for (unsigned r = 0; r < rounds; r++)
		for (unsigned k = 0; k < WAYS; k++)
			f[k][r] = one_round(&ways[k]);
	printf("\nThree stages on two CPUs, 100 thousand messages a second, one way, us (median of "
	       "%u rounds)\n"
	       "   %-12s %29s   %29s\n   %-12s %9s %9s %9s   %9s %9s %9s   %5s\n",
	       rounds, "", "from when it was sent", "from when it was due", "waiting", "p50", "p90",
	       "p99", "p50", "p90", "p99", "CPUs");
	for (unsigned k = 0; k < WAYS; k++) {
		qsort(f[k], rounds, sizeof **f, by_p50);
		report(out, &ways[k], &f[k][rounds / 2]);
	}
	munmap(seen, sizeof *seen);
}
