/* Deaths, returns, names, taps and those who follow. */
#include "ring_fixture.h"

#include <fcntl.h>

#define EVICT_MS 60u

START_TEST(resume)
{
	struct nmw_ring_spec s = {.name = "r", .slots = 16, .tool = "first"};
	struct nmw_prod p = fx_prod(s);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "r"});
	ck_assert_ptr_nonnull(c.guess); /* what is fetched ahead is there from the start */
	fx_put(&p, 11, 3);
	fx_get(&c, 4, 3);
	/* killed while it filled a slot and had not published it */
	nmw_prod_room(&p, 1);
	struct nmw_slot *half = nmw_prod_slot(&p, 0);
	memset(half->payload, 0xee, 80);
	half->len = 7777;
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_LIVE);
	fx_die(p.ring);
	fx_get(&c, 2, 3);
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_DEAD);
	ck_assert_uint_eq(nmw_cons_ready(&c, 16), 5);

	p = fx_prod((struct nmw_ring_spec){.name = "r", .tool = "second"});
	ck_assert_uint_eq(p.next, 12);
	ck_assert_uint_eq(p.mask, 15);
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_LIVE);
	ck_assert_str_eq(p.ring->hdr->p.tool, "second");
	ck_assert_uint_eq(p.ring->hdr->p.resumes, 1);
	ck_assert_uint_eq(fx_put(&p, 100, 3), 11);
	ck_assert_uint_eq(fx_get(&c, 100, 3), 16);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	nmw_cons_leave(&c, false);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

/* At every fill level and after every number of laps. */
START_TEST(resume_everywhere)
{
	struct nmw_ring_spec s = {.name = "re", .slots = 8, .frame_bytes = 4096};
	struct nmw_prod p = fx_prod(s);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "re", .name = "n"});
	uint64_t put = 0, got = 0;
	for (unsigned i = 0; i < 300; i++) {
		put += fx_put(&p, i % 10, 13);
		got += fx_get(&c, (i * 7) % 9, 13);
		if (i % 2) {
			fx_die(p.ring);
			p = fx_prod(s);
			ck_assert_uint_eq(p.next, put + 1);
		}
		if (i % 3 == 0) {
			fx_die(c.ring);
			c = fx_join((struct nmw_cons_spec){.ring = "re", .name = "n"});
			ck_assert_uint_eq(c.next, got + 1);
		}
	}
	ck_assert_uint_gt(got, 500);
	nmw_cons_leave(&c, true);
	nmw_prod_leave(&p);
}
END_TEST

/* Frames that unread messages hold are not given out again after a resume. */
START_TEST(resume_frames)
{
	struct nmw_ring_spec s = {.name = "rf", .slots = 32, .frame_bytes = 4096};
	struct nmw_prod p = fx_prod(s);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "rf"});
	uint64_t put = 0, got = 0;
	for (unsigned i = 0; i < 400; i++) {
		while (nmw_prod_room(&p, 1)) {
			struct nmw_slot *slot = nmw_prod_slot(&p, 0);
			uint32_t len = 81 + (uint32_t)(put * 37 % 900);
			uint8_t *at = nmw_prod_payload(&p, slot, len);
			if (!at)
				break;
			memset(at, (int)(put & 0xff), len);
			nmw_prod_publish(&p, 1);
			put++;
		}
		if (i % 3 == 0) {
			fx_die(p.ring);
			p = fx_prod(s);
		}
		unsigned m = nmw_cons_ready(&c, 1 + i % 4);
		ck_assert_uint_gt(m, 0);
		for (unsigned k = 0; k < m; k++, got++) {
			uint32_t len;
			const uint8_t *at = nmw_cons_payload(&c, nmw_cons_slot(&c, k), &len);
			if (len != 81 + got * 37 % 900 || !fx_all(at, len, got))
				ck_abort_msg("message %llu", (unsigned long long)got);
		}
		nmw_cons_release(&c, m);
	}
	/* frames of the producer's own, in no order: closed until they are read */
	fx_die(c.ring);
	c = fx_join((struct nmw_cons_spec){.ring = "rf", .name = "own"});
	while (nmw_prod_room(&p, 1) == 0)
		fx_nap_ms(10);
	nmw_cons_release(&c, nmw_cons_ready(&c, 100));
	ck_assert_uint_eq(nmw_prod_room(&p, 3), 3);
	static const uint64_t off[] = {3000, 10, 2000};
	for (unsigned i = 0; i < 3; i++) {
		nmw_prod_slot(&p, i)->frame_off = off[i];
		nmw_prod_slot(&p, i)->len = 900;
	}
	nmw_prod_publish(&p, 3);
	fx_die(p.ring);
	p = fx_prod(s);
	ck_assert_uint_eq(nmw_prod_room(&p, 1), 1);
	ck_assert_ptr_null(nmw_prod_payload(&p, nmw_prod_slot(&p, 0), 81));
	nmw_cons_release(&c, nmw_cons_ready(&c, 100));
	ck_assert_ptr_nonnull(nmw_prod_payload(&p, nmw_prod_slot(&p, 0), 81));
	nmw_cons_leave(&c, true);
	nmw_prod_leave(&p);
}
END_TEST

