#include "match/match.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "book/held.h"
#include "book/replay_check.h"
#include "book/symbols.h"
#include "match/ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REPORT_EVERY 4096u /* messages between two updates of the counters */
#define REPORT_NS    (1000ull * 1000)
#define ORDERS_MAX   ((uint64_t)NMW_BOOK_ORDERS_MAX)
#define IDS_MAX	     (UINT64_C(1) << 30)
#define SESSIONS_MAX 65534u
#define SYMBOLS_MAX  65535u
#define WINDOW_MIN   ((uint64_t)NMW_BOOK_WINDOW_MIN)
#define WINDOW_MAX   ((uint64_t)NMW_BOOK_WINDOW_MAX)

/* ---- options -------------------------------------------------------------------------------- */

static void defaults(struct nmw_match *m)
{
	m->orders = 1000000;
	m->symbols = 8192;
	m->sessions = 1024;
	m->ids = 1500000;
	m->utc_offset = "0s";
	m->journal.sync = NMW_SYNC_BATCH;
	m->journal.segment_sz = NMW_JOURNAL_SEGMENT_DEF;
}

void nmw_match_opts(struct nmw_match *m, struct nmw_opt rows[NMW_MATCH_OPTS])
{
	const struct nmw_opt table[] = {
		{.type = NMW_OPT_GROUP, .help = "Matching:"},
		{NMW_OPT_STR, 0, "symbols", "FILE", &m->symbols_file, 0, 0,
		 "symbols, their ticks, bands, states (JSON; default: any symbol)"},
		{NMW_OPT_ENUM, 0, "codec", "auto|ouch42|ouch50|itch50", &m->codec, 0, 0,
		 "take only messages of this protocol"},
		{NMW_OPT_ENUM, 0, "self-match", "allow|cancel-new|cancel-old", &m->self_match, 0, 0,
		 "when an order meets one of its own account"},
		{NMW_OPT_STR, 0, "utc-offset", "TIME", &m->utc_offset, 0, 0,
		 "added to UTC in timestamps: -5h is New York in winter"},
		{NMW_OPT_FLAG, 0, "check", NULL, &m->check, 0, 0,
		 "replay a market-data feed (ITCH) and compare; exit 3 if it differs"},
		{NMW_OPT_FLAG, 0, "strict", NULL, &m->stage.strict, 0, 0,
		 "exit 3 when a message is unreadable or a replay has unknown orders"},
		{NMW_OPT_FLAG, 0, "no-feed", NULL, &m->no_feed, 0, 0, "no market data"},
		{NMW_OPT_FLAG, 0, "no-replies", NULL, &m->no_replies, 0, 0, "no replies"},
		{.type = NMW_OPT_GROUP, .help = "Memory, taken at the start:"},
		{NMW_OPT_COUNT, 0, "orders", "N", &m->orders, 1, ORDERS_MAX, "most live orders"},
		{NMW_OPT_COUNT, 0, "symbols-max", "N", &m->symbols, 1, SYMBOLS_MAX, "most symbols"},
		{NMW_OPT_COUNT, 0, "sessions", "N", &m->sessions, 1, SESSIONS_MAX,
		 "most sessions of a day"},
		{NMW_OPT_COUNT, 0, "ids", "N", &m->ids, 1, IDS_MAX,
		 "OUCH 4.2 tokens of a day; 16 times as many that count"},
		{NMW_OPT_COUNT, 0, "timers", "N", &m->timers, 0, ORDERS_MAX,
		 "most live orders with a time to live (0 = --orders, 1M at most)"},
		{NMW_OPT_COUNT, 0, "window", "TICKS", &m->window, 0, WINDOW_MAX,
		 "ticks in the array near the market, a power of two (0 = by memory)"},
		{NMW_OPT_FLAG, 0, "lazy", NULL, &m->lazy, 0, 0,
		 "take pages when they are first used"},
		{.type = NMW_OPT_GROUP, .help = "Durability:"},
		{NMW_OPT_STR, 0, "journal", "DIR", &m->journal.dir, 0, 0,
		 "log the input and go on after a crash where it stood"},
		{NMW_OPT_ENUM, 0, "sync", "none|batch|always", &m->journal.sync, 0, 0,
		 "what a power failure may cost: about 30 s, 10 ms, nothing"},
		{NMW_OPT_COUNT, 0, "snapshot-every", "N", &m->journal.snapshot_every, 0, 0,
		 "messages between snapshots (0 = at the end and on SIGUSR2)"},
		{NMW_OPT_SIZE, 0, "segment-size", "SIZE", &m->journal.segment_sz,
		 NMW_JOURNAL_SEGMENT_MIN, NMW_JOURNAL_SEGMENT_MAX, "bytes of a file of the log"},
		{.type = NMW_OPT_END}};
	_Static_assert(sizeof table == NMW_MATCH_OPTS * sizeof *table, "NMW_MATCH_OPTS rows");
	memcpy(rows, table, sizeof table);
}

