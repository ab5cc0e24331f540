/* DPDK's rte_ring on memory of our own (rte_ring_init needs no EAL), one producer, one consumer:
 * elements written and read in place, and pointers to messages in a pool, as its applications use
 * it. */
#define ALLOW_EXPERIMENTAL_API
#include "ring_bench.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

struct end {
	struct rte_ring *r;
	uint8_t *pool; /* messages, of which the ring holds pointers */
	uint32_t at, n;
};

static struct end ends[2][2];

static void *dpdk_open_in(const struct bench_cand *c, unsigned which)
{
	struct end *e = &ends[which][1];
	(void)c;
	e->r = (struct rte_ring *)(void *)bench_area[which];
	return e;
}

static void *open_elem(const struct bench_cand *c, unsigned which, uint32_t elem_sz)
{
	struct end *e = &ends[which][0];
	ssize_t sz = rte_ring_get_memsize_elem(elem_sz, (unsigned)c->slots);
	/* what is taken out of the ring is read after its pointer: so many more messages */
	e->n = (uint32_t)c->slots + 2 * BENCH_BURST;
	e->r = (struct rte_ring *)(void *)bench_area[which];
	e->pool = bench_area[which] + ((sz + 127) & ~127LL);
	e->at = 0;
	if (sz < 0 ||
	    sz + 128 + (elem_sz == 8 ? e->n * (ssize_t)c->msg_sz : 0) > (ssize_t)BENCH_AREA ||
	    rte_ring_init(e->r, "bench", (unsigned)c->slots, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
		bench_stop_with("rte_ring_init");
	return e;
}

static void *dpdk_open_out(const struct bench_cand *c, unsigned which)
{
	return open_elem(c, which, c->msg_sz);
}

static void dpdk_close_out(void *out)
{
	(void)out;
}

static void dpdk_close_in(const struct bench_cand *c, void *in)
{
	(void)c;
	(void)in;
}

/* ---- elements in place ----------------------------------------------------------------------- */

BENCH_INLINE unsigned zc_put_sz(struct end *e, uint32_t sz, uint32_t batch)
{
	struct rte_ring_zc_data z;
	unsigned n = rte_ring_enqueue_zc_bulk_elem_start(e->r, sz, batch, &z, NULL);
	if (n == 0)
		return 0;
	uint8_t *to = z.ptr1;
	for (unsigned i = 0; i < n; i++, to += sz) {
		if (i == z.n1)
			to = z.ptr2;
		bench_write((uint64_t *)(void *)to, sz, ++e->at);
	}
	rte_ring_enqueue_zc_elem_finish(e->r, n);
	return n;
}

BENCH_INLINE unsigned zc_take_sz(struct end *e, uint32_t sz, uint64_t *sum)
{
	struct rte_ring_zc_data z;
	unsigned n = rte_ring_dequeue_zc_burst_elem_start(e->r, sz, BENCH_BURST, &z, NULL);
	const uint8_t *at = z.ptr1;
	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++, at += sz) {
		if (i == z.n1)
			at = z.ptr2;
		*sum += bench_read((const uint64_t *)(const void *)at, sz);
	}
	rte_ring_dequeue_zc_elem_finish(e->r, n);
	return n;
}

BENCH_INLINE unsigned zc64_put(void *out, const struct bench_cand *c)
{
	return zc_put_sz(out, 64, c->batch);
}

BENCH_INLINE unsigned zc64_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	(void)c;
	return zc_take_sz(in, 64, sum);
}

BENCH_INLINE unsigned zc128_put(void *out, const struct bench_cand *c)
{
	return zc_put_sz(out, 128, c->batch);
}

BENCH_INLINE unsigned zc128_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	(void)c;
	return zc_take_sz(in, 128, sum);
}

BENCH_LOOPS(dpdk, ops_zc64, zc64_put, zc64_take);
BENCH_LOOPS(dpdk, ops_zc128, zc128_put, zc128_take);

/* ---- pointers -------------------------------------------------------------------------------- */

static void *ptr_open_out(const struct bench_cand *c, unsigned which)
{
	return open_elem(c, which, sizeof(void *));
}
#define ptr_open_in   dpdk_open_in
#define ptr_close_out dpdk_close_out
#define ptr_close_in  dpdk_close_in

/* Without room the messages that were written are written again: nobody has seen them. */
BENCH_INLINE unsigned ptr_put(void *out, const struct bench_cand *c)
{
	struct end *e = out;
	void *tab[BENCH_BURST];
	uint32_t at = e->at;
	if (rte_ring_free_count(e->r) < c->batch)
		return 0;
	for (unsigned i = 0; i < c->batch; i++) {
		tab[i] = e->pool + (uint64_t)at * 64;
		bench_write(tab[i], 64, at);
		at = at + 1 == e->n ? 0 : at + 1;
	}
	if (rte_ring_sp_enqueue_bulk(e->r, tab, c->batch, NULL) == 0)
		return 0;
	e->at = at;
	return c->batch;
}

BENCH_INLINE unsigned ptr_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	struct end *e = in;
	void *tab[BENCH_BURST];
	(void)c;
	unsigned n = rte_ring_sc_dequeue_burst(e->r, tab, BENCH_BURST, NULL);
	for (unsigned i = 0; i < n; i++)
		*sum += bench_read(tab[i], 64);
	return n;
}

BENCH_LOOPS(ptr, ops_ptr, ptr_put, ptr_take);

#define DPDK(k, what, sz, b, n, how)                                                   \
	{                                                                              \
		.kind = k, .peer = "rte_ring", .name = what, .msg_sz = sz, .batch = b, \
		.consumers = 1, .slots = n, .ops = &(how)                              \
	}

static const struct bench_cand dpdk_cands[] = {
	DPDK(BENCH_TRIP, "in place, 64 B", 64, 1, 256, ops_zc64),
	DPDK(BENCH_TRIP, "in place, 128 B", 128, 1, 256, ops_zc128),
	DPDK(BENCH_TRIP, "pointers, 64 B", 64, 1, 256, ops_ptr),
	DPDK(BENCH_RATE, "in place, 64 B, batch 1", 64, 1, 8192, ops_zc64),
	DPDK(BENCH_RATE, "in place, 64 B, batch 32", 64, 32, 8192, ops_zc64),
	DPDK(BENCH_RATE, "in place, 128 B, batch 32", 128, 32, 4096, ops_zc128),
	DPDK(BENCH_RATE, "pointers, 64 B, batch 1", 64, 1, 8192, ops_ptr),
	DPDK(BENCH_RATE, "pointers, 64 B, batch 32", 64, 32, 8192, ops_ptr),
	DPDK(BENCH_BULK, "in place, 64 B, batch 32, 2 MiB", 64, 32, 32768, ops_zc64),
	DPDK(BENCH_BULK, "in place, 64 B, batch 32, 4 MiB", 64, 32, 65536, ops_zc64),
	DPDK(BENCH_BULK, "pointers, 64 B, batch 32, 4 MiB", 64, 32, 65536, ops_ptr),
};

const struct bench_peer bench_dpdk = {dpdk_cands, sizeof dpdk_cands / sizeof *dpdk_cands};
