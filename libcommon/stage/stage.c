#include "stage/stage_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "ring/handoff.h"
#include "ring/route.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STOP_GRACE_NS	 NMW_NS_PER_S /* after a stop signal, for the stage before to close first */
#define STOP_TOGETHER_NS (50ull * 1000 * 1000)
#define FAULTS_NS	 NMW_NS_PER_S	  /* between two looks at the page faults */
#define AWAITED_SAY_NS	 NMW_NS_PER_S	  /* waiting for a consumer to follow */
#define IDLE_CHECK_NS	 (1000ull * 1000) /* idle time after which an input's state is asked for */

volatile sig_atomic_t nmw_stage_stops;
static volatile sig_atomic_t figures_wanted;

/* Signals that come together are one: timeout(1) sends its own twice, to its child and to the
 * process group. */
static void on_stop(int sig)
{
	static _Atomic uint64_t first_ns;
	(void)sig;
	uint64_t now = nmw_clock_mono();
	if (nmw_stage_stops && now - first_ns < STOP_TOGETHER_NS)
		return;
	if (!nmw_stage_stops)
		first_ns = now;
	nmw_stage_stops = nmw_stage_stops + 1;
}

static void on_figures(int sig)
{
	(void)sig;
	figures_wanted = 1;
}

void nmw_stage_signals(void)
{
	struct sigaction sa = {.sa_handler = on_stop};
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	struct sigaction was;
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN) /* nohup(1) */
		sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = on_figures;
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	if (sigaction(SIGUSR2, NULL, &was) == 0 && was.sa_handler == SIG_DFL)
		sigaction(SIGUSR2, &sa, NULL); /* who has a use for it says so */
}

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

void nmw_stage_flaw(struct nmw_stage *st, enum nmw_ring_flaw flaw)
{
	if (flaw > st->flaw)
		st->flaw = flaw;
}

void nmw_stage_say_figures(const struct nmw_stage *st)
{
	char line[1024];
	nmw_metrics_line(st->m, line, (int)sizeof line);
	nmw_log(NMW_LOG_INFO, "%s", line);
}

void nmw_stage_check_downstream(struct nmw_stage *st)
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
		if (left && !st->cold->left_said)
			nmw_log(NMW_LOG_INFO,
				"ring %s: the stage behind this one ended: %llu messages were not "
				"taken",
				name, left);
		st->cold->left_said = left > 0;
		return;
	}
	bool lost = left && (died || nmw_prod_started(&st->out));
	nmw_err_set(&e, -EPIPE, lost ? NMW_EXIT_LOSS : NMW_EXIT_PEER,
		    "ring %s: the stage behind this one %s: %llu messages were not taken: %s", name,
		    died ? "died" : "ended", left,
		    died ? "look at its error, then start the pipeline again"
			 : "unless it was to end so early (--count), look at its error");
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

static uint64_t page_faults(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_minflt + (uint64_t)u.ru_majflt;
}

void nmw_stage_count_faults(struct nmw_stage *st)
{
	nmw_gauge(st->m, NMW_M_page_faults, page_faults() - st->cold->faults_at_ready);
}

/* The first look is when the stage is ready: all memory is taken and touched. */
static void look_at_faults(struct nmw_stage *st, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	if (now - c->faults_looked < FAULTS_NS)
		return;
	if (c->faults_looked)
		nmw_stage_count_faults(st);
	else
		c->faults_at_ready = page_faults();
	c->faults_looked = now;
}

void nmw_stage_housekeeping(struct nmw_stage *st, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	c->last_housekeeping = now;
	st->m->heartbeat_ns = now;
	nmw_gauge(st->m, NMW_M_idle_parks, st->wait.parks);
	look_at_faults(st, now);
	if (figures_wanted) {
		figures_wanted = 0;
		nmw_stage_say_figures(st);
	}
	if (nmw_stage_stops)
		stop_inputs(st, now);
	nmw_stage_check_downstream(st);
	if (st->has_out)
		nmw_stage_look_at_routes(st);
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
	return st->failed || nmw_stage_stops > 1;
}

bool nmw_stage_go(struct nmw_stage *st)
{
	if (++st->calls >= HOUSEKEEPING_GO || nmw_stage_stops || figures_wanted) {
		st->calls = 0;
		uint64_t now = nmw_clock_mono();
		if (now - st->cold->last_housekeeping >= HOUSEKEEPING_NS || nmw_stage_stops ||
		    figures_wanted)
			nmw_stage_housekeeping(st, now);
	}
	if (nmw_stage_cut(st) || st->drained)
		return false;
	return !st->stopping || (st->n_in > 0 && !all_stopped(st));
}

bool nmw_stage_quiet(const struct nmw_stage *st)
{
	return st->cold->quiet;
}

bool nmw_stage_group(const struct nmw_stage *st)
{
	return st->cold->group;
}

bool nmw_stage_named(const struct nmw_stage *st)
{
	return st->cold->consumer;
}

bool nmw_stage_leaving(void)
{
	return nmw_stage_stops > 1;
}

/* Of n messages: those of other routes at the start are passed over; how many then follow each
 * other up to the next of another route. What a sink still holds before them is not handed back. */
