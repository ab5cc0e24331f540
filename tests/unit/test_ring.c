/* One producer and its consumers: wrap, backpressure, broadcast, frames, ends. */
#include "ring_fixture.h"

START_TEST(wraps)
{
	static const uint32_t sizes[] = {64, 128, 256, 4096};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct nmw_prod p = fx_prod(
			(struct nmw_ring_spec){.name = "w", .slots = 8, .slot_sz = sizes[i]});
		struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "w"});
		ck_assert_uint_eq(p.inline_max, sizes[i] - 48);
		for (uint64_t done = 0; done < 1000;) {
			fx_put(&p, (unsigned)(done % 9) + 1, 7);
			done += fx_get(&c, (unsigned)(done % 5) + 1, 7);
		}
		nmw_prod_close(&p);
		nmw_prod_leave(&p);
		fx_get(&c, 8, 7);
		ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_CLOSED);
		nmw_cons_leave(&c, false);
		ck_assert_uint_eq(fx_files(), 0);
	}
}
END_TEST

START_TEST(smallest)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "two", .slots = 2});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "two"});
	ck_assert_uint_eq(fx_put(&p, 10, 1), 2);
	ck_assert_uint_eq(nmw_prod_room(&p, 1), 0);
	ck_assert_uint_eq(fx_get(&c, 1, 1), 1);
	ck_assert_uint_eq(fx_put(&p, 10, 1), 1);
	ck_assert_uint_eq(fx_get(&c, 10, 1), 2);
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

/* Full is full, to the message, and a whole ring can be asked for at once. */
START_TEST(backpressure)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "bp", .slots = 64});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "bp"});
	ck_assert_uint_eq(fx_put(&p, 1000, 3), 64);
	ck_assert_uint_eq(nmw_prod_room(&p, 1), 0);
	ck_assert_uint_eq(nmw_prod_released(&p), 0);
	ck_assert_uint_eq(fx_get(&c, 5, 3), 5);
	ck_assert_uint_eq(nmw_prod_released(&p), 5);
	ck_assert_uint_eq(nmw_prod_room(&p, 64), 5);
	ck_assert_uint_eq(fx_put(&p, 1000, 3), 5);
	ck_assert_uint_eq(fx_get(&c, 64, 3), 64);
	ck_assert_uint_eq(nmw_prod_room(&p, 64), 64);
	ck_assert_uint_eq(nmw_prod_room(&p, 1000), 64);
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

/* A burst is filled slot by slot and becomes visible when it is published, in part if wanted. */
START_TEST(bursts)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "b", .slots = 16});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "b"});
	for (unsigned round = 0; round < 50; round++) {
		ck_assert_uint_eq(nmw_prod_room(&p, 7), 7);
		for (unsigned i = 0; i < 7; i++) {
			struct nmw_slot *s = nmw_prod_slot(&p, i);
			uint32_t len = fx_len(p.next + i, 11);
			memset(nmw_prod_payload(&p, s, len), (int)((p.next + i) & 0xff), len);
			s->ts_ns = (p.next + i) * 3;
		}
		ck_assert_uint_eq(nmw_cons_ready(&c, 16), 0);
		nmw_prod_publish(&p, 5);
		ck_assert_uint_eq(nmw_cons_ready(&c, 16), 5);
		ck_assert_uint_eq(nmw_cons_ready(&c, 3), 3);
		nmw_prod_publish(&p, 0);
		nmw_prod_publish(&p, 2);
		ck_assert_uint_eq(fx_get(&c, 16, 11), 7);
	}
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(broadcast)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "all", .slots = 32});
	struct nmw_cons c[NMW_RING_CONSUMERS];
	uint64_t got[NMW_RING_CONSUMERS] = {0};
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++)
		c[i] = fx_join((struct nmw_cons_spec){.ring = "all"});
	struct nmw_cons more;
	ck_assert_int_eq(nmw_cons_join(&more, &(struct nmw_cons_spec){.ring = "all"}, &fx_err),
			 -EUSERS);
	unsigned dead = 9;
	ck_assert_uint_eq(nmw_prod_consumers(&p, &dead), NMW_RING_CONSUMERS);
	ck_assert_uint_eq(dead, 0);
	uint64_t put = 0;
	for (unsigned round = 0; round < 2000; round++) {
		put += fx_put(&p, round % 5, 5);
		unsigned i = (round * 7) % NMW_RING_CONSUMERS;
		got[i] += fx_get(&c[i], 64, 5);
	}
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		got[i] += fx_get(&c[i], 64, 5);
		ck_assert_uint_eq(got[i], put);
		nmw_cons_leave(&c[i], false);
	}
	ck_assert_uint_gt(put, 100);
	ck_assert_uint_eq(nmw_prod_consumers(&p, NULL), 0);
	nmw_prod_leave(&p);
}
END_TEST

