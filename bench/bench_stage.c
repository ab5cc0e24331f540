/* The stage: order entry as bytes in, replies and market data as bytes out, memory to memory,
 * beside the core alone (core.h) on the same flow, run by run in turn.
 *
 *     bench_stage [-r RUNS] [-n MESSAGES] [-b BURST] [-s SESSIONS] [-o ORDERS] [-c CPU] [-j FILE]
 *                 [-k CASE] [-x] [FILE...]
 *
 * FILE: flows (wl.h); without one, two are made.  Before the timing a flow becomes OUCH 4.2 or 5.0
 * messages, one after the other in memory, dealt out to SESSIONS.  The timed loop makes the
 * descriptor of each, as a stage does that takes it off a ring, and gives bursts to the engine,
 * whose output goes round in 1 MiB or 4 MiB of slots.  Cases: codec, what goes out (both, replies,
 * feed), size of the output.
 *
 * In a first pass every trade is read back from the replies: count, shares and hash must be the
 * file's, else there is no figure and the exit status is 1; later passes are compared by count and
 * shares.  Best and median of RUNS in ns a message, CPU time of the thread, pinned to CPU.
 * -j: a line of JSON for each figure. -k: only cases whose name has CASE in it. -x: only the stage,
 * without the core and without reading back.
 *
 * Instructions instead of time:
 *     valgrind --tool=callgrind --collect-atstart=no --toggle-collect=play \
 *         bench_stage -r 1 -x -n 400000 -k ouch42-both-1M FILE
 */
#include "base/clock.h"
#include "book/core.h"
#include "book/engine.h"
#include "tool.h"
#include "wire/be.h"
#include "wl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS_MAX 99u
#define TICK	 100u /* 1/10,000 */
#define START_NS UINT64_C(1767623400000000000)
#define STEP_NS	 UINT64_C(250)

static struct {
	unsigned runs, burst, sessions;
	uint32_t orders;
	uint64_t messages;
	int cpu;
	bool books;
	const char *only;
	FILE *json;
} opt = {.runs = 5, .burst = 32, .sessions = 8, .orders = 1u << 21, .cpu = -1, .books = true};

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "bench_stage: no memory\n");
		exit(1);
	}
	return p;
}

/* ---- a flow as bytes ---- */

struct flow {
	const struct wl *w;
	enum nmw_codec_id codec;
	uint8_t *bytes; /* of all messages, one after the other */
	uint8_t *len;
	uint16_t *session; /* from 1 */
	uint32_t *urn, *id_of_urn;
	uint32_t *total; /* by id: shares entered, those of its chain that were executed included */
	size_t bytes_cap, ids;
	uint64_t n;
};

static uint16_t session_of(uint64_t id)
{
	return (uint16_t)(1 + id % opt.sessions);
}

/* A replacement belongs to the session of the order that it replaces. */
static struct nmw_key key_of(struct flow *f, uint64_t id, uint16_t session)
{
	char token[32];
	if (f->codec == NMW_CODEC_OUCH50)
		return (struct nmw_key){.lo = f->urn[id]};
	snprintf(token, sizeof token, "G%03u%010llu", session, (unsigned long long)id);
	struct nmw_key k = {0};
	memcpy(&k, token, 14);
	return k;
}

static uint64_t id_of(const struct flow *f, struct nmw_key k, uint32_t session)
{
	char token[16];
	if (f->codec == NMW_CODEC_OUCH50)
		return f->id_of_urn[k.lo * opt.sessions + session - 1];
	memcpy(token, &k, 14);
	token[14] = 0;
	return strtoull(token + 4, NULL, 10);
}

static struct nmw_cmd terms(const struct flow *f, const struct wl_msg *m)
{
	struct nmw_cmd c;
	nmw_cmd_clear(&c);
	char name[9];
	snprintf(name, sizeof name, "S%-7u", m->sym);
	memcpy(&c.info.symbol, name, 8);
	memcpy(&c.info.firm, "FIRM", 4);
	memcpy(c.info.clordid, "client-order-1", 14);
	c.side = c.info.side = m->side ? 'S' : 'B';
	c.qty = m->qty;
	c.price = m->kind == WL_MARKET ? NMW_PX_MARKET_42 : (int64_t)m->px * TICK;
	c.tif = m->kind == WL_IOC || m->kind == WL_MARKET ? NMW_TIF_IOC : NMW_TIF_DAY;
	c.info.display = 'Y';
	c.info.capacity = 'P';
	c.info.iso = 'N';
	c.info.cross = 'N';
	c.info.customer = 'N';
	if (f->codec == NMW_CODEC_OUCH50)
		c.info.firm = 0; /* no appendage */
	c.info.customer = f->codec == NMW_CODEC_OUCH50 ? 0 : 'N';
	return c;
}