/* Messages that every consumer is done with are still there for one that joins late: a producer
 * that resumes does not write over their frames unless it says so. */
START_TEST(resume_for_late_readers)
{
	struct nmw_ring_spec s = {.name = "rl", .slots = 32, .frame_bytes = 4096};
	struct nmw_prod p = fx_prod(s);
	struct nmw_cons first = fx_join((struct nmw_cons_spec){.ring = "rl"});
	ck_assert_uint_eq(fx_put(&p, 8, 299), 8);
	ck_assert_uint_eq(fx_get(&first, 8, 299), 8);
	fx_die(p.ring);
	p = fx_prod(s);
	ck_assert_uint_eq(fx_put(&p, 4, 299), 4);
	struct nmw_cons late = fx_join((struct nmw_cons_spec){.ring = "rl"});
	ck_assert_uint_eq(late.next, 1);
	ck_assert_uint_eq(fx_get(&late, 12, 299), 12);
	nmw_cons_leave(&late, true);
	nmw_cons_leave(&first, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(resume_refused)
{
	struct nmw_ring_spec s = {.name = "rr", .slots = 16};
	struct nmw_prod p = fx_prod(s), q;
	ck_assert_int_eq(nmw_prod_open(&q, &s, &fx_err), -EEXIST);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
	fx_put(&p, 5, 1);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "rr"});
	fx_die(p.ring);
	s.slots = 32;
	ck_assert_int_eq(nmw_prod_open(&q, &s, &fx_err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fx_err.msg, "--discard"));
	/* discard: whoever reads the old one drains it and ends */
	s.discard = true;
	q = fx_prod(s);
	ck_assert_uint_eq(q.next, 1);
	ck_assert_uint_eq(fx_get(&c, 9, 1), 5);
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_CLOSED);
	nmw_cons_leave(&c, false);
	struct nmw_cons d = fx_join((struct nmw_cons_spec){.ring = "rr"});
	ck_assert_uint_eq(d.mask, 31);
	nmw_cons_leave(&d, false);
	nmw_prod_close(&q);
	nmw_prod_leave(&q);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

/* A claim or a floor that cannot be is not resumed. */
START_TEST(resume_corrupt)
{
	for (unsigned how = 0; how < 4; how++) {
		struct nmw_ring_spec s = {.name = "rc", .slots = 16};
		struct nmw_prod p = fx_prod(s);
		fx_put(&p, 30, 1);
		struct nmw_ring_progress *at = &p.ring->hdr->at;
		if (how == 0)
			at->claim = 5;
		else if (how == 1)
			at->claim = 1000;
		else if (how == 2)
			at->published = 1ull << 50;
		else
			at->frame_floor = 31;
		fx_die(p.ring);
		ck_assert_int_eq(nmw_prod_open(&p, &s, &fx_err), -EPROTO);
		ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
		ck_assert_int_eq(nmw_ring_reap(false, NULL), 1);
	}
}
END_TEST

