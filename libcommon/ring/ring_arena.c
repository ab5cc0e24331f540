/* The frame area as a circle of bytes: taken in the order of messages, given up in the same order
 * when the slowest consumer has passed.  What is in use is remembered in the producer's own memory;
 * a producer that resumes a ring reads it from the slots. */
#include "ring/ring_file.h"

#include <errno.h>
#include <sys/mman.h>

static int arena_queue(struct nmw_ring *r)
{
	if (r->arena.q)
		return 0;
	void *q = mmap(NULL, r->g.slot_cnt * sizeof *r->arena.q, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (q == MAP_FAILED)
		return -ENOMEM;
	r->arena.q = q;
	return 0;
}

static struct nmw_arena_entry *entry(struct nmw_ring *r, uint64_t i)
{
	return &r->arena.q[i & (r->g.slot_cnt - 1)];
}

int nmw_arena_rebuild(struct nmw_prod *p)
{
	struct nmw_ring *r = p->ring;
	struct nmw_arena *a = &r->arena;
	uint64_t from = nmw_prod_released(p) + 1;
	uint64_t size = r->g.frame_sz, last = 0, before = 0;
	bool odd = false;
	if (arena_queue(r) != 0)
		return -ENOMEM;
	if (nmw_ring_oldest(r) < from)
		from = nmw_ring_oldest(r);
	for (uint64_t seq = from; seq < p->next; seq++) {
		const struct nmw_slot *s = nmw_ring_slot(r, seq);
		uint64_t off = s->frame_off;
		if (off == NMW_INLINE)
			continue;
		uint64_t len = (s->len + NMW_RING_FRAME_ALIGN - 1) & ~(NMW_RING_FRAME_ALIGN - 1ull);
		last = seq;
		odd = odd || off > size || len > size - off || off % NMW_RING_FRAME_ALIGN;
		if (odd)
			continue;
		if (a->q_head == a->q_tail)
			a->tail = off;
		else if (off < before)
			a->base += size;
		before = off;
		a->head = a->base + off + len;
		odd = a->head - a->tail > size;
		*entry(r, a->q_tail++) = (struct nmw_arena_entry){seq, a->head};
	}
	if (!odd)
		return 0;
	a->base = a->tail = 0;
	a->head = size;
	a->q_head = 0;
	a->q_tail = 1;
	*entry(r, 0) = (struct nmw_arena_entry){last, size};
	return 0;
}

/* Gives up the frames of messages that every consumer is done with, but no more than is needed, so
 * that taps still find them. As for slots: state the floor, then read the cursors again. */
static void arena_recycle(struct nmw_prod *p, uint64_t need)
{
	struct nmw_ring *r = p->ring;
	struct nmw_arena *a = &r->arena;
	uint64_t low = nmw_prod_released(p), floor = 0;
	uint64_t goal = need + r->g.frame_sz / 4;
	for (uint64_t i = a->q_head; i != a->q_tail && entry(r, i)->seq <= low; i++) {
		floor = entry(r, i)->seq;
		if (entry(r, i)->end + r->g.frame_sz - a->head >= goal &&
		    a->q_tail - i <= r->g.slot_cnt - r->g.slot_cnt / 4)
			break;
	}
	if (floor == 0)
		return;
	if (floor > r->hdr->at.frame_floor)
		__atomic_exchange_n(&r->hdr->at.frame_floor, floor, __ATOMIC_SEQ_CST);
	low = nmw_prod_released(p);
	floor = low < floor ? low : floor;
	while (a->q_head != a->q_tail && entry(r, a->q_head)->seq <= floor)
		a->tail = entry(r, a->q_head++)->end;
}

void nmw_arena_early(struct nmw_prod *p)
{
	const struct nmw_arena *a = &p->ring->arena;
	if (a->head - a->tail > p->frame_sz / 2)
		arena_recycle(p, p->frame_sz / 4);
}

/* A frame that was taken for this message or a later one and never published is given up. */
static void arena_take_back(struct nmw_ring *r, uint64_t seq)
{
	struct nmw_arena *a = &r->arena;
	while (a->q_head != a->q_tail && entry(r, a->q_tail - 1)->seq >= seq)
		a->q_tail--;
	a->head = a->q_head == a->q_tail ? a->tail : entry(r, a->q_tail - 1)->end;
}

static bool arena_fits(const struct nmw_ring *r, uint64_t at, uint64_t sz)
{
	return r->arena.q_tail - r->arena.q_head < r->g.slot_cnt &&
	       at + sz - r->arena.tail <= r->g.frame_sz;
}

/* Where the next sz bytes in one piece start: at head, or at the next lap when the end is near. */
static uint64_t arena_place(struct nmw_ring *r, uint64_t sz)
{
	struct nmw_arena *a = &r->arena;
	if (a->q_head == a->q_tail)
		a->base = a->tail = a->head;
	uint64_t off = a->head - a->base;
	return off + sz > r->g.frame_sz ? a->base + r->g.frame_sz : a->head;
}

/* The frame that will be taken NMW_RING_AHEAD messages from now, if all are like this one. */
static void arena_want(const struct nmw_prod *p, uint64_t sz)
{
	const struct nmw_arena *a = &p->ring->arena;
	uint64_t at = a->head + NMW_RING_AHEAD * sz;
	if (at + sz - a->tail > p->frame_sz)
		return;
	uint64_t off = at - a->base;
	off = off < p->frame_sz ? off : off - p->frame_sz;
	nmw_ring_want(p->frames + off);
	if (sz > NMW_LINE && off + NMW_LINE < p->frame_sz)
		nmw_ring_want(p->frames + off + NMW_LINE);
}

/* Makes room for sz bytes by all means; UINT64_MAX: there is none now. */
static uint64_t arena_room(struct nmw_prod *p, uint64_t seq, uint64_t sz)
{
	struct nmw_ring *r = p->ring;
	if (arena_queue(r) != 0)
		return UINT64_MAX;
	arena_take_back(r, seq);
	uint64_t at = arena_place(r, sz);
	if (arena_fits(r, at, sz))
		return at;
	arena_recycle(p, at + sz - r->arena.head);
	at = arena_place(r, sz);
	if (arena_fits(r, at, sz))
		return at;
	nmw_prod_look_after(p);
	return UINT64_MAX;
}

uint8_t *nmw_prod_frame(struct nmw_prod *p, struct nmw_slot *s, uint32_t len)
{
	struct nmw_ring *r = p->ring;
	struct nmw_arena *a = &r->arena;
	uint64_t sz = (len + NMW_RING_FRAME_ALIGN - 1) & ~(NMW_RING_FRAME_ALIGN - 1ull);
	uint64_t idx = (uint64_t)((uint8_t *)s - p->slots) >> p->slot_shift;
	uint64_t seq = p->next + ((idx - p->next) & p->mask);
	uint64_t at = a->head;
	if (__builtin_expect(len > NMW_MSG_MAX || sz > p->frame_sz, 0))
		return NULL;
	/* nearly always: behind the frame of the message before, in the same lap */
	if (a->q_head == a->q_tail || entry(r, a->q_tail - 1)->seq >= seq ||
	    at + sz - a->base > p->frame_sz || !arena_fits(r, at, sz))
		at = arena_room(p, seq, sz);
	if (at == UINT64_MAX)
		return NULL;
	if (at - a->base == p->frame_sz)
		a->base = at;
	a->head = at + sz;
	*entry(r, a->q_tail++) = (struct nmw_arena_entry){seq, a->head};
	s->len = (uint16_t)len;
	s->frame_off = at - a->base;
	arena_want(p, sz);
	return p->frames + s->frame_off;
}

uint32_t nmw_prod_frame_max(const struct nmw_prod *p)
{
	return p->frame_sz < NMW_MSG_MAX ? (uint32_t)p->frame_sz : NMW_MSG_MAX;
}