static struct nmw_cmd command(struct flow *f, const struct wl_msg *m, uint16_t *owner)
{
	struct nmw_cmd c = terms(f, m);
	uint16_t s =
		m->kind == WL_CANCEL || m->kind == WL_REPLACE ? owner[m->id] : session_of(m->id);
	c.op = m->kind == WL_CANCEL    ? NMW_OP_CANCEL
	       : m->kind == WL_REPLACE ? NMW_OP_REPLACE
				       : NMW_OP_ENTER;
	uint32_t fresh = m->kind == WL_REPLACE ? m->new_id : m->kind == WL_CANCEL ? 0 : m->id;
	static uint32_t urns[1024];
	if (m == f->w->msg)
		memset(urns, 0, sizeof urns);
	if (fresh) {
		owner[fresh] = s;
		f->urn[fresh] = ++urns[s];
		f->id_of_urn[(uint64_t)f->urn[fresh] * opt.sessions + s - 1] = fresh;
		f->total[fresh] = m->qty;
	}
	c.key = key_of(f, m->id, s);
	if (m->kind == WL_REPLACE) {
		uint32_t executed = f->total[m->id] - m->old_qty;
		c.key2 = key_of(f, m->new_id, s);
		c.qty = f->total[fresh] = m->qty + executed;
	}
	if (m->kind == WL_CANCEL)
		c.qty = 0;
	*f->session = s;
	return c;
}

static void flow_make(struct flow *f, const struct wl *w, enum nmw_codec_id codec)
{
	const struct nmw_codec *x = nmw_codec_by_id(codec);
	uint64_t n = w->head.prefill + w->head.timed;
	*f = (struct flow){.w = w, .codec = codec, .n = n, .bytes_cap = n * 50 + 64};
	f->ids = 2 * n + w->head.max_id + 2;
	f->bytes = must(wl_memory(f->bytes_cap));
	f->len = must(wl_memory(n));
	uint16_t *session = must(wl_memory(n * sizeof *session));
	uint16_t *owner = must(calloc(f->ids, sizeof *owner));
	f->urn = must(calloc(f->ids, sizeof *f->urn));
	f->total = must(calloc(f->ids, sizeof *f->total));
	f->id_of_urn = must(calloc((f->ids + 1) * opt.sessions, sizeof *f->id_of_urn));
	uint8_t *at = f->bytes, one[256];
	for (uint64_t i = 0; i < n; i++) {
		f->session = &session[i];
		struct nmw_cmd c = command(f, &w->msg[i], owner);
		f->len[i] = (uint8_t)x->encode_cmd(&c, one);
		memcpy(at, one, f->len[i]);
		at += f->len[i];
	}
	f->session = session;
	free(owner);
}

static void flow_free(struct flow *f)
{
	wl_memory_free(f->bytes, f->bytes_cap);
	wl_memory_free(f->len, f->n);
	wl_memory_free(f->session, f->n * sizeof *f->session);
	free(f->urn);
	free(f->total);
	free(f->id_of_urn);
}

/* ---- an engine between memory and memory ---- */

struct stage {
	struct nmw_engine *e;
	void *mem;
	size_t size, ring_size;
	uint8_t *ring;
	struct nmw_engine_out out;
	const struct flow *f;
	uint64_t at;	      /* message of the flow */
	const uint8_t *bytes; /* of that message */
	bool read_back;
	struct wl_head got;
	uint64_t taker, taker_px; /* of the Executed (R) that was read last */
};

/* The maker's Executed follows the taker's. */
static void read_reply(struct stage *s, const struct nmw_slot *m)
{
	const uint8_t *p = m->payload;
	bool v42 = m->codec == NMW_CODEC_OUCH42;
	struct nmw_key k = {0};
	if (m->channel != NMW_CH_REPLY || p[0] != 'E')
		return;
	if (v42)
		memcpy(&k, p + 9, 14);
	else
		k.lo = nmw_be32(p + 9);
	uint64_t id = id_of(s->f, k, m->session);
	uint32_t qty = nmw_be32(p + (v42 ? 23 : 13));
	uint64_t px = (v42 ? nmw_be32(p + 27) : nmw_be64(p + 17)) / TICK;
	if (p[v42 ? 31 : 25] == 'R') {
		s->taker = id;
		return;
	}
	s->got.trades++;
	s->got.shares += qty;
	s->got.hash = wl_hash(s->got.hash, id, s->taker, (uint32_t)px, qty);
}

