/* mold_send.h: the sending side of a MoldUDP64 stream: packs messages to the MTU, sends heartbeats
 * and the end of the session, and answers requests for what was lost.
 *
 *   history   |len|message|len|message| ...      |   the blocks as they are on the wire, oldest
 *              ^oldest         ^unsent    ^next      gives way; a packet is a header and a piece
 *
 * A message is copied once, into the history; a packet points into it.  By reference nothing is
 * copied: there is no history, no request can be answered, and a packet points to its messages
 * where they lie; they must stay there until it was emitted, and as long as whoever emits it says.
 *
 * Pure: no socket, no clock; time comes with the calls, packets go out by a function of the caller.
 * One thread.  Memory is taken at open.
 */
#ifndef NMW_WIRE_MOLD_SEND_H
#define NMW_WIRE_MOLD_SEND_H

#include "base/err.h"
#include "wire/mold.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_MOLD_HISTORY_MIN (1ull << 20) /* bytes */
#define NMW_MOLD_PAYLOAD_MAX 65507u	  /* bytes of a UDP payload over IPv4 */

#define NMW_MOLD_PIECES 256u /* messages of a packet by reference */

struct nmw_mold_piece {
	const uint8_t *p;
	uint32_t len;
};

struct nmw_mold_packet {
	uint8_t head[NMW_MOLD_HDR];
	const uint8_t *body; /* in the history, until about NMW_MOLD_HISTORY_MIN / 2 bytes more */
	uint32_t body_len;   /* 0 for heartbeat and end of session */
	uint16_t messages;
	/* by reference: the messages, each of which follows its length on the wire; body is NULL.
	 * Valid during emit */
	const struct nmw_mold_piece *piece;
};

typedef void nmw_mold_emit(void *arg, const struct nmw_mold_packet *p);

struct nmw_mold_send_conf {
	char session[10];
	uint64_t first;	       /* sequence number of the first message, 1 */
	uint32_t payload;      /* bytes of a UDP payload, MOLD_HDR + 3 .. MOLD_PAYLOAD_MAX */
	uint64_t history;      /* bytes kept for requests, MOLD_HISTORY_MIN or more */
	bool by_reference;     /* no history: messages are not copied */
	uint64_t heartbeat_ns; /* silence before a heartbeat; 1 s in the specification */
	nmw_mold_emit *emit;
	void *arg;
};

struct nmw_mold_send;

int nmw_mold_send_open(struct nmw_mold_send **out, const struct nmw_mold_send_conf *c,
		       struct nmw_err *e);
void nmw_mold_send_close(struct nmw_mold_send *s); /* NULL is allowed; sends nothing */

/* Takes a message: packets that are full go out. -EMSGSIZE: no packet can hold it. */
int nmw_mold_send_put(struct nmw_mold_send *s, const uint8_t *msg, uint32_t len);
/* Numbers first..first+n-1 were lost before they came here: receivers see the hole. Flush first. */
void nmw_mold_send_skip(struct nmw_mold_send *s, uint64_t n);
/* Sends what is there, packed or not; the time of the last packet is now. */
void nmw_mold_send_flush(struct nmw_mold_send *s, uint64_t now_ns);
/* Heartbeats when nothing was sent for heartbeat_ns; after end, ends of session instead. */
void nmw_mold_send_tick(struct nmw_mold_send *s, uint64_t now_ns);
/* Flushes and sends the end of the session; tick repeats it, requests are still answered. */
void nmw_mold_send_end(struct nmw_mold_send *s, uint64_t now_ns);

uint64_t nmw_mold_send_next(const struct nmw_mold_send *s);   /* number of the next message */
uint64_t nmw_mold_send_oldest(const struct nmw_mold_send *s); /* that can be asked for */

enum nmw_mold_asked {
	NMW_MOLD_ANSWERED = 0,	 /* *out is the answer */
	NMW_MOLD_NOT_YET = 1,	 /* asks for what was not sent */
	NMW_MOLD_TOO_OLD = 2,	 /* asks for what has left the history */
	NMW_MOLD_NO_REQUEST = 3, /* not a request packet, or for another session */
};
/* Answers a request packet with the messages asked for, as many as one packet holds. */
enum nmw_mold_asked nmw_mold_send_answer(const struct nmw_mold_send *s, const uint8_t *p,
					 uint32_t len, struct nmw_mold_packet *out);

#endif
