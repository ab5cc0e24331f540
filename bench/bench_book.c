/* The books beside textbook engines, on flows of orders whose trades are known.
 *
 *     bench_book [-r RUNS] [-n MESSAGES] [-b BURST] [-o ORDERS] [-c CPU] [-e ENGINE]
 *                [-j JSON_FILE] [-p|-P] [FILE...]
 *
 * "textbook" is one of ready-made containers (textbook_std.h), "tuned" one whose nodes are the
 * containers' own (textbook_book.h): half the allocations, and a cached best level.
 *
 * FILE: flows (wl.h); without one, some are made: one symbol, 1,000 symbols by zipf, 1,000 alike,
 * and one whose market moves.
 * An engine takes the prefill untimed, then the timed messages, and writes a report for every fill;
 * count, shares and hash of the fills are compared with the file's: what disagrees has no figure
 * and ends with exit status 1.  Best and median of RUNS, in ns a message of CPU time of the thread,
 * pinned to CPU.  Then the same flow with permuted ids (-P: only that, -p: not), and the latency of
 * single messages, without what reading the clock costs.
 *
 * Instructions instead of time:
 *     valgrind --tool=callgrind --collect-atstart=no --toggle-collect=play_books \
 *         bench_book -r 1 -n 400000 -e books -p FILE
 */
#include "base/clock.h"
#include "base/hist.h"
#include "book/core.h"
#include "json.h"
#include "textbook_std.h"
#include "tool.h"
#include "wl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#define BURST_MAX 128u
#define EVENTS	  256u
#define RUNS_MAX  99u

static struct {
	unsigned runs, burst;
	uint32_t orders;
	uint64_t messages;
	int cpu;
	bool books, textbook, dense, permuted;
} opt = {.runs = 7,
	 .burst = 64,
	 .orders = 1u << 21,
	 .cpu = -1,
	 .books = true,
	 .textbook = true,
	 .dense = true,
	 .permuted = true};

static const char *const kind_name[WL_KINDS] = {NULL, "add", "cancel", "replace", "ioc", "market"};

static bool is_market(const struct wl_msg *m)
{
	return m->kind == WL_MARKET;
}

/* ---- our books ---- */

struct report {
	uint64_t maker, taker;
	uint32_t px, qty;
};

struct desk {
	struct nmw_core core;
	struct report *reports;
	uint64_t reported;
	void *mem;
	size_t size, reports_size;
	_Alignas(64) struct nmw_core_cmd cmd[BURST_MAX];
	_Alignas(64) struct nmw_core_evt evt[EVENTS];
};

static int desk_open(struct desk *d, const struct wl *w)
{
	struct nmw_books_spec spec = {.symbols = (uint32_t)w->head.symbols, .orders = opt.orders};
	size_t books = nmw_books_footprint(&spec);
	d->size = books + nmw_idmap_footprint(opt.orders);
	d->reports_size = (w->head.trades + w->head.prefill + 1) * sizeof *d->reports;
	d->mem = wl_memory(d->size);
	d->reports = wl_memory(d->reports_size);
	if (!d->mem || !d->reports) {
		fprintf(stderr, "bench_book: no memory for %u orders\n", opt.orders);
		return -1;
	}
	d->core.b = nmw_books_init(d->mem, &spec);
	d->core.ids = nmw_idmap_init((char *)d->mem + books, opt.orders,
				     nmw_book_user(d->core.b, 0), NMW_BOOK_STRIDE);
	d->reported = 0;
	return 0;
}

static void desk_close(struct desk *d)
{
	wl_memory_free(d->mem, d->size);
	wl_memory_free(d->reports, d->reports_size);
}

/* The message as a decoder would give it. What no message has stays 0. */
static inline void decode(const struct wl_msg *m, struct nmw_core_cmd *k)
{
	__builtin_prefetch(m + 64);
	bench_core_cmd(m, k);
}

/* Keeps what the fills say. Which events are fills cannot be predicted: they are picked out first,
 * without a branch. */
static inline void keep_fills(struct desk *d, size_t n, const struct nmw_core_cmd *k)
{
	const struct nmw_core_evt *fill[EVENTS];
	size_t fills = 0;
	for (const struct nmw_core_evt *e = d->evt, *end = e + n; e < end; e++) {
		fill[fills] = e;
		fills += e->kind == NMW_CORE_FILL;
	}
	struct report *to = d->reports + d->reported;
	for (size_t i = 0; i < fills; i++, to++) {
		const struct nmw_core_cmd *t = &k[fill[i]->cmd];
		*to = (struct report){.maker = fill[i]->lo,
				      .taker = t->op == NMW_CORE_REPLACE ? t->new_lo : t->lo,
				      .px = fill[i]->px,
				      .qty = fill[i]->qty};
	}
	d->reported += fills;
}

