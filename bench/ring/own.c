/* The ring of this project: in the slot and through a frame, one consumer and several, with the
 * ability to sleep, without it, and as it would be with a fence a message. */
#include "ring_bench.h"

#include "base/clock.h"
#include "ring/ring.h"

#include <string.h>

#define HANDLES	   16u		/* consumers of the widest candidate */
#define TRIP_SLOTS 256u		/* a ring for latency is small */
#define RATE_BYTES (512u << 10) /* of slots: a part of a level 2 cache */
#define BULK_BYTES (4u << 20)	/* beyond it, within level 3 */

static const char *const names[2] = {"bench-a", "bench-b"};
static struct nmw_prod outs[2];
static struct nmw_cons ins[2][HANDLES];

static void *own_open_out(const struct bench_cand *c, unsigned which)
{
	struct nmw_err e = NMW_ERR_INIT;
	const bool frames = c->payload > c->msg_sz - NMW_DESC_SZ;
	const struct nmw_ring_spec s = {.name = names[which],
					.slots = c->slots,
					.slot_sz = c->msg_sz,
					.frame_bytes = frames ? c->slots * 128 : 4096,
					.min_consumers = c->consumers,
					.tool = "bench"};
	if (nmw_prod_open(&outs[which], &s, &e) != 0)
		bench_stop_with(e.msg);
	return &outs[which];
}

static void *own_open_in(const struct bench_cand *c, unsigned which)
{
	struct nmw_err e = NMW_ERR_INIT;
	const struct nmw_cons_spec s = {.ring = names[which]};
	for (unsigned k = 0; k < c->consumers; k++)
		if (nmw_cons_join(&ins[which][k], &s, &e) != 0)
			bench_stop_with(e.msg);
	return ins[which];
}

static void own_close_out(void *out)
{
	nmw_prod_close(out);
	nmw_prod_leave(out);
}

static void own_close_in(const struct bench_cand *c, void *in)
{
	struct nmw_cons *h = in;
	for (unsigned k = 0; k < c->consumers; k++)
		nmw_cons_leave(&h[k], false);
}

BENCH_INLINE void write_message(struct nmw_prod *p, struct nmw_slot *s, uint64_t seq, uint32_t len)
{
	uint64_t *to = (uint64_t *)(void *)nmw_prod_payload(p, s, len);
	if (!to)
		bench_stop_with("frame area too small");
	bench_write(to, len, seq);
	s->ts_ns = seq;
	s->ingress_ns = seq;
	s->in_seq = seq;
	s->session = 1;
	s->channel = NMW_CH_FEED;
	s->codec = NMW_CODEC_NONE;
}

/* Slots that lie in one piece, behind *first at p->slot_shift: not past the one that ends the ring.
 */
BENCH_INLINE unsigned span_to_fill(struct nmw_prod *p, unsigned want, struct nmw_slot **first)
{
	uint64_t piece = p->mask + 1 - (p->next & p->mask);
	*first = nmw_prod_slot(p, 0);
	return nmw_prod_room(p, piece < want ? (unsigned)piece : want);
}

BENCH_INLINE unsigned span_to_read(struct nmw_cons *c, unsigned max, const struct nmw_slot **first)
{
	uint64_t piece = c->mask + 1 - (c->next & c->mask);
	*first = nmw_cons_slot(c, 0);
	return nmw_cons_ready(c, piece < max ? (unsigned)piece : max);
}

BENCH_INLINE unsigned fill_len(struct nmw_prod *p, unsigned batch, uint32_t len)
{
	struct nmw_slot *s;
	if (batch == 1) {
		if (nmw_prod_room(p, 1) == 0)
			return 0;
		write_message(p, nmw_prod_slot(p, 0), p->next, len);
		return 1;
	}
	unsigned n = span_to_fill(p, batch, &s);
	const uint32_t shift = p->slot_shift;
	for (uint64_t seq = p->next, end = seq + n; seq != end; seq++) {
		write_message(p, s, seq, len);
		s = nmw_slot_after(s, shift);
	}
	return n;
}