static unsigned of_route(struct nmw_cons *c, unsigned route, unsigned n)
{
	unsigned skip = 0, run;
	for (; skip < n; skip++) {
		unsigned r = nmw_route_of(nmw_cons_slot(c, skip));
		if (!r || r == route)
			break;
	}
	if (skip && (!c->cursor || *c->cursor == c->next - 1))
		nmw_cons_release(c, skip);
	else if (skip)
		nmw_cons_keep(c, skip);
	for (run = 0; run < n - skip; run++) {
		unsigned r = nmw_route_of(nmw_cons_slot(c, run));
		if (r && r != route)
			break;
	}
	return run;
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
		if (n && st->in_route[i])
			n = of_route(&st->in[i], st->in_route[i], n);
		if (n) {
			*c = &st->in[i];
			st->turn += n;
			return n;
		}
	}
	return 0;
}

/* A producer that died: a private one is the end of the pipeline, a named one may come back; so may
 * the consumer that is to be followed (--after), which left before it had read all. */
static void input_dead(struct nmw_stage *st, unsigned i, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	struct nmw_err e = NMW_ERR_INIT;
	const char *name = nmw_cons_name(&st->in[i]), *lead = nmw_cons_awaited(&st->in[i]);
	if (!c->input_dead_since[i]) {
		c->input_dead_since[i] = now;
		if (!c->private_in && !lead)
			nmw_log(NMW_LOG_WARN,
				"ring %s: its producer died: waiting for it to come back", name);
	}
	bool waited = c->wait_ns && now - c->input_dead_since[i] >= c->wait_ns;
	if (lead && (c->private_in || waited))
		nmw_err_set(&e, -EPIPE, NMW_EXIT_PEER,
			    "ring %s: no more will come, and consumer %s, which is to be followed, "
			    "is not there: start it with -i %s --consumer %s, or leave out --after",
			    name, lead, name, lead);
	else if (c->private_in)
		nmw_err_set(&e, -EPIPE, NMW_EXIT_PEER,
			    "ring %s: the stage before this one died: what it had published was "
			    "processed: look at its error, then start the pipeline again",
			    name);
	else if (waited)
		nmw_err_set(
			&e, -EPIPE, NMW_EXIT_PEER,
			"ring %s: its producer died and did not come back in %.1f s: restart it "
			"with -o %s, or wait longer with --wait",
			name, (double)c->wait_ns / 1e9, name);
	if (e.err)
		nmw_stage_fail(st, &e);
}

/* A producer that failed has closed its ring all the same, for its readers to take what came
 * before. That it failed is this stage's error too, but what it has is passed on first. */
static void input_ended(struct nmw_stage *st, unsigned i)
{
	struct nmw_stage_cold *c = st->cold;
	enum nmw_ring_flaw flaw = nmw_cons_flaw(&st->in[i]);
	nmw_stage_flaw(st, flaw);
	if (flaw == NMW_RING_FAILED && !c->input_err.err)
		nmw_err_set(&c->input_err, -EPIPE, NMW_EXIT_PEER,
			    "ring %s: the stage before this one ended with an error: what it had "
			    "published was processed, the end is missing: look at its error",
			    nmw_cons_name(&st->in[i]));
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

/* --after names a consumer that is not there: without a word nothing would ever be read. */
static void look_for_awaited(struct nmw_stage *st, unsigned i, uint64_t now)
{
	struct nmw_stage_cold *c = st->cold;
	const char *name = nmw_cons_awaited(&st->in[i]);
	if (!name || !c->awaited_since[i]) {
		c->awaited_since[i] = name ? now : 0;
		c->awaited_said[i] = false;
	}
	if (!name || c->awaited_said[i] || now - c->awaited_since[i] < AWAITED_SAY_NS)
		return;
	c->awaited_said[i] = true;
	nmw_log(NMW_LOG_WARN,
		"ring %s: nothing is read before consumer %s, which is not there: start it with "
		"-i %s --consumer %s, or leave out --after",
		nmw_cons_name(&st->in[i]), name, nmw_cons_name(&st->in[i]), name);
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
				look_for_awaited(st, i, now);
				c->input_ended[i] = state == NMW_RING_CLOSED;
				if (c->input_ended[i])
					input_ended(st, i);
				else if (state == NMW_RING_CORRUPT)
					input_corrupt(st, i);
				else if (state == NMW_RING_DEAD)
					input_dead(st, i, now);
				else
					c->input_dead_since[i] = 0;
			}
		}
		all = all && c->input_ended[i];
	}
	if (all && st->flaw == NMW_RING_FAILED)
		st->stopping = true;
	else
		st->drained = st->drained || all;
}

void nmw_stage_idle(struct nmw_stage *st)
{
	if (st->pending)
		nmw_stage_flush(st);
	if (st->turn) {
		nmw_wait_turn(&st->wait, st->turn, st->in[0].mask + 1);
		st->turn = 0;
	}
	uint64_t parks = st->wait.parks;
	uint64_t idle = nmw_wait_idle(&st->wait, st->n_in == 1 ? &st->in[0] : NULL);
	if (idle >= IDLE_CHECK_NS && st->n_in)
		check_inputs(st);
	/* at a few hundred messages a second each is waited for once, and calls are few */
	if (idle >= IDLE_CHECK_NS || st->wait.parks != parks)
		nmw_stage_look_soon(st);
}