/* Closed and read by all who are named: the next producer starts afresh. Closed with a reader: it
 * goes on in the same ring. */
START_TEST(after_close)
{
	struct nmw_ring_spec s = {.name = "ac", .slots = 16};
	struct nmw_prod p = fx_prod(s);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "ac", .name = "n"});
	fx_put(&p, 5, 1);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	nmw_cons_leave(&c, false);
	ck_assert_uint_eq(fx_files(), 1); /* n has not read yet */
	p = fx_prod(s);
	ck_assert_uint_eq(p.next, 6);
	c = fx_join((struct nmw_cons_spec){.ring = "ac", .name = "n"});
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_LIVE);
	ck_assert_uint_eq(fx_get(&c, 99, 1), 5);
	nmw_cons_leave(&c, false);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	ck_assert_uint_eq(fx_files(), 0); /* n had read all */

	p = fx_prod(s);
	c = fx_join((struct nmw_cons_spec){.ring = "ac"});
	fx_put(&p, 5, 1);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	fx_die(c.ring); /* unnamed: nobody will read it */
	ck_assert_uint_eq(fx_files(), 1);
	p = fx_prod(s);
	ck_assert_uint_eq(p.next, 1);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

START_TEST(eviction)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "ev", .slots = 8});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "ev"});
	struct nmw_cons d = fx_join((struct nmw_cons_spec){.ring = "ev"});
	fx_put(&p, 8, 1);
	fx_get(&d, 8, 1);
	fx_die(c.ring);
	unsigned waited = 0;
	while (nmw_prod_room(&p, 1) == 0 && waited++ < 500)
		fx_nap_ms(1);
	ck_assert_uint_lt(waited, 500);
	ck_assert_uint_eq(p.ring->hdr->p.evicted, 1);
	ck_assert_uint_eq(fx_put(&p, 99, 1), 8);
	ck_assert_uint_eq(fx_get(&d, 99, 1), 8);
	/* its line is free for another */
	c = fx_join((struct nmw_cons_spec){.ring = "ev"});
	ck_assert_uint_eq(c.ring->idx, 0);
	nmw_cons_leave(&c, false);
	nmw_cons_leave(&d, false);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(named)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "na", .slots = 8});
	const struct nmw_cons_spec me = {.ring = "na", .name = "me"};
	struct nmw_cons c = fx_join(me), again;
	fx_put(&p, 8, 1);
	fx_get(&c, 3, 1);
	ck_assert_int_eq(nmw_cons_join(&again, &me, &fx_err), -EBUSY);
	fx_die(c.ring);
	fx_nap_ms(EVICT_MS);
	ck_assert_uint_eq(fx_put(&p, 99, 1), 3); /* it will be back: nothing is lost */
	fx_nap_ms(EVICT_MS);
	ck_assert_uint_eq(nmw_prod_room(&p, 1), 0);
	unsigned dead = 0;
	ck_assert_uint_eq(nmw_prod_consumers(&p, &dead), 1);
	ck_assert_uint_eq(dead, 1);
	c = fx_join(me);
	ck_assert_uint_eq(c.next, 4);
	ck_assert_uint_eq(fx_get(&c, 99, 1), 8);
	nmw_cons_leave(&c, false);
	ck_assert_uint_eq(nmw_prod_consumers(&p, NULL), 1);
	c = fx_join(me);
	nmw_cons_leave(&c, true);
	ck_assert_uint_eq(nmw_prod_consumers(&p, NULL), 0);
	nmw_prod_leave(&p);
}
END_TEST

