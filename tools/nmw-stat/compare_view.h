/* compare_view.h: how compare says what it found: for people, as one JSON document at the end, or
 * as JSON Lines, each as it happens. */
#ifndef NMW_STAT_COMPARE_VIEW_H
#define NMW_STAT_COMPARE_VIEW_H

#include "compare.h"
#include "view.h"

/* A message that differs, or that stands alone. */
struct compare_difference {
	const char *kind; /* "different", "missing", "extra"; NULL: there was none */
	uint64_t seq;	  /* on the first ring that has one */
	uint64_t ts_ns, in_seq;
	uint64_t before; /* pairs that were compared before it */
	bool ended;	 /* missing, extra: for that ring has ended */
	bool there[2];	 /* the ring has one */
	uint32_t session[2];
	char what[COMPARE_WHAT]; /* the fields that differ */
	bool differs[COMPARE_FIELDS];
	struct compare_text text[2];
};

struct compare_result {
	const struct view_side *side[2];
	uint64_t equal, different, missing, extra;
	uint64_t skipped;  /* messages without their counterpart, for that was not read */
	uint64_t alone[2]; /* at a signal: messages whose counterparts had not come */
	struct compare_difference first;
};

static inline uint64_t compare_pairs(const struct compare_result *r)
{
	return r->equal + r->different;
}

static inline bool compare_whole(const struct compare_result *r)
{
	return !r->skipped && !r->side[0]->missed && !r->side[1]->missed;
}

/* Each may be NULL: it is not said. */
struct compare_view {
	/* As it is found; untold: how many were not told since the last. */
	void (*difference)(FILE *f, const struct compare_result *r,
			   const struct compare_difference *d, uint64_t untold);
	/* What happened to a ring ("overrun", "died", "ended", "back", "made anew"), n messages. */
	void (*ring)(FILE *f, const char *ring, const char *event, uint64_t n);
	/* error: why it ended, or NULL. */
	void (*end)(FILE *f, const struct compare_result *r, const char *error);
};

extern const struct compare_view compare_view_text, compare_view_json, compare_view_jsonl;

#endif
