#include "stage/stage.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/streams.h"
#include "ring/handoff.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUSEKEEPING_NS (10ull * 1000 * 1000) /* between two looks at peers and signals */
#define HOUSEKEEPING_GO 1024u	     /* calls of nmw_stage_go between two looks at the clock */
#define STOP_GRACE_NS	NMW_NS_PER_S /* after a stop signal, for the stage before to close first */
#define JOIN_RETRY_NS	(2ull * 1000 * 1000)
#define IDLE_CHECK_NS	(1000ull * 1000) /* idle time after which an input's state is asked for */
#define ROOM_SAY_NS	NMW_NS_PER_S	 /* a wait for room that is worth a line */
#define ROOM_SPINS	200u
#define ROOM_SLEEP_MIN	(20ull * 1000)
#define ROOM_SLEEP_MAX	(200ull * 1000)
#define WAIT_DEFAULT_NS (10ull * NMW_NS_PER_S)

struct nmw_stage_cold {
	struct nmw_opt opts[32];
	struct nmw_opt_list in_names;
	const char *out_name, *consumer, *after, *instance;
	uint64_t wait_ns, slots, slot_sz, frames, burst, min_consumers, cpu;
	int pages, wait_mode, on_full, log_level, log_format;
	bool discard, group, quiet;

	bool private_in, private_out; /* handed over through stdin, stdout */
	bool closing;		      /* nothing more will be published */
	bool input_ended[NMW_STAGE_INS];
	uint64_t input_dead_since[NMW_STAGE_INS]; /* ns; 0 = its producer lives */
	uint64_t stop_at[NMW_STAGE_INS];	  /* sequence number to stop before; 0 = none */
	uint64_t stop_since;
	uint64_t last_housekeeping;
	uint64_t room_since,
		room_said; /* wait for room: its start, the start of the one that was said */
	uint64_t started_ns;
	uint64_t sent_at_ready;
	struct nmw_err err;
};

static volatile sig_atomic_t stop_signals;
static volatile sig_atomic_t figures_wanted;

static void on_stop(int sig)
{
	(void)sig;
	stop_signals = stop_signals + 1;
}

static void on_figures(int sig)
{
	(void)sig;
	figures_wanted = 1;
}

static void signals_init(void)
{
	struct sigaction sa = {.sa_handler = on_stop};
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = on_figures;
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

/* ---- options -------------------------------------------------------------------------------- */

static void opt_add(struct nmw_stage_cold *c, unsigned *n, struct nmw_opt o)
{
	c->opts[(*n)++] = o;
}

static void opts_in(struct nmw_stage_cold *c, unsigned *n)
{
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_LIST, 'i', "in", "RING", &c->in_names, 0,
				 NMW_RING_NAME_MAX - 1,
				 "input ring (repeatable; default: the one named on stdin)"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 0, "consumer", "NAME", &c->consumer, 0,
				 NMW_RING_CONSUMER_MAX - 1,
				 "be this named consumer: its place is kept while it is away"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 0, "after", "NAME", &c->after, 0,
				 NMW_RING_CONSUMER_MAX - 1,
				 "never pass the place of this named consumer"});
}

static void opts_out(struct nmw_stage_cold *c, unsigned *n)
{
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 'o', "out", "RING", &c->out_name, 0,
				 NMW_RING_NAME_MAX - 1,
				 "output ring (default: a private one, named on stdout)"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "pages", "auto|huge|normal", &c->pages, 0, 0,
				 "pages of the output ring"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_SIZE, 0, "slots", "COUNT", &c->slots, NMW_RING_SLOTS_MIN,
				 NMW_RING_SLOTS_MAX, "slots of the output ring, a power of two"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_SIZE, 0, "slot-size", "SIZE", &c->slot_sz, 64, 4096,
				 "bytes of a slot, a power of two; 48 are the descriptor"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_SIZE, 0, "frames", "SIZE", &c->frames, 4096, 1ull << 40,
				 "bytes for payloads that do not fit a slot"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "on-full", "wait|drop", &c->on_full, 0, 0,
				 "what to do when the output ring is full; drops are counted"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_U64, 0, "min-consumers", "N", &c->min_consumers, 0,
				 NMW_RING_CONSUMERS,
				 "publish nothing before that many have joined"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_FLAG, 0, "discard", NULL, &c->discard, 0, 0,
				 "start the ring anew instead of resuming a dead producer's"});
}

