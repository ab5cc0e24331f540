/* frames.h: frames that a producer manages itself: receive buffers of sockets or of a NIC.
 *
 *     frame area     0                      take(): offset                 frame_sz
 *                    +----------------------+-------------------------------+
 *                    | arena (nmw_prod_frame)| the producer's own frames     |
 *                    +----------------------+-------------------------------+
 *
 * Such a frame may be written again when every message that points into it was given back by the
 * slowest consumer, and taps were told: reclaim does both.  A producer that resumed a ring asks
 * reclaim for its last message before it writes the first frame: they may hold what the one before
 * it left.  The producer's thread.
 */
#ifndef NMW_RING_FRAMES_H
#define NMW_RING_FRAMES_H

#include "ring/ring.h"

/* Takes the last `bytes` of the frame area out of the arena, once, before the first message. The
 * offset of the first one, a multiple of 4096; UINT64_MAX: the area is not that large. */
uint64_t nmw_prod_frames_take(struct nmw_prod *p, uint64_t bytes);
/* Gives up the frames of all messages up to `want` that every consumer is done with. Returns the
 * number up to which they are free. Reads every cursor. */
uint64_t nmw_prod_frames_reclaim(struct nmw_prod *p, uint64_t want);

/* Bytes of a page of the frame area. */
uint64_t nmw_prod_frames_page(const struct nmw_prod *p);

#endif
