/* state.h: what the tools and rings of this machine show at one moment: private, checked copies.
 *
 * Nothing here needs the help of a tool: blocks and ring files are read as they lie, of the living
 * and the dead.  At most STATE_MAX of each are looked at.
 */
#ifndef NMW_STAT_STATE_H
#define NMW_STAT_STATE_H

#include "ring/ring.h"
#include "stat/metrics.h"

#define STATE_MAX 1024u

struct state_tool {
	struct nmw_metrics m; /* all 0 when not readable */
	bool alive, readable;
	char path[256];
	char why[NMW_ERR_MAX]; /* why it is not readable */
	enum nmw_exit exit;    /* and the exit status of that */
};

struct state_ring {
	struct nmw_ring_info info; /* only the name when not readable */
	bool readable;
	char why[NMW_ERR_MAX];
	enum nmw_exit exit;
};

struct state {
	uint64_t mono_ns, real_ns; /* when it was taken */
	struct state_tool **tools;
	unsigned n_tools;
	struct state_ring *rings;
	unsigned n_rings;
};

/* Takes what is there; with `only`, the ring of that name and the tools of that name, instance or
 * pid.  -ENOENT with exit 6 when `only` names nothing. */
int state_take(struct state *s, const char *only, struct nmw_err *e);
void state_free(struct state *s);
/* Exit status of the first that cannot be read; 0: all can. */
enum nmw_exit state_unreadable(const struct state *s);

/* The same tool in an earlier state: same file, same start. NULL: it is new. */
const struct state_tool *state_before(const struct state *old, const struct state_tool *t);
const struct state_ring *state_ring_before(const struct state *old, const struct state_ring *r);

/* "running", "dead" ...: what a tool is doing, from its block and its lock. */
const char *state_tool_word(const struct state_tool *t);
const char *state_ring_word(const struct state_ring *r);

/* Messages that consumer i of a ring has still to take. */
uint64_t state_lag(const struct nmw_ring_info *r, unsigned i);
/* in - out - dropped of a tool whose messages go on one by one (nmw-recv, nmw-send); an engine's
 * output is as many messages as follow from each input, so there is no such sum for it.  A living
 * tool has up to STATE_IN_FLIGHT between two counts. */
#define STATE_IN_FLIGHT 512
bool state_balances(const struct nmw_metrics *m);
int64_t state_unaccounted(const struct nmw_metrics *m);
/* Values <= v that a histogram counted; exact for v < 256 and for v = 2^k - 1. */
uint64_t state_hist_le(const struct nmw_hist *h, uint64_t v);
/* now - then, step by step; max is the upper end of the highest step. */
void state_hist_since(struct nmw_hist *out, const struct nmw_hist *now,
		      const struct nmw_hist *then);

/* The latency figures that every view shows. */
struct state_quantile {
	const char *name; /* "p99.9" */
	const char *key;  /* "p99_9" */
	uint32_t ppm;
};
#define STATE_QUANTILES 6u
extern const struct state_quantile state_quantiles[STATE_QUANTILES];

#endif