static void opts_common(struct nmw_stage_cold *c, unsigned *n)
{
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_DURATION, 0, "wait", "TIME", &c->wait_ns, 0, 0,
				 "how long to wait for a ring or its producer; 0s = for ever"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_U64, 0, "burst", "N", &c->burst, 1, NMW_BURST_MAX,
				 "messages a burst"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "wait-mode", "auto|spin|park", &c->wait_mode, 0,
				 0, "what to do when idle"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_FLAG, 0, "group", NULL, &c->group, 0, 0,
				 "open rings and counters to the group"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 0, "name", "NAME", &c->instance, 0,
				 NMW_METRICS_INSTANCE_MAX - 1,
				 "name of this instance in nmw-stat"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_U64, 0, "cpu", "N", &c->cpu, 0, CPU_SETSIZE - 1,
				 "run on this CPU only"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "log-level", "error|warn|info|debug",
				 &c->log_level, 0, 0, "least level that is logged"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "log-format", "text|json", &c->log_format, 0, 0,
				 "form of the log on stderr"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_FLAG, 'q', "quiet", NULL, &c->quiet, 0, 0,
				 "no figures at the end"});
}

int nmw_stage_init(struct nmw_stage *st, const char *tool, unsigned flags)
{
	memset(st, 0, sizeof *st);
	nmw_streams_init();
	struct nmw_stage_cold *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	st->tool = tool;
	st->flags = flags;
	st->cold = c;
	c->wait_ns = WAIT_DEFAULT_NS;
	c->slots = NMW_RING_SLOTS_DEF;
	c->slot_sz = NMW_SLOT_SZ;
	c->frames = NMW_RING_FRAMES_DEF;
	c->burst = NMW_BURST_DEF;
	c->min_consumers = 1;
	c->cpu = CPU_SETSIZE;
	c->log_level = NMW_LOG_INFO;
	unsigned n = 0;
	opt_add(c, &n, (struct nmw_opt){.type = NMW_OPT_GROUP, .help = "Rings and running:"});
	if (flags & NMW_STAGE_IN)
		opts_in(c, &n);
	if (flags & NMW_STAGE_OUT)
		opts_out(c, &n);
	opts_common(c, &n);
	opt_add(c, &n, (struct nmw_opt){.type = NMW_OPT_END});
	nmw_log_init(tool, NMW_LOG_INFO, NMW_LOG_TEXT);
	return 0;
}

const struct nmw_opt *nmw_stage_opts(struct nmw_stage *st)
{
	return st->cold->opts;
}

void nmw_stage_consumer(struct nmw_stage *st, const char *name)
{
	if (!st->cold->consumer)
		st->cold->consumer = name;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int pin_cpu(uint64_t cpu, struct nmw_err *e)
{
	if (cpu == CPU_SETSIZE)
		return 0;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) == 0)
		return 0;
	return nmw_err_set(e, -errno, NMW_EXIT_USAGE,
			   "--cpu %llu: %s: choose one of those that `taskset -p $$` shows",
			   (unsigned long long)cpu, strerror(errno));
}

static bool power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

static int check_geometry(const struct nmw_stage_cold *c, struct nmw_err *e)
{
	if (!power_of_two(c->slots))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--slots %llu: not a power of two: 4K, 8K, 16K ...",
				   (unsigned long long)c->slots);
	if (!power_of_two(c->slot_sz))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--slot-size %llu: not a power of two: 64, 128, 256 .. 4K",
				   (unsigned long long)c->slot_sz);
	return 0;
}

