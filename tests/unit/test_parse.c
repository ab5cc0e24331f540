#include "base/parse.h"
#include "base/rng.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef int reader(const char *, uint64_t, uint64_t, uint64_t *, struct nmw_err *);

static void good(reader *fn, const char *s, uint64_t want)
{
	struct nmw_err e = NMW_ERR_INIT;
	uint64_t v = ~want;
	ck_assert_msg(fn(s, 0, 0, &v, &e) == 0, "%s: %s", s, e.msg);
	ck_assert_msg(v == want, "%s: %llu", s, (unsigned long long)v);
}

/* Refused, the value left alone, and the message names what was found. */
static void bad(reader *fn, const char *s, int err)
{
	struct nmw_err e = NMW_ERR_INIT;
	uint64_t v = 4711;
	int rc = fn(s, 0, 0, &v, &e);
	ck_assert_msg(rc == err, "\"%s\": %d", s, rc);
	ck_assert_uint_eq(v, 4711);
	ck_assert_int_eq(e.err, err);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	ck_assert_msg(!strncmp(e.msg, *s ? s : "(nothing)", strlen(*s ? s : "(nothing)")), "%s",
		      e.msg);
}

static reader *const readers[] = {nmw_parse_u64, nmw_parse_count, nmw_parse_size,
				  nmw_parse_duration, nmw_parse_rate};

START_TEST(numbers)
{
	good(nmw_parse_u64, "0", 0);
	good(nmw_parse_u64, "65536", 65536);
	good(nmw_parse_u64, "0xFf", 255);
	good(nmw_parse_u64, "010", 10);
	good(nmw_parse_u64, "18446744073709551615", UINT64_MAX);
	good(nmw_parse_u64, "0xffffffffffffffff", UINT64_MAX);
	bad(nmw_parse_u64, "18446744073709551616", -ERANGE);
	bad(nmw_parse_u64, "0x10000000000000000", -ERANGE);
	bad(nmw_parse_u64, "0x", -EINVAL);
	bad(nmw_parse_u64, "ff", -EINVAL);
	bad(nmw_parse_u64, "1k", -EINVAL);
	bad(nmw_parse_u64, "1e3", -EINVAL);
	bad(nmw_parse_u64, "1.0", -EINVAL);
}
END_TEST

START_TEST(counts)
{
	good(nmw_parse_count, "12", 12);
	good(nmw_parse_count, "10k", 10000);
	good(nmw_parse_count, "1M", 1000000);
	good(nmw_parse_count, "2G", 2000000000);
	bad(nmw_parse_count, "1K", -EINVAL); /* binary or decimal? */
	bad(nmw_parse_count, "1Mi", -EINVAL);
	bad(nmw_parse_count, "1.5M", -EINVAL);
	bad(nmw_parse_count, "0x10", -EINVAL);
	bad(nmw_parse_count, "18446744073709552k", -ERANGE);
}
END_TEST

START_TEST(sizes)
{
	good(nmw_parse_size, "0", 0);
	good(nmw_parse_size, "64K", 65536);
	good(nmw_parse_size, "2M", 2u << 20);
	good(nmw_parse_size, "1G", 1u << 30);
	good(nmw_parse_size, "3T", UINT64_C(3) << 40);
	good(nmw_parse_size, "10KiB", 10240);
	good(nmw_parse_size, "10MiB", 10u << 20); /* the number in front of MiB counts */
	good(nmw_parse_size, "1GiB", 1u << 30);
	good(nmw_parse_size, "8589934592", UINT64_C(1) << 33); /* over 32 bits */
	good(nmw_parse_size, "5G", UINT64_C(5) << 30);
	bad(nmw_parse_size, "64Kjunk", -EINVAL);
	bad(nmw_parse_size, "64KB", -EINVAL);
	bad(nmw_parse_size, "64k", -EINVAL);
	bad(nmw_parse_size, "64KK", -EINVAL);
	bad(nmw_parse_size, "64 K", -EINVAL);
	bad(nmw_parse_size, "K", -EINVAL);
	bad(nmw_parse_size, "MiB", -EINVAL);
	bad(nmw_parse_size, "1.5K", -EINVAL);
	bad(nmw_parse_size, "16777216T", -ERANGE);
	bad(nmw_parse_size, "99999999999999999999K", -ERANGE);
}
END_TEST

