#include "base/parse.h"
#include "gen.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SPEC_MAX      512u
#define START_DEFAULT 1767623400u /* 2026-01-05 14:30:00 UTC: a Monday's opening in New York */
#define YEAR_2200_S   7258118400u

enum key_kind { KEY_COUNT, KEY_DURATION, KEY_RATE, KEY_ZIPF, KEY_CODEC };

struct key {
	const char *name;
	enum key_kind kind;
	uint8_t size; /* bytes of the field */
	uint16_t at;
	uint64_t lo, hi;
};

#define FIELD(f) sizeof((struct gen_spec *)0)->f, offsetof(struct gen_spec, f)

static const struct key keys[] = {
	{"seed", KEY_COUNT, FIELD(seed), 0, UINT64_MAX},
	{"count", KEY_COUNT, FIELD(count), 0, 1000000000000000ull},
	{"symbols", KEY_COUNT, FIELD(symbols), 1, GEN_SYMBOLS_MAX},
	{"sessions", KEY_COUNT, FIELD(sessions), 1, GEN_SESSIONS_MAX},
	{"depth", KEY_COUNT, FIELD(depth), 1, GEN_DEPTH_MAX},
	{"add", KEY_COUNT, FIELD(add), 0, 100},
	{"cancel", KEY_COUNT, FIELD(cancel), 0, 100},
	{"replace", KEY_COUNT, FIELD(replace), 0, 100},
	{"aggressive", KEY_COUNT, FIELD(aggressive), 0, 100},
	{"zipf", KEY_ZIPF, FIELD(zipf2), 0, 4},
	{"interval", KEY_DURATION, FIELD(interval_ns), 1, 3600000000000ull},
	{"rate", KEY_RATE, FIELD(interval_ns), 1, 1000000000},
	{"start", KEY_COUNT, FIELD(start_s), 0, YEAR_2200_S},
	{"codec", KEY_CODEC, FIELD(codec), 0, 0},
};
#define N_KEYS (sizeof keys / sizeof keys[0])

static int unknown_key(const char *name, struct nmw_err *e)
{
	char list[160] = "";
	const char *nearest = "";
	unsigned best = UINT32_MAX;
	size_t n = 0;
	for (unsigned i = 0; i < N_KEYS; i++) {
		unsigned d = nmw_parse_distance(name, keys[i].name);
		if (d < best) {
			best = d;
			nearest = keys[i].name;
		}
		n += (size_t)snprintf(list + n, sizeof list - n, " %s", keys[i].name);
	}
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "unknown key %s: did you mean %s? The keys are%s", name, nearest, list);
}

/* off, on, or the exponent in halves. */
static int parse_zipf(const char *s, uint64_t *out, struct nmw_err *e)
{
	static const struct {
		const char *word;
		uint64_t zipf2;
	} words[] = {{"off", 0}, {"on", 2}, {"0", 0}, {"0.5", 1}, {"1", 2}, {"1.5", 3}, {"2", 4}};
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strcmp(s, words[i].word)) {
			*out = words[i].zipf2;
			return 0;
		}
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%s: not an exponent: off, on (1), 0.5, 1, 1.5 or 2", s);
}

static int parse_codec(const char *s, uint64_t *out, struct nmw_err *e)
{
	*out = !strcmp(s, "ouch42") ? NMW_CODEC_OUCH42 : NMW_CODEC_OUCH50;
	if (*out == NMW_CODEC_OUCH42 || !strcmp(s, "ouch50"))
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s: not a codec: ouch42 or ouch50", s);
}

static int parse_value(const struct key *k, const char *s, uint64_t *v, struct nmw_err *e)
{
	switch (k->kind) {
	case KEY_COUNT:
		return nmw_parse_count(s, k->lo, k->hi, v, e);
	case KEY_DURATION:
		return nmw_parse_duration(s, k->lo, k->hi, v, e);
	case KEY_RATE: {
		int rc = nmw_parse_rate(s, k->lo, k->hi, v, e);
		*v = rc ? 0 : 1000000000u / *v;
		return rc;
	}
	case KEY_ZIPF:
		return parse_zipf(s, v, e);
	case KEY_CODEC:
		return parse_codec(s, v, e);
	}
	return -EINVAL;
}

