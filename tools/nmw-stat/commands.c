/* The commands that take a look and print it. */
#include "command.h"

#include "base/clock.h"
#include "base/parse.h"
#include "io/local.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int look(const struct command_args *a, struct nmw_err *e)
{
	struct state s;
	int rc = state_take(&s, a->argc ? a->argv[0] : NULL, e);
	if (rc)
		return rc;
	a->view->state(stdout, &s, &a->o->view);
	if (a->argc) /* what was asked for by name, and cannot be shown */
		rc = (int)state_unreadable(&s);
	state_free(&s);
	return rc;
}

int command_list(const struct command_args *a, struct nmw_err *e)
{
	return look(a, e);
}

int command_show(const struct command_args *a, struct nmw_err *e)
{
	return look(a, e);
}

/* ---- watch ---------------------------------------------------------------------------------- */

#define INTERVAL_MIN (10ull * 1000 * 1000)
#define INTERVAL_MAX (24ull * 3600 * NMW_NS_PER_S)

/* Sleeps until then, or a signal. */
static void sleep_until(uint64_t then_ns)
{
	struct timespec t = {.tv_sec = (time_t)(then_ns / NMW_NS_PER_S),
			     .tv_nsec = (long)(then_ns % NMW_NS_PER_S)};
	while (!command_stops() && nmw_clock_mono() < then_ns)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* An absolute schedule: what the printing costs does not stretch the interval. */
static int watch_run(const struct view *v, const struct view_opts *o, uint64_t interval,
		     uint64_t count, struct nmw_err *e)
{
	struct state old, now;
	int rc = state_take(&old, NULL, e);
	if (rc)
		return rc;
	uint64_t next = nmw_clock_mono();
	for (unsigned line = 0; !count || line < count; line++) {
		next += interval;
		sleep_until(next);
		if (command_stops())
			break;
		rc = state_take(&now, NULL, e);
		if (rc)
			break;
		v->interval(stdout, &old, &now, line, o);
		state_free(&old);
		old = now;
		if (fflush(stdout)) {
			rc = errno == EPIPE
				     ? -EPIPE
				     : nmw_err_set(e, -errno, NMW_EXIT_FAILED,
						   "stdout: cannot write: %s", strerror(errno));
			break;
		}
	}
	state_free(&old);
	return rc;
}

int command_watch(const struct command_args *a, struct nmw_err *e)
{
	uint64_t interval = NMW_NS_PER_S, count = a->o->count;
	int rc = 0;
	if (!a->view->interval)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "watch: has no Prometheus form: Prometheus makes the rates "
				   "itself: use --prometheus without it");
	if (a->argc > 0)
		rc = nmw_parse_duration(a->argv[0], INTERVAL_MIN, INTERVAL_MAX, &interval, e);
	if (!rc && a->argc > 1)
		rc = nmw_parse_count(a->argv[1], 1, UINT32_MAX, &count, e);
	if (rc) {
		if (e)
			e->exit = NMW_EXIT_USAGE;
		return rc;
	}
	return watch_run(a->view, &a->o->view, interval, count, e);
}

/* ---- reap ----------------------------------------------------------------------------------- */

struct removals {
	struct view_removed list[2 * STATE_MAX];
	unsigned n;
	bool dry_run;
};

static struct view_removed *note(struct removals *r, const char *kind, const char *name,
				 const struct nmw_err *kept)
{
	if (r->n == sizeof r->list / sizeof r->list[0])
		return NULL;
	struct view_removed *x = &r->list[r->n++];
	x->kind = kind;
	x->unread = 0;
	x->kept = kept;
	snprintf(x->name, sizeof x->name, "%s", name);
	snprintf(x->why, sizeof x->why, "%s", kept ? kept->msg : "");
	return x;
}

static void note_sessions(const char *path, void *arg)
{
	const char *slash = strrchr(path, '/');
	note(arg, "sessions", slash ? slash + 1 : path, NULL);
}

/* The tool of "stat.TOOL.PID[.INSTANCE]" was asked at "control.TOOL.PID"; so is another that has
 * its number now. */
static void reap_control(const char *path, const char *name)
{
	char control[4096];
	if (strncmp(name, "stat.", 5) != 0)
		return;
	const char *tool = name + 5;
	size_t len = strcspn(tool, ".");
	if (!tool[len++]) /* a file that only looks like one */
		return;
	len += strspn(tool + len, "0123456789");
	int n = snprintf(control, sizeof control, "%.*scontrol.%.*s", (int)(name - path), path,
			 (int)len, tool);
	if (n > 0 && (size_t)n < sizeof control)
		nmw_local_reap(control);
}

