/* Frames that the producer manages itself: beside the arena, given up by reclaim. */
#include "ring/frames.h"
#include "ring_fixture.h"

#define AREA (256u << 10)
#define OWN  (64u << 10)

static struct nmw_prod prod;
static uint64_t own;

static void open_ring(void)
{
	prod = fx_prod((struct nmw_ring_spec){.name = "f", .slots = 64, .frame_bytes = AREA});
}

/* A message that points to n bytes of v in the producer's own frame at off. */
static void point(uint64_t off, int v, uint16_t n)
{
	ck_assert_uint_eq(nmw_prod_room(&prod, 1), 1);
	struct nmw_slot *s = nmw_prod_slot(&prod, 0);
	memset(prod.frames + own + off, v, n);
	s->len = n;
	s->frame_off = own + off;
	nmw_prod_publish(&prod, 1);
}

static void check(struct nmw_cons *c, int v, uint32_t n)
{
	uint32_t len;
	ck_assert_uint_eq(nmw_cons_ready(c, 1), 1);
	const uint8_t *p = nmw_cons_payload(c, nmw_cons_slot(c, 0), &len);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(len, n);
	ck_assert(fx_all(p, len, (uint64_t)v));
}

START_TEST(beside_the_arena)
{
	open_ring();
	ck_assert_uint_eq(nmw_prod_frames_take(&prod, 2ull * prod.frame_sz), UINT64_MAX);
	own = nmw_prod_frames_take(&prod, OWN);
	ck_assert_uint_le(own + OWN, AREA);
	ck_assert_uint_eq(own % 4096, 0);
	memset(prod.frames + own, 0x5a, OWN);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "f"});
	for (unsigned i = 0; i < 5000; i++) { /* laps of the arena */
		ck_assert_uint_eq(nmw_prod_room(&prod, 1), 1);
		struct nmw_slot *s = nmw_prod_slot(&prod, 0);
		uint8_t *p = nmw_prod_payload(&prod, s, 900);
		ck_assert_ptr_nonnull(p);
		ck_assert(p + 900 <= prod.frames + own);
		memset(p, (int)(i & 0xff), 900);
		nmw_prod_publish(&prod, 1);
		check(&c, (int)(i & 0xff), 900);
		nmw_cons_release(&c, 1);
	}
	ck_assert(fx_all(prod.frames + own, OWN, 0x5a));
	nmw_cons_leave(&c, true);
	nmw_prod_close(&prod);
	nmw_prod_leave(&prod);
}
END_TEST

START_TEST(reclaims)
{
	open_ring();
	own = nmw_prod_frames_take(&prod, OWN);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "f"});
	struct nmw_cons late = fx_join((struct nmw_cons_spec){.ring = "f", .name = "late"});
	for (int i = 0; i < 10; i++)
		point((uint64_t)i * 100, i, 100);
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, 10), 0);
	for (int i = 0; i < 10; i++) {
		check(&c, i, 100);
		nmw_cons_release(&c, 1);
	}
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, 10), 0);
	nmw_cons_release(&late, 4);
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, 10), 4);
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, 3), 3);
	check(&late, 4, 100);
	/* a tap that comes now begins behind what was given up */
	struct nmw_cons tap = fx_join((struct nmw_cons_spec){.ring = "f", .tap = true});
	ck_assert_uint_eq(tap.next, 5);
	nmw_cons_release(&late, 6);
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, 10), 10);
	ck_assert_uint_eq(nmw_cons_missed(&tap), 6); /* and one that is there is told */
	nmw_cons_leave(&tap, true);
	nmw_cons_leave(&c, true);
	nmw_cons_leave(&late, true);
	nmw_prod_close(&prod);
	nmw_prod_leave(&prod);
}
END_TEST

/* A producer that died: its frames are still to be read when the next one comes. */
START_TEST(resumes)
{
	open_ring();
	own = nmw_prod_frames_take(&prod, OWN);
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "f"});
	point(0, 7, 100);
	point(OWN - 100, 8, 100);
	nmw_prod_leave(&prod);
	open_ring();
	ck_assert_uint_eq(prod.next, 3);
	ck_assert_uint_eq(nmw_prod_frames_take(&prod, OWN), own);
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, prod.next - 1), 0);
	check(&c, 7, 100);
	nmw_cons_release(&c, 1);
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, prod.next - 1), 1);
	check(&c, 8, 100);
	nmw_cons_release(&c, 1);
	ck_assert_uint_eq(nmw_prod_frames_reclaim(&prod, prod.next - 1), 2);
	point(0, 9, 50);
	check(&c, 9, 50);
	nmw_cons_release(&c, 1);
	/* and the arena is open again */
	struct nmw_slot *s = nmw_prod_slot(&prod, 0);
	ck_assert_uint_eq(nmw_prod_room(&prod, 1), 1);
	ck_assert_ptr_nonnull(nmw_prod_payload(&prod, s, 1000));
	nmw_cons_leave(&c, true);
	nmw_prod_close(&prod);
	nmw_prod_leave(&prod);
}
END_TEST

FX_MAIN("ring frames", beside_the_arena, reclaims, resumes)
