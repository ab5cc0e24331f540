#include "ask.h"

#include "base/clock.h"
#include "stat/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK "/stat.nmw-fpga."

struct search {
	const char *want;
	unsigned n, closed; /* closed: runs of others, whose counters this user may not read */
	struct ask_run *run;
	char names[256];
};

static bool is_wanted(const struct nmw_metrics *m, const char *want)
{
	char pid[16];
	snprintf(pid, sizeof pid, "%u", m->pid);
	return !want || !strcmp(want, pid) || !strcmp(want, m->instance);
}

static int each(const struct nmw_metrics *m, bool alive, const char *path,
		const struct nmw_err *why, void *arg)
{
	struct search *s = arg;
	s->closed += !m && why->exit == NMW_EXIT_PERM && strstr(path, BLOCK) != NULL;
	if (!m || !alive || strcmp(m->tool, "nmw-fpga") != 0 || m->state == NMW_TOOL_ENDED ||
	    !is_wanted(m, s->want))
		return 0;
	size_t at = strlen(s->names);
	snprintf(s->names + at, sizeof s->names - at, "%s%u%s%s", at ? ", " : "", m->pid,
		 m->instance[0] ? " " : "", m->instance);
	s->n++;
	s->run->pid = m->pid;
	snprintf(s->run->instance, sizeof s->run->instance, "%s", m->instance);
	snprintf(s->run->block, sizeof s->run->block, "%s", path);
	return 0;
}

int ask_find(const char *want, struct ask_run *r, struct nmw_err *e)
{
	struct search s = {.want = want, .run = r};
	int rc = nmw_metrics_each(each, &s, e);
	if (rc)
		return rc;
	if (!s.n && s.closed)
		return nmw_err_set(e, -EACCES, NMW_EXIT_PERM,
				   "nmw-fpga run%s%s: %u found that belong to another user: ask as "
				   "that user or root, or have them started with --group",
				   want ? " " : "", want ? want : "", s.closed);
	if (!s.n)
		return nmw_err_set(e, -ESRCH, NMW_EXIT_PEER,
				   "nmw-fpga run%s%s: none is running here: look with nmw-stat; "
				   "NMW_DIR has to be the same",
				   want ? " " : "", want ? want : "");
	if (s.n > 1)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "nmw-fpga run: %u are running: %s: say which with --instance",
				   s.n, s.names);
	return 0;
}

static int take_all(int fd, uint64_t until_ns,
		    void (*fn)(const struct control_answer *a, void *arg), void *arg,
		    struct nmw_err *e)
{
	struct control_answer a;
	do {
		int rc = control_take(fd, &a, until_ns, e);
		if (rc)
			return rc;
		fn(&a, arg);
	} while (!a.end);
	return 0;
}

int ask(const struct ask_run *r, const struct control_request *q, uint64_t wait_ns,
	void (*fn)(const struct control_answer *a, void *arg), void *arg, struct nmw_err *e)
{
	int fd = control_connect(r->block, r->pid, e);
	if (fd < 0)
		return fd;
	int rc = control_ask(fd, q, e);
	if (!rc)
		rc = take_all(fd, nmw_clock_mono() + wait_ns, fn, arg, e);
	if (rc == -ETIMEDOUT)
		nmw_err_set(e, rc, NMW_EXIT_PEER,
			    "nmw-fpga run %u: no end of its answer in %.1f s: it answers between "
			    "two bursts, and a device that was lost is opened first: see with "
			    "nmw-stat whether it waits for room in its output, or wait longer "
			    "with --timeout",
			    r->pid, (double)wait_ns / 1e9);
	close(fd);
	return rc;
}
