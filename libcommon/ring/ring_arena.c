/* The frame area as a circle of bytes: taken in the order of messages, given up in the same order
 * when the slowest consumer has passed.  Positions only grow; position p lies at offset p - base of
 * the lap that starts at base.
 *
 *      tail          mark        mark              head
 *       |  in use     |  in use   |   in use, open  |   free                 tail + frame_sz
 *
 * A mark says: what lies before belongs to messages up to that number.  One is set every 64th of
 * the area, so taking a frame is a few additions, and what is in use is known without a list of
 * frames. Marks are the producer's own memory; a producer that resumes a ring makes them from the
 * slots. */
#include "base/bits.h"
#include "ring/ring_file.h"

#include <string.h>

static struct nmw_arena_mark *mark(struct nmw_arena *a, uint64_t i)
{
	return &a->mark[i % NMW_ARENA_MARKS];
}

static uint64_t round_up(uint64_t len)
{
	return nmw_round_up(len, NMW_RING_FRAME_ALIGN);
}

/* Ends the open stretch: all up to head belongs to messages up to last. Without a free mark the one
 * before is moved on, which gives its frames up later but is as safe. */
static void set_mark(struct nmw_arena *a)
{
	if (a->head == a->open)
		return;
	if (a->marks_end - a->marks == NMW_ARENA_MARKS)
		a->marks_end--;
	*mark(a, a->marks_end++) = (struct nmw_arena_mark){a->last, a->head};
	a->open = a->head;
}

static void take(struct nmw_arena *a, uint64_t at, uint64_t sz, uint64_t seq)
{
	a->head = at + sz;
	a->last = seq;
	if (a->head - a->open >= a->stretch)
		set_mark(a);
}

void nmw_arena_rebuild(struct nmw_prod *p)
{
	struct nmw_ring *r = p->ring;
	struct nmw_arena *a = &r->arena;
	uint64_t from = nmw_prod_released(p) + 1, oldest = nmw_ring_oldest(r);
	uint64_t size = r->g.frame_sz, before = 0;
	bool odd = false, any = false;
	memset(a, 0, sizeof *a);
	a->stretch = size / (NMW_ARENA_MARKS / 2);
	for (uint64_t seq = oldest < from ? oldest : from; seq < p->next; seq++) {
		const struct nmw_slot *s = nmw_ring_slot(r, seq);
		uint64_t off = s->frame_off, len = round_up(s->len);
		if (off == NMW_INLINE)
			continue;
		a->last = seq;
		odd = odd || off > size || len > size - off || off % NMW_RING_FRAME_ALIGN;
		if (odd)
			continue;
		if (!any)
			a->tail = a->open = a->head = off;
		else if (off < before)
			a->base += size;
		any = true;
		before = off;
		odd = a->base + off + len - a->tail > size;
		if (!odd)
			take(a, a->base + off, len, seq);
	}
	if (!odd)
		return;
	a->base = a->tail = a->open = a->marks = a->marks_end = 0;
	a->head = size;
}

/* Gives up the frames of messages that every consumer is done with, but no more than is needed, so
 * that taps still find them. As for slots: state the floor, then read the cursors again. */
static void recycle(struct nmw_prod *p, uint64_t need)
{
	struct nmw_ring *r = p->ring;
	struct nmw_arena *a = &r->arena;
	uint64_t low = nmw_prod_released(p), floor = 0;
	uint64_t goal = need + p->frame_sz / 4;
	if (a->last <= low)
		set_mark(a);
	for (uint64_t i = a->marks; i != a->marks_end && mark(a, i)->seq <= low; i++) {
		floor = mark(a, i)->seq;
		if (mark(a, i)->end + p->frame_sz - a->head >= goal)
			break;
	}
	if (floor == 0)
		return;
	if (floor > r->hdr->at.frame_floor)
		__atomic_exchange_n(&r->hdr->at.frame_floor, floor, __ATOMIC_SEQ_CST);
	low = nmw_prod_released(p);
	floor = low < floor ? low : floor;
	while (a->marks != a->marks_end && mark(a, a->marks)->seq <= floor)
		a->tail = mark(a, a->marks++)->end;
	if (a->tail == a->head)
		a->base = a->head; /* nothing in use: the whole area in one piece */
}

