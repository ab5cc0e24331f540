/* mold_hold.h: MoldUDP64 packets that came before their turn, each in the window of its stream.
 *
 *     window of a stream that waits for 40:   [ 45 | 52 | 52 | 60 ]   by first sequence number,
 *                                             first                   equal ones as they came
 *
 * All windows are taken from one pool at the start: NMW_MOLD_HOLD_STREAMS of
 * NMW_MOLD_HOLD_PACKETS packets of up to NMW_MOLD_HOLD_BYTES bytes, 9 MiB in all, of which the
 * kernel gives what is used.  What the caller cannot put he must pass on with a hole before it.
 *
 * Pure; one thread; a packet costs its copy and at most NMW_MOLD_HOLD_PACKETS compares.
 */
#ifndef NMW_WIRE_MOLD_HOLD_H
#define NMW_WIRE_MOLD_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define NMW_MOLD_HOLD_STREAMS 64u   /* that may wait at the same time */
#define NMW_MOLD_HOLD_PACKETS 16u   /* of a stream */
#define NMW_MOLD_HOLD_BYTES   9000u /* of a packet: a jumbo frame */

struct nmw_mold_hold;	/* the pool */
struct nmw_mold_window; /* of one stream: has a packet, always */

struct nmw_mold_hold *nmw_mold_hold_new(void);	  /* NULL: no memory */
void nmw_mold_hold_free(struct nmw_mold_hold *h); /* NULL is allowed */

/* A window with its first packet. owner: the caller's own mark. NULL: every window is in use, or
 * the packet is too long. */
struct nmw_mold_window *nmw_mold_hold_start(struct nmw_mold_hold *h, void *owner, uint64_t seq,
					    const uint8_t *p, uint32_t len);
/* One packet more. False: the window is full, or the packet too long. */
bool nmw_mold_hold_put(struct nmw_mold_window *w, uint64_t seq, const uint8_t *p, uint32_t len);

/* The packet with the lowest sequence number. */
uint64_t nmw_mold_hold_seq(const struct nmw_mold_window *w);
const uint8_t *nmw_mold_hold_first(const struct nmw_mold_window *w, uint32_t *len);
/* It goes: true while another is left; with the last one the window is given back. */
bool nmw_mold_hold_pop(struct nmw_mold_hold *h, struct nmw_mold_window *w);

/* The owner of the window that was started first; NULL: nobody waits. */
void *nmw_mold_hold_oldest(const struct nmw_mold_hold *h);

#endif
