/* What a host says on its link, against frames written out by hand from the RFCs. */
#include "unit.h"
#include "wire/be.h"
#include "wire/linkhost.h"
#include "wire/packet_build.h"

#include <string.h>

static const uint8_t asker[6] = {2, 0, 0, 0, 0, 9};

static struct nmw_linkhost host(void)
{
	struct nmw_linkhost h = {.mac = {2, 0, 0, 0, 0, 1}, .addrs = 2, .groups = 2};
	ck_assert_int_eq(nmw_endpoint_parse("10.0.0.1:5000", &h.addr[0], NULL), 0);
	ck_assert_int_eq(nmw_endpoint_parse("[fd00::1]:5000", &h.addr[1], NULL), 0);
	ck_assert_int_eq(nmw_endpoint_parse("239.1.1.1:1", &h.group[0], NULL), 0);
	ck_assert_int_eq(nmw_endpoint_parse("239.1.1.2:1", &h.group[1], NULL), 0);
	return h;
}

static void put_sum(uint8_t *p, uint32_t len, uint32_t at)
{
	nmw_put16(p + at, 0);
	nmw_put16(p + at, (uint16_t)~nmw_packet_sum(p, len, 0));
}

static uint32_t arp_request(uint8_t *f, uint8_t last)
{
	static const uint8_t head[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0,  9, 8, 6,
				       0,    1,	   8,	 0,    6,    4,	   0, 1, 2, 0, 0,  0, 0, 9,
				       10,   0,	   0,	 9,    0,    0,	   0, 0, 0, 0, 10, 0, 0};
	memcpy(f, head, sizeof head);
	f[sizeof head] = last;
	return sizeof head + 1;
}

START_TEST(arp_is_answered_for_our_address_only)
{
	struct nmw_linkhost h = host();
	uint8_t f[64], out[256];
	uint32_t n = 0, len = arp_request(f, 1);
	ck_assert_int_eq(nmw_linkhost_answer(&h, f, len, 0, out, sizeof out, &n), NMW_LINK_ANSWER);
	ck_assert_uint_eq(n, 42);
	ck_assert_mem_eq(out, asker, 6);
	ck_assert_mem_eq(out + 6, h.mac, 6);
	ck_assert_uint_eq(nmw_be16(out + 20), 2);
	ck_assert_mem_eq(out + 22, h.mac, 6);
	ck_assert_uint_eq(nmw_be32(out + 28), 0x0A000001);
	len = arp_request(f, 7);
	ck_assert_int_eq(nmw_linkhost_answer(&h, f, len, 0, out, sizeof out, &n),
			 NMW_LINK_NEIGHBOR);
	for (uint32_t cut = 0; cut < len; cut++) /* nothing is read behind the end */
		ck_assert_int_ne(nmw_linkhost_answer(&h, f, cut, 0, out, sizeof out, &n),
				 NMW_LINK_ANSWER);
}
END_TEST

START_TEST(what_was_asked_is_learnt_and_answered_by_the_other)
{
	struct nmw_linkhost us = host(), them = host();
	struct nmw_endpoint who;
	uint8_t ask[NMW_LINKHOST_MIN], tell[NMW_LINKHOST_MIN];
	them.mac[5] = 9;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t n = 0, len = nmw_linkhost_ask(&us, &them.addr[i], ask);
		ck_assert_uint_gt(len, 41);
		ck_assert_int_eq(nmw_linkhost_answer(&them, ask, len, 0, tell, sizeof tell, &n),
				 NMW_LINK_ANSWER);
		ck_assert(nmw_linkhost_learn(tell, n, &who));
		ck_assert_mem_eq(who.mac, them.mac, 6);
		ck_assert_mem_eq(who.addr, them.addr[i].addr, 16);
		ck_assert(nmw_linkhost_learn(ask, len, &who));
		ck_assert_mem_eq(who.mac, us.mac, 6);
	}
}
END_TEST