static void *open_books(const struct wl *w)
{
	struct desk *d = aligned_alloc(64, sizeof *d);
	if (!d)
		exit(1);
	memset(d, 0, sizeof *d);
	if (desk_open(d, w))
		exit(1);
	return d;
}

__attribute__((noinline)) static void play_books(void *desk, const struct wl_msg *m, size_t n)
{
	struct desk *d = desk;
	for (size_t burst; n; m += burst, n -= burst) {
		burst = n < opt.burst ? n : opt.burst;
		for (size_t i = 0; i < burst; i++)
			decode(&m[i], &d->cmd[i]);
		for (size_t at = 0, done; at < burst; at += done)
			keep_fills(d,
				   nmw_core_burst(&d->core, d->cmd + at, burst - at, d->evt, EVENTS,
						  &done),
				   d->cmd + at);
	}
}

static void restart_books(void *desk)
{
	((struct desk *)desk)->reported = 0;
}

static void results_books(const void *desk, struct wl_head *h)
{
	const struct desk *d = desk;
	h->trades = d->reported;
	for (uint64_t i = 0; i < d->reported; i++) {
		const struct report *r = &d->reports[i];
		h->shares += r->qty;
		h->hash = wl_hash(h->hash, r->maker, r->taker, r->px, r->qty);
	}
}

static void close_books(void *desk)
{
	desk_close(desk);
	free(desk);
}

/* ---- the textbooks' ---- */

struct school {
	struct textbook *tuned; /* one of both */
	struct textbook_std *std;
	struct textbook_fill *fills;
	size_t size;
};

static struct school *open_school(const struct wl *w)
{
	struct school *s = calloc(1, sizeof *s);
	if (!s)
		exit(1);
	s->size = (w->head.trades + w->head.prefill + 1) * sizeof *s->fills;
	s->fills = wl_memory(s->size);
	if (!s->fills)
		exit(1);
	return s;
}

static void restart_school(void *school)
{
	struct school *s = school;
	if (s->tuned)
		textbook_fills(s->tuned, s->fills);
	else
		textbook_std_fills(s->std, s->fills);
}

static void *open_textbook(const struct wl *w)
{
	struct school *s = open_school(w);
	s->std = textbook_std_new((uint32_t)w->head.symbols);
	restart_school(s);
	return s;
}

static void *open_tuned(const struct wl *w)
{
	struct school *s = open_school(w);
	s->tuned = textbook_new((uint32_t)w->head.symbols);
	restart_school(s);
	return s;
}

static inline uint32_t limit_of(const struct wl_msg *m)
{
	uint32_t bound = m->side ? 0 : NMW_TICK_MAX;
	return is_market(m) ? bound : (uint32_t)m->px;
}

static inline uint32_t added_id(const struct wl_msg *m)
{
	return m->kind == WL_ADD ? m->id : m->new_id;
}

__attribute__((noinline)) static void play_textbook(void *school, const struct wl_msg *m, size_t n)
{
	struct textbook_std *t = ((struct school *)school)->std;
	for (const struct wl_msg *end = m + n; m < end; m++) {
		if (m->kind >= WL_IOC) {
			textbook_std_take(t, m->sym, m->side, limit_of(m), m->qty, m->id);
			continue;
		}
		if (m->kind != WL_ADD)
			textbook_std_cancel(t, m->id);
		if (m->kind != WL_CANCEL)
			textbook_std_add(t, m->sym, m->side, (uint32_t)m->px, m->qty, added_id(m));
	}
}

__attribute__((noinline)) static void play_tuned(void *school, const struct wl_msg *m, size_t n)
{
	struct textbook *t = ((struct school *)school)->tuned;
	for (const struct wl_msg *end = m + n; m < end; m++) {
		if (m->kind >= WL_IOC) {
			textbook_take(t, m->sym, m->side, limit_of(m), m->qty, m->id);
			continue;
		}
		if (m->kind != WL_ADD)
			textbook_cancel(t, m->id);
		if (m->kind != WL_CANCEL)
			textbook_add(t, m->sym, m->side, (uint32_t)m->px, m->qty, added_id(m));
	}
}

