/* compare.h: the messages of two rings, side by side: the outputs of two pipelines that the same
 * stream goes into.
 *
 * What is compared is what was sent: session, channel, codec and payload; the times inside a
 * payload and the message's own only with `exact`, for two pipelines never take a packet in at the
 * same moment.  Which message stands against which: compare_pair.h.
 *
 *   ring A --> window of copies --+                              +--> counters in shared memory
 *                                 +--> pairs --> verdicts, one by one
 *   ring B --> window of copies --+                              +--> differences, told at once
 *
 * One thread; memory is taken at open.
 */
#ifndef NMW_STAT_COMPARE_H
#define NMW_STAT_COMPARE_H

#include "base/err.h"
#include "base/msg.h"
#include <stdbool.h>

#define COMPARE_WINDOW 32768u /* messages that one side may be ahead */
#define COMPARE_KEPT   208u   /* bytes kept of a payload; the text of a longer one is not shown */
#define COMPARE_TEXT   1024u  /* bytes of a message as text */
#define COMPARE_WHAT   256u   /* bytes of the names of fields */
#define COMPARE_FIELDS 48u    /* fields of a message that are told */

struct compare_copy {
	uint64_t desc[NMW_DESC_SZ / 8];
	uint64_t sum; /* of what is compared */
	uint32_t len; /* of the payload */
	bool exact;
	uint8_t payload[COMPARE_KEPT];
};

static inline const struct nmw_slot *compare_slot(const struct compare_copy *c)
{
	return (const struct nmw_slot *)(const void *)c->desc;
}

/* Takes the copy of a message: its descriptor and payload. */
void compare_take(struct compare_copy *c, const struct nmw_slot *desc, const uint8_t *payload,
		  uint32_t len, bool exact);
/* Whether both would have been sent as the same bytes. */
bool compare_same(const struct compare_copy *a, const struct compare_copy *b);

/* A message as text, and where its fields lie in it. */
struct compare_text {
	char line[COMPARE_TEXT]; /* `executed order_token="A1" shares=100 ...` */
	struct compare_field {
		uint16_t name, name_len, value, value_len; /* in line */
	} field[COMPARE_FIELDS];
	unsigned n;	 /* fields */
	unsigned kind_n; /* bytes of the message's name at the start of the line */
};

void compare_describe(const struct compare_copy *c, struct compare_text *t);
/* In which fields they differ, into what: "shares, price"; "length", "session". differs (of the
 * fields of a): which of them; may be NULL. */
void compare_name(const struct compare_copy *a, const struct compare_copy *b,
		  char what[COMPARE_WHAT], bool differs[COMPARE_FIELDS]);

#endif
