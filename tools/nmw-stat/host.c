/* The commands that look at sessions and at the host. */
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct found {
	struct view_session *v;
	unsigned n, max;
};

static void note(const struct nmw_session_row *r, uint32_t pid, bool alive, void *arg)
{
	struct found *f = arg;
	if (f->n == f->max) {
		unsigned max = f->max ? 2 * f->max : 64;
		struct view_session *v = realloc(f->v, max * sizeof *v);
		if (!v)
			return;
		f->v = v;
		f->max = max;
	}
	f->v[f->n++] = (struct view_session){*r, pid, alive};
}

static int by_account(const void *a, const void *b)
{
	const struct view_session *x = a, *y = b;
	int d = memcmp(x->r.account, y->r.account, sizeof x->r.account);
	return d ? d : (x->pid > y->pid) - (x->pid < y->pid);
}

int command_sessions(const struct command_args *a, struct nmw_err *e)
{
	struct found f = {0};
	if (!a->view->sessions)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "sessions: has no Prometheus form");
	int rc = nmw_sessions_each(note, &f, e);
	if (!rc) {
		if (f.n)
			qsort(f.v, f.n, sizeof *f.v, by_account);
		a->view->sessions(stdout, f.v, f.n, &a->o->view);
	}
	free(f.v);
	return rc;
}

/* Exit 5 when something does not work on this host. */
int command_doctor(const struct command_args *a, struct nmw_err *e)
{
	struct doctor_row rows[DOCTOR_ROWS];
	int rc = 0;
	if (!a->view->doctor)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "doctor: has no Prometheus form");
	unsigned n = doctor_look(rows);
	a->view->doctor(stdout, rows, n, &a->o->view);
	for (unsigned i = 0; i < n; i++)
		if (rows[i].says == DOCTOR_LACKS)
			rc = NMW_EXIT_RESOURCE;
	return rc;
}
