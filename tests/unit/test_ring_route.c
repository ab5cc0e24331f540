/* Routes of a ring: who takes which, and what is counted when nobody takes one. */
#include "ring/route.h"
#include "ring_fixture.h"

#define SLOTS 16u

static const char *const names[] = {"hot", "cold"};
enum { HOT = 1, COLD = 2 };

static struct nmw_prod routed(const char *ring)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){
		.name = ring, .slots = SLOTS, .frame_bytes = 4096, .pages = NMW_PAGES_NORMAL});
	ck_assert_int_eq(nmw_prod_routes(&p, names, 2, &fx_err), 0);
	return p;
}

/* Publishes n messages of a route, 0 being for all; returns how many there was room for. */
static unsigned put(struct nmw_prod *p, unsigned n, unsigned route)
{
	unsigned done = 0;
	for (; done < n && nmw_prod_room(p, 1) == 1; done++) {
		struct nmw_slot *s = nmw_prod_slot(p, 0);
		ck_assert_ptr_nonnull(nmw_prod_payload(p, s, 1));
		s->codec = 0;
		nmw_route_set(s, route);
		nmw_prod_publish(p, 1);
	}
	return done;
}

static struct nmw_cons take(const char *ring, const char *route)
{
	return fx_join((struct nmw_cons_spec){.ring = ring, .route = route});
}

/* Hands back all that is there; how many were of the route, or for all. */
static unsigned drain(struct nmw_cons *c)
{
	unsigned n, mine = 0;
	while ((n = nmw_cons_ready(c, 7)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			unsigned r = nmw_route_of(nmw_cons_slot(c, i));
			mine += !r || !nmw_cons_route(c) || r == nmw_cons_route(c);
		}
		nmw_cons_release(c, n);
	}
	return mine;
}

static void unread(struct nmw_prod *p, uint64_t hot, uint64_t cold)
{
	ck_assert_uint_eq(nmw_prod_unread(p, 0), 0);
	ck_assert_uint_eq(nmw_prod_unread(p, HOT), hot);
	ck_assert_uint_eq(nmw_prod_unread(p, COLD), cold);
}

START_TEST(a_route_is_asked_for_by_name)
{
	struct nmw_prod p = routed("r");
	char name[NMW_ROUTE_NAME_MAX + 1];
	struct nmw_cons all = take("r", NULL), cold = take("r", "cold"), c;
	const struct nmw_cons_spec warm = {.ring = "r", .route = "warm"};
	ck_assert_uint_eq(nmw_cons_route(&all), 0);
	ck_assert_uint_eq(nmw_cons_route(&cold), COLD);
	ck_assert_str_eq(nmw_prod_route(&p, COLD, name), "cold");
	ck_assert_str_eq(nmw_prod_route(&p, 5, name), "");
	ck_assert_int_eq(nmw_cons_join(&c, &warm, &fx_err), -ESRCH);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
	ck_assert_str_eq(fx_err.msg, "ring r: no route warm: there are hot cold");
	ck_assert_uint_eq(nmw_prod_consumers(&p, NULL), 2);
	nmw_cons_leave(&all, true);
	nmw_cons_leave(&cold, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(what_goes_by_is_counted)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons hot = take("r", "hot");
	unsigned of_hot = 0;
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_uint_eq(put(&p, 1, HOT), 1);
		ck_assert_uint_eq(put(&p, 2, COLD), 2);
		ck_assert_uint_eq(put(&p, 1, 0), 1);
		of_hot += drain(&hot);
	}
	ck_assert_uint_eq(of_hot, 40);
	uint64_t by = nmw_prod_unread(&p, COLD);
	ck_assert_uint_ge(by, 40 - SLOTS);
	ck_assert_uint_lt(by, 40); /* the last may still be taken */
	nmw_prod_close(&p);
	unread(&p, 0, 40);
	nmw_cons_leave(&hot, true);
	nmw_prod_leave(&p);
}
END_TEST

/* What it has not read of its own route lies behind its place. */
START_TEST(a_place_that_is_kept_is_of_one_route)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons c;
	struct nmw_cons_spec spec = {.ring = "r", .name = "gate", .route = "hot"};
	ck_assert_msg(nmw_cons_join(&c, &spec, &fx_err) == 0, "%s", fx_err.msg);
	ck_assert_uint_eq(put(&p, 3, COLD), 3);
	nmw_cons_leave(&c, false);
	spec.route = "cold";
	ck_assert_int_eq(nmw_cons_join(&c, &spec, &fx_err), -EINVAL);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_USAGE);
	spec.route = "hot";
	ck_assert_int_eq(nmw_cons_join(&c, &spec, &fx_err), 0);
	nmw_cons_leave(&c, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(who_comes_late_has_what_is_there)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons hot = take("r", "hot");
	ck_assert_uint_eq(put(&p, 6, COLD), 6);
	drain(&hot);
	struct nmw_cons cold = take("r", "cold");
	unsigned n = drain(&cold);
	ck_assert_uint_eq(n, 6);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_eq(put(&p, 4, COLD), 4);
		drain(&hot);
		n += drain(&cold);
	}
	ck_assert_uint_eq(n, 46);
	nmw_prod_close(&p);
	unread(&p, 0, 0);
	nmw_cons_leave(&hot, true);
	nmw_cons_leave(&cold, true);
	nmw_prod_leave(&p);
}
END_TEST

