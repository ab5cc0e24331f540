#include "ring/frames.h"

#include "ring/ring_file.h"

#define FRAMES_ALIGN 4096u

uint64_t nmw_prod_frames_take(struct nmw_prod *p, uint64_t bytes)
{
	if (bytes > p->frame_sz)
		return UINT64_MAX;
	p->frame_sz = (p->frame_sz - bytes) & ~(uint64_t)(FRAMES_ALIGN - 1);
	return p->frame_sz;
}

/* As for slots: the floor is stated before the cursors are read for good, so that who joins at an
 * old message sees the one, or we see the other. */
uint64_t nmw_prod_frames_reclaim(struct nmw_prod *p, uint64_t want)
{
	struct nmw_ring_progress *at = &p->ring->hdr->at;
	uint64_t low = nmw_prod_released(p);
	uint64_t floor = low < want ? low : want;
	if (floor > at->frame_floor)
		__atomic_exchange_n(&at->frame_floor, floor, __ATOMIC_SEQ_CST);
	low = nmw_prod_released(p);
	return low < floor ? low : floor;
}

uint64_t nmw_prod_frames_page(const struct nmw_prod *p)
{
	return p->ring->g.page_sz;
}