/* Joins ring `name`, waiting for it to appear. */
static int join(struct nmw_stage *st, const char *name, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	const struct nmw_cons_spec spec = {
		.ring = name, .name = c->consumer, .after = c->after, .group = c->group};
	uint64_t start = nmw_clock_mono();
	bool said = false;
	for (;;) {
		/* Asked before the try: a private ring is there before its name is handed on. */
		bool gone = c->private_in && !nmw_handoff_alive_up(STDIN_FILENO);
		int rc = nmw_cons_join(&st->in[st->n_in], &spec, e);
		if (rc == 0) {
			*e = (struct nmw_err)NMW_ERR_INIT; /* of the tries before */
			st->n_in++;
		}
		if (rc != -ENOENT)
			return rc;
		if (gone)
			return nmw_err_set(
				e, -ENOENT, NMW_EXIT_PEER,
				"ring %s: the stage before this one ended and took it "
				"along: look at its error, then start the pipeline again",
				name);
		uint64_t waited = nmw_clock_mono() - start;
		if (stop_signals)
			return nmw_err_set(e, -EINTR, NMW_EXIT_OK,
					   "ring %s: stopped while waiting for it", name);
		if (c->wait_ns && waited >= c->wait_ns)
			return nmw_err_set(
				e, -ENOENT, NMW_EXIT_PEER,
				"ring %s: not there after %.1f s: start its producer with "
				"-o %s, or wait longer with --wait",
				name, (double)c->wait_ns / 1e9, name);
		if (!said && waited > 500 * 1000 * 1000ull) {
			nmw_log(NMW_LOG_INFO, "ring %s: waiting for it", name);
			said = true;
		}
		nanosleep(&(struct timespec){.tv_nsec = (long)JOIN_RETRY_NS}, NULL);
	}
}

static int open_inputs(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	if (c->in_names.n == 0) {
		char name[NMW_RING_NAME_MAX];
		if (isatty(STDIN_FILENO))
			return nmw_err_set(
				e, -EINVAL, NMW_EXIT_USAGE,
				"no input: name a ring with -i RING, or put a stage before "
				"this one: nmw-recv SOURCE | %s",
				st->tool);
		int rc = nmw_handoff_take(STDIN_FILENO, name, c->wait_ns ? c->wait_ns : UINT64_MAX,
					  e);
		if (rc)
			return rc;
		c->private_in = true;
		return join(st, name, e);
	}
	for (unsigned i = 0; i < c->in_names.n; i++) {
		int rc = join(st, c->in_names.v[i], e);
		if (rc)
			return rc;
	}
	return 0;
}

static int open_output(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	struct stat sb;
	bool pipe_out =
		fstat(STDOUT_FILENO, &sb) == 0 && (S_ISFIFO(sb.st_mode) || S_ISSOCK(sb.st_mode));
	if (!c->out_name && !pipe_out)
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"no output: name a ring with -o RING, or put a stage behind this one: "
			"%s ... | nmw-send SINK",
			st->tool);
	const struct nmw_ring_spec spec = {.name = c->out_name,
					   .slots = c->slots,
					   .slot_sz = (uint32_t)c->slot_sz,
					   .frame_bytes = c->frames,
					   .pages = (enum nmw_pages)c->pages,
					   .min_consumers = (unsigned)c->min_consumers,
					   .group = c->group,
					   .discard = c->discard,
					   .tool = st->tool};
	int rc = nmw_prod_open(&st->out, &spec, e);
	if (rc)
		return rc;
	st->has_out = true;
	nmw_log(NMW_LOG_INFO, "ring %s: %s", nmw_prod_name(&st->out), nmw_prod_backing(&st->out));
	if (c->out_name)
		return 0;
	c->private_out = true;
	return nmw_handoff_give(STDOUT_FILENO, nmw_prod_name(&st->out), e);
}

static void fill_metrics(struct nmw_stage *st)
{
	for (unsigned i = 0; i < st->n_in; i++)
		snprintf(st->m->in_ring[i], sizeof st->m->in_ring[i], "%s",
			 nmw_cons_name(&st->in[i]));
	if (st->has_out)
		snprintf(st->m->out_ring, sizeof st->m->out_ring, "%s", nmw_prod_name(&st->out));
	st->m->heartbeat_ns = nmw_clock_mono();
	st->m->state = NMW_TOOL_RUNNING;
}

static void log_init(const struct nmw_stage *st)
{
	nmw_log_init(st->tool, (enum nmw_log_level)st->cold->log_level,
		     (enum nmw_log_format)st->cold->log_format);
}

/* Counters that nmw-stat cannot see are no reason not to run. */
static int open_counters(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	int rc = nmw_metrics_open(&st->m, st->tool, st->cold->instance, st->cold->group, &why);
	if (rc)
		*e = why;
	else if (why.err)
		nmw_log(NMW_LOG_WARN, "%s", why.msg);
	return rc;
}