/* Every message of the route was read, or is counted: never both, never neither. */
START_TEST(who_comes_too_late_misses_what_is_counted)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons hot = take("r", "hot");
	for (unsigned i = 0; i < 15; i++) {
		ck_assert_uint_eq(put(&p, 3, COLD), 3);
		drain(&hot);
	}
	struct nmw_cons cold = take("r", "cold");
	unsigned n = drain(&cold);
	for (unsigned i = 0; i < 15; i++) {
		ck_assert_uint_eq(put(&p, 3, COLD), 3);
		drain(&hot);
		n += drain(&cold);
	}
	ck_assert_uint_gt(n, 45);
	nmw_cons_leave(&cold, true);
	ck_assert_uint_eq(put(&p, 5, COLD), 5);
	drain(&hot);
	nmw_prod_close(&p);
	unread(&p, 0, 95 - n);
	nmw_cons_leave(&hot, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(who_takes_all_takes_every_route)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons all = take("r", NULL);
	for (unsigned i = 0; i < 10; i++) {
		put(&p, 2, HOT);
		put(&p, 3, COLD);
		drain(&all);
	}
	put(&p, 3, COLD); /* which it will read */
	nmw_prod_close(&p);
	unread(&p, 0, 0);
	nmw_cons_leave(&all, true);
	nmw_prod_leave(&p);
}
END_TEST

/* A line that another route's consumer had does not stand for what that one read. */
START_TEST(a_line_changes_hands)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons keeps = take("r", "hot"), hot = take("r", "hot");
	put(&p, 8, COLD);
	drain(&keeps);
	drain(&hot);
	nmw_cons_leave(&hot, true);
	struct nmw_cons cold = take("r", "cold");
	nmw_cons_leave(&cold, true); /* without a look */
	for (unsigned i = 0; i < 8; i++) {
		put(&p, 4, HOT);
		drain(&keeps);
	}
	nmw_prod_close(&p);
	unread(&p, 0, 8);
	nmw_cons_leave(&keeps, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(a_ring_that_is_taken_up_counts_on)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons hot = take("r", "hot");
	put(&p, 5, COLD);
	drain(&hot);
	fx_die(p.ring);
	p = routed("r");
	ck_assert_uint_eq(p.next, 6);
	put(&p, 5, COLD);
	drain(&hot);
	nmw_prod_close(&p);
	unread(&p, 0, 10);
	nmw_cons_leave(&hot, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(what_a_consumer_writes_is_not_trusted)
{
	struct nmw_prod p = routed("r");
	struct nmw_cons hot = take("r", "hot"), lies = take("r", "cold");
	struct nmw_ring_line *l = &lies.ring->ctl->line[lies.ring->idx];
	l->route = 1u << 30;
	for (unsigned i = 0; i < 10; i++) {
		put(&p, 4, COLD);
		drain(&hot);
		drain(&lies);
	}
	nmw_prod_close(&p);
	unread(&p, 0, 40);
	nmw_cons_leave(&hot, true);
	nmw_cons_leave(&lies, true);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(a_route_without_a_consumer_is_told)
{
	const unsigned both = 1u << HOT | 1u << COLD;
	struct nmw_prod p = routed("r");
	struct nmw_cons hot = take("r", "hot");
	ck_assert_uint_eq(nmw_prod_untaken(&p, both), 0); /* it has no message */
	put(&p, 2, HOT);
	ck_assert_uint_eq(nmw_prod_untaken(&p, both), 0);
	put(&p, 1, COLD);
	ck_assert_uint_eq(nmw_prod_untaken(&p, both), 1u << COLD);
	ck_assert_uint_eq(nmw_prod_untaken(&p, 1u << HOT), 0);
	struct nmw_cons cold = take("r", "cold");
	ck_assert_uint_eq(nmw_prod_untaken(&p, both), 0);
	drain(&cold);
	drain(&hot);
	nmw_cons_leave(&cold, true);
	ck_assert_uint_eq(nmw_prod_untaken(&p, both), 0); /* it read all */
	put(&p, 1, COLD);
	struct nmw_cons all = take("r", NULL);
	ck_assert_uint_eq(nmw_prod_untaken(&p, both), 0);
	nmw_cons_leave(&all, true);
	ck_assert_uint_eq(nmw_prod_untaken(&p, both), 1u << COLD);
	unread(&p, 0, 0); /* nothing made way */
	nmw_cons_leave(&hot, true);
	nmw_prod_leave(&p);
}
END_TEST

FX_MAIN("ring_route", a_route_is_asked_for_by_name, a_place_that_is_kept_is_of_one_route,
	what_goes_by_is_counted, who_comes_late_has_what_is_there,
	who_comes_too_late_misses_what_is_counted, who_takes_all_takes_every_route,
	a_line_changes_hands, a_ring_that_is_taken_up_counts_on,
	what_a_consumer_writes_is_not_trusted, a_route_without_a_consumer_is_told)