/* The slowest one counts, and what it gives back at its leaving is free. */
START_TEST(slowest)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "slow", .slots = 8});
	struct nmw_cons a = fx_join((struct nmw_cons_spec){.ring = "slow"});
	struct nmw_cons b = fx_join((struct nmw_cons_spec){.ring = "slow"});
	fx_put(&p, 8, 1);
	fx_get(&a, 8, 1);
	ck_assert_uint_eq(nmw_prod_room(&p, 1), 0);
	fx_get(&b, 2, 1);
	ck_assert_uint_eq(nmw_prod_room(&p, 8), 2);
	nmw_cons_leave(&b, false);
	ck_assert_uint_eq(nmw_prod_room(&p, 8), 8);
	nmw_cons_leave(&a, false);
	nmw_prod_leave(&p);
}
END_TEST

/* Nobody there: the producer runs free, and who comes late finds at least half a ring. */
START_TEST(late_consumer)
{
	for (unsigned put = 0; put < 200; put += 13) {
		struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "late", .slots = 16});
		ck_assert_uint_eq(fx_put(&p, put, 2), put);
		struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "late"});
		uint64_t first = c.next;
		if (put < 8)
			ck_assert_uint_eq(first, 1);
		ck_assert_uint_le(first, put + 1);
		ck_assert_uint_le(put - (first - 1), 16);
		if (put >= 8)
			ck_assert_uint_ge(put - (first - 1), 8);
		unsigned n = fx_get(&c, 100, 2);
		ck_assert_uint_eq(n, put - (first - 1));
		n = fx_put(&p, 100, 2);
		ck_assert_uint_eq(n, 16);
		ck_assert_uint_eq(fx_get(&c, 100, 2), 16);
		nmw_cons_leave(&c, false);
		nmw_prod_close(&p);
		nmw_prod_leave(&p);
		ck_assert_uint_eq(fx_files(), 0);
	}
}
END_TEST

START_TEST(min_consumers)
{
	struct nmw_prod p =
		fx_prod((struct nmw_ring_spec){.name = "min", .slots = 16, .min_consumers = 2});
	ck_assert_uint_eq(fx_put(&p, 5, 1), 0);
	struct nmw_cons a = fx_join((struct nmw_cons_spec){.ring = "min"});
	ck_assert_uint_eq(fx_put(&p, 5, 1), 0);
	struct nmw_cons b = fx_join((struct nmw_cons_spec){.ring = "min"});
	ck_assert_uint_eq(fx_put(&p, 5, 1), 5);
	ck_assert_uint_eq(fx_get(&a, 9, 1), 5);
	ck_assert_uint_eq(fx_get(&b, 9, 1), 5);
	nmw_cons_leave(&a, false);
	ck_assert_uint_eq(fx_put(&p, 5, 1), 5); /* it holds the first message back, no later one */
	nmw_cons_leave(&b, false);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(private_ring)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.tool = "nmw-recv"});
	struct nmw_prod q = fx_prod((struct nmw_ring_spec){.tool = "nmw-recv"});
	char name[NMW_RING_NAME_MAX];
	snprintf(name, sizeof name, "%s", nmw_prod_name(&p));
	ck_assert_str_ne(name, nmw_prod_name(&q));
	ck_assert_int_eq(strncmp(name, "nmw-recv-", 9), 0);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = name});
	struct nmw_ring_info info;
	ck_assert_int_eq(nmw_ring_inspect(name, &info, &fx_err), 0);
	ck_assert(info.private_ring);
	fx_put(&p, 5, 9);
	nmw_prod_leave(&q);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	ck_assert_uint_eq(fx_files(), 0);
	ck_assert_uint_eq(fx_get(&c, 9, 9), 5); /* the messages stay as long as they are mapped */
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_CLOSED);
	nmw_cons_leave(&c, false);
}
END_TEST