START_TEST(durations)
{
	good(nmw_parse_duration, "5ns", 5);
	good(nmw_parse_duration, "10us", 10000);
	good(nmw_parse_duration, "200ms", 200000000);
	good(nmw_parse_duration, "1s", 1000000000);
	good(nmw_parse_duration, "1.5s", 1500000000);
	good(nmw_parse_duration, "0.000000001s", 1);
	good(nmw_parse_duration, "2.50us", 2500);
	good(nmw_parse_duration, "2m", UINT64_C(120000000000));
	good(nmw_parse_duration, "1h", UINT64_C(3600000000000));
	good(nmw_parse_duration, "0s", 0);
	bad(nmw_parse_duration, "10", -EINVAL); /* of what? */
	bad(nmw_parse_duration, "0", -EINVAL);
	bad(nmw_parse_duration, "10sec", -EINVAL);
	bad(nmw_parse_duration, "10S", -EINVAL);
	bad(nmw_parse_duration, "1.s", -EINVAL);
	bad(nmw_parse_duration, ".5s", -EINVAL);
	bad(nmw_parse_duration, "1.2.3s", -EINVAL);
	bad(nmw_parse_duration, "1.5ns", -EINVAL); /* half a nanosecond */
	bad(nmw_parse_duration, "0.0000000001s", -EINVAL);
	bad(nmw_parse_duration, "1e3s", -EINVAL);
	bad(nmw_parse_duration, "5124096h", -ERANGE);
	bad(nmw_parse_duration, "18446744073.709551616s", -ERANGE);
	good(nmw_parse_duration, "18446744073.709551615s", UINT64_MAX);
}
END_TEST

START_TEST(rates)
{
	good(nmw_parse_rate, "500pps", 500);
	good(nmw_parse_rate, "100kpps", 100000);
	good(nmw_parse_rate, "1Mpps", 1000000);
	good(nmw_parse_rate, "1.5Mpps", 1500000);
	bad(nmw_parse_rate, "100k", -EINVAL);
	bad(nmw_parse_rate, "100", -EINVAL);
	bad(nmw_parse_rate, "1mpps", -EINVAL);
	bad(nmw_parse_rate, "0.5pps", -EINVAL);
	bad(nmw_parse_rate, "99999999999999Mpps", -ERANGE);
}
END_TEST

START_TEST(junk_for_every_reader)
{
	static const char *const junk[] = {
		"",    " ",   " 1",    "1 ",  "+1",    "-1",  "-0",    "--1",	"nan", "NaN",
		"inf", "Inf", "1,000", "1_0", "1\n",   "\t1", "\xb5s", "0x-1s", "1/2", "1;ls",
		"s",   "pps", "()",    ".",   "1..2s", "%s",  "%n",    "१",	"e",   "-",
	};
	for (size_t r = 0; r < sizeof readers / sizeof *readers; r++)
		for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
			bad(readers[r], junk[i], -EINVAL);
}
END_TEST

START_TEST(ranges)
{
	struct nmw_err e = NMW_ERR_INIT;
	uint64_t v = 0;
	ck_assert_int_eq(nmw_parse_size("4K", 4096, 1u << 30, &v, &e), 0);
	ck_assert_int_eq(nmw_parse_size("1G", 4096, 1u << 30, &v, &e), 0);
	ck_assert_int_eq(nmw_parse_size("2G", 4096, 1u << 30, &v, &e), -ERANGE);
	ck_assert_str_eq(e.msg, "2G: out of range: 4K..1G allowed");
	ck_assert_int_eq(nmw_parse_size("4095", 4096, 1u << 30, &v, &e), -ERANGE);
	ck_assert_int_eq(nmw_parse_duration("1ms", 1000000000, 0, &v, &e), -ERANGE);
	ck_assert_str_eq(e.msg, "1ms: out of range: 1s or more allowed, in 64 bits");
	ck_assert_int_eq(nmw_parse_u64("70000", 1, 65535, &v, &e), -ERANGE);
	ck_assert_str_eq(e.msg, "70000: out of range: 1..65535 allowed");
	ck_assert_int_eq(nmw_parse_u64("70000", 1, 65535, &v, NULL), -ERANGE);
}
END_TEST

