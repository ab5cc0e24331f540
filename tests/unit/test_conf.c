#include "base/conf.h"
#include "base/json.h"
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct nmw_conf *doc;
static struct nmw_conf_at root;
static struct nmw_err err;

static void unload(void)
{
	nmw_conf_free(doc);
	doc = NULL;
}

/* Loads a document in the place of the one before. */
static void load(const char *text)
{
	unload();
	int rc = nmw_conf_load_text("f", text, &doc, &root, &err);
	ck_assert_msg(rc == 0, "%s: %s", text, err.msg);
}

static void wrong(int rc, const char *message)
{
	ck_assert_int_lt(rc, 0);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(broken_documents)
{
	static const char *const bad[] = {
		"",
		"{",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\":1} x",
		"{\"a\":1,\"a\":2}",
		"{a:1}",
		"{\"a\":NaN}",
		"{\"a\":\"\xff\"}",
		"{\"a\":01}",
		"nul",
		"{\"a\":1e999}",
		"{\"a\":99999999999999999999999}",
		"{\"a\":\"\\u0000\"}",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(nmw_conf_load_text("f", bad[i], &doc, &root, &err) == -EINVAL, "%s",
			      bad[i]);
		ck_assert_msg(!strncmp(err.msg, "f: line ", 8), "%s", err.msg);
	}
	nmw_conf_load_text("f", "{\n  \"a\": 1,\n  \"b\" 2\n}", &doc, &root, &err);
	ck_assert(!strncmp(err.msg, "f: line 3, column 7: ", 21));
}
END_TEST

START_TEST(files)
{
	ck_assert_int_eq(nmw_conf_load("/nonexistent", &doc, &root, &err), -ENOENT);
	ck_assert_str_eq(err.msg,
			 "/nonexistent: cannot open: No such file or directory: check the path");
	ck_assert_int_lt(nmw_conf_load("/", &doc, &root, &err), 0);
	ck_assert_str_eq(err.msg, "/: cannot read: Is a directory");
	unload();
}
END_TEST

START_TEST(keys_are_strict)
{
	load("{\"symbol\": 1, \"tcik\": 2}");
	ck_assert_int_eq(nmw_conf_keys(&root, "symbol|tcik", &err), 0);
	wrong(nmw_conf_keys(&root, "symbol|tick|lot", &err),
	      "f: tcik: unknown key: did you mean tick?");
	wrong(nmw_conf_keys(&root, "tcik|locate", &err),
	      "f: symbol: unknown key: known are tcik|locate");
	load("[1]");
	wrong(nmw_conf_keys(&root, "a", &err), "f: a list found, an object expected");
	unload();
}
END_TEST

START_TEST(places_are_named)
{
	struct nmw_conf_at list, item, band;
	uint64_t v = 7;
	load("{\"symbols\": [{}, {\"band\": {\"low\": \"x\"}, \"lot\": 0}]}");
	ck_assert_int_eq(nmw_conf_list(&root, "symbols", &list, &err), 1);
	ck_assert_uint_eq(nmw_conf_len(&list), 2);
	ck_assert(!nmw_conf_item(&list, 2, &item));
	ck_assert(nmw_conf_item(&list, 1, &item));
	ck_assert(nmw_conf_item(&list, 1, &item));
	wrong(nmw_conf_u64(&item, "lot", 1, 100, &v, &err),
	      "f: symbols[1].lot: 0: out of range: 1..100 allowed");
	ck_assert_int_eq(nmw_conf_object(&item, "band", &band, &err), 1);
	wrong(nmw_conf_u64(&band, "low", 0, 0, &v, &err),
	      "f: symbols[1].band.low: x: not a number: decimal digits, or 0x and hexadecimal "
	      "ones");
	wrong(nmw_conf_list(&item, "band", &list, &err),
	      "f: symbols[1].band: an object found, a list expected");
	wrong(nmw_conf_object(&item, "lot", &list, &err),
	      "f: symbols[1].lot: a number found, an object expected");
	ck_assert_uint_eq(v, 7);
	unload();
}
END_TEST

START_TEST(absent_keeps_the_default)
{
	uint64_t v = 7;
	bool b = true;
	int c = 3;
	char s[8] = "abc";
	struct nmw_conf_at at;
	load("{\"a\": null}");
	ck_assert_int_eq(nmw_conf_u64(&root, "a", 0, 0, &v, &err), 0);
	ck_assert_int_eq(nmw_conf_u64(&root, "b", 0, 0, &v, &err), 0);
	ck_assert_int_eq(nmw_conf_price(&root, "a", 0, 1, &v, &err), 0);
	ck_assert_int_eq(nmw_conf_bool(&root, "a", &b, &err), 0);
	ck_assert_int_eq(nmw_conf_choice(&root, "a", "x|y", &c, &err), 0);
	ck_assert_int_eq(nmw_conf_str(&root, "a", s, sizeof s, &err), 0);
	ck_assert_int_eq(nmw_conf_list(&root, "a", &at, &err), 0);
	ck_assert(v == 7 && b && c == 3 && !strcmp(s, "abc"));
	unload();
}
END_TEST

START_TEST(values)
{
	uint64_t v;
	bool b = false;
	int c;
	char s[8];
	load("{\"n\": 12, \"t\": \"18446744073709551615\", \"b\": true, \"c\": \"halted\", "
	     "\"s\": \"1234567\"}");
	ck_assert_int_eq(nmw_conf_u64(&root, "n", 0, 0, &v, &err), 1);
	ck_assert_uint_eq(v, 12);
	ck_assert_int_eq(nmw_conf_u64(&root, "t", 0, 0, &v, &err), 1);
	ck_assert_uint_eq(v, UINT64_MAX);
	ck_assert_int_eq(nmw_conf_bool(&root, "b", &b, &err), 1);
	ck_assert(b);
	ck_assert_int_eq(nmw_conf_choice(&root, "c", "open|halted", &c, &err), 1);
	ck_assert_int_eq(c, 1);
	ck_assert_int_eq(nmw_conf_str(&root, "s", s, sizeof s, &err), 1);
	ck_assert_str_eq(s, "1234567");
	wrong(nmw_conf_str(&root, "s", s, 7, &err), "f: s: string of 7 bytes, 1..6 allowed");
	wrong(nmw_conf_choice(&root, "s", "open|halted", &c, &err),
	      "f: s: \"1234567\" found, one of open|halted expected");
	wrong(nmw_conf_bool(&root, "n", &b, &err), "f: n: a number found, true or false expected");
	wrong(nmw_conf_str(&root, "n", s, sizeof s, &err),
	      "f: n: a number found, a string expected");
	load("{\"t\": \"a\\nb\", \"u\": \"\", \"f\": 1.0, \"m\": -3}");
	wrong(nmw_conf_str(&root, "t", s, sizeof s, &err), "f: t: control character in a string");
	wrong(nmw_conf_str(&root, "u", s, sizeof s, &err), "f: u: string of 0 bytes, 1..7 allowed");
	wrong(nmw_conf_u64(&root, "f", 0, 0, &v, &err),
	      "f: f: a fraction found, a whole number expected");
	ck_assert_int_lt(nmw_conf_u64(&root, "m", 0, 0, &v, &err), 0);
	unload();
	struct nmw_conf_at list, item;
	load("{\"l\": [\"A\", 5, null]}");
	ck_assert_int_eq(nmw_conf_list(&root, "l", &list, &err), 1);
	ck_assert(nmw_conf_item(&list, 0, &item));
	ck_assert_int_eq(nmw_conf_str(&item, NULL, s, sizeof s, &err), 1);
	ck_assert_str_eq(s, "A");
	ck_assert(nmw_conf_item(&list, 1, &item));
	wrong(nmw_conf_str(&item, NULL, s, sizeof s, &err),
	      "f: l[1]: a number found, a string expected");
	ck_assert(nmw_conf_item(&list, 2, &item));
	ck_assert_int_eq(nmw_conf_str(&item, NULL, s, sizeof s, &err), 0);
	unload();
}
END_TEST

static void price_is(const char *json, uint64_t want)
{
	char text[64];
	uint64_t v = ~want;
	snprintf(text, sizeof text, "{\"p\": %s}", json);
	load(text);
	ck_assert_msg(nmw_conf_price(&root, "p", 0, UINT64_MAX, &v, &err) == 1, "%s: %s", json,
		      err.msg);
	ck_assert_msg(v == want, "%s: %llu", json, (unsigned long long)v);
	unload();
}

static void price_wrong(const char *json)
{
	char text[64];
	uint64_t v = 7;
	snprintf(text, sizeof text, "{\"p\": %s}", json);
	load(text);
	ck_assert_msg(nmw_conf_price(&root, "p", 0, UINT64_MAX, &v, &err) < 0, "%s", json);
	ck_assert_uint_eq(v, 7);
}

START_TEST(prices)
{
	price_is("\"162.5000\"", 1625000);
	price_is("162.5", 1625000);
	price_is("162", 1620000);
	price_is("\"162\"", 1620000);
	price_is("0.0001", 1);
	price_is("0.1", 1000);
	price_is("199999.99", 1999999900);
	price_is("214748.3647", 2147483647);
	price_is("429496.7294", 4294967294);
	price_is("\"0\"", 0);
	static const char *const bad[] = {"1.00001",
					  "\"1.00001\"",
					  "-1",
					  "\"-1\"",
					  "\"1.\"",
					  "\".5\"",
					  "\"1e3\"",
					  "1e-9",
					  "\"\"",
					  "\"NaN\"",
					  "\" 1\"",
					  "\"1 \"",
					  "true",
					  "[1]",
					  "\"1.2.3\"",
					  "1e300",
					  "\"99999999999999999999\""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		price_wrong(bad[i]);
	uint64_t v;
	load("{\"p\": 5}");
	wrong(nmw_conf_price(&root, "p", 60000, 100000, &v, &err),
	      "f: p: 5: out of range: 6.0000..10.0000 allowed");
	unload();
}
END_TEST

START_TEST(text_of_values)
{
	char s[16];
	load("{\"a\": \"64K\", \"b\": 12, \"c\": true, \"l\": [\"x\", 3], \"o\": {}}");
	ck_assert_int_eq(nmw_conf_text(&root, "a", 0, s, sizeof s, &err), 1);
	ck_assert_str_eq(s, "64K");
	ck_assert_int_eq(nmw_conf_text(&root, "a", 1, s, sizeof s, &err), 0);
	ck_assert_int_eq(nmw_conf_text(&root, "b", 0, s, sizeof s, &err), 1);
	ck_assert_str_eq(s, "12");
	wrong(nmw_conf_text(&root, "c", 0, s, sizeof s, &err),
	      "f: c: true found, a string or a whole number expected");
	ck_assert_int_eq(nmw_conf_text(&root, "l", 1, s, sizeof s, &err), 1);
	ck_assert_str_eq(s, "3");
	ck_assert_int_eq(nmw_conf_text(&root, "l", 2, s, sizeof s, &err), 0);
	ck_assert_int_lt(nmw_conf_text(&root, "o", 0, s, sizeof s, &err), 0);
	ck_assert_str_eq(nmw_conf_key(&root, 0), "a");
	ck_assert_str_eq(nmw_conf_key(&root, 4), "o");
	ck_assert_ptr_null(nmw_conf_key(&root, 5));
	unload();
}
END_TEST

START_TEST(json_is_printed)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct nmw_json *o = nmw_json_object();
	struct nmw_json *list = nmw_json_set(o, "list", nmw_json_array());
	nmw_json_add(list, nmw_json_num(1));
	nmw_json_add(list, nmw_json_num(UINT64_MAX));
	nmw_json_add(list, nmw_json_str("a\"\xff"));
	nmw_json_set(o, "id", nmw_json_id(9007199254740993));
	nmw_json_set(o, "none", nmw_json_str(NULL));
	nmw_json_set(o, "half", nmw_json_real(0.5));
	nmw_json_set(o, "inf", nmw_json_real((double)INFINITY));
	ck_assert_int_eq(nmw_json_print(o, f, 0), 0);
	fclose(f);
	ck_assert_str_eq(text,
			 "{\"list\":[1,\"18446744073709551615\",\"a\\\"?\"],"
			 "\"id\":\"9007199254740993\",\"none\":null,\"half\":0.5,\"inf\":null}\n");
	free(text);
	ck_assert_int_eq(nmw_json_print(NULL, stdout, 0), -ENOMEM);
}
END_TEST

static void escaped(const char *in, size_t len, size_t cap, const char *want)
{
	char buf[64];
	size_t n = nmw_json_escape(buf, cap, in, len);
	ck_assert_str_eq(buf, want);
	ck_assert_uint_eq(n, strlen(want));
}

START_TEST(escapes)
{
	escaped("a\"b\\c\n\t\r\b\f", 10, 64, "a\\\"b\\\\c\\n\\t\\r\\b\\f");
	escaped("\0\x1f\x7f", 3, 64, "\\u0000\\u001f\\u007f");
	escaped("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, 64,
		"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	escaped("\xff\xc3x\xc0\x80\xed\xa0\x80\xc3", 9, 64, "??x??????");
	escaped("aaaa", 4, 3, "aa");
	escaped("aa\"", 3, 4, "aa"); /* never half an escape */
	escaped("a\xc3\xa9", 3, 3, "a");
	escaped("", 0, 1, "");
}
END_TEST

UNIT_MAIN("conf", broken_documents, files, keys_are_strict, places_are_named,
	  absent_keeps_the_default, values, prices, text_of_values, json_is_printed, escapes)
