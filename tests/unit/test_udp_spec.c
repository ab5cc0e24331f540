/* What stands behind udp: on a command line. */
#include "unit.h"
#include "wire/udp_spec.h"

#include <errno.h>
#include <string.h>

#define ALL "source|rerequest|session|ttl|first"

static struct nmw_udp_spec s;
static struct nmw_err e;

START_TEST(one_line)
{
	ck_assert_int_eq(nmw_udp_spec_parse("239.1.1.1:26400%eth0", ALL, &s, &e), 0);
	ck_assert_uint_eq(s.lines, 1);
	ck_assert_uint_eq(s.line[0].at.port, 26400);
	ck_assert_str_eq(s.line[0].iface, "eth0");
	ck_assert_int_eq(s.rerequest.family, 0);
}
END_TEST

START_TEST(lines_and_options)
{
	const char *text = "239.1.1.1:1%a,udp:239.1.1.2:2,239.1.1.3:3?source=10.0.0.1&"
			   "rerequest=10.0.0.9:26500&session=AB&ttl=7&first=12";
	ck_assert_int_eq(nmw_udp_spec_parse(text, ALL, &s, &e), 0);
	ck_assert_uint_eq(s.lines, 3);
	ck_assert_str_eq(s.line[0].iface, "a");
	ck_assert_str_eq(s.line[1].iface, "");
	ck_assert_uint_eq(s.line[2].at.port, 3);
	ck_assert_uint_eq(s.source.port, 0);
	ck_assert_uint_eq(s.source.addr[3], 1);
	ck_assert_uint_eq(s.rerequest.port, 26500);
	ck_assert_mem_eq(s.session, "AB        ", 10);
	ck_assert_uint_eq(s.ttl, 7);
	ck_assert_uint_eq(s.first, 12);
}
END_TEST

START_TEST(ipv6)
{
	const char *text = "[ff02::1]:9%lo?source=fe80::1";
	ck_assert_int_eq(nmw_udp_spec_parse(text, ALL, &s, &e), 0);
	ck_assert_uint_eq(s.line[0].at.family, 6);
	ck_assert_uint_eq(s.source.family, 6);
}
END_TEST

START_TEST(refused)
{
	static const char *const bad[] = {
		"",
		"1.2.3.4",
		"1.2.3.4:0",
		"1.2.3.4:70000",
		"host:1",
		"1.2.3.4:1%",
		"1.2.3.4:1%a-name-that-is-too-long",
		"1.2.3.4:1,",
		"1.2.3.4:1,[::1]:1",
		"1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5",
		"1.2.3.4:1,1.2.3.4:2,udp:1.2.3.4:1",
		"239.1.1.1:1%eth0,239.1.1.1:1%eth0",
		"1.2.3.4:1?",
		"1.2.3.4:1?ttl",
		"1.2.3.4:1?ttl=",
		"1.2.3.4:1?ttl=0",
		"1.2.3.4:1?ttl=256",
		"1.2.3.4:1?ttl=1&",
		"1.2.3.4:1?ttl=1&ttl=1",
		"1.2.3.4:1?source=1.2.3.5&ttl=1&source=1.2.3.5",
		"1.2.3.4:1?session=12345678901",
		"1.2.3.4:1?session=",
		"1.2.3.4:1?first=0",
		"1.2.3.4:1?colour=red",
		"1.2.3.4:1?source=1.2.3.4:5",
	};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		e = (struct nmw_err)NMW_ERR_INIT;
		ck_assert_msg(nmw_udp_spec_parse(bad[i], ALL, &s, &e) < 0, "%s", bad[i]);
		ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
		ck_assert_msg(*e.msg, "%s: no message", bad[i]);
	}
	ck_assert_int_lt(nmw_udp_spec_parse("1.2.3.4:1?ttl=1", "session", &s, &e), 0);
}
END_TEST

UNIT_MAIN("udp_spec", one_line, lines_and_options, ipv6, refused)