static int parse(struct nmw_match *m, int argc, char **argv, int *nargs, struct nmw_err *e)
{
	struct nmw_opt opts[NMW_MATCH_OPTS];
	nmw_match_opts(m, opts);
	static const struct nmw_opt none[] = {{.type = NMW_OPT_END}};
	const struct nmw_match_tool *t = m->tool;
	const struct nmw_opt_spec spec = {
		.tool = t->command,
		.synopsis = "[-i RING]... [-o RING]",
		.summary = t->summary,
		.examples = t->examples,
		.groups = {t->opts ? t->opts : none, opts, nmw_stage_opts(&m->stage)},
		.backends = t->backends};
	return nmw_opt_parse(&spec, argc, argv, nargs, e);
}

/* A log that is not written is not to be believed in. */
static int check_journal(const struct nmw_match *m, struct nmw_err *e)
{
	const struct nmw_durable_opts *j = &m->journal;
	const struct {
		const char *name;
		const void *at;
		bool differs; /* from its default */
	} opt[] = {{"--sync", &j->sync, j->sync != NMW_SYNC_BATCH},
		   {"--snapshot-every", &j->snapshot_every, j->snapshot_every != 0},
		   {"--segment-size", &j->segment_sz, j->segment_sz != NMW_JOURNAL_SEGMENT_DEF}};
	const char *alone = NULL;
	for (size_t i = 0; i < sizeof opt / sizeof opt[0] && !alone; i++)
		if (opt[i].differs || nmw_opt_given(opt[i].at))
			alone = opt[i].name;
	if (!j->dir && alone)
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"%s: there is no journal without --journal DIR: add it, or leave "
			"%s out",
			alone, alone);
	if (j->dir && nmw_stage_drops(&m->stage))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--journal and --on-full drop: an output that is dropped cannot "
				   "be told from one that was sent: leave one out");
	return 0;
}

static int configure(struct nmw_match *m, struct nmw_engine_spec *s, struct nmw_err *e)
{
	*s = (struct nmw_engine_spec){.symbols = (uint32_t)m->symbols,
				      .orders = (uint32_t)m->orders,
				      .sessions = (uint32_t)m->sessions,
				      .timers = (uint32_t)m->timers,
				      .ids = m->ids,
				      .window = (uint32_t)m->window,
				      .codec = (enum nmw_codec_id)m->codec,
				      .check = m->check,
				      .feed_out = !m->no_feed,
				      .replies_out = !m->no_replies,
				      .stp = (enum nmw_stp)m->self_match};
	if (m->window && (m->window < WINDOW_MIN || (m->window & (m->window - 1))))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--window %" PRIu64 ": not a power of two from %" PRIu64
				   " to %" PRIu64,
				   m->window, WINDOW_MIN, WINDOW_MAX);
	if (m->timers > m->orders)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--timers %" PRIu64 ": more than --orders %" PRIu64, m->timers,
				   m->orders);
	if (m->check && s->codec == NMW_CODEC_NONE)
		s->codec = NMW_CODEC_ITCH50;
	if (m->check && s->codec != NMW_CODEC_ITCH50)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--check compares with a market-data feed: it goes with "
				   "--codec itch50 only");
	int rc = check_journal(m, e);
	return rc ? rc : nmw_parse_utc_offset(m->utc_offset, &s->utc_offset_ns, e);
}

