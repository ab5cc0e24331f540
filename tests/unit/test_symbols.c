/* Symbols: the table, prices in ticks, and --symbols FILE. */
#include "book/symbols.h"
#include "engine_rig.h"
#include "unit.h"
#include "wire_util.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct rig r;
static struct nmw_err err;

/* Loads a file of this text into a fresh engine. */
static int load(const char *text)
{
	char path[UNIT_PATH];
	int fd = unit_file(path, "symbols");
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	if (r.mem)
		rig_close(&r);
	rig_open(&r, &rig_small, NMW_CODEC_OUCH42);
	err = (struct nmw_err)NMW_ERR_INIT;
	int rc = nmw_symbols_load(r.e, path, &err);
	unlink(path);
	return rc;
}

static void expect_error(const char *text, const char *message)
{
	ck_assert_int_lt(load(text), 0);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s\nin: %s", message, err.msg);
}

static void order(unsigned id, const char *symbol, int64_t price)
{
	struct nmw_cmd c = rig_order(&r, id, 'B', 100, price);
	c.info.symbol = symbol_of(symbol);
	rig_cmd(&r, 1, &c);
}

START_TEST(file_sets_everything)
{
	ck_assert_int_eq(load("{\"symbols\": [{\"symbol\": \"AAPL\", \"locate\": 12, \"tick\": "
			      "\"0.01\", \"lot\": 10, \"band_low\": \"1.00\", \"band_high\": 2},"
			      "{\"symbol\": \"12345678\", \"state\": \"paused\"}]}"),
			 0);
	order(1, "AAPL", 10001); /* off the tick */
	order(2, "AAPL", 9900);	 /* under the band */
	order(3, "AAPL", 20000);
	order(4, "12345678", 10000);
	order(5, "MSFT", 10000); /* the list is closed */
	ck_assert_str_eq(rig_text_all(&r),
			 "f:S O\nf:R AAPL locate 12 lot 10\nf:H AAPL T\n"
			 "f:R 12345678 locate 1 lot 100\nf:H 12345678 P\nf:S S\nf:S Q\n1:S S\n"
			 "1:J 1 X\n1:J 2 X\n1:A 3 B 100 @20000 ref 1 L\nf:A 1 B 100 @20000\n"
			 "1:J 4 H\n1:J 5 S\n");
}
END_TEST

START_TEST(list_may_stay_open)
{
	ck_assert_int_eq(load("{\"open\": true, \"symbols\": [{\"symbol\": \"A\"}]}"), 0);
	order(1, "MSFT", 10000);
	rig_expect(&r, "1:A 1 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n");
}
END_TEST

START_TEST(mistakes_are_told_with_their_place)
{
	expect_error("{\"symbols\": 1}", "symbols");
	expect_error("{}", "symbols: is missing");
	expect_error("{\"symbols\": [{}]}", "symbols[0].symbol: is missing");
	expect_error("{\"symbols\": [{\"symbol\": \"123456789\"}]}", "symbols[0].symbol");
	expect_error("{\"symbols\": [{\"symbol\": \"A B\"}]}",
		     "symbols[0].symbol: \"A B\": not a symbol: 1 to 8 characters");
	expect_error("{\"symbols\": [{\"symbol\": \"A\"}, {\"symbol\": \"A\"}]}",
		     "symbols[1]: symbol A: is listed twice: once is enough");
	expect_error("{\"symbols\": [{\"symbol\": \"A\", \"locate\": 3}, "
		     "{\"symbol\": \"B\", \"locate\": 3}]}",
		     "locate 3 belongs to another symbol");
	expect_error("{\"symbols\": [{\"symbol\": \"A\", \"locate\": 65536}]}",
		     "symbols[0].locate");
	expect_error("{\"symbols\": [{\"symbol\": \"A\", \"tick\": 0}]}", "symbols[0].tick");
	expect_error("{\"symbols\": [{\"symbol\": \"A\", \"tcik\": 1}]}", "did you mean tick");
	expect_error("{\"symbols\": [{\"symbol\": \"A\", \"state\": \"shut\"}]}",
		     "symbols[0].state");
	expect_error("{\"symbols\": [{\"symbol\": \"A\", \"band_low\": 3, \"band_high\": 2}]}",
		     "is above band_high");
	expect_error("{\"symbols\": [", "line 1");
}
END_TEST

START_TEST(too_many_symbols)
{
	char text[8192];
	size_t at = (size_t)snprintf(text, sizeof(text), "{\"symbols\": [");
	for (unsigned i = 0; i <= rig_small.symbols; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s{\"symbol\": \"S%u\"}",
				       i ? "," : "", i);
	snprintf(text + at, sizeof(text) - at, "]}");
	expect_error(text, "there is room for 64 symbols: see --symbols-max");
}
END_TEST

START_TEST(ticks_without_division)
{
	static const uint32_t ticks[] = {1,   2,    3,	   5,	      7,	 10,
					 100, 2500, 10000, 999999937, 1999999900};
	for (unsigned i = 0; i < sizeof(ticks) / sizeof(*ticks); i++) {
		const uint32_t t = ticks[i];
		const struct nmw_symbol s = {.tick = t,
					     .tick_inv = t == 1 ? 0 : UINT64_MAX / t + 1};
		uint32_t px;
		for (uint64_t price = 0; price <= UINT32_MAX; price += 1 + price / 1000) {
			bool on = nmw_symbol_ticks(&s, (uint32_t)price, &px);
			ck_assert_int_eq(on, price % t == 0);
			if (on)
				ck_assert_uint_eq(px, price / t);
		}
	}
}
END_TEST

START_TEST(table_finds_all)
{
	enum { N = 5000 };
	struct nmw_symbols *t = aligned_alloc(64, (nmw_symbols_footprint(N) + 63) / 64 * 64);
	ck_assert_ptr_nonnull(t);
	memset(t, 0, nmw_symbols_footprint(N));
	nmw_symbols_init(t, N);
	for (uint32_t i = 0; i < N; i++) {
		struct nmw_symbol_conf c = {.locate = i % 3 ? 0 : (uint16_t)(60000 - i)};
		char name[9];
		uint32_t sym;
		snprintf(name, sizeof(name), "S%07u", i);
		memcpy(c.name, name, 8);
		ck_assert_int_eq(nmw_symbols_add(t, &c, &sym, NULL), 0);
		ck_assert_uint_eq(sym, i);
		ck_assert_int_eq(nmw_symbols_add(t, &c, &sym, NULL), -EEXIST);
	}
	for (uint32_t i = 0; i < N; i++) {
		char name[9];
		snprintf(name, sizeof(name), "S%07u", i);
		ck_assert_uint_eq(nmw_symbols_find(t, symbol_of(name)), i);
		ck_assert_uint_eq(nmw_symbols_at(t, i)->locate,
				  i % 3 ? i - i / 3 : (uint16_t)(60000 - i));
	}
	ck_assert_uint_eq(nmw_symbols_find(t, symbol_of("NONE")), NMW_SYM_NONE);
	free(t);
}
END_TEST

UNIT_MAIN("symbols", file_sets_everything, list_may_stay_open, mistakes_are_told_with_their_place,
	  too_many_symbols, ticks_without_division, table_finds_all)