/* In a private ring nobody comes back. */
START_TEST(named_private)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.slots = 8});
	struct nmw_cons c =
		fx_join((struct nmw_cons_spec){.ring = nmw_prod_name(&p), .name = "me"});
	fx_die(c.ring);
	fx_nap_ms(EVICT_MS);
	ck_assert_uint_eq(nmw_prod_consumers(&p, NULL), 0);
	nmw_prod_leave(&p);
}
END_TEST

/* Killed in the middle of joining: the producer waits for it no longer than for any dead one, and
 * the next of that name starts as a new one. */
START_TEST(died_joining)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "dj", .slots = 8});
	fx_put(&p, 20, 1);
	struct nmw_ring_line *l = &p.ring->ctl->line[3];
	memcpy(l->name, "me", 3);
	l->cursor = 0;
	l->state = NMW_LINE_JOINING;
	for (unsigned i = 0; i < 200 && l->state != NMW_LINE_FREE; i++) {
		fx_put(&p, 20, 1);
		fx_nap_ms(1);
	}
	ck_assert_uint_eq(l->state, NMW_LINE_FREE);
	l->state = NMW_LINE_JOINING;
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "dj", .name = "me"});
	ck_assert_uint_eq(c.ring->idx, 3);
	ck_assert_uint_gt(c.next, 8);
	nmw_cons_leave(&c, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(after)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "af", .slots = 16});
	struct nmw_cons b =
		fx_join((struct nmw_cons_spec){.ring = "af", .name = "send", .after = "journal"});
	fx_put(&p, 10, 1);
	ck_assert_uint_eq(nmw_cons_ready(&b, 99), 0);
	struct nmw_cons a = fx_join((struct nmw_cons_spec){.ring = "af", .name = "journal"});
	ck_assert_uint_eq(nmw_cons_ready(&b, 99), 0);
	fx_get(&a, 4, 1);
	ck_assert_uint_eq(nmw_cons_ready(&b, 99), 4);
	ck_assert_uint_eq(nmw_cons_ready(&b, 2), 2);
	ck_assert_uint_eq(fx_get(&b, 99, 1), 4);
	nmw_cons_sleep(&b, 1000000);
	fx_get(&a, 1, 1);
	fx_die(a.ring);
	ck_assert_uint_eq(fx_get(&b, 99, 1), 1);
	a = fx_join((struct nmw_cons_spec){.ring = "af", .name = "journal"});
	fx_get(&a, 99, 1);
	nmw_cons_leave(&a, true); /* what it had done stands */
	ck_assert_uint_eq(fx_get(&b, 99, 1), 5);
	struct nmw_cons x;
	ck_assert_int_eq(
		nmw_cons_join(&x, &(struct nmw_cons_spec){.ring = "af", .name = "x", .after = "x"},
			      &fx_err),
		-EINVAL);
	nmw_cons_leave(&b, true);
	nmw_prod_leave(&p);
}
END_TEST

/* A closed ring is not at its end for a follower before the one it follows is. */
START_TEST(after_end)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "ae", .slots = 16});
	struct nmw_cons a = fx_join((struct nmw_cons_spec){.ring = "ae", .name = "journal"});
	struct nmw_cons b = fx_join((struct nmw_cons_spec){.ring = "ae", .after = "journal"});
	fx_put(&p, 6, 1);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	fx_get(&a, 2, 1);
	ck_assert_uint_eq(fx_get(&b, 99, 1), 2);
	ck_assert_int_eq(nmw_cons_state(&b), NMW_RING_LIVE);
	fx_get(&a, 2, 1);
	nmw_cons_leave(&a, true);
	ck_assert_uint_eq(fx_get(&b, 99, 1), 2);
	ck_assert_int_eq(nmw_cons_state(&b), NMW_RING_DEAD);
	struct nmw_cons late = fx_join((struct nmw_cons_spec){.ring = "ae", .after = "journal"});
	ck_assert_uint_eq(fx_get(&late, 99, 1), 4); /* what that one had done stands */
	a = fx_join((struct nmw_cons_spec){.ring = "ae", .name = "journal"});
	ck_assert_int_eq(nmw_cons_state(&b), NMW_RING_LIVE);
	fx_get(&a, 99, 1);
	nmw_cons_leave(&a, true);
	ck_assert_uint_eq(fx_get(&b, 99, 1), 2);
	ck_assert_int_eq(nmw_cons_state(&b), NMW_RING_CLOSED);
	nmw_cons_leave(&late, false);
	nmw_cons_leave(&b, false);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