static struct nmw_slot *slot_at(uint8_t *p)
{
	return (struct nmw_slot *)(void *)p;
}

/* The ring is handed out in runs of a burst, as a producer does that publishes bursts. */
static void turn(struct nmw_engine_out *o, bool more)
{
	struct stage *s = o->arg;
	uint8_t *at = (uint8_t *)o->at, *begin = (uint8_t *)o->end - 64 * NMW_SLOT_SZ;
	if (s->read_back)
		for (uint8_t *p = begin; p < at; p += NMW_SLOT_SZ)
			read_reply(s, slot_at(p));
	if (!more && !s->read_back)
		return;
	if (at + 64 * NMW_SLOT_SZ > s->ring + s->ring_size)
		at = s->ring;
	o->at = slot_at(at);
	o->end = slot_at(at + 64 * NMW_SLOT_SZ);
	o->bytes = 0;
}

static struct nmw_engine_spec spec_of(const struct flow *f, bool replies, bool feed)
{
	return (struct nmw_engine_spec){.symbols = (uint32_t)f->w->head.symbols,
					.orders = opt.orders,
					.sessions = opt.sessions + 1,
					.timers = 1,
					.ids = f->w->head.max_id + 1,
					.replies_out = replies,
					.feed_out = feed};
}

static void stage_open(struct stage *s, const struct flow *f, const struct nmw_engine_spec *spec,
		       size_t ring_size)
{
	*s = (struct stage){.f = f, .bytes = f->bytes, .ring_size = ring_size};
	s->size = nmw_engine_footprint(spec);
	s->mem = must(wl_memory(s->size));
	s->ring = must(wl_memory(ring_size));
	s->e = must(nmw_engine_init(s->mem, spec));
	for (uint32_t i = 0; i < f->w->head.symbols; i++) {
		struct nmw_symbol_conf c = {.tick = TICK, .state = 'T'};
		char name[9];
		snprintf(name, sizeof name, "S%-7u", i);
		memcpy(c.name, name, 8);
		if (nmw_engine_symbol(s->e, &c, NULL))
			exit(1);
	}
	s->out = (struct nmw_engine_out){.at = slot_at(s->ring),
					 .end = slot_at(s->ring + 64 * NMW_SLOT_SZ),
					 .stride = NMW_SLOT_SZ,
					 .inline_max = NMW_SLOT_SZ - NMW_DESC_SZ,
					 .turn = turn,
					 .arg = s};
}

static void stage_close(struct stage *s)
{
	wl_memory_free(s->mem, s->size);
	wl_memory_free(s->ring, s->ring_size);
}

/* What is measured: n messages, in bursts. */
__attribute__((noinline)) static void play(struct stage *s, uint64_t n)
{
	static _Alignas(64) uint8_t desc[256][NMW_DESC_SZ];
	const struct nmw_slot *slot[256];
	const uint8_t *payload[256], *bytes = s->bytes;
	uint32_t len[256];
	uint64_t i = s->at, end = i + n;
	for (; i < end;) {
		unsigned k = 0;
		for (; k < opt.burst && i < end; k++, i++) {
			struct nmw_slot *d = slot_at(desc[k]);
			d->seq = i + 1;
			d->in_seq = i + 1;
			d->ts_ns = START_NS + i * STEP_NS;
			d->ingress_ns = 1;
			d->frame_off = NMW_INLINE;
			d->session = s->f->session[i];
			d->len = s->f->len[i];
			d->channel = NMW_CH_ORDER;
			d->codec = (uint8_t)s->f->codec;
			slot[k] = d;
			payload[k] = bytes;
			len[k] = s->f->len[i];
			bytes += len[k];
		}
		nmw_engine_burst(s->e, slot, payload, len, k, &s->out);
	}
	s->at = i;
	s->bytes = bytes;
}

/* ---- the core alone: the same flow as commands made of its records ---- */

#define EVENTS 1024u

struct core {
	struct nmw_core core;
	void *mem;
	size_t size;
	struct nmw_core_cmd cmd[256];
	struct nmw_core_evt evt[EVENTS];
	struct wl_head got;
};