int nmw_stage_open(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	log_init(st);
	signals_init();
	st->burst = (unsigned)c->burst;
	st->drop_on_full = c->on_full == 1;
	nmw_wait_init(&st->wait, (enum nmw_wait_mode)c->wait_mode);
	int rc = check_geometry(c, e);
	if (!rc)
		rc = pin_cpu(c->cpu, e);
	if (!rc)
		rc = open_counters(st, e);
	if (!rc && (st->flags & NMW_STAGE_IN))
		rc = open_inputs(st, e);
	if (!rc && (st->flags & NMW_STAGE_OUT))
		rc = open_output(st, e);
	if (rc)
		return rc;
	fill_metrics(st);
	c->started_ns = c->last_housekeeping = nmw_clock_mono();
	return 0;
}

/* ---- running -------------------------------------------------------------------------------- */

void nmw_stage_fail(struct nmw_stage *st, const struct nmw_err *e)
{
	if (!st->failed)
		st->cold->err = *e;
	st->failed = true;
}

void nmw_stage_done(struct nmw_stage *st)
{
	st->drained = true;
}

static void say_figures(const struct nmw_stage *st)
{
	char line[1024];
	nmw_metrics_line(st->m, line, (int)sizeof line);
	nmw_log(NMW_LOG_INFO, "%s", line);
}

/* The consumer of a private ring is the next program of the pipeline. */
static void check_downstream(struct nmw_stage *st)
{
	if (!st->cold->private_out || nmw_handoff_alive_down(STDOUT_FILENO))
		return;
	unsigned dead = 0;
	struct nmw_err e = NMW_ERR_INIT;
	unsigned alive = nmw_prod_consumers(&st->out, &dead);
	if (alive > 0)
		return;
	bool died = nmw_prod_evicted(&st->out) > 0;
	unsigned long long left = st->out.next - 1 - nmw_prod_taken(&st->out) + st->pending;
	const char *name = nmw_prod_name(&st->out);
	if (st->cold->closing && !died) { /* it has it all, or all that it wanted */
		if (left)
			nmw_log(NMW_LOG_INFO,
				"ring %s: the stage behind this one ended: %llu messages were not "
				"taken",
				name, left);
		return;
	}
	nmw_err_set(&e, -EPIPE, died && left ? NMW_EXIT_LOSS : NMW_EXIT_PEER,
		    "ring %s: the stage behind this one %s: %llu messages were not taken: look at "
		    "its error, then start the pipeline again",
		    name, died ? "died" : "ended", left);
	nmw_stage_fail(st, &e);
}

/* After a stop signal the stage before gets a moment to close, then this one stops at what is
 * there. */
static void stop_inputs(struct nmw_stage *st, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	if (!st->stopping) {
		st->stopping = true;
		c->stop_since = now;
		st->m->state = NMW_TOOL_DRAINING;
	}
	if (!c->private_in || now - c->stop_since > STOP_GRACE_NS)
		for (unsigned i = 0; i < st->n_in; i++)
			if (!c->stop_at[i])
				c->stop_at[i] =
					st->in[i].next + nmw_cons_ready(&st->in[i], UINT32_MAX);
}

static void housekeeping(struct nmw_stage *st, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	c->last_housekeeping = now;
	st->m->heartbeat_ns = now;
	nmw_gauge(st->m, NMW_M_idle_parks, st->wait.parks);
	if (figures_wanted) {
		figures_wanted = 0;
		say_figures(st);
	}
	if (stop_signals)
		stop_inputs(st, now);
	check_downstream(st);
}

static bool all_stopped(const struct nmw_stage *st)
{
	for (unsigned i = 0; i < st->n_in; i++) {
		const uint64_t at = st->cold->stop_at[i];
		if (!st->cold->input_ended[i] && (!at || st->in[i].next < at))
			return false;
	}
	return true;
}

bool nmw_stage_cut(const struct nmw_stage *st)
{
	return st->failed || stop_signals > 1;
}

bool nmw_stage_go(struct nmw_stage *st)
{
	if (++st->calls >= HOUSEKEEPING_GO || stop_signals || figures_wanted) {
		st->calls = 0;
		uint64_t now = nmw_clock_mono();
		if (now - st->cold->last_housekeeping >= HOUSEKEEPING_NS || stop_signals ||
		    figures_wanted)
			housekeeping(st, now);
	}
	if (nmw_stage_cut(st) || st->drained)
		return false;
	return !st->stopping || (st->n_in > 0 && !all_stopped(st));
}