static void results_school(const void *school, struct wl_head *h)
{
	const struct school *s = school;
	h->trades = s->tuned ? textbook_filled(s->tuned) : textbook_std_filled(s->std);
	for (uint64_t i = 0; i < h->trades; i++) {
		const struct textbook_fill *f = &s->fills[i];
		h->shares += f->qty;
		h->hash = wl_hash(h->hash, f->maker, f->taker, f->px, f->qty);
	}
}

static void close_school(void *school)
{
	struct school *s = school;
	if (s->tuned)
		textbook_free(s->tuned);
	else
		textbook_std_free(s->std);
	wl_memory_free(s->fills, s->size);
	free(s);
}

/* ---- the measurement ---- */

struct engine {
	const char *name;
	void *(*open)(const struct wl *w);
	void (*play)(void *e, const struct wl_msg *m, size_t n);
	void (*restart)(void *e); /* the timed part begins */
	void (*results)(const void *e, struct wl_head *h);
	void (*close)(void *e);
};

static const struct engine books = {"books",	   open_books,	  play_books,
				    restart_books, results_books, close_books};
static const struct engine textbook = {"textbook",     open_textbook,  play_textbook,
				       restart_school, results_school, close_school};
static const struct engine tuned = {"tuned",	    open_tuned,	    play_tuned,
				    restart_school, results_school, close_school};