static void store(struct gen_spec *s, const struct key *k, uint64_t v)
{
	uint32_t narrow = (uint32_t)v;
	if (k->size == sizeof narrow)
		memcpy((char *)s + k->at, &narrow, sizeof narrow);
	else
		memcpy((char *)s + k->at, &v, sizeof v);
}

/* Each value once: rate and interval are two keys of one. */
static int check_new(unsigned i, uint32_t *seen, struct nmw_err *e)
{
	for (unsigned k = 0; k < N_KEYS; k++) {
		if (!(*seen & 1u << k) || keys[k].at != keys[i].at)
			continue;
		if (k == i)
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s: given twice",
					   keys[i].name);
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s and %s: give one of them",
				   keys[k].name, keys[i].name);
	}
	*seen |= 1u << i;
	return 0;
}

static int set_key(struct gen_spec *s, const char *name, const char *value, uint32_t *seen,
		   struct nmw_err *e)
{
	_Static_assert(N_KEYS <= 32, "a bit each");
	for (unsigned i = 0; i < N_KEYS; i++) {
		uint64_t v = 0;
		if (strcmp(name, keys[i].name) != 0)
			continue;
		if (!value)
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s: has no value: %s=...",
					   name, name);
		if (parse_value(&keys[i], value, &v, e) < 0) {
			e->exit = NMW_EXIT_USAGE;
			return nmw_err_prefix(e, "%s", name);
		}
		store(s, &keys[i], v);
		return check_new(i, seen, e);
	}
	return unknown_key(name, e);
}

static int check(const struct gen_spec *s, struct nmw_err *e)
{
	uint32_t sum = s->add + s->cancel + s->replace + s->aggressive;
	if (sum != 100)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "add + cancel + replace + aggressive are %u percent, 100 are "
				   "expected: now %u, %u, %u, %u",
				   sum, s->add, s->cancel, s->replace, s->aggressive);
	if ((uint64_t)s->symbols * 2 * s->depth > GEN_ORDERS_MAX)
		return nmw_err_set(e, -ERANGE, NMW_EXIT_USAGE,
				   "symbols x depth is %llu, at most %u is allowed: lower one",
				   (unsigned long long)s->symbols * s->depth, GEN_ORDERS_MAX / 2);
	return 0;
}

int gen_spec_parse(struct gen_spec *s, const char *text, struct nmw_err *e)
{
	char copy[SPEC_MAX], *at = copy, *name, *value;
	uint32_t seen = 0;
	*s = (struct gen_spec){.seed = 1,
			       .count = 1000000,
			       .symbols = 100,
			       .sessions = 4,
			       .depth = 100,
			       .add = 45,
			       .cancel = 45,
			       .replace = 5,
			       .aggressive = 5,
			       .zipf2 = 2,
			       .interval_ns = 1000,
			       .start_s = START_DEFAULT,
			       .codec = NMW_CODEC_OUCH42};
	if (strlen(text) >= sizeof copy)
		return nmw_err_set(e, -E2BIG, NMW_EXIT_USAGE, "longer than %zu characters",
				   sizeof copy - 1);
	memcpy(copy, text, strlen(text) + 1);
	for (;;) { /* each turn takes a pair */
		int rc = nmw_parse_kv(&at, &name, &value);
		if (rc == 0)
			return check(s, e);
		if (rc < 0)
			return nmw_err_set(e, rc, NMW_EXIT_USAGE,
					   "%s: not key=value,key=value: a key is empty", text);
		rc = set_key(s, name, value, &seen, e);
		if (rc)
			return rc;
	}
}
