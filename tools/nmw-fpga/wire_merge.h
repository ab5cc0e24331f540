/* wire_merge.h: what the host answers goes into the streams that the device sends, where it
 * belongs.
 *
 *      device:  | S 1 | A 2 | C 3 |          | A 4 |
 *      host:                   J, after 2
 *      out:     | S 1 | A 2 | J 3 | C 4 |    | A 5 |
 *
 * The device numbers what it sends, and knows nothing of the host's messages: from the first of
 * them on, a client's frames are made anew, with numbers that count both. A stream that the host
 * has no message for goes through as it is.
 *
 * The place of an answer is behind the replies that the core had made when it left the message to
 * the host, which it says with it: an answer is put in when these were shown, and none of those
 * that follow.
 */
#ifndef NMW_FPGA_WIRE_MERGE_H
#define NMW_FPGA_WIRE_MERGE_H

#include "base/err.h"
#include "device/wire.h"
#include "wire/mold.h"

#include <stdbool.h>
#include <stdint.h>

struct frame_out;

#define MERGE_ANSWERS 4096u /* of a client that wait for their turn, a power of two */
#define MERGE_BYTES   32u   /* of an answer */
#define MERGE_HEAD    64u   /* Ethernet, two tags, IPv4, UDP */

struct merge_answer {
	uint64_t after; /* replies of the device's that stand before it */
	uint64_t ts_ns;
	uint8_t len;
	uint8_t p[MERGE_BYTES];
};

struct merge_client {
	bool known;
	uint8_t addr[4], own_addr[4];
	uint16_t port, own_port;
	uint8_t head[MERGE_HEAD]; /* of the device's last frame to it */
	uint32_t head_len;	  /* 0: none yet */
	char session[10];
	uint64_t replies; /* that the host was shown */
	uint64_t passed;  /* that went out */
	uint64_t added;	  /* the host's, that went out */
	uint32_t at, n;	  /* of answer, a ring */
	struct merge_answer answer[MERGE_ANSWERS];
};

struct merge {
	struct frame_out *out;
	uint64_t shown; /* replies, of all clients */
	/* messages in frames that the port dropped: the device's, the host's */
	uint64_t lost, lost_answers;
	struct merge_client client[NMW_WIRE_CLIENTS];
	uint8_t frame[NMW_WIRE_FRAME_MAX];
};

/* A client's first frame. */
void merge_client(struct merge *m, unsigned i, const uint8_t *frame, uint32_t len);
/* The host is shown a reply of the device's. */
void merge_reply(struct merge *m, const struct nmw_wire_seen *s);
/* An answer behind the replies that were shown until now. False: too many wait. */
bool merge_answer(struct merge *m, unsigned i, const uint8_t *p, uint32_t len, uint64_t ts_ns);
/* A frame of the device's goes out, with what the host has for its place. */
int merge_frame(struct merge *m, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		struct nmw_err *e);
/* Answers that no frame of the device's is waited for go out. */
int merge_rest(struct merge *m, struct nmw_err *e);
/* Answers that did not go out yet. */
uint32_t merge_waits(const struct merge *m);

#endif