/* Who reads to the end is told what its producer says of it; the next producer begins anew. */
START_TEST(a_flaw_is_told_at_the_end)
{
	for (int flaw = NMW_RING_WHOLE; flaw <= NMW_RING_FAILED; flaw++) {
		struct nmw_ring_info info;
		struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "f"});
		struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "f", .name = "late"});
		fx_put(&p, 5, 9);
		nmw_prod_flaw(&p, (enum nmw_ring_flaw)flaw);
		ck_assert_int_eq(nmw_ring_inspect("f", &info, &fx_err), 0);
		ck_assert_int_eq(info.flaw, NMW_RING_WHOLE); /* so far */
		nmw_prod_close(&p);
		nmw_prod_leave(&p);
		ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_CLOSED);
		ck_assert_int_eq(nmw_cons_flaw(&c), flaw);
		ck_assert_int_eq(nmw_ring_inspect("f", &info, &fx_err), 0);
		ck_assert_int_eq(info.flaw, flaw);
		p = fx_prod((struct nmw_ring_spec){.name = "f"});
		ck_assert_int_eq(nmw_cons_flaw(&c), NMW_RING_WHOLE);
		nmw_prod_close(&p);
		nmw_prod_leave(&p);
		nmw_cons_leave(&c, true);
		ck_assert_uint_eq(fx_files(), 0);
	}
}
END_TEST

/* Frames of every length, round and round; the arena gives back exactly what was read. */
START_TEST(frames)
{
	struct nmw_prod p =
		fx_prod((struct nmw_ring_spec){.name = "f", .slots = 64, .frame_bytes = 8192});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "f"});
	uint64_t sent = 0, got = 0;
	while (got < 5000) {
		while (nmw_prod_room(&p, 1)) {
			struct nmw_slot *s = nmw_prod_slot(&p, 0);
			uint32_t len = (uint32_t)((sent * sent * 31 + sent) % 2000);
			uint8_t *at = nmw_prod_payload(&p, s, len);
			if (!at)
				break;
			memset(at, (int)(sent & 0xff), len);
			nmw_prod_publish(&p, 1);
			sent++;
		}
		unsigned m = nmw_cons_ready(&c, (unsigned)(got % 6) + 1);
		ck_assert_uint_gt(m, 0);
		for (unsigned i = 0; i < m; i++, got++) {
			uint32_t len;
			const uint8_t *at = nmw_cons_payload(&c, nmw_cons_slot(&c, i), &len);
			if (len != (got * got * 31 + got) % 2000 || !fx_all(at, len, got))
				ck_abort_msg("message %llu", (unsigned long long)got);
		}
		nmw_cons_release(&c, m);
	}
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(frame_limits)
{
	struct nmw_prod p =
		fx_prod((struct nmw_ring_spec){.name = "fl", .slots = 4, .frame_bytes = 8192});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "fl"});
	ck_assert_uint_eq(nmw_prod_frame_max(&p), 8192);
	ck_assert_uint_eq(nmw_prod_room(&p, 4), 4);
	struct nmw_slot *s = nmw_prod_slot(&p, 0);
	ck_assert_ptr_null(nmw_prod_payload(&p, s, 8193));
	for (unsigned i = 0; i < 5; i++) /* taken and taken again: the same frame */
		ck_assert_ptr_nonnull(nmw_prod_payload(&p, s, 8192));
	ck_assert_ptr_null(nmw_prod_payload(&p, nmw_prod_slot(&p, 1), 100));
	nmw_prod_publish(&p, 1);
	ck_assert_ptr_null(nmw_prod_payload(&p, nmw_prod_slot(&p, 0), 100));
	ck_assert_ptr_nonnull(nmw_prod_payload(&p, nmw_prod_slot(&p, 0), 80)); /* in the slot */
	nmw_cons_release(&c, nmw_cons_ready(&c, 1));
	ck_assert_ptr_nonnull(nmw_prod_payload(&p, nmw_prod_slot(&p, 0), 8192));
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
	p = fx_prod((struct nmw_ring_spec){.name = "fl2", .frame_bytes = 1 << 20});
	ck_assert_uint_eq(nmw_prod_frame_max(&p), 65535);
	ck_assert_ptr_null(nmw_prod_frame(&p, nmw_prod_slot(&p, 0), 65536));
	nmw_prod_leave(&p);
}
END_TEST

