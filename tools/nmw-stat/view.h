/* view.h: how nmw-stat says what it found.  One struct of functions, one file a form: text for
 * people, JSON (one document for a state, one line an interval), Prometheus exposition. */
#ifndef NMW_STAT_VIEW_H
#define NMW_STAT_VIEW_H

#include "doctor.h"
#include "state.h"
#include "stat/sessions.h"
#include <stdio.h>

struct view_opts {
	bool all;    /* also counters that are 0 */
	bool detail; /* show, not list */
	bool colour;
};

/* What reap removed, or would remove; or a file that it found in the way and let be. */
struct view_removed {
	const char *kind; /* "ring", "counters" */
	char name[256];
	uint64_t unread; /* messages that a consumer had not taken yet */
	bool kept;
	char why[NMW_ERR_MAX]; /* kept: names the file as well */
};

struct view_fault { /* a figure that does not add up */
	char object[96];
	char what[256];
};

struct view_session {
	struct nmw_session_row r;
	uint32_t pid;
	bool alive; /* its nmw-send */
};

/* What a ring's pipeline did while compare read the ring; see compare_view.h. */
#define VIEW_SIDE_TOOLS 8u /* tools of a pipeline, from its end */

struct view_side_tool {
	struct nmw_metrics *first, *last; /* when it was first and last seen */
	bool end;			  /* the one that writes the ring */
};

struct view_side {
	const char *ring;
	uint64_t messages, missed; /* read; overwritten before they were */
	struct view_side_tool tool[VIEW_SIDE_TOOLS];
	unsigned n_tools;
};

/* ingress to the ring, since the comparison began; false: not known. */
bool state_side_latency(const struct view_side *s, struct nmw_hist *out);
/* Messages that the tools of the pipeline dropped, and that they never saw (holes). */
void state_side_loss(const struct view_side *s, uint64_t *dropped, uint64_t *gaps);

struct view {
	void (*state)(FILE *f, const struct state *s, const struct view_opts *o);
	/* One interval; old is the state at its start. line counts from 0. NULL: has none. */
	void (*interval)(FILE *f, const struct state *old, const struct state *now, unsigned line,
			 const struct view_opts *o);
	void (*removed)(FILE *f, const struct view_removed *r, unsigned n, bool dry_run);
	void (*checked)(FILE *f, const struct view_fault *v, unsigned n, unsigned objects);
	bool json; /* errors are documents too, on stdout */
	void (*doctor)(FILE *f, const struct doctor_row *r, unsigned n, const struct view_opts *o);
	void (*sessions)(FILE *f, const struct view_session *s, unsigned n,
			 const struct view_opts *o);
};

extern const struct view view_text, view_json, view_prometheus;

#endif