bool nmw_stage_quiet(const struct nmw_stage *st)
{
	return st->cold->quiet;
}

bool nmw_stage_named(const struct nmw_stage *st)
{
	return st->cold->consumer;
}

bool nmw_stage_leaving(void)
{
	return stop_signals > 1;
}

unsigned nmw_stage_poll(struct nmw_stage *st, struct nmw_cons **c)
{
	for (unsigned k = 0; k < st->n_in; k++) {
		unsigned i = st->in_turn + 1 < st->n_in ? st->in_turn + 1 : 0;
		st->in_turn = i;
		unsigned want = st->burst;
		if (st->cold->stop_at[i]) {
			uint64_t left = st->cold->stop_at[i] - st->in[i].next;
			want = left < want ? (unsigned)left : want;
		}
		unsigned n = want ? nmw_cons_ready(&st->in[i], want) : 0;
		if (n) {
			*c = &st->in[i];
			return n;
		}
	}
	return 0;
}

/* A producer that died: a private one is the end of the pipeline, a named one may come back. */
static void input_dead(struct nmw_stage *st, unsigned i, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	struct nmw_err e = NMW_ERR_INIT;
	const char *name = nmw_cons_name(&st->in[i]);
	if (!c->input_dead_since[i]) {
		c->input_dead_since[i] = now;
		if (!c->private_in)
			nmw_log(NMW_LOG_WARN,
				"ring %s: its producer died: waiting for it to come back", name);
	}
	if (c->private_in)
		nmw_err_set(&e, -EPIPE, NMW_EXIT_PEER,
			    "ring %s: the stage before this one died: what it had published was "
			    "processed: look at its error, then start the pipeline again",
			    name);
	else if (c->wait_ns && now - c->input_dead_since[i] >= c->wait_ns)
		nmw_err_set(
			&e, -EPIPE, NMW_EXIT_PEER,
			"ring %s: its producer died and did not come back in %.1f s: restart it "
			"with -o %s, or wait longer with --wait",
			name, (double)c->wait_ns / 1e9, name);
	if (e.err)
		nmw_stage_fail(st, &e);
}

static void input_corrupt(struct nmw_stage *st, unsigned i)
{
	struct nmw_err e = NMW_ERR_INIT;
	nmw_err_set(&e, -EPROTO, NMW_EXIT_PEER,
		    "ring %s: corrupt at message %llu: remove it (nmw-stat reap) and restart its "
		    "producer",
		    nmw_cons_name(&st->in[i]), (unsigned long long)st->in[i].next);
	nmw_stage_fail(st, &e);
}

static void check_inputs(struct nmw_stage *st)
{
	struct nmw_stage_cold *c = st->cold;
	uint64_t now = nmw_clock_mono();
	bool all = st->n_in > 0;
	for (unsigned i = 0; i < st->n_in; i++) {
		if (!c->input_ended[i]) {
			enum nmw_ring_state state = nmw_cons_state(&st->in[i]);
			if (nmw_cons_ready(&st->in[i], 1) ==
			    0) { /* asked after the state: nothing was missed */
				c->input_ended[i] = state == NMW_RING_CLOSED;
				if (state == NMW_RING_CORRUPT)
					input_corrupt(st, i);
				else if (state == NMW_RING_DEAD)
					input_dead(st, i, now);
				else
					c->input_dead_since[i] = 0;
			}
		}
		all = all && c->input_ended[i];
	}
	st->drained = st->drained || all;
}

void nmw_stage_idle(struct nmw_stage *st)
{
	if (st->pending)
		nmw_stage_flush(st);
	uint64_t idle = nmw_wait_idle(&st->wait, st->n_in == 1 ? &st->in[0] : NULL);
	if (idle >= IDLE_CHECK_NS) {
		if (st->n_in)
			check_inputs(st);
		st->calls = HOUSEKEEPING_GO;
	}
}

/* ---- output --------------------------------------------------------------------------------- */

void nmw_stage_latency(struct nmw_stage *st, uint64_t now_ns, uint64_t ingress_ns, unsigned n)
{
	if (ingress_ns && now_ns >= ingress_ns)
		nmw_hist_record_n(&st->m->hist[NMW_H_ingress_ns], now_ns - ingress_ns, n);
}

/* Messages of one burst mostly share their ingress time: one record a run of equal ones. Those of a
 * source do. */