/* What a descriptor says is checked against the file before it is followed. */
START_TEST(hostile_descriptor)
{
	static const struct {
		uint64_t off;
		uint16_t len;
		bool ok;
	} row[] = {{NMW_INLINE, 80, true},     {NMW_INLINE, 81, false},
		   {NMW_INLINE - 1, 0, false}, {0, 4096, true},
		   {0, 4097, false},	       {4095, 1, true},
		   {4095, 2, false},	       {4096, 0, true},
		   {4096, 1, false},	       {4097, 0, false},
		   {UINT64_MAX - 9, 9, false}, {1ull << 63, 1, false}};
	struct nmw_prod p =
		fx_prod((struct nmw_ring_spec){.name = "h", .slots = 16, .frame_bytes = 4096});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "h"});
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		uint32_t len;
		ck_assert_uint_eq(nmw_prod_room(&p, 1), 1);
		struct nmw_slot *s = nmw_prod_slot(&p, 0);
		s->frame_off = row[i].off;
		s->len = row[i].len;
		nmw_prod_publish(&p, 1);
		ck_assert_uint_eq(nmw_cons_ready(&c, 1), 1);
		ck_assert_msg((nmw_cons_payload(&c, nmw_cons_slot(&c, 0), &len) != NULL) ==
				      row[i].ok,
			      "row %zu", i);
		ck_assert_uint_eq(len, row[i].len);
		struct nmw_slot copy;
		const uint8_t *at;
		ck_assert_int_eq(nmw_cons_take(&c, 0, &copy, &at, &len), row[i].ok);
		ck_assert_mem_eq(&copy, nmw_cons_slot(&c, 0), NMW_DESC_SZ);
		ck_assert_uint_eq(len, row[i].len);
		ck_assert_ptr_eq(at, !row[i].ok			? NULL
				     : row[i].off == NMW_INLINE ? nmw_cons_slot(&c, 0)->payload
								: c.frames + row[i].off);
		nmw_cons_release(&c, 1);
	}
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

/* A ring that breaks its rules ends its reader; it does not hang it. */
START_TEST(corrupt_states)
{
	for (unsigned how = 0; how < 6; how++) {
		struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "c", .slots = 8});
		struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "c"});
		fx_put(&p, 6, 1);
		fx_get(&c, 6, 1);
		fx_put(&p, 4, 1);
		ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_LIVE);
		struct nmw_slot *next = nmw_ring_slot(p.ring, c.next);
		switch (how) {
		case 0: /* a sequence number that cannot be */
			next->seq ^= 1ull << 40;
			break;
		case 1: /* one that looks like the lap before */
			__atomic_store_n(&p.ring->hdr->at.published, p.next - 1, __ATOMIC_RELEASE);
			next->seq -= 8;
			break;
		case 2:
			p.ring->hdr->p.closed = 77;
			break;
		case 3: /* put out by another */
			p.ring->ctl->line[c.ring->idx].state = NMW_LINE_EVICTED;
			break;
		case 4:
			p.ring->ctl->line[c.ring->idx].state = NMW_LINE_FREE;
			break;
		default: /* closed one message short */
			nmw_prod_close(&p);
			next->seq = 0;
		}
		ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_CORRUPT);
		ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_CORRUPT);
		nmw_cons_leave(&c, false);
		nmw_prod_leave(&p);
		nmw_ring_reap(false, NULL);
	}
}
END_TEST

/* A consumer whose cursor cannot be is put out; it cannot make the producer overwrite or run. */
START_TEST(hostile_cursor)
{
	static const uint64_t forged[] = {UINT64_MAX, 1ull << 63, 100, 0};
	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
		struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "hc", .slots = 8});
		struct nmw_cons good = fx_join((struct nmw_cons_spec){.ring = "hc"});
		struct nmw_cons bad = fx_join((struct nmw_cons_spec){.ring = "hc"});
		fx_put(&p, 6, 1);
		fx_get(&good, 4, 1);
		fx_get(&bad, 4, 1);
		ck_assert_uint_eq(fx_put(&p, 4, 1), 4);
		*bad.cursor = forged[i];
		fx_put(&p, 4, 1);
		ck_assert_uint_eq(p.ring->hdr->p.bad_cursors, 1);
		ck_assert_int_eq(nmw_cons_state(&bad), NMW_RING_CORRUPT);
		ck_assert_int_eq(nmw_cons_state(&good), NMW_RING_LIVE);
		fx_put(&p, 99, 1);
		fx_get(&good, 99, 1);
		ck_assert_uint_eq(fx_put(&p, 99, 1), 8);
		ck_assert_uint_eq(nmw_prod_consumers(&p, NULL), 1);
		nmw_cons_leave(&bad, false);
		nmw_cons_leave(&good, false);
		nmw_prod_close(&p);
		nmw_prod_leave(&p);
		ck_assert_uint_eq(fx_files(), 0);
	}
}
END_TEST

FX_MAIN("ring", wraps, smallest, backpressure, bursts, broadcast, slowest, late_consumer,
	min_consumers, private_ring, a_flaw_is_told_at_the_end, frames, frame_limits,
	hostile_descriptor, corrupt_states, hostile_cursor)