START_TEST(messages_say_what_is_expected)
{
	struct nmw_err e = NMW_ERR_INIT;
	uint64_t v;
	nmw_parse_size("64Kjunk", 0, 0, &v, &e);
	ck_assert_str_eq(e.msg,
			 "64Kjunk: not a size: digits and one of K M G T (binary), such as 64K");
	nmw_parse_duration("10", 0, 0, &v, &e);
	ck_assert_str_eq(e.msg,
			 "10: not a duration: a number and one of ns us ms s m h, such as 10us");
}
END_TEST

typedef int writer(char *, size_t, uint64_t);

/* What is written is read back to the same number. */
START_TEST(written_is_read_back)
{
	static writer *const writers[] = {nmw_format_count, nmw_format_size, nmw_format_duration,
					  nmw_format_rate};
	struct nmw_rng rng;
	nmw_rng_seed(&rng, 20260105);
	for (int i = 0; i < 20000; i++) {
		uint64_t v = nmw_rng_u64(&rng) >> nmw_rng_below(&rng, 64);
		if (i & 1)
			v = v / 1000000 * 1000000;
		for (size_t w = 0; w < 4; w++) {
			char buf[NMW_FORMAT_MAX];
			int n = writers[w](buf, sizeof buf, v);
			ck_assert_int_lt(n, NMW_FORMAT_MAX);
			good(readers[w + 1], buf, v);
		}
	}
}
END_TEST

START_TEST(written_forms)
{
	char b[NMW_FORMAT_MAX];
	nmw_format_size(b, sizeof b, 65536);
	ck_assert_str_eq(b, "64K");
	nmw_format_size(b, sizeof b, 65537);
	ck_assert_str_eq(b, "65537");
	nmw_format_duration(b, sizeof b, 1500000000);
	ck_assert_str_eq(b, "1500ms");
	nmw_format_duration(b, sizeof b, 0);
	ck_assert_str_eq(b, "0s");
	nmw_format_rate(b, sizeof b, 100000);
	ck_assert_str_eq(b, "100kpps");
	nmw_format_count(b, sizeof b, 1000000);
	ck_assert_str_eq(b, "1M");
}
END_TEST

START_TEST(pairs)
{
	char text[] = "seed=1,count=1M,flat,mix=";
	char *s = text, *k, *v;
	ck_assert_int_eq(nmw_parse_kv(&s, &k, &v), 1);
	ck_assert_str_eq(k, "seed");
	ck_assert_str_eq(v, "1");
	ck_assert_int_eq(nmw_parse_kv(&s, &k, &v), 1);
	ck_assert_str_eq(k, "count");
	ck_assert_str_eq(v, "1M");
	ck_assert_int_eq(nmw_parse_kv(&s, &k, &v), 1);
	ck_assert_str_eq(k, "flat");
	ck_assert_ptr_null(v);
	ck_assert_int_eq(nmw_parse_kv(&s, &k, &v), 1);
	ck_assert_str_eq(v, "");
	ck_assert_int_eq(nmw_parse_kv(&s, &k, &v), 0);
	ck_assert_int_eq(nmw_parse_kv(&s, &k, &v), 0);
}
END_TEST

START_TEST(bad_pairs)
{
	static const char *const junk[] = {"=1", ",a=1", "a=1,", "a=1,,b=2", "a=1,=2"};
	for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
		char text[32], *s = text, *k, *v;
		int rc;
		snprintf(text, sizeof text, "%s", junk[i]);
		while ((rc = nmw_parse_kv(&s, &k, &v)) > 0)
			;
		ck_assert_msg(rc == -EINVAL, "%s: %d", junk[i], rc);
	}
}
END_TEST