static void record_latency(struct nmw_stage *st)
{
	uint64_t now = nmw_clock_mono();
	uint64_t at = nmw_prod_slot(&st->out, 0)->ingress_ns;
	if (st->n_in == 0) {
		nmw_stage_latency(st, now, at, st->pending);
		return;
	}
	unsigned run = 1;
	for (unsigned i = 1; i < st->pending; i++, run++) {
		uint64_t t = nmw_prod_slot(&st->out, i)->ingress_ns;
		if (t != at) {
			nmw_stage_latency(st, now, at, run);
			at = t;
			run = 0;
		}
	}
	nmw_stage_latency(st, now, at, run);
}

void nmw_stage_flush(struct nmw_stage *st)
{
	if (!st->pending)
		return;
	record_latency(st);
	nmw_hist_record(&st->m->hist[NMW_H_burst_msgs], st->pending);
	nmw_count(st->m, NMW_M_out_messages, st->pending);
	nmw_count(st->m, NMW_M_out_bytes, st->pending_bytes);
	nmw_prod_publish(&st->out, st->pending);
	st->granted -= st->pending;
	st->pending = 0;
	st->pending_bytes = 0;
}

/* The consumer that holds the ring back, or NULL when none is there. */
static const char *slowest(const struct nmw_ring_info *i, uint64_t *behind, bool *alive)
{
	const char *name = NULL;
	uint64_t at = UINT64_MAX;
	for (unsigned k = 0; k < i->consumers; k++)
		if (i->consumer[k].cursor < at) {
			at = i->consumer[k].cursor;
			name = i->consumer[k].named ? i->consumer[k].name : "without a name";
			*alive = i->consumer[k].alive;
		}
	*behind = i->published > at ? i->published - at : 0;
	return name;
}

/* A wait for room that lasts is said once; who was asked to stop does not wait for a reader that is
 * away. */
static void look_at_wait(struct nmw_stage *st, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	c->room_since = c->room_since ? c->room_since : now;
	bool said = c->room_said == c->room_since;
	if (now - c->room_since < ROOM_SAY_NS || (said && !stop_signals))
		return;
	c->room_said = c->room_since;
	struct nmw_ring_info info;
	struct nmw_err e = NMW_ERR_INIT;
	const char *ring = nmw_prod_name(&st->out);
	if (nmw_ring_inspect(ring, &info, NULL))
		return;
	bool alive = false;
	uint64_t behind = 0;
	const char *name = slowest(&info, &behind, &alive);
	if (stop_signals && name && !alive) {
		nmw_err_set(&e, -EPIPE, NMW_EXIT_LOSS,
			    "ring %s: full, and stopped while consumer %s is away: it is %" PRIu64
			    " messages behind: bring it back, or give its place up with nmw-stat "
			    "reap",
			    ring, name, behind);
		nmw_stage_fail(st, &e);
	}
	if (said)
		return;
	if (!name)
		nmw_log(NMW_LOG_INFO, "ring %s: waiting for a consumer: start one with -i %s", ring,
			ring);
	else
		nmw_log(alive ? NMW_LOG_DEBUG : NMW_LOG_WARN,
			"ring %s: full: waiting for consumer %s (%s), %" PRIu64 " messages behind",
			ring, name, alive ? "alive" : "away", behind);
}

/* One step of waiting for room; false when the stage must end instead. */
static bool wait_step(struct nmw_stage *st, unsigned step)
{
	if (step < ROOM_SPINS || st->wait.mode == NMW_WAIT_SPIN) {
		nmw_clock_pause();
		if (step % ROOM_SPINS)
			return !st->failed && stop_signals < 2;
	} else {
		unsigned doublings = (step - ROOM_SPINS) / 8;
		uint64_t ns = ROOM_SLEEP_MIN << (doublings < 4 ? doublings : 4);
		ns = ns < ROOM_SLEEP_MAX ? ns : ROOM_SLEEP_MAX;
		nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
	}
	uint64_t now = nmw_clock_mono();
	if (now - st->cold->last_housekeeping >= HOUSEKEEPING_NS)
		housekeeping(st, now);
	look_at_wait(st, now);
	/* A source that is told to stop before anybody reads has nobody to drain to. */
	bool nobody = stop_signals && st->n_in == 0 && nmw_prod_consumers(&st->out, NULL) == 0;
	return !st->failed && !nobody && stop_signals < 2;
}

