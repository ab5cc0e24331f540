/* kill -9 of a producer at full speed, again and again: is every message there, whole and in order,
 * and how soon does the next producer go on? */
#include "ring_bench.h"

#include "base/clock.h"
#include "ring/ring.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING	    "bench-k"
#define WAIT_NS	    (5 * NMW_NS_PER_S) /* for the next message, at most */
#define LIFE_MAX_US 4000u	       /* of a producer */

static const struct nmw_ring_spec spec = {
	.name = RING, .slots = 4096, .frame_bytes = 1 << 20, .min_consumers = 1, .tool = "bench"};

struct found {
	uint64_t messages, bad, gaps;
};

/* Every third message is longer than a slot. */
static uint32_t len_of(uint64_t seq)
{
	return seq % 3 ? 80 : 160;
}

__attribute__((noreturn)) static void produce(void)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	if (nmw_prod_open(&p, &spec, &e) != 0)
		bench_stop_with(e.msg);
	for (;;) {
		unsigned n = nmw_prod_room(&p, 8), i = 0;
		for (; i < n; i++) {
			struct nmw_slot *s = nmw_prod_slot(&p, i);
			uint64_t seq = p.next + i;
			uint64_t *to = (uint64_t *)(void *)nmw_prod_payload(&p, s, len_of(seq));
			if (!to)
				break;
			bench_write(to, len_of(seq), seq);
			s->ts_ns = seq;
		}
		nmw_prod_publish(&p, i);
	}
}

static pid_t start(void)
{
	pid_t pid = fork();
	if (pid < 0)
		bench_stop_with("fork");
	if (pid == 0)
		produce();
	return pid;
}

static bool whole(const struct nmw_cons *c, unsigned i, uint64_t seq)
{
	uint32_t len;
	const struct nmw_slot *s = nmw_cons_slot(c, i);
	const uint64_t *at = (const uint64_t *)(const void *)nmw_cons_payload(c, s, &len);
	bool ok = at && len == len_of(seq) && s->ts_ns == seq;
	for (uint32_t k = 0; ok && k < len / 8; k++)
		ok = at[k] == seq;
	return ok;
}

static unsigned take(struct nmw_cons *c, struct found *f)
{
	unsigned n = nmw_cons_ready(c, BENCH_BURST);
	for (unsigned i = 0; i < n; i++) {
		f->gaps += nmw_cons_slot(c, i)->seq != f->messages + 1;
		f->bad += !whole(c, i, ++f->messages);
	}
	nmw_cons_release(c, n);
	return n;
}

/* Drains what the dead one left, then starts the next: ns to its first message. */
static uint64_t back(struct nmw_cons *c, struct found *f, pid_t *pid)
{
	while (take(c, f) > 0)
		;
	uint64_t t = nmw_clock_mono();
	*pid = start();
	while (take(c, f) == 0)
		if (nmw_clock_mono() - t > WAIT_NS)
			bench_stop_with("the producer does not come back");
	return nmw_clock_mono() - t;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void bench_kills(struct bench_out *out, unsigned kills)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	struct found f = {0};
	uint64_t *ns = calloc(kills, sizeof *ns);
	pid_t pid = start();
	const struct nmw_cons_spec s = {.ring = RING, .name = "reader"};
	uint64_t t = nmw_clock_mono(), life = 12345, seen = 0;
	while (nmw_cons_join(&c, &s, &e) != 0)
		if (nmw_clock_mono() - t > WAIT_NS)
			bench_stop_with(e.msg);
	for (unsigned k = 0; ns && k < kills; k++) {
		life = life * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t until = nmw_clock_mono() + (life >> 33) % (LIFE_MAX_US * 1000ull);
		while (nmw_clock_mono() < until)
			take(&c, &f);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		ns[k] = back(&c, &f, &pid);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (take(&c, &f) > 0)
		;
	seen = f.messages;
	nmw_cons_leave(&c, true);
	nmw_ring_reap(false, NULL);
	if (!ns)
		bench_stop_with("no memory");
	qsort(ns, kills, sizeof *ns, by_value);
	size_t middle = kills / 2;
	double p50 = (double)ns[middle] / 1e6, max = (double)ns[kills - 1] / 1e6;
	printf("\nkill -9 of the producer, %u times: %llu messages, %llu corrupt, %llu lost; from "
	       "fork to the next message %.2f ms, at most %.2f\n",
	       kills, (unsigned long long)seen, (unsigned long long)f.bad,
	       (unsigned long long)f.gaps, p50, max);
	bench_figure(out, NULL, "kill -9", "corrupt", (double)f.bad, "messages", '-');
	bench_figure(out, NULL, "kill -9", "lost", (double)f.gaps, "messages", '-');
	bench_figure(out, NULL, "kill -9", "back_p50", p50, "ms", '-');
	bench_figure(out, NULL, "kill -9", "back_max", max, "ms", '-');
	free(ns);
}