static void core_open(struct core *c, const struct wl *w)
{
	const struct nmw_books_spec spec = {.symbols = (uint32_t)w->head.symbols,
					    .orders = opt.orders};
	size_t books = nmw_books_footprint(&spec);
	c->size = books + nmw_idmap_footprint(opt.orders);
	c->mem = must(wl_memory(c->size));
	c->core = (struct nmw_core){.b = nmw_books_init(c->mem, &spec)};
	c->core.ids = nmw_idmap_init((char *)c->mem + books, opt.orders,
				     nmw_book_user(c->core.b, 0), NMW_BOOK_STRIDE);
	c->got = (struct wl_head){0};
}

__attribute__((noinline)) static void play_core(struct core *c, const struct wl_msg *m, uint64_t n)
{
	for (uint64_t burst; n; m += burst, n -= burst) {
		burst = n < opt.burst ? n : opt.burst;
		for (uint64_t i = 0; i < burst; i++)
			bench_core_cmd(&m[i], &c->cmd[i]);
		for (size_t at = 0, done; at < burst; at += done) {
			size_t got = nmw_core_burst(&c->core, c->cmd + at, burst - at, c->evt,
						    EVENTS, &done);
			for (size_t i = 0; i < got; i++) {
				bool fill = c->evt[i].kind == NMW_CORE_FILL;
				c->got.trades += fill;
				c->got.shares += fill ? c->evt[i].qty : 0;
			}
		}
	}
}

/* ---- the measurement ---- */

struct figure {
	double best, median; /* ns a message */
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct figure figure_of(double *v, unsigned n)
{
	qsort(v, n, sizeof *v, by_value);
	return (struct figure){v[0], v[n / 2]};
}

static bool right(const struct wl *w, const char *name, const struct wl_head *got, bool hashed)
{
	const struct wl_head *want = &w->head;
	if (got->trades == want->trades && got->shares == want->shares &&
	    (!hashed || got->hash == want->hash))
		return true;
	printf("%s: %s: %llu trades, %llu shares, hash %016llx found; %llu, %llu, %016llx "
	       "expected: no figure\n",
	       w->name, name, (unsigned long long)got->trades, (unsigned long long)got->shares,
	       (unsigned long long)got->hash, (unsigned long long)want->trades,
	       (unsigned long long)want->shares, (unsigned long long)want->hash);
	return false;
}

/* Every trade as the replies tell it. */
static bool read_back(const struct flow *f, const char *name)
{
	const struct nmw_engine_spec spec = spec_of(f, true, true);
	struct stage s;
	stage_open(&s, f, &spec, 1u << 20);
	s.read_back = true;
	play(&s, f->w->head.prefill);
	s.got = (struct wl_head){0};
	play(&s, f->w->head.timed);
	bool good = right(f->w, name, &s.got, true);
	stage_close(&s);
	return good;
}

static bool time_once(const struct flow *f, const struct nmw_engine_spec *spec, size_t ring,
		      const char *name, double *ns)
{
	struct stage s;
	struct nmw_engine_stat a, b;
	stage_open(&s, f, spec, ring);
	play(&s, f->w->head.prefill);
	nmw_engine_stat(s.e, &a);
	uint64_t t0 = nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	play(&s, f->w->head.timed);
	*ns = (double)(nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID) - t0) / (double)f->w->head.timed;
	nmw_engine_stat(s.e, &b);
	const struct wl_head got = {.trades = b.fills - a.fills,
				    .shares = b.fill_shares - a.fill_shares};
	stage_close(&s);
	return right(f->w, name, &got, false);
}

static bool time_core(const struct wl *w, double *ns)
{
	static struct core c;
	core_open(&c, w);
	play_core(&c, w->msg, w->head.prefill);
	c.got = (struct wl_head){0};
	uint64_t t0 = nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	play_core(&c, w->msg + w->head.prefill, w->head.timed);
	*ns = (double)(nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID) - t0) / (double)w->head.timed;
	wl_memory_free(c.mem, c.size);
	return right(w, "core", &c.got, false);
}

static void json(const char *flow, const char *name, const char *metric, double v, const char *unit,
		 const char *peer)
{
	if (opt.json)
		fprintf(opt.json,
			"{\"bench\":\"stage\",\"case\":\"%s %s\",\"metric\":\"%s\",\"value\":%.3f,"
			"\"unit\":\"%s\",\"peer\":\"%s\"}\n",
			flow, name, metric, v, unit, peer);
}

