/* live.h: an order's round trip in an open loop, for clients of any transport: what they send, what
 * they find in a reply, and how times are counted.
 *
 * Order i is due at start + i / RATE, whatever became of those before it.  Its time is from when it
 * was due to when its reply (Accepted, with its token) was read; so one that had to wait for
 * another counts with its wait, and with what the client itself was late ("late").  Beside it
 * "sent": from when it was sent, as a ping-pong counts.  A buyer that rests and a seller that meets
 * it take turns.
 *
 * Uses nothing of the library: orders are encoded here, from the published tables.
 */
#ifndef NMW_BENCH_LIVE_H
#define NMW_BENCH_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#define LIVE_ORDER 49u /* bytes: Enter Order of OUCH 4.2 */

struct live {
	uint64_t rate, seconds;
	uint64_t start_ns; /* when order 0 is due */
	uint64_t sent, seen, count;
	uint64_t mold_next;
	bool echo;	/* orders come back as they are */
	uint32_t *took; /* [order]: ns from when it was due, 0 = no reply */
	uint32_t *late; /* [order]: ns that it was sent after it was due */
};

/* Memory for rate x seconds orders and those of the warm-up; false: there is none. */
bool live_init(struct live *l);
uint64_t live_clock(void);

/* What they write begins at p; they return what is behind it. */
uint8_t *live_put(uint8_t *p, uint64_t v, unsigned bytes);
uint8_t *live_put_text(uint8_t *p, const char *s, unsigned bytes);
uint8_t *live_put_order(uint8_t *p, uint64_t i);
/* A MoldUDP64 packet with order i: 71 bytes. */
uint8_t *live_put_packet(struct live *l, uint8_t *p, uint64_t i);

uint32_t live_be16(const uint8_t *p);
/* A message that was read at now. */
void live_message(struct live *l, const uint8_t *m, uint32_t n, uint64_t now);
/* All messages of a MoldUDP64 packet. */
void live_packet(struct live *l, const uint8_t *p, uint32_t n, uint64_t now);

/* A transport. */
struct live_ops {
	void (*send)(void *arg, uint64_t order);
	void (*take)(void *arg); /* all that has come: live_message, live_packet */
	/* Nothing to do before due; may return at once. */
	void (*wait)(void *arg, uint64_t due_ns, uint64_t now_ns);
	void *arg;
};

/* Waits until the first order is answered, for the server may still be coming up; then all others,
 * each when it is due. Prints a line of JSON, times in ns. The process's exit status: 1, and what
 * is wrong on stderr, where not all orders were answered. */
int live_run(struct live *l, const struct live_ops *t);

#endif