START_TEST(tap)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "tap", .slots = 16});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "tap"});
	struct nmw_cons t = fx_join((struct nmw_cons_spec){.ring = "tap", .tap = true});
	fx_put(&p, 8, 3);
	ck_assert_uint_eq(fx_get(&t, 99, 3), 8);
	ck_assert_uint_eq(nmw_cons_missed(&t), 0);
	fx_get(&c, 8, 3);
	ck_assert_uint_eq(nmw_prod_consumers(&p, NULL), 1); /* nobody sees a tap */
	uint64_t seen = 8, missed = 0;
	for (unsigned i = 0; i < 500; i++) {
		fx_put(&p, i % 16, 3);
		fx_get(&c, 99, 3);
		if (i % 3)
			continue;
		unsigned n = nmw_cons_ready(&t, 99);
		for (unsigned k = 0; k < n; k++)
			fx_check(&t, k, 3);
		nmw_cons_release(&t, n);
		seen += n;
		missed += nmw_cons_missed(&t);
	}
	seen += fx_get(&t, 99, 3);
	missed += nmw_cons_missed(&t);
	ck_assert_uint_eq(seen + missed, p.next - 1);
	ck_assert_uint_gt(seen, 500);
	ck_assert_uint_gt(missed, 500);
	/* overrun between reading and using */
	fx_put(&p, 4, 3);
	ck_assert_uint_eq(nmw_cons_ready(&t, 4), 4);
	fx_get(&c, 99, 3);
	fx_put(&p, 16, 3);
	fx_get(&c, 99, 3);
	fx_put(&p, 16, 3);
	ck_assert_uint_gt(nmw_cons_missed(&t), 0);
	fx_get(&c, 99, 3);
	ck_assert_int_eq(nmw_cons_state(&t), NMW_RING_LIVE);
	nmw_prod_close(&p);
	ck_assert_int_eq(nmw_cons_state(&t), NMW_RING_CLOSED);
	nmw_cons_sleep(&t, 1000000);
	nmw_cons_leave(&t, false);
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

/* A frame is given out again only after its message lies under the floor that taps look at. */
START_TEST(tap_frames)
{
	struct nmw_prod p =
		fx_prod((struct nmw_ring_spec){.name = "tf", .slots = 64, .frame_bytes = 4096});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "tf"});
	struct nmw_cons t = fx_join((struct nmw_cons_spec){.ring = "tf", .tap = true});
	uint64_t seen = 0, missed = 0;
	for (unsigned i = 0; i < 300; i++) {
		fx_put(&p, 1 + i % 3, 97);
		fx_get(&c, 99, 97);
		if (i % 5)
			continue;
		unsigned n = nmw_cons_ready(&t, 99);
		for (unsigned k = 0; k < n; k++)
			fx_check(&t, k, 97);
		seen += n;
		nmw_cons_release(&t, n);
		missed += nmw_cons_missed(&t);
	}
	seen += fx_get(&t, 99, 97);
	missed += nmw_cons_missed(&t);
	ck_assert_uint_eq(seen + missed, p.next - 1);
	ck_assert_uint_gt(seen, 100);
	nmw_cons_leave(&t, false);
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