START_TEST(groups_are_reported_one_by_one)
{
	struct nmw_linkhost h = host();
	uint8_t f[64] = {1, 0, 0x5E, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x46}, out[256];
	uint32_t n = 0;
	nmw_put16(f + 16, 24 + 12); /* a general query of version 3 */
	f[22] = 1;
	f[23] = 2;
	f[38] = 0x11;
	put_sum(f + 14, 24, 10);
	put_sum(f + 38, 12, 2);
	for (unsigned k = 0; k < 2; k++) {
		ck_assert_int_eq(nmw_linkhost_answer(&h, f, 50, k, out, sizeof out, &n),
				 NMW_LINK_ANSWER);
		ck_assert_uint_eq(n, 14 + 24 + 16);
		ck_assert_uint_eq(nmw_be32(out + 30), 0xE0000016);
		ck_assert_uint_eq(out[38], 0x22);
		ck_assert_mem_eq(out + 50, h.group[k].addr, 4);
		ck_assert_uint_eq(nmw_packet_sum(out + 14, 24, 0), 0xFFFF);
		ck_assert_uint_eq(nmw_packet_sum(out + 38, 16, 0), 0xFFFF);
	}
	ck_assert_int_eq(nmw_linkhost_answer(&h, f, 50, 2, out, sizeof out, &n), NMW_LINK_OTHER);
	ck_assert_uint_eq(nmw_linkhost_join(&h, 1, true, out), 54);
	ck_assert_uint_eq(out[46], 3); /* to include nothing: leave */
}
END_TEST

START_TEST(an_echo_carries_its_tags_and_bytes)
{
	struct nmw_linkhost h = host();
	uint8_t f[128] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x81, 0, 0, 5, 8, 0, 0x45}, out[256];
	uint32_t n = 0;
	nmw_put16(f + 20, 20 + 8 + 32);
	f[27] = 1;
	nmw_put32(f + 30, 0x0A000009);
	nmw_put32(f + 34, 0x0A000001);
	f[38] = 8;
	memset(f + 46, 'x', 32);
	put_sum(f + 18, 20, 10);
	put_sum(f + 38, 40, 2);
	ck_assert_int_eq(nmw_linkhost_answer(&h, f, 78, 0, out, sizeof out, &n), NMW_LINK_ANSWER);
	ck_assert_uint_eq(n, 78);
	ck_assert_mem_eq(out + 12, f + 12, 6);
	ck_assert_uint_eq(out[38], 0);
	ck_assert_uint_eq(nmw_packet_sum(out + 38, 40, 0), 0xFFFF);
	ck_assert_mem_eq(out + 46, f + 46, 32);
	ck_assert_int_eq(nmw_linkhost_answer(&h, f, 70, 0, out, sizeof out, &n), NMW_LINK_OTHER);
}
END_TEST

/* An answer has a checksum of its own, which would make what was damaged look whole. */
START_TEST(what_is_damaged_is_not_answered)
{
	static const unsigned at[] = {22, 38, 50};
	struct nmw_linkhost h = host();
	uint8_t f[128] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45}, out[256];
	uint8_t ask[NMW_LINKHOST_MIN];
	struct nmw_endpoint who;
	uint32_t n = 0;
	nmw_put16(f + 16, 20 + 8 + 32);
	f[23] = 1;
	nmw_put32(f + 26, 0x0A000009);
	nmw_put32(f + 30, 0x0A000001);
	f[34] = 8;
	put_sum(f + 14, 20, 10);
	put_sum(f + 34, 40, 2);
	ck_assert_int_eq(nmw_linkhost_answer(&h, f, 74, 0, out, sizeof out, &n), NMW_LINK_ANSWER);
	for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
		f[at[i]] ^= 4;
		ck_assert_int_eq(nmw_linkhost_answer(&h, f, 74, 0, out, sizeof out, &n),
				 NMW_LINK_OTHER);
		f[at[i]] ^= 4;
	}
	n = nmw_linkhost_ask(&h, &h.addr[1], ask);
	ask[14 + 40 + 26] ^= 1; /* the address that it tells */
	ck_assert_int_ne(nmw_linkhost_answer(&h, ask, n, 0, out, sizeof out, &n), NMW_LINK_ANSWER);
	ck_assert(!nmw_linkhost_learn(ask, 86, &who));
}
END_TEST

UNIT_MAIN("linkhost", arp_is_answered_for_our_address_only,
	  what_was_asked_is_learnt_and_answered_by_the_other, groups_are_reported_one_by_one,
	  an_echo_carries_its_tags_and_bytes, what_is_damaged_is_not_answered)
