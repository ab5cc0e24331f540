#include "base/rng.h"
#include "unit.h"
#include "wire/be.h"
#include "wire/packet.h"
#include "wire/packet_build.h"

#include <string.h>

static uint8_t buf[NMW_PACKET_HEADROOM + 70000];
static uint8_t *const payload = buf + NMW_PACKET_HEADROOM;

static struct nmw_endpoint at(const char *s)
{
	struct nmw_endpoint ep;
	ck_assert_int_eq(nmw_endpoint_parse(s, &ep, NULL), 0);
	return ep;
}

/* The definition of RFC 1071, byte pair by byte pair. */
static uint16_t plain_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)sum;
}

START_TEST(sum_is_that_of_the_definition)
{
	struct nmw_rng rng;
	nmw_rng_seed(&rng, 1);
	for (int i = 0; i < 2000; i++) {
		size_t len = nmw_rng_below(&rng, 1600), off = nmw_rng_below(&rng, 8);
		for (size_t k = 0; k < len; k++)
			payload[off + k] = (uint8_t)nmw_rng_u64(&rng);
		uint32_t start = (uint32_t)nmw_rng_below(&rng, 70000);
		ck_assert_uint_eq(nmw_packet_sum(payload + off, len, start),
				  plain_sum(payload + off, len, start));
	}
	memset(payload, 0xFF, 65535);
	ck_assert_uint_eq(nmw_packet_sum(payload, 65535, 65535), plain_sum(payload, 65535, 65535));
}
END_TEST

/* The example of RFC 1071, section 3. */
START_TEST(sum_of_the_rfc)
{
	const uint8_t b[] = {0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7};
	ck_assert_uint_eq(nmw_packet_sum(b, sizeof b, 0), 0xDDF2);
}
END_TEST

/* Sums over header and pseudo header, checksum included, give ones. */
static void check_sums(const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + 14;
	bool v4 = ip[0] >> 4 == 4;
	uint32_t hdr = v4 ? 20 : 40;
	uint32_t seg = len - 14 - hdr;
	uint8_t proto = v4 ? ip[9] : ip[6];
	ck_assert_uint_eq(v4 ? nmw_be16(ip + 2) - hdr : nmw_be16(ip + 4), seg);
	if (v4)
		ck_assert_uint_eq(plain_sum(ip, 20, 0), 0xFFFF);
	uint32_t pseudo = plain_sum(v4 ? ip + 12 : ip + 8, v4 ? 8 : 32, proto + seg);
	ck_assert_uint_eq(plain_sum(ip + hdr, seg, pseudo), 0xFFFF);
}

static void check_udp(const char *from, const char *to, uint32_t len)
{
	struct nmw_endpoint src = at(from), dst = at(to);
	uint32_t frame_len;
	uint8_t *f = nmw_packet_udp(payload, len, &src, &dst, 7, &frame_len);
	struct nmw_packet p;
	check_sums(f, frame_len);
	ck_assert_int_eq(nmw_packet_parse(NMW_LINK_ETHERNET, f, frame_len, frame_len, &p),
			 NMW_PACKET_OK);
	ck_assert_uint_eq(p.proto, NMW_IPPROTO_UDP);
	ck_assert_uint_eq(p.family, src.family);
	ck_assert_uint_eq(p.sport, src.port);
	ck_assert_uint_eq(p.dport, dst.port);
	ck_assert_mem_eq(p.src, src.addr, 16);
	ck_assert_mem_eq(p.dst, dst.addr, 16);
	ck_assert_ptr_eq(p.payload, payload);
	ck_assert_uint_eq(p.len, len);
	ck_assert_uint_eq(p.multicast, nmw_endpoint_multicast(&dst));
}

START_TEST(udp_reads_back)
{
	memset(payload, 0xA5, 1472);
	for (uint32_t len = 0; len <= 1472; len += 23) {
		check_udp("10.0.0.1:26400", "239.192.0.1:26400", len);
		check_udp("[fe80::1]:1", "[ff02::42]:65535", len);
	}
}
END_TEST

static void check_tcp(const char *from, const char *to, uint32_t len,
		      const struct nmw_tcp_header *h)
{
	struct nmw_endpoint src = at(from), dst = at(to);
	uint32_t frame_len;
	uint8_t *f = nmw_packet_tcp(payload, len, &src, &dst, 9, h, &frame_len);
	struct nmw_packet p;
	check_sums(f, frame_len);
	ck_assert_int_eq(nmw_packet_parse(NMW_LINK_ETHERNET, f, frame_len, frame_len, &p),
			 NMW_PACKET_OK);
	ck_assert_uint_eq(p.proto, NMW_IPPROTO_TCP);
	ck_assert_uint_eq(p.seq, h->seq);
	ck_assert_uint_eq(p.ack, h->ack);
	ck_assert_uint_eq(p.flags, h->flags);
	ck_assert_ptr_eq(p.payload, payload);
	ck_assert_uint_eq(p.len, len);
}

