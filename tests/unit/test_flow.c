#include "wire/flow.h"
#include "base/rng.h"
#include "unit.h"

#include <stdbool.h>
#include <string.h>

static struct nmw_err e;

static struct nmw_flow_key key_of(uint32_t n)
{
	struct nmw_packet p = {.family = 4, .proto = NMW_IPPROTO_UDP, .sport = 7, .dport = 9};
	struct nmw_flow_key k;
	memcpy(p.src, &n, sizeof n);
	nmw_flow_key_of(&k, &p);
	return k;
}

START_TEST(both_directions_are_one)
{
	struct nmw_packet p = {.family = 4, .src = {1}, .dst = {2}, .sport = 5, .dport = 3}, q = p;
	struct nmw_flow_key a, b;
	memcpy(q.src, p.dst, 16);
	memcpy(q.dst, p.src, 16);
	q.sport = p.dport;
	q.dport = p.sport;
	nmw_flow_key_of(&a, &p);
	nmw_flow_key_of(&b, &q);
	ck_assert_uint_eq(nmw_flow_key_both(&a), 0);
	ck_assert_uint_eq(nmw_flow_key_both(&b), 1);
	ck_assert_mem_eq(&a, &b, sizeof a);
	memcpy(p.dst, p.src, 16); /* one host talking to itself */
	nmw_flow_key_of(&a, &p);
	ck_assert_uint_eq(nmw_flow_key_both(&a), 1);
}
END_TEST

START_TEST(the_longest_unused_gives_way)
{
	struct nmw_flows *t = nmw_flows_new(3, &e);
	enum nmw_flow_was was;
	struct nmw_flow_key k[5];
	uint32_t at[5];
	for (uint32_t i = 0; i < 5; i++)
		k[i] = key_of(i);
	for (uint32_t i = 0; i < 3; i++) {
		at[i] = nmw_flows_get(t, &k[i], &was);
		ck_assert_int_eq(was, NMW_FLOW_FRESH);
	}
	ck_assert_uint_eq(nmw_flows_get(t, &k[0], &was), at[0]);
	ck_assert_int_eq(was, NMW_FLOW_KNOWN);
	ck_assert_uint_eq(nmw_flows_get(t, &k[3], &was), at[1]);
	ck_assert_int_eq(was, NMW_FLOW_EVICTED);
	ck_assert_uint_eq(nmw_flows_find(t, &k[1]), NMW_FLOW_NONE);
	ck_assert_uint_eq(nmw_flows_find(t, &k[2]), at[2]);
	nmw_flows_drop(t, at[2]);
	ck_assert_uint_eq(nmw_flows_find(t, &k[2]), NMW_FLOW_NONE);
	ck_assert_uint_eq(nmw_flows_get(t, &k[4], &was), at[2]);
	ck_assert_int_eq(was, NMW_FLOW_FRESH);
	ck_assert_uint_eq(nmw_flows_each(t, NMW_FLOW_NONE), at[0]);
	ck_assert_uint_eq(nmw_flows_each(t, at[0]), at[1]);
	ck_assert_uint_eq(nmw_flows_each(t, at[1]), at[2]);
	ck_assert_uint_eq(nmw_flows_each(t, at[2]), NMW_FLOW_NONE);
	nmw_flows_free(t);
}
END_TEST

/* Against a list that is searched from end to end. */
START_TEST(as_a_naive_list)
{
	enum { CAP = 50, KEYS = 200 };
	struct nmw_flows *t = nmw_flows_new(CAP, &e);
	uint32_t list[CAP], n = 0, index_of[KEYS];
	struct nmw_rng r;
	nmw_rng_seed(&r, 3);
	for (unsigned step = 0; step < 50000; step++) {
		uint32_t key = (uint32_t)nmw_rng_below(&r, nmw_rng_below(&r, 4) ? 60 : KEYS), i;
		struct nmw_flow_key k = key_of(key);
		enum nmw_flow_was was, want;
		for (i = 0; i < n && list[i] != key; i++)
			;
		bool known = i < n;
		ck_assert_int_eq(nmw_flows_find(t, &k) != NMW_FLOW_NONE, known);
		if (known && nmw_rng_below(&r, 10) == 0) {
			nmw_flows_drop(t, index_of[key]);
			memmove(&list[i], &list[i + 1], (--n - i) * sizeof list[0]);
			continue;
		}
		want = known ? NMW_FLOW_KNOWN : n == CAP ? NMW_FLOW_EVICTED : NMW_FLOW_FRESH;
		uint32_t at = nmw_flows_get(t, &k, &was);
		ck_assert_uint_lt(at, CAP);
		ck_assert_int_eq(was, want);
		if (want != NMW_FLOW_FRESH) {
			uint32_t gone = known ? i : 0;
			ck_assert_uint_eq(at, index_of[list[gone]]);
			memmove(&list[gone], &list[gone + 1], (--n - gone) * sizeof list[0]);
		}
		list[n++] = key;
		index_of[key] = at;
	}
	nmw_flows_free(t);
}
END_TEST

UNIT_MAIN("flow", both_directions_are_one, the_longest_unused_gives_way, as_a_naive_list)