void nmw_arena_early(struct nmw_prod *p)
{
	const struct nmw_arena *a = &p->ring->arena;
	if (a->head - a->tail > p->frame_sz / 2)
		recycle(p, p->frame_sz / 4);
}

/* Slot seq, which had a frame or comes before one that has, asks again. What was taken for the
 * first unpublished message and later ones is given up; further back it stays in use until they are
 * read. */
static void ask_again(struct nmw_prod *p, uint64_t seq)
{
	struct nmw_arena *a = &p->ring->arena;
	if (seq != p->next)
		return;
	a->head = a->burst;
	a->last = p->next - 1;
	while (a->marks != a->marks_end && mark(a, a->marks_end - 1)->end > a->head)
		a->marks_end--;
	a->open = a->marks != a->marks_end ? mark(a, a->marks_end - 1)->end : a->tail;
	if (a->head < a->base)
		a->base -= p->frame_sz;
}

/* Where sz bytes in one piece start: at head, or at the next lap when the end is near. */
static uint64_t place(const struct nmw_arena *a, uint64_t size, uint64_t sz)
{
	return a->head - a->base + sz > size ? a->base + size : a->head;
}

/* The same with room made by all means; UINT64_MAX: there is none now. */
static uint64_t place_or_recycle(struct nmw_prod *p, uint64_t sz)
{
	struct nmw_arena *a = &p->ring->arena;
	uint64_t size = p->frame_sz, at = place(a, size, sz);
	if (at + sz - a->tail > size) {
		recycle(p, at + sz - a->head);
		at = place(a, size, sz);
	}
	if (at + sz - a->tail > size) {
		nmw_prod_look_after(p);
		return UINT64_MAX;
	}
	if (at - a->base == size)
		a->base = at;
	return at;
}

/* The frame that will be taken NMW_RING_AHEAD messages from now, if all are like this one. */
static void fetch_ahead(const struct nmw_prod *p, uint64_t sz)
{
	const struct nmw_arena *a = &p->ring->arena;
	uint64_t at = a->head + NMW_RING_AHEAD * sz;
	if (at + sz - a->tail > p->frame_sz)
		return;
	uint64_t off = at - a->base;
	off = off < p->frame_sz ? off : off - p->frame_sz;
	nmw_ring_fetch(p->frames + off);
	if (sz > NMW_LINE && off + NMW_LINE < p->frame_sz)
		nmw_ring_fetch(p->frames + off + NMW_LINE);
}

uint8_t *nmw_prod_frame(struct nmw_prod *p, struct nmw_slot *s, uint32_t len)
{
	struct nmw_arena *a = &p->ring->arena;
	uint64_t sz = round_up(len), size = p->frame_sz;
	uint64_t idx = (uint64_t)((uint8_t *)s - p->slots) >> p->slot_shift;
	uint64_t seq = p->next + ((idx - p->next) & p->mask);
	if (__builtin_expect(len > NMW_MSG_MAX || sz > size, 0))
		return NULL;
	if (a->burst_next != p->next) {
		a->burst_next = p->next;
		a->burst = a->head;
	}
	if (__builtin_expect(seq <= a->last, 0))
		ask_again(p, seq);
	uint64_t at = a->head;
	if (__builtin_expect(at + sz - a->base > size || at + sz - a->tail > size, 0)) {
		at = place_or_recycle(p, sz);
		if (at == UINT64_MAX)
			return NULL;
	}
	take(a, at, sz, seq > a->last ? seq : a->last);
	fetch_ahead(p, sz);
	s->len = (uint16_t)len;
	s->frame_off = at - a->base;
	return p->frames + s->frame_off;
}

uint32_t nmw_prod_frame_max(const struct nmw_prod *p)
{
	return p->frame_sz < NMW_MSG_MAX ? (uint32_t)p->frame_sz : NMW_MSG_MAX;
}