bool nmw_stage_grow(struct nmw_stage *st)
{
	nmw_stage_flush(st);
	st->granted = nmw_prod_room(&st->out, st->burst);
	if (st->granted)
		return true;
	nmw_count(st->m, NMW_M_full_waits, 1);
	if (st->drop_on_full && nmw_prod_started(&st->out)) {
		nmw_drop(st->m, NMW_DROP_ring_full, 1);
		return false;
	}
	st->cold->room_since = 0;
	for (unsigned step = 0; !st->granted; step++) {
		if (!wait_step(st, step))
			return false;
		st->granted = nmw_prod_room(&st->out, st->burst);
	}
	return true;
}

uint8_t *nmw_stage_frame(struct nmw_stage *st, struct nmw_slot **s, uint32_t len)
{
	if (len > nmw_prod_frame_max(&st->out)) {
		nmw_drop(st->m, NMW_DROP_too_long, 1);
		return NULL;
	}
	nmw_stage_flush(st);
	nmw_count(st->m, NMW_M_full_waits, 1);
	for (unsigned step = 0;; step++) {
		if (!st->granted && !nmw_stage_grow(st))
			return NULL;
		*s = nmw_prod_slot(&st->out, 0);
		uint8_t *p = nmw_prod_payload(&st->out, *s, len);
		if (p)
			return p;
		if (st->drop_on_full) {
			nmw_drop(st->m, NMW_DROP_ring_full, 1);
			return NULL;
		}
		if (!wait_step(st, step))
			return NULL;
	}
}

bool nmw_stage_forward(struct nmw_stage *st, const struct nmw_slot *src, const uint8_t *payload,
		       uint32_t len)
{
	uint8_t *p;
	struct nmw_slot *s = nmw_stage_slot(st, len, &p);
	if (!s)
		return false;
	memcpy(p, payload, len);
	s->ts_ns = src->ts_ns;
	s->ingress_ns = src->ingress_ns;
	s->in_seq = src->in_seq;
	s->session = src->session;
	s->channel = src->channel;
	s->codec = src->codec;
	nmw_stage_commit(st, s);
	return true;
}

/* ---- closing -------------------------------------------------------------------------------- */

/* The end of a private pipeline is reached when the next stage has taken everything. */
static void drain_output(struct nmw_stage *st)
{
	if (!st->cold->private_out)
		return;
	for (unsigned step = 0; nmw_prod_released(&st->out) + 1 < st->out.next ||
				nmw_prod_consumers(&st->out, NULL) == 0;
	     step++)
		if (!wait_step(st, step) || !nmw_handoff_alive_down(STDOUT_FILENO))
			break;
	if (!st->failed)
		check_downstream(st);
}

static void close_rings(struct nmw_stage *st)
{
	struct nmw_stage_cold *c = st->cold;
	if (st->has_out) {
		if (!st->failed)
			nmw_stage_flush(st);
		else if (!st->n_in) /* what a source took in and could not hand on any more */
			nmw_drop(st->m, NMW_DROP_reader_gone, st->pending);
		c->closing = true;
		if (!st->failed || !st->comes_back || c->private_out)
			nmw_prod_close(&st->out);
		if (!st->failed)
			drain_output(st);
		nmw_prod_leave(&st->out);
	}
	for (unsigned i = 0; i < st->n_in; i++)
		nmw_cons_leave(&st->in[i], c->input_ended[i]);
}

int nmw_stage_close(struct nmw_stage *st, const struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	log_init(st); /* an option may be what failed: --log-format json holds for that too */
	if (e && e->err)
		nmw_stage_fail(st, e);
	close_rings(st);
	if (stop_signals > 1 && !st->failed) {
		struct nmw_err again = NMW_ERR_INIT;
		nmw_err_set(&again, -EINTR, NMW_EXIT_LOSS,
			    "stopped at once by a second signal: messages may be lost");
		nmw_stage_fail(st, &again);
	}
	int rc = (int)st->exit;
	nmw_log_progress(NULL);
	if (st->m) {
		st->m->state = NMW_TOOL_ENDED;
		if (!c->quiet && c->started_ns)
			say_figures(st);
	}
	if (st->failed)
		rc = nmw_log_err(&c->err);
	if (st->m)
		nmw_metrics_close(st->m);
	free(c);
	st->cold = NULL;
	return rc;
}