static int count_name(const char *name, void *arg)
{
	unsigned *n = arg;
	struct nmw_ring_info info;
	struct nmw_err e = NMW_ERR_INIT;
	int rc = nmw_ring_inspect(name, &info, &e);
	ck_assert((rc == 0) == (strcmp(name, "junk") != 0));
	(*n)++;
	return 0;
}

static int stop_at_once(const char *name, void *arg)
{
	(void)name;
	(void)arg;
	return -ECANCELED;
}

START_TEST(looking)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){
		.name = "lo", .slots = 32, .frame_bytes = 4096, .tool = "nmw-recv"});
	struct nmw_cons a = fx_join((struct nmw_cons_spec){.ring = "lo", .name = "named"});
	struct nmw_cons b = fx_join((struct nmw_cons_spec){.ring = "lo"});
	fx_put(&p, 7, 1);
	fx_get(&b, 7, 1);
	fx_get(&a, 2, 1);
	struct nmw_ring_info i;
	ck_assert_int_eq(nmw_ring_inspect("lo", &i, &fx_err), 0);
	ck_assert_str_eq(i.name, "lo");
	ck_assert_str_eq(i.tool, "nmw-recv");
	ck_assert_uint_eq(i.slots, 32);
	ck_assert_uint_eq(i.slot_sz, 128);
	ck_assert_uint_eq(i.frame_bytes, 4096);
	ck_assert_uint_eq(i.published, 7);
	ck_assert_int_eq(i.state, NMW_RING_LIVE);
	ck_assert_uint_eq(i.consumers, 2);
	ck_assert_str_eq(i.consumer[0].name, "named");
	ck_assert(i.consumer[0].alive && i.consumer[0].named);
	ck_assert_uint_eq(i.consumer[0].cursor, 2);
	ck_assert(!i.consumer[1].named);
	ck_assert_uint_eq(i.consumer[1].cursor, 7);
	fx_die(a.ring);
	fx_die(p.ring);
	ck_assert_int_eq(nmw_ring_inspect("lo", &i, &fx_err), 0);
	ck_assert_int_eq(i.state, NMW_RING_DEAD);
	ck_assert(!i.consumer[0].alive);
	ck_assert_int_eq(nmw_ring_inspect("none", &i, &fx_err), -ENOENT);
	ck_assert_int_eq(nmw_ring_inspect("../x", &i, &fx_err), -EINVAL);

	char path[NMW_RING_PATH_MAX];
	nmw_ring_path(path, fx_dir, "junk");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof path, "%s/stat.nmw-recv.12", fx_dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof path, "%s/.half.1.0.tmp", fx_dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	static const char *const not_ours[] = {".notes.tmp",	".half.x.0.tmp", ".half.1.tmp",
					       ".a b.1.0.tmp",	".1.0.tmp",	 "half.1.0.tmp",
					       "..half.1.0.tmp"};
	for (unsigned k = 0; k < sizeof not_ours / sizeof *not_ours; k++) {
		snprintf(path, sizeof path, "%s/%s", fx_dir, not_ours[k]);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	unsigned n = 0;
	ck_assert_int_eq(nmw_ring_each(count_name, &n, &fx_err), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(nmw_ring_each(stop_at_once, NULL, &fx_err), -ECANCELED);

	ck_assert_int_eq(nmw_ring_reap(true, &fx_err), 0);
	ck_assert_int_eq(nmw_ring_reap(false, &fx_err), 0); /* lo has a reader that lives */
	nmw_cons_leave(&b, false);
	ck_assert_int_eq(nmw_ring_reap(false, &fx_err), 1);
	ck_assert_uint_eq(fx_files(), 2 + sizeof not_ours / sizeof *not_ours); /* junk, stat.* */
}
END_TEST

/* kill -9 leaves no private ring behind: the consumer takes it away, or the next producer does. */
START_TEST(private_left_behind)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.slots = 8});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = nmw_prod_name(&p)});
	fx_die(p.ring);
	nmw_cons_leave(&c, false);
	ck_assert_uint_eq(fx_files(), 0);
	p = fx_prod((struct nmw_ring_spec){.slots = 8});
	c = fx_join((struct nmw_cons_spec){.ring = nmw_prod_name(&p)});
	fx_die(p.ring);
	fx_die(c.ring);
	ck_assert_uint_eq(fx_files(), 1);
	p = fx_prod((struct nmw_ring_spec){.name = "next"});
	ck_assert_uint_eq(fx_files(), 1);
	nmw_prod_leave(&p);
}
END_TEST