/* ---- the engine's output: straight into the ring --------------------------------------------- */

static struct nmw_slot *nowhere(struct nmw_match *m)
{
	return (struct nmw_slot *)(void *)m->nowhere;
}

static uint8_t *slot_after(struct nmw_slot *s, unsigned n, uint32_t stride)
{
	return (uint8_t *)s + (size_t)n * stride;
}

/* What was filled since the last turn counts, and is published when a burst is full. */
static void out_take(struct nmw_match *m)
{
	struct nmw_engine_out *o = &m->out;
	uint64_t n = (uint64_t)((uint8_t *)o->at - (uint8_t *)m->out_begin) / o->stride;
	m->durable.pos.produced += n;
	if (m->out_begin != nowhere(m)) {
		m->stage.pending += (unsigned)n;
		m->stage.pending_bytes += o->bytes;
	}
	o->bytes = 0;
	if (m->stage.pending >= m->stage.burst)
		nmw_stage_flush(&m->stage);
}

static void out_begin(struct nmw_match *m, struct nmw_slot *s, unsigned n, uint32_t stride)
{
	struct nmw_engine_out *o = &m->out;
	m->out_begin = o->at = s;
	o->end = (struct nmw_slot *)(void *)slot_after(s, n, stride);
	o->stride = stride;
}

/* An output that has no place goes here: one at a time, so that each that is dropped is counted. */
static void out_nowhere(struct nmw_match *m)
{
	m->durable.lost = m->durable.lost || !m->durable.replaying || m->stage.failed;
	m->out.inline_max = NMW_MSG_MAX;
	out_begin(m, nowhere(m), 1, sizeof(m->nowhere));
}

/* The slots from `pending` on that may be filled, up to the end of the ring. */
static void out_ring(struct nmw_match *m)
{
	struct nmw_stage *st = &m->stage;
	const struct nmw_prod *p = &st->out;
	unsigned n = st->granted - st->pending;
	uint64_t to_end = p->mask + 1 - ((p->next + st->pending) & p->mask);
	m->out.inline_max = p->inline_max;
	out_begin(m, nmw_prod_slot(&st->out, st->pending), n < to_end ? n : (unsigned)to_end,
		  1u << p->slot_shift);
}

static void out_turn(struct nmw_engine_out *o, bool more)
{
	struct nmw_match *m = o->arg;
	struct nmw_stage *st = &m->stage;
	out_take(m);
	if (!more)
		out_begin(m, nowhere(m), 0, o->stride);
	else if (nmw_durable_sends(&m->durable) &&
		 (st->pending < st->granted || nmw_stage_grow(st)))
		out_ring(m);
	else
		out_nowhere(m);
}

static uint8_t *out_frame(struct nmw_engine_out *o, uint32_t len)
{
	struct nmw_match *m = o->arg;
	struct nmw_slot *s = o->at;
	if (s == nowhere(m))
		return s->payload;
	out_take(m);
	s = nmw_prod_slot(&m->stage.out, m->stage.pending);
	uint8_t *p = nmw_prod_payload(&m->stage.out, s, len);
	if (!p)
		p = nmw_stage_frame(&m->stage, &s, len);
	if (p)
		out_ring(m);
	else
		out_nowhere(m);
	return p ? p : nowhere(m)->payload;
}