START_TEST(tcp_reads_back)
{
	const struct nmw_tcp_header syn = {
		.seq = 0xFFFFFFFF, .window = 65535, .mss = 1460, .flags = NMW_TCP_SYN};
	const struct nmw_tcp_header data = {
		.seq = 1, .ack = 0x80000001, .window = 1, .flags = NMW_TCP_PSH | NMW_TCP_ACK};
	memset(payload, 0x5A, 1460);
	check_tcp("10.0.1.1:40000", "10.0.0.1:9001", 0, &syn);
	check_tcp("[2001:db8::1]:40000", "[2001:db8::2]:9001", 0, &syn);
	for (uint32_t len = 1; len <= 1460; len += 19) {
		check_tcp("10.0.1.1:40000", "10.0.0.1:9001", len, &data);
		check_tcp("[2001:db8::1]:40000", "[2001:db8::2]:9001", len, &data);
	}
}
END_TEST

/* A whole frame, as literal bytes. */
START_TEST(udp_frame_bytes)
{
	static const uint8_t want[] = {0x01, 0x00, 0x5E, 0x40, 0x00, 0x01, 0x02, 0x00, 0x0A,
				       0x00, 0x00, 0x01, 0x08, 0x00, 0x45, 0x00, 0x00, 0x1E,
				       0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0x2E, 0xD9, 0x0A,
				       0x00, 0x00, 0x01, 0xEF, 0xC0, 0x00, 0x01, 0x67, 0x20,
				       0x67, 0x21, 0x00, 0x0A, 0xCF, 0x6C, 'h',	 'i'};
	struct nmw_endpoint src = at("10.0.0.1:26400"), dst = at("239.192.0.1:26401");
	uint32_t len;
	memcpy(payload, "hi", 2);
	uint8_t *f = nmw_packet_udp(payload, 2, &src, &dst, 0x1234, &len);
	ck_assert_uint_eq(len, sizeof want);
	ck_assert_mem_eq(f, want, sizeof want);
}
END_TEST

/* A UDP checksum that comes out as 0 is sent as ones: 0 says that there is none. */
START_TEST(udp_sum_is_never_zero)
{
	struct nmw_endpoint src = at("10.0.0.1:1"), dst = at("10.0.0.2:2");
	unsigned ones = 0;
	for (uint32_t v = 0; v < 65536; v++) {
		uint32_t len;
		nmw_put16(payload, (uint16_t)v);
		uint8_t *f = nmw_packet_udp(payload, 2, &src, &dst, 0, &len);
		ck_assert_uint_ne(nmw_be16(f + 14 + 20 + 6), 0);
		ones += nmw_be16(f + 14 + 20 + 6) == 0xFFFF;
	}
	ck_assert_uint_eq(ones, 1);
}
END_TEST

START_TEST(endpoints)
{
	static const char *const good[] = {"10.0.0.1:9001", "255.255.255.255:65535", "[::1]:1",
					   "[2001:db8::ff]:9001"};
	static const char *const bad[] = {
		"",	    "10.0.0.1",	      "10.0.0.1:",   "10.0.0.1:0",  ":9001",
		"10.0.0:1", "10.0.0.1:65536", "10.0.0.1:1x", "[::1]",	    "[::1]9",
		"::1:9",    "localhost:80",   "[::1:9001",   "10.0.0.1: 80"};
	char text[NMW_ENDPOINT_MAX];
	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct nmw_endpoint ep = at(good[i]);
		ck_assert_str_eq(nmw_endpoint_text(&ep, text), good[i]);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct nmw_err e = NMW_ERR_INIT;
		struct nmw_endpoint ep;
		ck_assert_msg(nmw_endpoint_parse(bad[i], &ep, &e) < 0, "%s", bad[i]);
		ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	}
}
END_TEST

START_TEST(endpoints_advance)
{
	char text[NMW_ENDPOINT_MAX];
	struct nmw_endpoint ep = at("10.0.1.255:1");
	nmw_endpoint_advance(&ep, 1);
	ck_assert_str_eq(nmw_endpoint_text(&ep, text), "10.0.2.0:1");
	ep = at("[2001:db8::ffff]:1");
	nmw_endpoint_advance(&ep, 65536);
	ck_assert_str_eq(nmw_endpoint_text(&ep, text), "[2001:db8::1:ffff]:1");
	static const uint8_t group6[] = {0x33, 0x33, 0, 0, 0, 0x42};
	ep = at("[ff02::42]:1");
	ck_assert_mem_eq(ep.mac, group6, 6);
}
END_TEST

UNIT_MAIN("packet_build", sum_is_that_of_the_definition, sum_of_the_rfc, udp_reads_back,
	  tcp_reads_back, udp_frame_bytes, udp_sum_is_never_zero, endpoints, endpoints_advance)
