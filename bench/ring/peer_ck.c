/* Concurrency Kit's ck_ring, one producer, one consumer: pointers to messages in a pool, and
 * messages of a line written in place and copied out (it has no way to read them in place). It
 * knows no batches. */
#include "ring_bench.h"

#include <ck_ring.h>

struct ck_msg {
	uint64_t w[8];
};
CK_RING_PROTOTYPE(msg, ck_msg)

struct end {
	struct ck_ring *r;
	void *buf;     /* ck_ring_buffer or messages, in the area behind the ring */
	uint8_t *pool; /* messages, of which the ring holds pointers */
	uint32_t at, n;
};

static struct end ends[2][2];

static struct end *end_at(const struct bench_cand *c, unsigned which, bool in)
{
	struct end *e = &ends[which][in];
	e->r = (struct ck_ring *)(void *)bench_area[which];
	e->buf = bench_area[which] + 4096;
	e->pool = bench_area[which] + 4096 + c->slots * sizeof(struct ck_ring_buffer);
	/* what is taken out of the ring is read after its pointer: so many more messages */
	e->n = (uint32_t)c->slots + 2 * BENCH_BURST;
	e->at = 0;
	return e;
}

static void *ck_open_out(const struct bench_cand *c, unsigned which)
{
	struct end *e = end_at(c, which, false);
	_Static_assert(sizeof(struct ck_ring) <= 4096, "ring before its buffer");
	if (e->pool + (uint64_t)e->n * 64 > bench_area[which] + BENCH_AREA)
		bench_stop_with("ck_ring: area too small");
	ck_ring_init(e->r, (unsigned)c->slots);
	return e;
}

static void *ck_open_in(const struct bench_cand *c, unsigned which)
{
	return end_at(c, which, true);
}

static void ck_close_out(void *out)
{
	(void)out;
}

static void ck_close_in(const struct bench_cand *c, void *in)
{
	(void)c;
	(void)in;
}

BENCH_INLINE unsigned ptr_put(void *out, const struct bench_cand *c)
{
	struct end *e = out;
	uint8_t *m = e->pool + (uint64_t)e->at * 64;
	(void)c;
	bench_write((uint64_t *)(void *)m, 64, e->at);
	if (!ck_ring_enqueue_spsc(e->r, e->buf, m))
		return 0;
	e->at = e->at + 1 == e->n ? 0 : e->at + 1;
	return 1;
}

BENCH_INLINE unsigned ptr_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	struct end *e = in;
	const void *m;
	unsigned n = 0;
	(void)c;
	for (; n < BENCH_BURST && ck_ring_dequeue_spsc(e->r, e->buf, &m); n++)
		*sum += bench_read(m, 64);
	return n;
}

BENCH_INLINE unsigned msg_put(void *out, const struct bench_cand *c)
{
	struct end *e = out;
	struct ck_msg *m = ck_ring_enqueue_reserve_spsc_msg(e->r, e->buf);
	(void)c;
	if (!m)
		return 0;
	bench_write(m->w, 64, ++e->at);
	ck_ring_enqueue_commit_spsc(e->r);
	return 1;
}

BENCH_INLINE unsigned msg_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	struct end *e = in;
	struct ck_msg m;
	unsigned n = 0;
	(void)c;
	for (; n < BENCH_BURST && ck_ring_dequeue_spsc_msg(e->r, e->buf, &m); n++)
		*sum += bench_read(m.w, 64);
	return n;
}

BENCH_LOOPS(ck, ops_ptr, ptr_put, ptr_take);
BENCH_LOOPS(ck, ops_msg, msg_put, msg_take);

#define CK(k, what, n, how)                                                           \
	{                                                                             \
		.kind = k, .peer = "ck_ring", .name = what, .msg_sz = 64, .batch = 1, \
		.consumers = 1, .slots = n, .ops = &(how)                             \
	}

static const struct bench_cand ck_cands[] = {
	CK(BENCH_TRIP, "copied, 64 B", 256, ops_msg),
	CK(BENCH_TRIP, "pointers, 64 B", 256, ops_ptr),
	CK(BENCH_RATE, "copied, 64 B, batch 1", 8192, ops_msg),
	CK(BENCH_RATE, "pointers, 64 B, batch 1", 8192, ops_ptr),
	CK(BENCH_BULK, "copied, 64 B, batch 1, 2 MiB", 32768, ops_msg),
	CK(BENCH_BULK, "copied, 64 B, batch 1, 4 MiB", 65536, ops_msg),
};

const struct bench_peer bench_ck = {ck_cands, sizeof ck_cands / sizeof *ck_cands};