static void note_counters(const char *path, const struct nmw_err *kept, void *arg)
{
	struct removals *r = arg;
	const char *name = strrchr(path, '/') + 1;
	note(r, "counters", name, kept);
	if (!kept && !r->dry_run)
		reap_control(path, name);
}

static void note_ring(const char *name, const struct nmw_ring_info *i, const struct nmw_err *kept,
		      void *arg)
{
	struct view_removed *x = note(arg, "ring", name, kept);
	for (unsigned c = 0; x && !kept && c < i->consumers; c++)
		if (state_lag(i, c) > x->unread)
			x->unread = state_lag(i, c);
}

int command_reap(const struct command_args *a, struct nmw_err *e)
{
	static struct removals r;
	r.dry_run = a->o->dry_run;
	if (!a->view->removed)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "reap: has no Prometheus form");
	int rc = nmw_ring_reap_each(a->o->dry_run, note_ring, &r, e);
	if (!rc)
		rc = nmw_metrics_reap(a->o->dry_run, note_counters, &r, e);
	if (rc >= 0)
		rc = nmw_sessions_reap(a->o->dry_run, note_sessions, &r, e);
	if (rc < 0)
		return rc;
	a->view->removed(stdout, r.list, r.n, a->o->dry_run);
	return 0;
}

/* ---- check ---------------------------------------------------------------------------------- */

struct faults {
	struct view_fault list[4 * STATE_MAX];
	unsigned n;
	enum nmw_exit exit;
};

static struct view_fault *fault(struct faults *f, enum nmw_exit exit, const char *kind,
				const char *name)
{
	if (f->n < sizeof f->list / sizeof f->list[0] - 1)
		f->n++;
	if (f->exit != NMW_EXIT_PEER)
		f->exit = exit;
	struct view_fault *x = &f->list[f->n - 1];
	snprintf(x->object, sizeof x->object, "%s %.80s", kind, name);
	return x;
}

static void check_tool(struct faults *f, const struct state_tool *t)
{
	char name[80];
	if (!t->readable) {
		const char *slash = strrchr(t->path, '/');
		struct view_fault *x = fault(f, t->exit, "counters", slash ? slash + 1 : t->path);
		snprintf(x->what, sizeof x->what, "%.250s", t->why);
		return;
	}
	int64_t gap = state_unaccounted(&t->m);
	int64_t most = t->alive ? STATE_IN_FLIGHT : 0;
	if (!state_balances(&t->m) || (gap >= 0 && gap <= most))
		return;
	snprintf(name, sizeof name, "%s pid %u", t->m.tool, t->m.pid);
	struct view_fault *x = fault(f, NMW_EXIT_LOSS, "tool", name);
	snprintf(x->what, sizeof x->what,
		 "in %" PRIu64 ", out %" PRIu64 " + dropped %" PRIu64 ": %" PRId64 " unaccounted",
		 t->m.counter[NMW_M_in_messages], t->m.counter[NMW_M_out_messages],
		 nmw_metrics_dropped(&t->m), gap);
}

static void check_ring(struct faults *f, const struct state_ring *r)
{
	const struct nmw_ring_info *i = &r->info;
	if (!r->readable) {
		snprintf(fault(f, r->exit, "ring", i->name)->what, sizeof f->list[0].what, "%.250s",
			 r->why);
		return;
	}
	/* cursors are read before the end: while the producer lives it may have gone on since */
	uint64_t most = i->state == NMW_RING_LIVE ? UINT64_MAX / 2 : i->slots;
	for (unsigned c = 0; c < i->consumers; c++)
		if (i->published - i->consumer[c].cursor > most)
			snprintf(fault(f, NMW_EXIT_PEER, "ring", i->name)->what,
				 sizeof f->list[0].what,
				 "consumer %u is at %" PRIu64 ", %" PRIu64 " were published", c,
				 i->consumer[c].cursor, i->published);
}

int command_check(const struct command_args *a, struct nmw_err *e)
{
	static struct faults f;
	struct state s;
	if (!a->view->checked)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "check: has no Prometheus form");
	int rc = state_take(&s, a->argc ? a->argv[0] : NULL, e);
	if (rc)
		return rc;
	for (unsigned i = 0; i < s.n_tools; i++)
		check_tool(&f, s.tools[i]);
	for (unsigned i = 0; i < s.n_rings; i++)
		check_ring(&f, &s.rings[i]);
	a->view->checked(stdout, f.list, f.n, s.n_tools + s.n_rings);
	state_free(&s);
	return f.n ? (int)f.exit : 0;
}