static int engine_open(struct nmw_match *m, const struct nmw_engine_spec *s, struct nmw_err *e)
{
	size_t size = nmw_engine_footprint(s);
	if (!size)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "engine: these sizes do not go together: see --orders, "
				   "--symbols-max, --ids, --window");
	size_t ids_at = (size + NMW_LINE - 1) / NMW_LINE * NMW_LINE;
	size = ids_at + nmw_ids_footprint(s->sessions);
	int rc = nmw_memory_take(&m->memory, size, !m->lazy, e);
	if (rc)
		return rc;
	rc = m->journal.dir ? nmw_durable_restore(&m->durable, m->memory.at, size, e) : 0;
	if (rc < 0)
		return rc;
	bool restored = rc == 1;
	m->engine =
		restored ? nmw_engine_join(m->memory.at, size) : nmw_engine_init(m->memory.at, s);
	if (!m->engine)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				   "journal %s: a snapshot is of another version of the engine: "
				   "remove the snapshots, the log is enough",
				   m->journal.dir);
	m->given = (struct nmw_ids *)(void *)((uint8_t *)m->memory.at + ids_at);
	m->durable.ids = m->given;
	if (!restored)
		nmw_ids_init(m->given, s->sessions);
	m->out = (struct nmw_engine_out){
		.stride = NMW_SLOT_SZ, .turn = out_turn, .frame = out_frame, .arg = m};
	out_begin(m, nowhere(m), 0, NMW_SLOT_SZ);
	rc = m->symbols_file && !restored ? nmw_symbols_load(m->engine, m->symbols_file, e) : 0;
	return !rc && m->tool->attach ? m->tool->attach(m, restored, e) : rc;
}

/* What the output depends on beside the input; numbers as text, so that no padding counts. */
static int journal_open(struct nmw_match *m, const struct nmw_engine_spec *s, struct nmw_err *e)
{
	char text[256];
	uint64_t hash;
	int n = snprintf(text, sizeof text, "%u %u %u %u %" PRIu64 " %u %d %d %d %d %d %" PRId64,
			 s->symbols, s->orders, s->sessions, s->timers, s->ids, s->window, s->codec,
			 s->check, s->feed_out, s->replies_out, s->stp, s->utc_offset_ns);
	int rc = nmw_durable_conf_hash(text, (size_t)n, m->symbols_file, &hash, e);
	nmw_stage_consumer(&m->stage, m->stage.tool);
	return rc ? rc : nmw_durable_open(&m->durable, &m->journal, hash, e);
}

/* ---- figures -------------------------------------------------------------------------------- */

static void drop_to(struct nmw_metrics *x, enum nmw_drop_id why, uint64_t total)
{
	nmw_drop(x, why, total - x->drop[why]);
}

static void report_check(struct nmw_metrics *x, const struct nmw_engine_stat *s)
{
	nmw_gauge(x, NMW_M_check_executions, s->check_executions);
	nmw_gauge(x, NMW_M_check_reproduced, s->check_reproduced);
	nmw_gauge(x, NMW_M_check_crossed_adds, s->check_crossed_adds);
	nmw_gauge(x, NMW_M_check_unknown_refs, s->check_unknown_refs);
	nmw_gauge(x, NMW_M_check_forced, s->check_forced);
	nmw_gauge(x, NMW_M_check_trades, s->check_trades);
	nmw_gauge(x, NMW_M_check_crosses, s->check_crosses);
	nmw_gauge(x, NMW_M_check_broken, s->check_broken);
	nmw_gauge(x, NMW_M_check_book_diff, s->check_book_diff);
}