/* core: of the core alone in the same turns; 0: it was not asked for. */
static void show(const char *flow, const char *name, struct figure f, struct figure core)
{
	const char *file = strrchr(flow, '/') ? strrchr(flow, '/') + 1 : flow;
	printf("%-10s %-20s %8.1f %8.1f", file, name, f.best, f.median);
	json(file, name, "best", f.best, "ns/message", "stage");
	json(file, name, "median", f.median, "ns/message", "stage");
	if (opt.books) {
		printf(" %8.1f %8.1f %8.2f", core.best, core.median, core.best / f.best);
		json(file, name, "best", core.best, "ns/message", "core");
		json(file, name, "median", core.median, "ns/message", "core");
		json(file, name, "rate", core.best / f.best, "of the core's", "stage");
	}
	printf("\n");
	fflush(stdout);
}

static const struct output {
	const char *name;
	bool replies, feed;
	size_t ring;
} outputs[] = {
	{"both-1M", true, true, 1u << 20},
	{"both-4M", true, true, 4u << 20},
	{"replies-1M", true, false, 1u << 20},
	{"feed-1M", false, true, 1u << 20},
};

static bool measure_case(const struct flow *f, const struct output *o)
{
	char name[64];
	double ns[RUNS_MAX], core[RUNS_MAX] = {0};
	const struct nmw_engine_spec spec = spec_of(f, o->replies, o->feed);
	snprintf(name, sizeof name, "%s-%s", nmw_codec_name(f->codec), o->name);
	if (opt.only && !strstr(name, opt.only))
		return true;
	for (unsigned i = 0; i < opt.runs; i++)
		if (!time_once(f, &spec, o->ring, name, &ns[i]) ||
		    (opt.books && !time_core(f->w, &core[i])))
			return false;
	show(f->w->name, name, figure_of(ns, opt.runs), figure_of(core, opt.runs));
	return true;
}

static bool measure(struct wl *w)
{
	bool good = !opt.messages || opt.messages >= w->head.timed || !wl_cut(w, opt.messages);
	for (unsigned c = NMW_CODEC_OUCH42; good && c <= NMW_CODEC_OUCH50; c++) {
		struct flow f;
		const char *name = nmw_codec_name((enum nmw_codec_id)c);
		if (opt.only && !strstr(opt.only, name) && strstr(opt.only, "ouch"))
			continue;
		flow_make(&f, w, (enum nmw_codec_id)c);
		good = !opt.books || read_back(&f, name);
		for (size_t i = 0; good && i < sizeof outputs / sizeof outputs[0]; i++)
			good = measure_case(&f, &outputs[i]);
		flow_free(&f);
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

static bool measure_made(void)
{
	static const struct {
		const char *name;
		struct wl_spec spec;
	} made[] = {{"one", {.symbols = 1, .live = 4000, .seed = 23}},
		    {"zipf", {.symbols = 1000, .live = 4000, .zipf = 1, .seed = 23}}};
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

static int usage(void)
{
	fprintf(stderr,
		"usage: bench_stage [-r RUNS] [-n MESSAGES] [-b BURST] [-s SESSIONS] [-o ORDERS]\n"
		"                   [-c CPU] [-j FILE] [-k CASE] [-x] [FILE...]\n");
	return 2;
}

static bool option(int c, const char *arg)
{
	uint64_t v = 0;
	bool good = true;
	if (c == 'r' && (good = bench_number(arg, 1, RUNS_MAX, &v)))
		opt.runs = (unsigned)v;
	else if (c == 'n')
		good = bench_number(arg, 1, UINT32_MAX, &opt.messages);
	else if (c == 'b' && (good = bench_number(arg, 1, 256, &v)))
		opt.burst = (unsigned)v;
	else if (c == 's' && (good = bench_number(arg, 1, 999, &v)))
		opt.sessions = (unsigned)v;
	else if (c == 'o' && (good = bench_number(arg, 1, NMW_BOOK_ORDERS_MAX, &v)))
		opt.orders = (uint32_t)v;
	else if (c == 'c' && (good = bench_number(arg, 0, CPU_SETSIZE - 1, &v)))
		opt.cpu = (int)v;
	else if (c == 'j')
		good = (opt.json = fopen(arg, "we")) != NULL;
	else if (c == 'k')
		opt.only = arg;
	else if (c == 'x')
		opt.books = false;
	else
		good = false;
	return good;
}

int main(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "r:n:b:s:o:c:j:k:x")) != -1;)
		if (!option(c, optarg))
			return usage();
	bench_pin("bench_stage", opt.cpu);
	printf("%-10s %-20s %8s %8s %8s %8s %8s\n", "flow", "case", "best ns", "median", "core",
	       "median", "rate");
	bool good = true;
	for (int i = optind; i < argc; i++)
		good = measure_file(argv[i]) && good;
	if (optind == argc)
		good = measure_made();
	if (opt.json)
		fclose(opt.json);
	return good ? 0 : 1;
}
