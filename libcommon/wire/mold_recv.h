/* mold_recv.h: the receiving side of one MoldUDP64 stream over one line or several (A/B): puts the
 * packets into the order of the sequence, each message once, and gets back what was lost.
 *
 *                    next              hole                seen
 *   ----delivered-----|.....missing.....|--held--|..missing..|
 *
 * Whichever line has the next packet first wins, the same packet of the other line is a duplicate.
 * A packet that is early is held.  A hole is real when every line that lives has passed it, or
 * after hold_ns; then it is asked for, again after each request_ns, `retries` times, and what does
 * not come is announced as a gap.  Heartbeats say what comes next, so that a loss at the end shows
 * too.
 *
 * A packet that is further ahead than `jump` is not believed: one forged number would end the
 * stream.  The server is asked for what comes next, and whatever it sends counts; without a server,
 * or an answer, NMW_MOLD_FAR_RUN packets that follow one another, with none in its place between
 * them, are believed.
 *
 * Pure: no socket, no clock; time comes with the calls.  One thread.  Memory: `window` cells of
 * packet_max bytes at open; only those that are used become real.  A packet in order costs nothing
 * but its delivery.
 */
#ifndef NMW_WIRE_MOLD_RECV_H
#define NMW_WIRE_MOLD_RECV_H

#include "base/err.h"
#include "wire/mold.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_MOLD_LINES	    4u
#define NMW_MOLD_FAR_RUN    8u
#define NMW_MOLD_LINE_REPLY NMW_MOLD_LINES /* "line" of what a re-request server sends */

struct nmw_mold_recv_calls {
	/* Each message once, in order; seq rises, without holes but those that gap tells. */
	void (*message)(void *arg, uint64_t seq, const uint8_t *msg, uint16_t len);
	/* count messages from first on will never come. */
	void (*gap)(void *arg, uint64_t first, uint64_t count);
	/* The session ended before message next. */
	void (*end)(void *arg, uint64_t next);
	/* Send this request packet (NMW_MOLD_HDR bytes); attempt counts from 0. NULL: there is no
	 * server. */
	void (*request)(void *arg, const uint8_t *packet, unsigned attempt);
	/* n messages came that had been delivered, or are held. */
	void (*duplicate)(void *arg, uint64_t n);
	void *arg;
};

struct nmw_mold_recv_conf {
	uint64_t first;	     /* number of the first message wanted; 0 = that of the first packet */
	unsigned lines;	     /* 1..MOLD_LINES */
	uint32_t window;     /* packets held, 1..65,536 */
	uint32_t packet_max; /* bytes of the longest packet */
	uint64_t hold_ns;    /* how long a hole waits for a line that is behind */
	uint64_t request_ns; /* from a request to the next */
	unsigned retries;    /* requests without an answer before it is given up */
	uint64_t silence_ns; /* of a line that counts as down; of a session that gives way to
				another */
	uint64_t jump;	     /* messages by which a packet may be ahead of all that is known; 0 =
				any */
};

struct nmw_mold_line {
	uint64_t packets;    /* received, of this session */
	uint64_t won;	     /* of these, first with something new */
	uint64_t duplicates; /* nothing new in them */
	uint64_t next;	     /* number after its last message */
	uint64_t last_ns;    /* when it was heard */
};

struct nmw_mold_recv {
	struct nmw_mold_recv_conf conf;
	struct nmw_mold_recv_calls calls;
	char session[10];
	bool started, ended, told_end;
	uint64_t next;	  /* number of the next message to deliver */
	uint64_t seen;	  /* number after the last that is known to exist */
	uint64_t last_ns; /* when the session was heard */
	struct nmw_mold_line line[NMW_MOLD_LINES + 1];
	/* the hole at next */
	uint64_t hole; /* its first message; 0 = there is none */
	uint64_t hole_since, asked_ns, asked_to;
	unsigned attempts;
	/* packets that are too far ahead */
	uint64_t far_next; /* the number after the last of them */
	unsigned far_run;  /* how many have followed one another */
	uint64_t far_asked_ns;
	unsigned far_attempts;
	/* packets that are early, by number */
	uint8_t *cells;
	struct mold_cell {
		uint64_t seq, end;
		uint32_t len;
	} * cell;
	uint32_t *held, held_at, n_held; /* held[held_at..]: cells by seq */
	uint32_t *unused, n_unused;
	struct {
		uint64_t gaps, gap_messages, requests, overflow, foreign, bad, far;
	} stat;
};

int nmw_mold_recv_open(struct nmw_mold_recv *r, const struct nmw_mold_recv_conf *c,
		       const struct nmw_mold_recv_calls *calls, struct nmw_err *e);
void nmw_mold_recv_close(struct nmw_mold_recv *r);

enum nmw_mold_took {
	NMW_MOLD_TAKEN = 0, /* delivered, held or a duplicate */
	NMW_MOLD_HEARTBEAT, /* heartbeat or end of session */
	NMW_MOLD_BAD,	    /* malformed */
	NMW_MOLD_FOREIGN,   /* of another session */
	NMW_MOLD_FAR,	    /* too far ahead to be believed */
};
/* A packet from a line (0..lines-1, or MOLD_LINE_REPLY). */
enum nmw_mold_took nmw_mold_recv_packet(struct nmw_mold_recv *r, unsigned line, const uint8_t *p,
					uint32_t len, uint64_t now_ns);
/* Asks again, or gives up, what is due. */
void nmw_mold_recv_tick(struct nmw_mold_recv *r, uint64_t now_ns);
/* When tick has something to do: UINT64_MAX = not before the next packet. */
uint64_t nmw_mold_recv_due(const struct nmw_mold_recv *r);
/* Nothing more will come: delivers what is held, with gaps between. */
void nmw_mold_recv_finish(struct nmw_mold_recv *r);

#endif