/* Without the lock for leaving, who else comes or goes is not known: the file stays. */
START_TEST(leaving_unlocked)
{
	struct nmw_ring_spec s = {.slots = 16};
	struct nmw_prod p = fx_prod(s);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = nmw_prod_name(&p)});
	int other = open(p.ring->path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(nmw_shm_lock(other, NMW_RING_LOCK_JOIN), 0);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	ck_assert_uint_eq(fx_files(), 1);
	nmw_cons_leave(&c, true);
	ck_assert_uint_eq(fx_files(), 1);
	close(other);
	nmw_ring_sweep();
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

/* A ring that cannot be replaced, for want of memory, is left as it was. */
START_TEST(discard_without_room)
{
	struct nmw_ring_spec s = {.name = "dr", .slots = 16};
	struct nmw_prod p = fx_prod(s);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "dr"});
	fx_put(&p, 5, 3);
	fx_die(p.ring);
	s.discard = true;
	s.frame_bytes = NMW_RING_FRAMES_MAX;
	ck_assert_int_eq(nmw_prod_open(&p, &s, &fx_err), -ENOSPC);
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_DEAD);
	s = (struct nmw_ring_spec){.name = "dr"};
	p = fx_prod(s);
	ck_assert_uint_eq(p.next, 6);
	fx_die(p.ring);
	s.discard = true;
	p = fx_prod(s);
	ck_assert_uint_eq(p.next, 1);
	ck_assert_uint_eq(fx_get(&c, 16, 3), 5);
	ck_assert_int_eq(nmw_cons_state(&c), NMW_RING_CLOSED);
	nmw_cons_leave(&c, true);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(locks)
{
	char path[100];
	snprintf(path, sizeof path, "%s/lock", fx_dir);
	int a = open(path, O_RDWR | O_CREAT, 0600), b = open(path, O_RDWR),
	    r = open(path, O_RDONLY);
	ck_assert_int_eq(nmw_shm_locked(b, 3), 0);
	ck_assert_int_eq(nmw_shm_lock(a, 3), 0);
	ck_assert_int_eq(nmw_shm_lock(a, 3), 0);
	ck_assert_int_eq(nmw_shm_lock(b, 3), -EAGAIN);
	ck_assert_int_eq(nmw_shm_locked(b, 3), 1);
	ck_assert_int_eq(nmw_shm_locked(r, 3), 1);
	ck_assert_int_eq(nmw_shm_locked(a, 3), 0);
	ck_assert_int_eq(nmw_shm_lock(b, 4), 0);
	ck_assert_int_eq(nmw_shm_unlock(a, 3), 0);
	ck_assert_int_eq(nmw_shm_lock(b, 3), 0);
	close(b);
	ck_assert_int_eq(nmw_shm_lock(a, 3), 0);
	ck_assert_int_eq(nmw_shm_lock(-1, 3), -EBADF);
	ck_assert_int_eq(nmw_shm_locked(-1, 3), -EBADF);
}
END_TEST

FX_MAIN("ring_ends", resume, resume_everywhere, resume_frames, resume_for_late_readers,
	resume_refused, resume_corrupt, after_close, eviction, named, named_private, died_joining,
	after, after_end, tap, tap_frames, looking, private_left_behind, leaving_unlocked,
	discard_without_room, locks)