static bool agrees(const struct engine *e, const void *state, const struct wl *w)
{
	struct wl_head got = {.trades = 0};
	e->results(state, &got);
	const struct wl_head *want = &w->head;
	if (got.trades == want->trades && got.shares == want->shares && got.hash == want->hash)
		return true;
	printf("%s: %s: %llu trades, %llu shares, hash %016llx found; %llu, %llu, %016llx "
	       "expected: "
	       "no figure\n",
	       w->name, e->name, (unsigned long long)got.trades, (unsigned long long)got.shares,
	       (unsigned long long)got.hash, (unsigned long long)want->trades,
	       (unsigned long long)want->shares, (unsigned long long)want->hash);
	return false;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct figure {
	double best, median; /* ns a message */
};

static double time_one(const struct engine *e, const struct wl *w, bool *good)
{
	void *state = e->open(w);
	const struct wl_msg *timed = w->msg + w->head.prefill;
	e->play(state, w->msg, w->head.prefill);
	e->restart(state);
	uint64_t t0 = nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	e->play(state, timed, w->head.timed);
	uint64_t t1 = nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	*good = *good && agrees(e, state, w);
	e->close(state);
	return (double)(t1 - t0) / (double)w->head.timed;
}

static bool time_all(const struct engine *e, const struct wl *w, unsigned runs, struct figure *out)
{
	double t[RUNS_MAX];
	bool good = true;
	for (unsigned i = 0; i < runs && good; i++)
		t[i] = time_one(e, w, &good);
	if (!good)
		return false;
	qsort(t, runs, sizeof t[0], by_value);
	*out = (struct figure){.best = t[0], .median = t[runs / 2]};
	return true;
}

/* ---- latency of single messages ---- */

static double ns_per_tick(void)
{
	uint64_t t0 = nmw_clock_mono(), c0 = __rdtsc();
	while (nmw_clock_mono() - t0 < 20000000)
		nmw_clock_pause();
	uint64_t t1 = nmw_clock_mono(), c1 = __rdtsc();
	return (double)(t1 - t0) / (double)(c1 - c0);
}

static inline uint64_t ticks_begin(void)
{
	_mm_lfence();
	uint64_t t = __rdtsc();
	_mm_lfence();
	return t;
}

static inline uint64_t ticks_end(void)
{
	unsigned cpu;
	uint64_t t = __rdtscp(&cpu);
	_mm_lfence();
	return t;
}

static uint64_t clock_cost(void)
{
	static struct nmw_hist h;
	for (int i = 0; i < 100000; i++) {
		uint64_t t = ticks_begin();
		nmw_hist_record(&h, ticks_end() - t);
	}
	return nmw_hist_quantile(&h, 500000);
}

static void print_latency(const struct wl *w, const char *name, const struct nmw_hist *h, double ns)
{
	char metric[64];
	static const uint32_t ppm[] = {500000, 990000, 999000, 999900};
	if (!h->count)
		return;
	printf("    %-8s", name);
	for (size_t i = 0; i < sizeof ppm / sizeof ppm[0]; i++) {
		double at = (double)nmw_hist_quantile(h, ppm[i]) * ns;
		printf(" %7.0f", at);
		snprintf(metric, sizeof metric, "%s p%g", name, ppm[i] / 10000.0);
		bench_json("book latency", w->name, metric, at, "ns", NULL);
	}
	printf(" %9.0f\n", (double)h->max * ns);
}

static void latency(const struct wl *w)
{
	static struct nmw_hist kind[WL_KINDS], all;
	memset(kind, 0, sizeof kind);
	memset(&all, 0, sizeof all);
	struct desk *d = open_books(w);
	const struct wl_msg *m = w->msg + w->head.prefill;
	uint64_t cost = clock_cost();
	double ns = ns_per_tick();
	play_books(d, w->msg, w->head.prefill);
	d->reported = 0;
	for (uint64_t i = 0; i < w->head.timed; i++) {
		uint64_t t = ticks_begin();
		decode(&m[i], d->cmd);
		unsigned got = nmw_core_apply(&d->core, d->cmd, d->evt, EVENTS);
		t = ticks_end() - t;
		assert(!d->core.taker.more);
		keep_fills(d, got, d->cmd);
		nmw_hist_record(&kind[m[i].kind], t > cost ? t - cost : 0);
	}
	close_books(d);
	printf("    one message, ns %14s %7s %7s %7s %9s\n", "p50", "p99", "p99.9", "p99.99",
	       "max");
	for (unsigned k = WL_ADD; k < WL_KINDS; k++) {
		print_latency(w, kind_name[k], &kind[k], ns);
		nmw_hist_add(&all, &kind[k]);
	}
	print_latency(w, "all", &all, ns);
}

/* ---- the page ---- */

static void row(const struct wl *w, const char *ids, const struct figure *f, const char *peer)
{
	char metric[64];
	snprintf(metric, sizeof metric, "%s ids, best", ids);
	bench_json("book", w->name, metric, f->best, "ns/message", peer);
	snprintf(metric, sizeof metric, "%s ids, median", ids);
	bench_json("book", w->name, metric, f->median, "ns/message", peer);
}

/* Beside ours, if those were measured. */
static bool peer(const struct wl *w, const char *ids, const struct engine *e,
		 const struct figure *ours)
{
	struct figure other;
	if (!time_all(e, w, (opt.runs + 2) / 3, &other))
		return false;
	printf("  %-8s %-9s %8.1f %8.1f", ids, e->name, other.best, other.median);
	if (opt.books)
		printf("   %.1f times the books", other.best / ours->best);
	printf("\n");
	row(w, ids, &other, e->name);
	if (opt.books)
		bench_json("book", w->name, ids, other.best / ours->best, "times", e->name);
	fflush(stdout);
	return true;
}

static bool line(const struct wl *w, const char *ids, const struct figure *base)
{
	struct figure ours = {0, 0};
	bool good = true;
	if (opt.books && (good = time_all(&books, w, opt.runs, &ours))) {
		printf("  %-8s %-9s %8.1f %8.1f", ids, "books", ours.best, ours.median);
		if (base->best > 0)
			printf("   %.2f times dense ids", ours.best / base->best);
		printf("\n");
		row(w, ids, &ours, NULL);
		if (base->best > 0)
			bench_json("book", w->name, "permuted to dense", ours.best / base->best,
				   "times", NULL);
		fflush(stdout);
	}
	if (opt.textbook && good)
		good = peer(w, ids, &tuned, &ours) &&
		       (!textbook_std_new || peer(w, ids, &textbook, &ours));
	return good;
}

static bool measure(struct wl *w)
{
	const struct wl_head *h = &w->head;
	struct figure dense = {0, 0}, none = {0, 0};
	bool good = true;
	if (opt.messages && opt.messages < h->timed && wl_cut(w, opt.messages))
		return false;
	printf("\n%s: %llu symbols, %llu live before %llu messages, %llu trades\n", w->name,
	       (unsigned long long)h->symbols, (unsigned long long)h->prefill,
	       (unsigned long long)h->timed, (unsigned long long)h->trades);
	printf("  %-8s %-9s %8s %8s   ns a message\n", "ids", "engine", "best", "median");
	if (opt.dense) {
		good = line(w, "dense", &none);
		if (good && opt.permuted && opt.books)
			good = time_all(&books, w, 3, &dense);
		if (good && opt.books)
			latency(w);
	}
	if (good && opt.permuted)
		good = !wl_permute(w, 1) && line(w, "permuted", &dense);
	return good;
}

static bool measure_made(void)
{
	static const struct {
		const char *name;
		struct wl_spec spec;
	} made[] = {
		{"one symbol", {.symbols = 1, .live = 4000, .seed = 23}},
		{"1,000 symbols, zipf", {.symbols = 1000, .live = 4000, .zipf = 1, .seed = 23}},
		{"1,000 symbols, uniform", {.symbols = 1000, .live = 1000, .seed = 23}},
	};
	bool good = true;
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		struct wl_spec spec = made[i].spec;
		struct wl w;
		spec.messages = opt.messages ? (uint32_t)opt.messages : 2000000;
		if (wl_make(&w, made[i].name, &spec))
			return false;
		good = measure(&w) && good;
		wl_free(&w);
	}
	return good;
}

