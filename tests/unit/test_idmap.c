#include "base/rng.h"
#include "book/idmap.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The map against a list that is searched from end to end. NMW_SEED sets the seed. */

#define CAP   500u
#define STEPS 60000u

struct record {
	struct nmw_id id;
	bool live;
	uint32_t pad;
};

struct rig {
	struct nmw_idmap *m;
	struct record *r;
	struct nmw_rng rng;
	uint64_t next, used[64];
	uint32_t live, at;
};

static void rig_open(struct rig *r)
{
	const char *seed = getenv("NMW_SEED");
	size_t map = (nmw_idmap_footprint(CAP) + 63) / 64 * 64;
	size_t size = map + (CAP + 1) * sizeof(struct record);
	char *mem = aligned_alloc(64, (size + 63) / 64 * 64);
	ck_assert_ptr_nonnull(mem);
	memset(mem, 0, size);
	*r = (struct rig){.r = (struct record *)(void *)(mem + map)};
	r->m = nmw_idmap_init(mem, CAP, r->r, sizeof(struct record));
	nmw_rng_seed(&r->rng, seed ? strtoull(seed, NULL, 0) : 20260105);
}

static uint32_t below(struct rig *r, uint32_t n)
{
	return (uint32_t)nmw_rng_below(&r->rng, n);
}

enum ids { IN_ORDER, TWO_SCOPES, WIDE, STRIDES, DIGITS, CHARACTERS, KINDS };

static struct nmw_key token(const char *characters)
{
	struct nmw_key k = {0, 0};
	memcpy(&k.lo, characters, 8);
	memcpy(&k.hi, characters + 8, 6);
	k.hi |= UINT64_C(5) << 48;
	return k;
}

/* The n-th id of its kind. */
static struct nmw_key id_of(enum ids kind, uint64_t n)
{
	char s[24];
	snprintf(s, sizeof s, kind == DIGITS ? "ORDERX%08u" : "%-14u", (uint32_t)n);
	switch (kind) {
	case IN_ORDER:
		return (struct nmw_key){n, 0};
	case TWO_SCOPES:
		return (struct nmw_key){n, (n & 1) << 48};
	case WIDE:
		return (struct nmw_key){n * UINT64_C(0x9E3779B97F4A7C15), 0};
	case STRIDES:
		return (struct nmw_key){n << 33, 0};
	default:
		return token(s);
	}
}

static uint32_t named(const struct rig *r, struct nmw_key k)
{
	for (uint32_t v = 1; v <= CAP; v++)
		if (r->r[v].live && r->r[v].id.lo == k.lo && r->r[v].id.hi == k.hi)
			return v;
	return 0;
}

static void step(struct rig *r, enum ids kind, uint32_t most)
{
	bool fresh = below(r, 2);
	uint64_t n = fresh ? r->next + 1 + below(r, 3) : r->used[below(r, 64)];
	struct nmw_key k = id_of(kind, n);
	uint32_t v = named(r, k);
	ck_assert_uint_eq(nmw_idmap_find(r->m, k.lo, k.hi), v);
	if (v && below(r, 2)) {
		nmw_idmap_del(r->m, v);
	} else if (v) {
		ck_assert_uint_eq(nmw_idmap_take(r->m, k.lo, k.hi), v);
	} else if (r->live < most) {
		for (v = 1 + below(r, CAP); r->r[v].live; v = v % CAP + 1)
			;
		nmw_idmap_put_at(r->m, v, nmw_idmap_id(r->m, v), k.lo, k.hi);
		ck_assert(!nmw_idmap_is_new(r->m, k.lo));
		r->r[v].live = true;
		r->live++;
		r->next = fresh ? n : r->next;
		r->used[r->at++ & 63] = n;
		return;
	} else {
		ck_assert_uint_eq(nmw_idmap_take(r->m, k.lo, k.hi), 0);
		v = 1 + below(r, CAP);
		if (!r->r[v].live)
			return;
		nmw_idmap_del(r->m, v);
	}
	r->r[v].live = false;
	r->live--;
}

START_TEST(finds_what_is_there)
{
	struct rig r;
	rig_open(&r);
	for (uint32_t i = 0; i < STEPS; i++) {
		step(&r, (enum ids)_i, i % 20000 < 5000 ? 20 : CAP);
		ck_assert_uint_eq(r.m->count, r.live);
	}
	free(r.m);
}
END_TEST

static uint32_t longest(const struct rig *r)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < r->m->places; i++) {
		uint32_t n = 0;
		for (uint32_t v = r->m->at[i]; v; v = nmw_idmap_id(r->m, v)->next)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

START_TEST(spreads)
{
	struct rig r;
	rig_open(&r);
	for (uint32_t v = 1; v <= CAP; v++) {
		struct nmw_key k = id_of((enum ids)_i, v);
		nmw_idmap_put_at(r.m, v, nmw_idmap_id(r.m, v), k.lo, k.hi);
	}
	ck_assert_uint_eq(r.m->count, CAP);
	ck_assert_uint_le(longest(&r), _i == IN_ORDER || _i == DIGITS ? 1 : 5);
	free(r.m);
}
END_TEST

START_TEST(footprint_is_bounded)
{
	ck_assert_uint_eq(nmw_idmap_footprint(0), 0);
	ck_assert_uint_eq(nmw_idmap_footprint((UINT32_C(1) << 30) + 1), 0);
	ck_assert_uint_eq(nmw_idmap_footprint(1), 64 + 4 * 1024);
	ck_assert_uint_eq(nmw_idmap_footprint(1 << 20), 64 + (UINT64_C(8) << 20));
	ck_assert_uint_eq(nmw_idmap_footprint(1 << 30), 64 + (UINT64_C(4) << 30));
}
END_TEST

int main(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "120", 0); /* tcase_create reads it */
	Suite *s = suite_create("idmap");
	TCase *t = tcase_create("idmap");
	tcase_add_loop_test(t, finds_what_is_there, IN_ORDER, KINDS);
	tcase_add_loop_test(t, spreads, IN_ORDER, KINDS);
	tcase_add_test(t, footprint_is_bounded);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