static void report(struct nmw_match *m)
{
	struct nmw_metrics *x = m->stage.m;
	struct nmw_engine_stat s;
	nmw_engine_stat(m->engine, &s);
	nmw_gauge(x, NMW_M_orders_entered, s.entered);
	nmw_gauge(x, NMW_M_orders_replaced, s.replaced);
	nmw_gauge(x, NMW_M_orders_canceled, s.canceled);
	nmw_gauge(x, NMW_M_orders_expired, s.expired);
	nmw_gauge(x, NMW_M_orders_rejected, s.rejected);
	nmw_gauge(x, NMW_M_fills, s.fills);
	nmw_gauge(x, NMW_M_fill_shares, s.fill_shares);
	nmw_gauge(x, NMW_M_ignored, s.ignored);
	nmw_gauge(x, NMW_M_replies, s.replies);
	nmw_gauge(x, NMW_M_feed_out, s.feed_out);
	nmw_gauge(x, NMW_M_implicit_sessions, s.implicit_sessions);
	nmw_gauge(x, NMW_M_live_orders, s.live_orders);
	nmw_gauge(x, NMW_M_symbols, s.symbols);
	nmw_gauge(x, NMW_M_levels, s.levels);
	nmw_gauge(x, NMW_M_sessions_up, s.sessions_up);
	report_check(x, &s);
	drop_to(x, NMW_DROP_bad_message, s.bad_message);
	drop_to(x, NMW_DROP_no_session, s.no_session);
	drop_to(x, NMW_DROP_capacity, s.capacity);
	drop_to(x, NMW_DROP_codec, s.codec);
	drop_to(x, NMW_DROP_filtered, s.filtered);
	if (m->tool->report)
		m->tool->report(m);
	m->unreported = 0;
}

/* ---- running -------------------------------------------------------------------------------- */

/* After the rings are open and the journal is replayed. */
static void ids_start(struct nmw_match *m)
{
	m->several = m->stage.n_in > 1 || m->given->count;
	for (unsigned i = 0; i < m->stage.n_in; i++)
		m->input_key[i] = nmw_ids_input(nmw_cons_name(&m->stage.in[i]));
}

/* The id under which the engine knows a session of the input in turn. */
static uint32_t id_of(struct nmw_match *m, uint32_t session)
{
	if (!m->several) {
		nmw_ids_seen(m->given, session);
		return session;
	}
	uint32_t input = m->input_key[m->stage.in_turn];
	uint32_t id = nmw_ids_find(m->given, input, session);
	if (id)
		return id;
	id = nmw_ids_add(m->given, input, session);
	if (id && m->journal.dir)
		nmw_durable_session(&m->durable, input, session, id);
	if (!id && !m->ids_full)
		nmw_log(NMW_LOG_WARN,
			"more than %" PRIu64
			" sessions of several inputs: those that come now are dropped: raise "
			"--sessions",
			m->sessions);
	m->ids_full = m->ids_full || !id;
	return id;
}

/* Takes a burst's descriptors and payload pointers. The index of the first that does not lie in the
 * ring; n: all do. */
static unsigned collect(struct nmw_match *m, const struct nmw_cons *c, unsigned n)
{
	uint64_t bytes = 0;
	unsigned i;
	for (i = 0; i < n; i++) {
		struct nmw_slot *s = (struct nmw_slot *)(void *)m->desc[i];
		m->slot[i] = s;
		if (!nmw_cons_take(c, i, s, &m->payload[i], &m->len[i]))
			break;
		if (s->session)
			s->session = id_of(m, s->session);
		bytes += m->len[i];
	}
	nmw_count(m->stage.m, NMW_M_in_messages, i);
	nmw_count(m->stage.m, NMW_M_in_bytes, bytes);
	return i;
}

static void corrupt(struct nmw_match *m, const struct nmw_cons *c, unsigned at)
{
	struct nmw_err e = NMW_ERR_INIT;
	nmw_err_set(&e, -EPROTO, NMW_EXIT_PEER,
		    "ring %s: message %" PRIu64 ": %" PRIu32 " bytes at %" PRIu64
		    ": do not lie in the ring: restart its producer with --discard",
		    nmw_cons_name(c), c->next + at, m->len[at], m->slot[at]->frame_off);
	nmw_stage_fail(&m->stage, &e);
}

/* After n messages (0: idle). */
static void durable(struct nmw_match *m, unsigned n)
{
	struct nmw_err e = NMW_ERR_INIT;
	if (m->journal.dir && nmw_durable_tick(&m->durable, n, &e))
		nmw_stage_fail(&m->stage, &e);
}

static bool check_tool(struct nmw_match *m)
{
	struct nmw_err e = NMW_ERR_INIT;
	if (!m->tool->check || !m->tool->check(m, &e))
		return true;
	nmw_stage_fail(&m->stage, &e);
	return false;
}