/* Their ids are random already. */
static bool measure_scenes(void)
{
	static const char *const name[] = {"normal", "swing", "flash crash"};
	bool good = true;
	for (unsigned i = 0; i < 3; i++) {
		const struct figure none = {0, 0};
		struct wl w;
		uint32_t n = opt.messages ? (uint32_t)opt.messages : 2000000;
		if (wl_scene(&w, name[i], (enum wl_scenario)(WL_NORMAL + i), n, 23))
			return false;
		printf("\n%s: prices wander, %llu messages, %llu trades\n", w.name,
		       (unsigned long long)w.head.timed, (unsigned long long)w.head.trades);
		good = line(&w, "random", &none) && good;
		wl_free(&w);
	}
	return good;
}

static bool measure_file(const char *path)
{
	struct wl w;
	bool good = wl_load(&w, path) == 0 && measure(&w);
	wl_free(&w);
	return good;
}

/* What an operator pays before the first order. */
static void memory(void)
{
	struct nmw_books_spec many = {.symbols = 10000, .orders = 1u << 20};
	struct nmw_books_spec deep = {.symbols = 1, .orders = 10000000};
	size_t size = nmw_books_footprint(&many);
	size_t ids = nmw_idmap_footprint(deep.orders);
	uint64_t t0 = nmw_clock_mono();
	void *mem = wl_memory(size);
	if (!mem)
		return;
	nmw_books_init(mem, &many);
	printf("\n10,000 symbols and 1,048,576 orders: %zu MiB, ready in %.0f ms, all touched\n",
	       size >> 20, (double)(nmw_clock_mono() - t0) / 1e6);
	printf("10,000,000 live orders, each with 40 bytes of its owner's: %zu MiB, and %zu MiB "
	       "for "
	       "their ids\n",
	       nmw_books_footprint(&deep) >> 20, ids >> 20);
	wl_memory_free(mem, size);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: bench_book [-r RUNS] [-n MESSAGES] [-b BURST] [-o ORDERS] [-c CPU]\n"
		"                  [-e books|textbook] [-j JSON_FILE] [-p (dense ids only) | -P "
		"(permuted "
		"only)] [FILE...]\n");
	return 2;
}

static bool option(int c, const char *arg)
{
	uint64_t v = 0;
	bool good = true;
	switch (c) {
	case 'r':
		good = bench_number(arg, 1, RUNS_MAX, &v);
		opt.runs = (unsigned)v;
		break;
	case 'n':
		return bench_number(arg, 1, UINT32_MAX, &opt.messages);
	case 'b':
		good = bench_number(arg, 1, BURST_MAX, &v);
		opt.burst = (unsigned)v;
		break;
	case 'o':
		good = bench_number(arg, 1, NMW_BOOK_ORDERS_MAX, &v);
		opt.orders = (uint32_t)v;
		break;
	case 'c':
		good = bench_number(arg, 0, CPU_SETSIZE - 1, &v);
		opt.cpu = (int)v;
		break;
	case 'e':
		opt.books = strcmp(arg, "textbook") != 0;
		opt.textbook = strcmp(arg, "books") != 0;
		return opt.books != opt.textbook;
	case 'j':
		return bench_json_open(arg) == 0;
	case 'p':
		opt.permuted = false;
		break;
	case 'P':
		opt.dense = false;
		break;
	default:
		return false;
	}
	return good;
}

int main(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "r:n:b:o:c:e:j:pP")) != -1;)
		if (!option(c, optarg))
			return usage();
	bench_pin("bench_book", opt.cpu);
	if (opt.textbook && !textbook_std_new)
		printf("without the textbook of containers: built without a C++ compiler\n");
	bool good = true;
	for (int i = optind; i < argc; i++)
		good = measure_file(argv[i]) && good;
	if (optind == argc) {
		good = measure_made();
		good = measure_scenes() && good;
		memory();
	}
	return good ? 0 : 1;
}