START_TEST(a_key_stands_once)
{
	uint64_t seen = 0;
	ck_assert(!nmw_parse_again(&seen, 0));
	ck_assert(!nmw_parse_again(&seen, 63));
	ck_assert(nmw_parse_again(&seen, 0));
	ck_assert(nmw_parse_again(&seen, 63));
	ck_assert(!nmw_parse_again(&seen, 31));
}
END_TEST

START_TEST(choices)
{
	ck_assert_int_eq(nmw_parse_choice("auto", "auto|spin|park"), 0);
	ck_assert_int_eq(nmw_parse_choice("park", "auto|spin|park"), 2);
	ck_assert_int_eq(nmw_parse_choice("par", "auto|spin|park"), -1);
	ck_assert_int_eq(nmw_parse_choice("parks", "auto|spin|park"), -1);
	ck_assert_int_eq(nmw_parse_choice("spin|park", "auto|spin|park"), -1);
	ck_assert_int_eq(nmw_parse_choice("", "auto|spin|park"), -1);
}
END_TEST

START_TEST(names)
{
	static const char *const bad[] = {"",	 ".",	"..",  ".a",	   "../x",     "a/b",
					  "a b", "a\n", "a\t", "a\033[2J", "\xc3\xa4", "a*"};
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(nmw_parse_name("A-b_c.9", 7, &e), 0);
	ck_assert_int_eq(nmw_parse_name("..", 0, NULL), -EINVAL);
	ck_assert_int_eq(nmw_parse_name("A-b_c.9", 6, &e), -EINVAL);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	ck_assert_str_eq(e.msg, "A-b_c.9: not a name: 1 to 6 letters, digits, '.', '_' or '-', not "
				"starting with '.'");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_eq(nmw_parse_name(bad[i], 20, &e), -EINVAL);
}
END_TEST

START_TEST(near_words)
{
	ck_assert_uint_eq(nmw_parse_distance("wait", "wait"), 0);
	ck_assert_uint_eq(nmw_parse_distance("wiat", "wait"), 1);
	ck_assert_uint_eq(nmw_parse_distance("wai", "wait"), 1);
	ck_assert_uint_eq(nmw_parse_distance("", "wait"), 4);
	ck_assert_uint_eq(nmw_parse_distance("kitten", "sitting"), 3);
	unsigned best = UINT32_MAX;
	ck_assert(!nmw_parse_near("frobnicate", "wait", &best));
	ck_assert(nmw_parse_near("slot", "slots", &best));
	ck_assert(!nmw_parse_near("slot", "slits", &best));
	char lng[200];
	memset(lng, 'a', sizeof lng - 1);
	lng[sizeof lng - 1] = '\0';
	ck_assert_uint_ge(nmw_parse_distance(lng, "wait"), 63);
}
END_TEST

START_TEST(offsets_from_utc)
{
	struct nmw_err e = NMW_ERR_INIT;
	int64_t ns = 0;
	const int64_t hour = INT64_C(3600000000000);
	ck_assert(!nmw_parse_utc_offset("-5h", &ns, &e) && ns == -5 * hour);
	ck_assert(!nmw_parse_utc_offset("330m", &ns, &e) && ns == 11 * hour / 2);
	ck_assert(!nmw_parse_utc_offset("+14h", &ns, &e) && ns == 14 * hour);
	const char *const wrong[] = {"841m", "-15h", "--5h", "+-5h", "5", "-", ""};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_msg(nmw_parse_utc_offset(wrong[i], &ns, &e) < 0, "%s", wrong[i]);
	ck_assert_ptr_nonnull(strstr(e.msg, "--utc-offset: : not a duration from -14h to 14h"));
	ck_assert(ns == 14 * hour);
}
END_TEST

UNIT_MAIN("parse", numbers, counts, sizes, durations, rates, junk_for_every_reader, ranges,
	  messages_say_what_is_expected, written_is_read_back, written_forms, pairs, bad_pairs,
	  a_key_stands_once, choices, names, near_words, offsets_from_utc)
