/* MoldUDP64 1.00 packets. */
#include "unit.h"
#include "wire/mold.h"
#include "wire_util.h"
#include <errno.h>

static uint8_t buf[2048];

static int open_hex(struct nmw_mold *m, const char *hex)
{
	return nmw_mold_open(m, buf, hex_bytes(hex, buf, sizeof(buf)));
}

START_TEST(reads_blocks)
{
	struct nmw_mold m;
	uint16_t len;
	const uint8_t *p;
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000e12f59 0003 0002 'ab' 0000 0001 'c'"),
			 0);
	ck_assert_mem_eq(m.session, "000010059B", 10);
	ck_assert_uint_eq(m.seq, 0xe12f59);
	ck_assert_uint_eq(m.count, 3);
	p = nmw_mold_next(&m, &len);
	ck_assert_uint_eq(len, 2);
	ck_assert_mem_eq(p, "ab", 2);
	p = nmw_mold_next(&m, &len);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(len, 0);
	p = nmw_mold_next(&m, &len);
	ck_assert_uint_eq(len, 1);
	ck_assert_uint_eq(p[0], 'c');
	ck_assert_ptr_null(nmw_mold_next(&m, &len));
	ck_assert_ptr_null(nmw_mold_next(&m, &len));
}
END_TEST

START_TEST(heartbeat_and_end)
{
	struct nmw_mold m;
	uint16_t len;
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 0000"), 0);
	ck_assert_uint_eq(m.seq, 9);
	ck_assert_uint_eq(m.count, 0);
	ck_assert_ptr_null(nmw_mold_next(&m, &len));
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 ffff"), 0);
	ck_assert_uint_eq(m.count, NMW_MOLD_END);
	ck_assert_ptr_null(nmw_mold_next(&m, &len));
}
END_TEST

START_TEST(refuses_what_does_not_fit)
{
	struct nmw_mold m;
	ck_assert_int_eq(open_hex(&m, ""), -EBADMSG);
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 00"), -EBADMSG);
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 0001"), -EBADMSG);
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 0001 00"), -EBADMSG);
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 0001 0002 'a'"), -EBADMSG);
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 0002 0001 'a'"), -EBADMSG);
	ck_assert_int_eq(open_hex(&m, "'000010059B' 0000000000000009 0001 ffff 'a'"), -EBADMSG);
}
END_TEST

START_TEST(writes_what_it_reads)
{
	struct nmw_mold_out o;
	nmw_mold_start(&o, buf, sizeof(buf), "SESSION001", 0x0102030405060708);
	ck_assert(nmw_mold_add(&o, (const uint8_t *)"ab", 2));
	ck_assert(nmw_mold_add(&o, NULL, 0));
	expect_bytes(buf, nmw_mold_finish(&o, 0),
		     "'SESSION001' 0102030405060708 0002 0002 'ab' 0000");
	nmw_mold_start(&o, buf, sizeof(buf), "SESSION001", 7);
	expect_bytes(buf, nmw_mold_finish(&o, 0), "'SESSION001' 0000000000000007 0000");
	expect_bytes(buf, nmw_mold_finish(&o, NMW_MOLD_END), "'SESSION001' 0000000000000007 ffff");
}
END_TEST

START_TEST(stops_at_the_packets_size)
{
	struct nmw_mold_out o;
	uint8_t msg[36] = {0};
	unsigned n = 0;
	nmw_mold_start(&o, buf, NMW_MOLD_MTU_DEF, "SESSION001", 1);
	while (nmw_mold_add(&o, msg, sizeof(msg)))
		n++;
	ck_assert_uint_eq(n, 38); /* as many as the exchange's own packets hold */
	ck_assert_uint_eq(nmw_mold_finish(&o, 0), 20 + 38 * 38);
	ck_assert(nmw_mold_add(&o, msg, 1472 - 20 - 38 * 38 - 2));
	ck_assert(!nmw_mold_add(&o, msg, 0));
	ck_assert_uint_eq(nmw_mold_finish(&o, 0), 1472);
}
END_TEST

START_TEST(stops_before_the_count_means_end)
{
	static uint8_t big[200000];
	struct nmw_mold_out o;
	struct nmw_mold m;
	uint32_t n = 0;
	nmw_mold_start(&o, big, sizeof(big), "SESSION001", 1);
	while (nmw_mold_add(&o, NULL, 0))
		n++;
	ck_assert_uint_eq(n, 65534);
	ck_assert_int_eq(nmw_mold_open(&m, big, nmw_mold_finish(&o, 0)), 0);
	ck_assert_uint_eq(m.count, 65534);
}
END_TEST

UNIT_MAIN("mold", reads_blocks, heartbeat_and_end, refuses_what_does_not_fit, writes_what_it_reads,
	  stops_at_the_packets_size, stops_before_the_count_means_end)