/* --strict: one by one until the first that cannot be read, so that it can be named. */
static void engine_strict(struct nmw_match *m, unsigned n)
{
	struct nmw_engine_stat was, is;
	unsigned i = 0;
	nmw_engine_stat(m->engine, &was);
	for (; i < n && !m->bad_seq; i++) {
		nmw_engine_msg(m->engine, m->slot[i], m->payload[i], m->len[i], &m->out);
		nmw_engine_stat(m->engine, &is);
		if (is.bad_message == was.bad_message)
			continue;
		m->bad_seq = m->slot[i]->seq;
		m->bad_len = m->len[i];
		m->bad_type = m->len[i] ? m->payload[i][0] : 0;
		m->bad_input = m->stage.in_turn;
	}
	nmw_engine_burst(m->engine, m->slot + i, m->payload + i, m->len + i, n - i, &m->out);
}

/* The input is handed back after its outputs are published: a crash reads it again. */
static void burst(struct nmw_match *m, struct nmw_cons *c, unsigned n)
{
	unsigned good = collect(m, c, n);
	if (good < n) {
		corrupt(m, c, good);
		return;
	}
	struct nmw_err e = NMW_ERR_INIT;
	if (m->journal.dir &&
	    nmw_durable_log(&m->durable, m->stage.in_turn, m->slot, m->payload, m->len, n, &e)) {
		nmw_stage_fail(&m->stage, &e);
		return;
	}
	if (m->stage.strict)
		engine_strict(m, n);
	else
		nmw_engine_burst(m->engine, m->slot, m->payload, m->len, n, &m->out);
	nmw_stage_flush(&m->stage);
	if (nmw_stage_cut(&m->stage))
		return;
	nmw_cons_release(c, n);
	if (!check_tool(m))
		return;
	durable(m, n);
	m->unreported += n;
	if (m->unreported >= REPORT_EVERY)
		report(m);
}

/* What one message changed is not worth its way to the next one. */
static void report_when_due(struct nmw_match *m)
{
	if (!m->unreported)
		return;
	uint64_t now = nmw_clock_mono();
	if (now - m->reported_ns < REPORT_NS)
		return;
	report(m);
	m->reported_ns = now;
}

static void run(struct nmw_match *m)
{
	struct nmw_stage *st = &m->stage;
	if (!check_tool(m)) /* lost while the books were filled */
		return;
	while (nmw_stage_go(st)) {
		struct nmw_cons *c;
		unsigned n = nmw_stage_poll(st, &c);
		if (n) {
			nmw_stage_busy(st);
			burst(m, c, n);
			continue;
		}
		report_when_due(m);
		durable(m, 0);
		if (check_tool(m))
			nmw_stage_idle(st);
	}
}

/* What the replay of a feed showed. */
static void check(struct nmw_match *m)
{
	struct nmw_engine_stat s;
	char line[256];
	if (m->out.held)
		nmw_held_release(m->out.held);
	nmw_replay_compare(m->engine);
	nmw_engine_stat(m->engine, &s);
	bool same = s.check_reproduced == s.check_executions && !s.check_book_diff;
	for (unsigned i = 0; nmw_replay_line(m->engine, i, line, sizeof(line)); i++)
		nmw_log(same ? NMW_LOG_INFO : NMW_LOG_ERROR, "%s", line);
	if (m->stage.strict && s.check_unknown_refs)
		nmw_log(NMW_LOG_ERROR,
			"--strict: %" PRIu64 " references to no known order: 0 expected: begin the "
			"feed at its day's start, or leave --strict out",
			s.check_unknown_refs);
	if (!same || (m->stage.strict && s.check_unknown_refs))
		m->stage.exit = NMW_EXIT_DATA;
}

