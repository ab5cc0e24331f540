/* compare.h: the messages of two rings, side by side: the outputs of two pipelines that the same
 * stream goes into.
 *
 * Message n of one ring stands against message n of the other, by their numbers on the rings.  What
 * is compared is what was sent: session, channel, codec and payload; the times inside a payload and
 * the message's own only with `exact`, for two pipelines never take a packet in at the same moment.
 *
 *   ring A --> window of copies --+
 *                                 +--> n against n --> first difference
 *   ring B --> window of copies --+
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

struct compare_copy {
	uint64_t desc[NMW_DESC_SZ / 8];
	uint64_t sum; /* of what is compared */
	uint32_t len; /* of the payload */
	bool exact;
	uint8_t payload[COMPARE_KEPT];
};

static inline struct nmw_slot *compare_slot(struct compare_copy *c)
{
	return (struct nmw_slot *)(void *)c->desc;
}

/* Takes the copy of a message: its descriptor and payload. */
void compare_take(struct compare_copy *c, const struct nmw_slot *desc, const uint8_t *payload,
		  uint32_t len, bool exact);
/* Whether both would have been sent as the same bytes. */
bool compare_same(const struct compare_copy *a, const struct compare_copy *b);
/* In which field they differ, into what: "shares"; "length", "session". */
void compare_name(const struct compare_copy *one, const struct compare_copy *two, char what[64]);

#endif