/* A copy of the loop for each length that is known, as the peers have for theirs. */
BENCH_INLINE unsigned fill(struct nmw_prod *p, const struct bench_cand *c)
{
	switch (c->payload) {
	case 16:
		return fill_len(p, c->batch, 16);
	case 80:
		return fill_len(p, c->batch, 80);
	default:
		return fill_len(p, c->batch, c->payload);
	}
}

BENCH_INLINE unsigned own_put(void *out, const struct bench_cand *c)
{
	unsigned n = fill(out, c);
	if (n > 0)
		nmw_prod_publish(out, n);
	return n;
}

/* The length is the one in the descriptor; a decoder knows those of its messages. */
BENCH_INLINE uint64_t read_len(const uint64_t *at, uint32_t len)
{
	return len == 16   ? bench_read(at, 16)
	       : len == 80 ? bench_read(at, 80)
			   : bench_read(at, len);
}

BENCH_INLINE unsigned own_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	struct nmw_cons *h = in;
	const struct nmw_slot *s;
	(void)c;
	unsigned n = span_to_read(h, BENCH_BURST, &s);
	uint64_t got = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t len;
		const uint64_t *at = (const uint64_t *)(const void *)nmw_cons_payload(h, s, &len);
		if (!at)
			bench_stop_with("corrupt");
		got += s->ts_ns + read_len(at, len);
		s = nmw_slot_after(s, h->slot_shift);
	}
	if (n > 0)
		nmw_cons_release(h, n);
	*sum += got;
	return n;
}

BENCH_LOOPS(own, ops_own, own_put, own_take);

/* Several consumers are one process, since there are two CPUs: each looks at every message and
 * hands it back, the first of them reads the payload and rests for all. */
BENCH_INLINE unsigned many_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	struct nmw_cons *h = in;
	unsigned n = own_take(h, c, sum);
	for (unsigned k = 1; k < c->consumers; k++) {
		h[k].rest = 0;
		unsigned m = nmw_cons_ready(&h[k], BENCH_BURST);
		if (m > 0)
			nmw_cons_release(&h[k], m);
	}
	return n;
}

BENCH_LOOPS(own, ops_many, own_put, many_take);

/* The same work for one consumer, which looks at each message four times: what is left between the
 * two is what three more cursors cost. */
BENCH_INLINE unsigned work4_take(void *in, const struct bench_cand *c, uint64_t *sum)
{
	struct nmw_cons *h = in;
	unsigned n = own_take(h, c, sum);
	h->next -= n;
	for (unsigned k = 1; k < 4 && n > 0; k++)
		*sum += nmw_cons_run(h, 0, n);
	h->next += n;
	return n;
}

BENCH_LOOPS(own, ops_work4, own_put, work4_take);

/* ---- what the ability to sleep costs --------------------------------------------------------- */

/* nmw_prod_publish without the look for sleepers. */
BENCH_INLINE unsigned awake_put(void *out, const struct bench_cand *c)
{
	struct nmw_prod *p = out;
	const unsigned n = fill(p, c);
	const uint64_t end = p->next + n;
	if (n == 0)
		return 0;
	if (n == 1)
		nmw_prod_number_one(p, p->next);
	else
		nmw_prod_number(p, end);
	p->next = end;
	if (__builtin_expect(end >= p->early, 0))
		nmw_prod_early(p);
	return n;
}

BENCH_LOOPS(own, ops_awake, awake_put, own_take);

/* The sleeping flag of the textbook: a fence between the message and the look for sleepers. */
BENCH_INLINE unsigned fence_put(void *out, const struct bench_cand *c)
{
	unsigned n = own_put(out, c);
	if (n > 0)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return n;
}

BENCH_LOOPS(own, ops_fence, fence_put, own_take);

/* ---- what more consumers cost the producer --------------------------------------------------- */

/* Time is taken around what found room, so that the consumers' own work, which shares one CPU here,
 * is not in it. */
static void work_send(const struct bench_cand *c)
{
	struct nmw_prod *p = own_open_out(c, 0);
	uint64_t work = 0, n = 0;
	bench_set(&bench_sh->ready, 1);
	while (!bench_get(&bench_sh->stop)) {
		uint64_t t = __rdtsc();
		unsigned m = own_put(p, c);
		if (m == 0)
			continue;
		work += __rdtsc() - t;
		n += m;
	}
	bench_sh->work_tsc = work;
	bench_sh->work = n;
	own_close_out(p);
}