static void say_strict(struct nmw_match *m)
{
	char first[96] = "";
	if (m->bad_seq)
		snprintf(first, sizeof first, ": the first, message %" PRIu64 " of ring %.40s",
			 m->bad_seq, nmw_cons_name(&m->stage.in[m->bad_input]));
	nmw_log(NMW_LOG_ERROR,
		"--strict: %" PRIu64 " messages could not be read%s: type 0x%02x, %" PRIu32
		" bytes found, a type, length and values of its protocol expected: mend the "
		"source, or "
		"leave --strict out",
		m->stage.m->drop[NMW_DROP_bad_message], first, m->bad_type, m->bad_len);
	m->stage.exit = NMW_EXIT_DATA;
}

static void finish(struct nmw_match *m)
{
	struct nmw_err e = NMW_ERR_INIT;
	if (m->stage.drained && !m->stage.failed && m->journal.dir &&
	    nmw_durable_end(&m->durable, &e))
		nmw_stage_fail(&m->stage, &e);
	if (m->stage.drained && !m->stage.failed)
		nmw_engine_end(m->engine, &m->out);
	nmw_stage_flush(&m->stage);
	if (m->journal.dir && nmw_durable_close(&m->durable, true, &e))
		nmw_stage_fail(&m->stage, &e);
	if (m->check && !m->stage.failed)
		check(m);
	report(m);
	if (m->stage.strict && m->stage.m->drop[NMW_DROP_bad_message])
		say_strict(m);
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

static void say_memory(const struct nmw_match *m)
{
	nmw_log(NMW_LOG_INFO,
		"engine: %" PRIu64 " orders, %" PRIu64 " symbols, %" PRIu64 " sessions, %" PRIu64
		" ids: %zu MiB, %s",
		m->orders, m->symbols, m->sessions, m->ids, m->memory.size >> 20, m->memory.is);
	struct nmw_engine_memory by;
	nmw_engine_memory(m->engine, &by);
	nmw_log(NMW_LOG_INFO,
		"engine: of that for orders %.1f, windows %.1f, ids %.1f, tokens %.1f, chains and "
		"timers %.1f, other %.1f MiB",
		mib(by.orders), mib(by.windows), mib(by.ids), mib(by.tokens), mib(by.chains),
		mib(by.other));
}

static int open_all(struct nmw_match *m, const struct nmw_engine_spec *spec, struct nmw_err *e)
{
	int rc = 0;
	if (m->tool->open) {
		rc = nmw_stage_check(&m->stage, e);
		if (!rc)
			rc = m->tool->open(m, e);
	}
	if (!rc && m->journal.dir)
		rc = journal_open(m, spec, e);
	if (!rc)
		rc = engine_open(m, spec, e);
	if (!rc)
		rc = nmw_stage_open(&m->stage, e);
	if (rc)
		return rc;
	say_memory(m);
	if (m->tool->say)
		m->tool->say(m);
	return m->journal.dir ? nmw_durable_start(&m->durable, &m->stage, m->engine, &m->out, e)
			      : 0;
}

int nmw_match_main(struct nmw_match *m, const struct nmw_match_tool *t, int argc, char **argv)
{
	struct nmw_engine_spec spec;
	struct nmw_err e = NMW_ERR_INIT;
	int nargs;
	m->tool = t;
	if (nmw_stage_init(&m->stage, t->name, NMW_STAGE_IN | NMW_STAGE_OUT) < 0)
		return NMW_EXIT_RESOURCE;
	m->stage.command = t->command;
	defaults(m);
	int act = parse(m, argc, argv, &nargs, &e);
	if (act == NMW_OPT_DONE)
		return nmw_stage_close(&m->stage, NULL);
	int rc = act < 0 ? act : configure(m, &spec, &e);
	if (!rc)
		rc = open_all(m, &spec, &e);
	if (!rc) {
		ids_start(m);
		run(m);
		finish(m);
	}
	if (t->close)
		t->close(m);
	nmw_durable_close(&m->durable, false, NULL);
	rc = nmw_stage_close(&m->stage, &e);
	nmw_memory_give(&m->memory);
	return rc;
}
