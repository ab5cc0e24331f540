/* How the books' cost and memory grow: with live orders, symbols, and depth.
 *
 *     bench_book_growth [-c CPU] [-j FILE] [-m MAX_LIVE]
 *
 * Each case fills the books, then takes turns: a random live order is canceled, another is entered
 * at a random price within `depth` ticks of the market; nothing trades.  The best of three rounds,
 * ns a command of CPU time.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "book/core.h"
#include "json.h"
#include "tool.h"
#include "wl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURNS  400000u
#define BURST  64u
#define ROUNDS 3u
#define MIDDLE 1000000u

struct grown {
	struct nmw_core c;
	struct nmw_rng rng;
	void *mem;
	size_t size, used;
	uint32_t symbols, live, depth;
	uint64_t next;
	uint64_t *ids;
	struct nmw_core_cmd *cmd; /* TURNS of them, zeroed */
};

static uint32_t below(struct grown *g, uint32_t n)
{
	return (uint32_t)nmw_rng_below(&g->rng, n);
}

static void enter(struct grown *g, struct nmw_core_cmd *k, uint64_t *id)
{
	uint32_t sides = below(g, g->symbols * 2), away = 1 + below(g, g->depth);
	*id = g->next++;
	*k = (struct nmw_core_cmd){.lo = *id,
				   .rank = *id,
				   .sides = sides,
				   .px = sides & 1 ? MIDDLE + away : MIDDLE - away,
				   .qty = 100};
}

static uint64_t run(struct grown *g, size_t n)
{
	struct nmw_core_evt ev[BURST];
	uint64_t t0 = nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): measure() frees
	for (size_t at = 0, done; at < n; at += done) {
		size_t m = n - at < BURST / 2 ? n - at : BURST / 2;
		nmw_core_burst(&g->c, g->cmd + at, m, ev, BURST, &done);
	}
	return nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID) - t0;
}

static uint64_t resident(void)
{
	unsigned long long pages = 0, size;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f) {
		if (fscanf(f, "%llu %llu", &size, &pages) != 2)
			pages = 0;
		fclose(f);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void fill(struct grown *g)
{
	for (uint32_t at = 0; at < g->live;) {
		uint32_t n = g->live - at < TURNS ? g->live - at : TURNS;
		for (uint32_t i = 0; i < n; i++)
			enter(g, &g->cmd[i], &g->ids[at + i]);
		run(g, n);
		at += n;
	}
}

static double turns(struct grown *g)
{
	for (uint32_t i = 0; i < TURNS; i += 2) {
		uint64_t *id = &g->ids[below(g, g->live)];
		g->cmd[i] = (struct nmw_core_cmd){.lo = *id, .op = NMW_CORE_CANCEL};
		enter(g, &g->cmd[i + 1], id);
	}
	return (double)run(g, TURNS) / TURNS;
}

static int measure(uint32_t symbols, uint32_t live, uint32_t depth, const char *what)
{
	struct grown g = {.symbols = symbols, .live = live, .depth = depth, .next = 1};
	struct nmw_books_spec spec = {.symbols = symbols, .orders = live + BURST};
	size_t books = nmw_books_footprint(&spec);
	char name[64];
	double best = 1e9;
	nmw_rng_seed(&g.rng, 1);
	g.size = books + nmw_idmap_footprint(spec.orders);
	g.ids = calloc(live, sizeof *g.ids);
	g.cmd = calloc(TURNS, sizeof *g.cmd);
	if (g.cmd && g.ids) { /* touched */
		memset(g.cmd, 1, TURNS * sizeof *g.cmd);
		memset(g.ids, 0, live * sizeof *g.ids);
	}
	uint64_t before = resident(), t0 = nmw_clock_mono();
	g.mem = wl_memory_fresh(g.size);
	if (!g.ids || !g.cmd || !g.mem) {
		fprintf(stderr, "bench_book_growth: no memory for %u orders\n", live);
		free(g.ids);
		free(g.cmd);
		return -1;
	}
	g.c = (struct nmw_core){.b = nmw_books_init(g.mem, &spec)};
	g.c.ids = nmw_idmap_init((char *)g.mem + books, spec.orders, nmw_book_user(g.c.b, 0),
				 NMW_BOOK_STRIDE);
	double ready_ms = (double)(nmw_clock_mono() - t0) / 1e6;
	fill(&g);
	double used = (double)(resident() - before);
	for (unsigned i = 0; i < ROUNDS; i++) {
		double ns = turns(&g);
		best = ns < best ? ns : best;
	}
	snprintf(name, sizeof name, "%u symbols, %u live, depth %u", symbols, live, depth);
	printf("%-8s %8u %10u %8u %9.1f %12.1f %12.1f %10.1f\n", what, symbols, live, depth, best,
	       used / live, (double)g.size / live, ready_ms);
	fflush(stdout);
	bench_json("growth", name, what, best, "ns/command", NULL);
	bench_json("growth", name, "resident", used / live, "bytes/order", NULL);
	bench_json("growth", name, "footprint", (double)g.size / live, "bytes/order", NULL);
	bench_json("growth", name, "ready", ready_ms, "ms", NULL);
	wl_memory_free(g.mem, g.size);
	free(g.ids);
	free(g.cmd);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t max = 10000000;
	int cpu = -1, rc = 0;
	for (int o; (o = getopt(argc, argv, "c:j:m:")) != -1;) {
		if (o == 'c')
			cpu = atoi(optarg);
		else if (o == 'm')
			max = (uint32_t)strtoul(optarg, NULL, 10);
		else if (o != 'j' || bench_json_open(optarg))
			return 2;
	}
	bench_pin("bench_book_growth", cpu);
	printf("%-8s %8s %10s %8s %9s %12s %12s %10s\n", "grows", "symbols", "live", "depth", "ns",
	       "B resident", "B reserved", "ready ms");
	for (uint32_t live = 1000; live <= max && !rc; live *= 10)
		rc = measure(1, live, 1000, "live");
	for (uint32_t n = 1; n <= 10000 && !rc; n *= 10)
		rc = measure(n, 100000, 100, "symbols");
	for (uint32_t depth = 10; depth <= 100000 && !rc; depth *= 10)
		rc = measure(1, 10000, depth, "depth");
	return rc ? 1 : 0;
}
