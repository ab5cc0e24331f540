/* tap.h: where the messages of a tapped ring go: a capture, lines of text, JSON Lines.
 *
 * Packets and lines are written whole (base/outfile.h), when the buffer is full, when the ring is
 * idle, and at the end.
 */
#ifndef NMW_STAT_TAP_H
#define NMW_STAT_TAP_H

#include "base/err.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "ring/ring.h"

/* Joins a ring, as a tap or as a consumer that it waits for; waits wait_ns for it to be there. */
int tap_join(struct nmw_cons *c, const char *ring, bool tap, uint64_t wait_ns, struct nmw_err *e);

struct tap_out {
	/* Once, before the first message: what the form begins with. */
	void (*start)(struct tap_out *t);
	/* False: this form cannot carry the message. Whether stdout still takes anything: file.err.
	 */
	bool (*put)(struct tap_out *t, const struct nmw_slot *s, const uint8_t *payload,
		    uint32_t len);
	/* Everything so far to stdout; ended: the ring was closed and read to its end. */
	void (*flush)(struct tap_out *t, bool ended);
	void (*close)(struct tap_out *t);
	void *form; /* the form's own: a framer */
	int (*line)(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap);
	struct nmw_outfile file;
};

int tap_out_pcap(struct tap_out *t, struct nmw_err *e);
int tap_out_lines(struct tap_out *t, bool json, struct nmw_err *e);

#endif