static const struct bench_ops ops_work = {.send = work_send, .receive = ops_many_receive};

/* ---- the table ------------------------------------------------------------------------------- */

#define OWN(k, what, sz, len, b, n, bytes)                                                        \
	{                                                                                         \
		.kind = k, .peer = "nmw", .name = what, .msg_sz = sz, .payload = len, .batch = b, \
		.consumers = n, .slots = (bytes) / (sz), .ops = (n) > 1 ? &ops_many : &ops_own    \
	}
#define TRIP(what, sz, len)	      OWN(BENCH_TRIP, what, sz, len, 1, 1, TRIP_SLOTS *(sz))
#define RATE(what, sz, len, b, n)     OWN(BENCH_RATE, what, sz, len, b, n, RATE_BYTES)
#define BULK(what, sz, len, b, bytes) OWN(BENCH_BULK, what, sz, len, b, 1, bytes)
#define WITH(what, sz, len, b, how)                                                            \
	{                                                                                      \
		.kind = BENCH_RATE, .peer = "nmw", .name = what, .msg_sz = sz, .payload = len, \
		.batch = b, .consumers = 1, .slots = RATE_BYTES / (sz), .ops = &(how)          \
	}
#define WORK(what, sz, len, n)                                                                 \
	{                                                                                      \
		.kind = BENCH_WORK, .peer = "nmw", .name = what, .msg_sz = sz, .payload = len, \
		.batch = 32, .consumers = n, .slots = RATE_BYTES / (sz), .ops = &ops_work      \
	}

static const struct bench_cand own_cands[] = {
	TRIP("1-line slot, 16 B", 64, 16),
	TRIP("2-line slot, 16 B", 128, 16),
	TRIP("2-line slot, 48 B", 128, 48),
	TRIP("2-line slot, 80 B", 128, 80),
	TRIP("frame, 64 B", 64, 64),
	TRIP("frame, 128 B", 128, 128),
	RATE("1-line slot, batch 1", 64, 16, 1, 1),
	RATE("1-line slot, batch 32", 64, 16, 32, 1),
	RATE("2-line slot, 80 B, batch 1", 128, 80, 1, 1),
	RATE("2-line slot, 80 B, batch 32", 128, 80, 32, 1),
	RATE("frame, 64 B, batch 32", 64, 64, 32, 1),
	RATE("1-line slot, batch 32, 4 consumers", 64, 16, 32, 4),
	RATE("2-line slot, 80 B, batch 32, 4 consumers", 128, 80, 32, 4),
	WITH("1-line slot, batch 32, the work of 4", 64, 16, 32, ops_work4),
	WITH("2-line slot, 80 B, batch 32, the work of 4", 128, 80, 32, ops_work4),
	WITH("1-line slot, batch 1, cannot sleep", 64, 16, 1, ops_awake),
	WITH("1-line slot, batch 1, fence a message", 64, 16, 1, ops_fence),
	BULK("1-line slot, batch 1, 2 MiB", 64, 16, 1, BULK_BYTES / 2),
	BULK("1-line slot, batch 32, 2 MiB", 64, 16, 32, BULK_BYTES / 2),
	BULK("1-line slot, batch 1, 4 MiB", 64, 16, 1, BULK_BYTES),
	BULK("1-line slot, batch 32, 4 MiB", 64, 16, 32, BULK_BYTES),
	BULK("2-line slot, 80 B, batch 1, 4 MiB", 128, 80, 1, BULK_BYTES),
	BULK("2-line slot, 80 B, batch 32, 4 MiB", 128, 80, 32, BULK_BYTES),
	WORK("1-line slot, batch 32, 1 consumer", 64, 16, 1),
	WORK("1-line slot, batch 32, 4 consumers", 64, 16, 4),
	WORK("1-line slot, batch 32, 16 consumers", 64, 16, 16),
};

const struct bench_peer bench_own = {own_cands, sizeof own_cands / sizeof *own_cands};
