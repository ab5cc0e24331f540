/* SoupBinTCP 3.00 framing. */
#include "unit.h"
#include "wire/soup.h"
#include "wire_util.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int next(const char *hex, struct nmw_soup *out)
{
	static uint8_t buf[256];
	uint32_t n = hex_bytes(hex, buf, sizeof(buf));
	return nmw_soup_next(buf, n, out);
}

START_TEST(takes_one_packet)
{
	struct nmw_soup s;
	ck_assert_int_eq(next("000455 'abc' 0001", &s), 6);
	ck_assert_uint_eq(s.type, 'U');
	ck_assert_uint_eq(s.len, 3);
	ck_assert_mem_eq(s.payload, "abc", 3);
	ck_assert_int_eq(next("0001 'H'", &s), 3);
	ck_assert_uint_eq(s.type, 'H');
	ck_assert_uint_eq(s.len, 0);
}
END_TEST

START_TEST(asks_for_more)
{
	struct nmw_soup s;
	ck_assert_int_eq(next("", &s), 0);
	ck_assert_int_eq(next("00", &s), 0);
	ck_assert_int_eq(next("0004", &s), 0);
	ck_assert_int_eq(next("000455 'ab'", &s), 0);
	ck_assert_int_eq(next("ffff 'S'", &s), 0);
}
END_TEST

START_TEST(every_type_and_no_other)
{
	struct nmw_soup s;
	unsigned known = 0;
	for (unsigned t = 0; t < 256; t++) {
		uint8_t p[3] = {0, 1, (uint8_t)t};
		int got = nmw_soup_next(p, 3, &s);
		ck_assert_int_eq(got, t && strchr("+LAJSUHRZO", (int)t) ? 3 : -1);
		known += got == 3;
	}
	ck_assert_uint_eq(known, 10);
	ck_assert_int_eq(next("0000", &s), -1);
	ck_assert_int_eq(next("0000 'S'", &s), -1);
	/* the type is judged before the rest has come */
	ck_assert_int_eq(next("00ff 'x'", &s), -1);
}
END_TEST

START_TEST(longest_packet)
{
	static uint8_t p[65537] = {0xff, 0xff, 'S'};
	struct nmw_soup s;
	ck_assert_int_eq(nmw_soup_next(p, sizeof(p), &s), 65537);
	ck_assert_uint_eq(s.len, 65534);
	static uint8_t msg[65534], out[65537];
	ck_assert_uint_eq(nmw_soup_put(out, 'S', msg, sizeof(msg)), 65537);
	ck_assert_mem_eq(out, p, sizeof(p));
}
END_TEST

START_TEST(login_layout)
{
	struct nmw_soup_login l = {.user = "user  ",
				   .password = {'p', 'a', 's', 's', 'w', 'o', 'r', 'd', ' ', ' '},
				   .next = 0};
	uint8_t b[64];
	memset(l.session, ' ', sizeof(l.session));
	memcpy(l.user, "user  ", 6);
	expect_bytes(b, nmw_soup_put_login(b, &l),
		     "002f 4c 'user  password  ' '          ' '                   0'");
	l.next = UINT64_MAX;
	memcpy(l.session, "SESSION001", 10);
	expect_bytes(b, nmw_soup_put_login(b, &l),
		     "002f 4c 'user  password  ' 'SESSION001' '18446744073709551615'");
	struct nmw_soup s;
	struct nmw_soup_login back = {.next = 0}; /* padding and all */
	ck_assert_int_eq(nmw_soup_next(b, 49, &s), 49);
	ck_assert_int_eq(nmw_soup_login_parse(&s, &back), 0);
	ck_assert_mem_eq(&back, &l, sizeof(l));
}
END_TEST

START_TEST(accepted_layout)
{
	uint8_t b[64];
	struct nmw_soup s;
	struct nmw_soup_login l;
	expect_bytes(b, nmw_soup_put_accepted(b, "1689192121", 135),
		     "001f 41 '1689192121' '                 135'");
	/* a short session id is padded on the left on the wire and on the right inside */
	expect_bytes(b, nmw_soup_put_accepted(b, "DAY7      ", 1),
		     "001f 41 '      DAY7' '                   1'");
	ck_assert_int_eq(nmw_soup_next(b, 33, &s), 33);
	ck_assert_int_eq(nmw_soup_accepted_parse(&s, &l), 0);
	ck_assert_mem_eq(l.session, "DAY7      ", 10);
	ck_assert_uint_eq(l.next, 1);
}
END_TEST

static int number(const char *digits20, uint64_t *v)
{
	char hex[128];
	struct nmw_soup s;
	struct nmw_soup_login l = {0};
	snprintf(hex, sizeof(hex), "001f 41 'SESSION001' '%s'", digits20);
	ck_assert_int_eq(next(hex, &s), 33);
	int rc = nmw_soup_accepted_parse(&s, &l);
	*v = l.next;
	return rc;
}

START_TEST(numbers_padded_on_either_side)
{
	uint64_t v;
	ck_assert_int_eq(number("                  42", &v), 0);
	ck_assert_uint_eq(v, 42);
	ck_assert_int_eq(number("42                  ", &v), 0);
	ck_assert_uint_eq(v, 42);
	ck_assert_int_eq(number("00000000000000000042", &v), 0);
	ck_assert_uint_eq(v, 42);
	ck_assert_int_eq(number("         42         ", &v), 0);
	ck_assert_uint_eq(v, 42);
	ck_assert_int_eq(number("18446744073709551615", &v), 0);
	ck_assert_uint_eq(v, UINT64_MAX);
}
END_TEST

START_TEST(what_is_not_a_number)
{
	uint64_t v;
	ck_assert_int_eq(number("18446744073709551616", &v), -EBADMSG);
	ck_assert_int_eq(number("99999999999999999999", &v), -EBADMSG);
	ck_assert_int_eq(number("                    ", &v), -EBADMSG);
	ck_assert_int_eq(number("                4 2 ", &v), -EBADMSG);
	ck_assert_int_eq(number("                  -1", &v), -EBADMSG);
	ck_assert_int_eq(number("                  0x", &v), -EBADMSG);
}
END_TEST

START_TEST(logins_of_a_wrong_length)
{
	struct nmw_soup s;
	struct nmw_soup_login l;
	ck_assert_int_eq(next("0004 4c 'abc'", &s), 6);
	ck_assert_int_eq(nmw_soup_login_parse(&s, &l), -EBADMSG);
	ck_assert_int_eq(nmw_soup_accepted_parse(&s, &l), -EBADMSG);
	ck_assert_int_eq(next("0004 41 'abc'", &s), 6);
	ck_assert_int_eq(nmw_soup_accepted_parse(&s, &l), -EBADMSG);
}
END_TEST

UNIT_MAIN("soup", takes_one_packet, asks_for_more, every_type_and_no_other, longest_packet,
	  login_layout, accepted_layout, numbers_padded_on_either_side, what_is_not_a_number,
	  logins_of_a_wrong_length)
