// uses: tools/nmw-recv/gen.c
// uses: tools/nmw-recv/gen_spec.c
#include "../../tools/nmw-recv/gen.h"
#include "base/clock.h"
#include "unit.h"
#include "wire/be.h"
#include "wire/codec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nmw_err e;

/* For what is asked of every message: Check's own assertions write to a pipe each time. */
#define must(cond)                                 \
	do {                                       \
		if (!(cond))                       \
			ck_abort_msg("%s", #cond); \
	} while (0)

static void check_between(uint64_t v, uint64_t lo, uint64_t hi)
{
	ck_assert_uint_ge(v, lo);
	ck_assert_uint_le(v, hi);
}

static struct gen *open_gen(const char *text)
{
	struct gen_spec s;
	ck_assert_msg(gen_spec_parse(&s, text, &e) == 0, "%s: %s", text, e.msg);
	struct gen *g = gen_new(&s, &e);
	ck_assert_ptr_nonnull(g);
	return g;
}

/* FNV-1a over every byte of the flow and of what is said about it. */
static uint64_t hash_of(const char *text)
{
	struct gen *g = open_gen(text);
	uint8_t buf[GEN_MSG_MAX];
	struct gen_msg m;
	uint64_t h = 0xcbf29ce484222325ull;
	uint32_t len;
	while ((len = gen_next(g, buf, &m))) {
		must(len <= GEN_MSG_MAX);
		uint64_t about[3] = {m.ts_ns, m.session, (uint64_t)m.channel << 8 | m.codec};
		for (unsigned i = 0; i < sizeof about; i++)
			h = (h ^ ((uint8_t *)about)[i]) * 0x100000001b3ull;
		for (uint32_t i = 0; i < len; i++)
			h = (h ^ buf[i]) * 0x100000001b3ull;
	}
	must(gen_ended(g));
	gen_free(g);
	return h;
}

/* The flow is a contract: the same bytes with any compiler, at any -O, in any later version. */
START_TEST(pinned_bytes)
{
	static const struct {
		const char *spec;
		uint64_t hash;
	} pins[] = {
		{"seed=1,count=100k,symbols=100", 0x7a3a363fbe82885ull},
		{"seed=2,count=50k,symbols=3,sessions=1,codec=ouch50,zipf=off",
		 0x5851ae2cecd7f129ull},
		{"seed=7,count=50k,symbols=20000,zipf=0.5,depth=5,add=30,cancel=30,replace=30,"
		 "aggressive=10,interval=7ns",
		 0xf3b86abcee195bfull},
	};
	for (unsigned i = 0; i < sizeof pins / sizeof pins[0]; i++)
		ck_assert_msg(hash_of(pins[i].spec) == pins[i].hash, "%s: 0x%llxull", pins[i].spec,
			      (unsigned long long)hash_of(pins[i].spec));
}
END_TEST

START_TEST(the_seed_decides)
{
	ck_assert_uint_eq(hash_of("seed=5,count=1k"), hash_of("count=1k,seed=5"));
	ck_assert_uint_ne(hash_of("seed=5,count=1k"), hash_of("seed=6,count=1k"));
}
END_TEST

/* Ids seen, by session and number: tokens end in decimal digits, user reference numbers are ones.
 */
#define IDS	 100000u
#define SESSIONS 4u
static struct {
	bool live; /* entered, and neither canceled whole nor replaced */
	uint32_t shares;
} order[SESSIONS][IDS];
static uint64_t next_id[SESSIONS], kinds[NMW_OP_MAX], ioc;

static uint32_t number(const struct nmw_key *k, bool ouch50)
{
	char digits[15] = "";
	if (ouch50)
		return (uint32_t)k->lo;
	memcpy(digits, &k->lo, 8);
	memcpy(digits + 8, &k->hi, 6);
	must(digits[0] == 'G');
	return (uint32_t)strtoul(digits + 1, NULL, 10);
}

static void new_order(uint32_t s, uint32_t id, uint32_t shares)
{
	must(id == ++next_id[s]);
	must(id < IDS);
	order[s][id].live = true;
	order[s][id].shares = shares;
}

static void check_message(uint32_t s, const struct nmw_cmd *c, bool ouch50)
{
	uint32_t id = number(&c->key, ouch50);
	kinds[c->op]++;
	must(c->qty < 1000000);
	if (c->op == NMW_OP_ENTER) {
		must(c->qty > 0);
		new_order(s, id, c->qty);
		order[s][id].live = c->tif != NMW_TIF_IOC;
		ioc += c->tif == NMW_TIF_IOC;
	} else {
		must(id < IDS);
		must(order[s][id].live);
	}
	if (c->op == NMW_OP_REPLACE) {
		order[s][id].live = false;
		new_order(s, number(&c->key2, ouch50), c->qty);
	}
	if (c->op == NMW_OP_CANCEL) {
		must(c->qty < order[s][id].shares);
		order[s][id].live = c->qty != 0;
	} else {
		must(c->price > 0);
		must(c->price % 100 == 0);
	}
}

static void check_login(uint32_t session, uint32_t *logins, const uint8_t *buf)
{
	struct nmw_ctl ctl;
	memcpy(&ctl, buf, sizeof ctl);
	must(ctl.kind == NMW_CTL_LOGIN);
	must(session == ++*logins);
}

static void check_flow(const char *text, bool ouch50)
{
	const struct nmw_codec *codec = ouch50 ? &nmw_codec_ouch50 : &nmw_codec_ouch42;
	struct gen *g = open_gen(text);
	uint8_t buf[GEN_MSG_MAX];
	struct gen_msg m;
	uint64_t last_ts = 0, n = 0;
	uint32_t len, logins = 0;
	memset(order, 0, sizeof order);
	memset(next_id, 0, sizeof next_id);
	memset(kinds, 0, sizeof kinds);
	ioc = 0;
	while ((len = gen_next(g, buf, &m))) {
		struct nmw_cmd c;
		must(m.ts_ns > last_ts);
		last_ts = m.ts_ns;
		if (m.channel == NMW_CH_CTL) {
			check_login(m.session, &logins, buf);
			must(n == 0);
			continue;
		}
		must(m.session >= 1 && m.session <= SESSIONS);
		must(codec->decode(buf, len, &c) == 0);
		check_message(m.session - 1, &c, ouch50);
		n++;
	}
	gen_free(g);
	ck_assert_uint_eq(logins, SESSIONS);
	ck_assert_uint_eq(n, 100000);
	/* About 45 % adds and cancels, 5 % replaces, 5 % aggressive, most of them IOC. */
	check_between(kinds[NMW_OP_CANCEL], 37000, 46000);
	check_between(kinds[NMW_OP_REPLACE], 4400, 5600);
	check_between(ioc, 3200, 4500);
	check_between(kinds[NMW_OP_ENTER], 47000, 59000);
}

START_TEST(cancels_and_replaces_name_live_orders)
{
	check_flow("seed=11,count=100k,symbols=50", false);
	check_flow("seed=12,count=100k,symbols=50,codec=ouch50", true);
}
END_TEST

/* Orders of the first symbol, in thousandths. */
static uint32_t share_of_first(const char *text)
{
	struct gen *g = open_gen(text);
	uint8_t buf[GEN_MSG_MAX];
	struct gen_msg m;
	uint32_t first = 0, enters = 0, len;
	while ((len = gen_next(g, buf, &m)))
		if (m.channel == NMW_CH_ORDER && buf[0] == 'O') {
			enters++;
			first += !memcmp(buf + 20, "S0000   ", 8);
		}
	gen_free(g);
	return first * 1000 / enters;
}

/* Of 100 symbols, by 1 / rank the first has a fifth of the flow; even, a hundredth. */
START_TEST(symbols_by_zipf)
{
	check_between(share_of_first("count=100k,symbols=100"), 170, 215);
	check_between(share_of_first("count=100k,symbols=100,zipf=off"), 6, 14);
	check_between(share_of_first("count=100k,symbols=100,zipf=2"), 560, 650);
	ck_assert_uint_eq(share_of_first("count=1k,symbols=1"), 1000);
}
END_TEST

START_TEST(extremes)
{
	static const char *const specs[] = {
		"count=20k,symbols=1,depth=1,sessions=1",
		"count=20k,symbols=1,add=0,cancel=100,replace=0,aggressive=0",
		"count=20k,symbols=1,depth=3,add=100,cancel=0,replace=0,aggressive=0",
		"count=20k,symbols=2,add=0,cancel=0,replace=100,aggressive=0",
		"count=20k,symbols=2,add=0,cancel=0,replace=0,aggressive=100",
		"count=1,symbols=2000,depth=1",
		"count=20k,sessions=10000,start=0",
	};
	for (unsigned i = 0; i < sizeof specs / sizeof specs[0]; i++)
		hash_of(specs[i]);
}
END_TEST

START_TEST(specifications)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"cuont=5", "did you mean count?"},
		{"symbol=5", "did you mean symbols?"},
		{"count", "has no value"},
		{"count=5x", "count: "},
		{"count=", "count: "},
		{"symbols=0", "symbols: "},
		{"symbols=65536", "symbols: "},
		{"sessions=10001", "sessions: "},
		{"codec=ouch43", "ouch42 or ouch50"},
		{"zipf=0.7", "0.5"},
		{"add=50", "105 percent"},
		{"interval=5", "interval: "},
		{"rate=0pps", "rate: "},
		{"symbols=60000,depth=100k", "lower one"},
		{"=5", "empty"},
		{"count=5,,seed=1", "empty"},
		{"start=99999999999", "start: "},
		{"seed=1,seed=2", "seed: given twice"},
		{"seed=1,count=4,seed=1", "seed: given twice"},
		{"interval=1us,rate=1Mpps", "interval and rate: give one of them"},
	};
	struct gen_spec s;
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		e.msg[0] = 0;
		ck_assert_msg(gen_spec_parse(&s, bad[i].text, &e) < 0, "%s", bad[i].text);
		ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
		ck_assert_msg(strstr(e.msg, bad[i].says) != NULL, "%s: %s", bad[i].text, e.msg);
	}
	ck_assert_int_eq(gen_spec_parse(&s, "", &e), 0);
	ck_assert_uint_eq(s.start_s * NMW_NS_PER_S, 1767623400000000000ull);
	ck_assert_int_eq(gen_spec_parse(&s, "rate=100kpps", &e), 0);
	ck_assert_uint_eq(s.interval_ns, 10000);
}
END_TEST

UNIT_MAIN("gen", pinned_bytes, the_seed_decides, cancels_and_replaces_name_live_orders,
	  symbols_by_zipf, extremes, specifications)
