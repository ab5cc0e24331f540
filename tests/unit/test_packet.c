#include "wire/packet.h"
#include "frames.h"
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

static const char text[] = "enter_order of 29 characters.";
#define TEXT_LEN ((uint32_t)sizeof text - 1)

static uint8_t frame[FRAME_MAX];
static struct nmw_packet p;

static struct frame_spec spec_of(enum nmw_link link, unsigned family, uint8_t proto)
{
	return (struct frame_spec){.link = link,
				   .family = family,
				   .proto = proto,
				   .flags = NMW_TCP_ACK | NMW_TCP_PSH,
				   .src = 1,
				   .dst = 2,
				   .sport = 40000,
				   .dport = 26477,
				   .seq = 0xFFFFFFF0u,
				   .ack = 77,
				   .payload = text,
				   .len = TEXT_LEN};
}

static enum nmw_packet_is parse(const struct frame_spec *s)
{
	uint32_t n = frame_build(s, frame);
	return nmw_packet_parse(s->link, frame, n, n, &p);
}

static void check_whole(const struct frame_spec *s)
{
	ck_assert_int_eq(parse(s), NMW_PACKET_OK);
	ck_assert_uint_eq(p.family, s->family);
	ck_assert_uint_eq(p.proto, s->proto);
	ck_assert_uint_eq(p.sport, s->sport);
	ck_assert_uint_eq(p.dport, s->dport);
	ck_assert_uint_eq(p.len, s->len);
	ck_assert_uint_eq(p.cut, 0);
	ck_assert_mem_eq(p.payload, s->payload, s->len);
	ck_assert_uint_eq(p.src[s->family == 6 ? 15 : 3], s->src);
	ck_assert_uint_eq(p.dst[s->family == 6 ? 15 : 3], s->dst);
	if (s->proto == NMW_IPPROTO_TCP) {
		ck_assert_uint_eq(p.seq, s->seq);
		ck_assert_uint_eq(p.ack, s->ack);
		ck_assert_uint_eq(p.flags, s->flags);
	}
}

START_TEST(every_link_and_family)
{
	static const uint8_t protos[] = {NMW_IPPROTO_UDP, NMW_IPPROTO_TCP};
	for (int link = NMW_LINK_ETHERNET; link <= NMW_LINK_LOOP; link++)
		for (unsigned family = 4; family <= 6; family += 2)
			for (unsigned i = 0; i < 2; i++) {
				struct frame_spec s =
					spec_of((enum nmw_link)link, family, protos[i]);
				check_whole(&s);
				s.pad = 46; /* trailers count for nothing */
				check_whole(&s);
				s.len = 0;
				check_whole(&s);
			}
}
END_TEST

START_TEST(tags_options_and_extension_headers)
{
	static const uint8_t ext[] = {255, 60, 43, 51, 60, 135, 44, 0};
	struct frame_spec s = spec_of(NMW_LINK_ETHERNET, 4, NMW_IPPROTO_UDP);
	for (s.tags = 0; s.tags < 4; s.tags++)
		for (s.ip_options = 0; s.ip_options <= 40; s.ip_options += 4)
			check_whole(&s);
	s = spec_of(NMW_LINK_ETHERNET, 6, NMW_IPPROTO_TCP);
	for (s.tcp_options = 0; s.tcp_options <= 40; s.tcp_options += 4)
		for (unsigned i = 0; i < sizeof ext; i++) {
			s.ext = ext + i;
			check_whole(&s);
		}
}
END_TEST

START_TEST(a_length_left_to_the_card)
{
	struct frame_spec s = spec_of(NMW_LINK_ETHERNET, 4, NMW_IPPROTO_TCP);
	s.offload = 1;
	check_whole(&s);
	s.family = 6;
	check_whole(&s);
}
END_TEST

START_TEST(fragments)
{
	struct frame_spec s = spec_of(NMW_LINK_ETHERNET, 4, NMW_IPPROTO_UDP);
	s.frag = 0x4000; /* do not fragment */
	check_whole(&s);
	s.frag = 0x2000;
	ck_assert_int_eq(parse(&s), NMW_PACKET_FRAGMENT);
	s.frag = 0x0001;
	ck_assert_int_eq(parse(&s), NMW_PACKET_FRAGMENT);
	static const uint8_t ext[] = {44, 0};
	s = spec_of(NMW_LINK_RAW, 6, NMW_IPPROTO_UDP);
	s.ext = ext;
	uint32_t n = frame_build(&s, frame);
	nmw_put16(frame + 42, 0x0001); /* more fragments */
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_FRAGMENT);
	nmw_put16(frame + 42, 0x0008); /* offset 1 */
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_FRAGMENT);
}
END_TEST

START_TEST(what_is_not_ours)
{
	struct frame_spec s = spec_of(NMW_LINK_ETHERNET, 4, 1); /* ICMP */
	ck_assert_int_eq(parse(&s), NMW_PACKET_OTHER);
	uint32_t n = frame_build(&s, frame);
	nmw_put16(frame + 12, 0x0806); /* ARP */
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_NOT_IP);
	nmw_put16(frame + 12, 0x0026); /* a length: spanning tree */
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_NOT_IP);
	ck_assert_int_eq(nmw_packet_parse(NMW_LINK_NONE, frame, n, n, &p), NMW_PACKET_NOT_IP);
	s = spec_of(NMW_LINK_NULL, 4, NMW_IPPROTO_UDP);
	n = frame_build(&s, frame);
	frame[0] = 7;
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_NOT_IP);
	memcpy(frame, "\0\0\0\2", 4); /* of a host of the other byte order */
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_OK);
}
END_TEST

struct damage {
	enum nmw_link link;
	unsigned family;
	uint8_t proto;
	uint32_t at;
	uint8_t value;
	enum nmw_packet_is is;
};

START_TEST(damaged_headers)
{
	static const struct damage cases[] = {
		{NMW_LINK_RAW, 4, NMW_IPPROTO_UDP, 0, 0x55, NMW_PACKET_BAD_IP},	  /* version 5 */
		{NMW_LINK_RAW, 4, NMW_IPPROTO_UDP, 0, 0x44, NMW_PACKET_BAD_IP},	  /* header of 16 */
		{NMW_LINK_RAW, 4, NMW_IPPROTO_UDP, 2, 0x7F, NMW_PACKET_BAD_IP},	  /* too long */
		{NMW_LINK_RAW, 4, NMW_IPPROTO_UDP, 3, 0x10, NMW_PACKET_BAD_IP},	  /* too short */
		{NMW_LINK_RAW, 4, NMW_IPPROTO_UDP, 24, 0x7F, NMW_PACKET_BAD_UDP}, /* too long */
		{NMW_LINK_RAW, 4, NMW_IPPROTO_UDP, 25, 0x07, NMW_PACKET_BAD_UDP}, /* under 8 */
		{NMW_LINK_RAW, 4, NMW_IPPROTO_TCP, 32, 0x40, NMW_PACKET_BAD_TCP}, /* under 20 */
		{NMW_LINK_RAW, 4, NMW_IPPROTO_TCP, 32, 0xF0, NMW_PACKET_BAD_TCP}, /* over all */
		{NMW_LINK_RAW, 6, NMW_IPPROTO_UDP, 0, 0x50, NMW_PACKET_BAD_IP},
		{NMW_LINK_RAW, 6, NMW_IPPROTO_UDP, 4, 0x7F, NMW_PACKET_BAD_IP},
		{NMW_LINK_RAW, 6, NMW_IPPROTO_UDP, 6, 59, NMW_PACKET_OTHER}, /* no next header */
		{NMW_LINK_ETHERNET, 4, NMW_IPPROTO_UDP, 14, 0x65, NMW_PACKET_BAD_IP},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct damage *d = &cases[i];
		struct frame_spec s = spec_of(d->link, d->family, d->proto);
		s.len = 20;
		uint32_t n = frame_build(&s, frame);
		frame[d->at] = d->value;
		ck_assert_msg(nmw_packet_parse(d->link, frame, n, n, &p) == d->is, "case %u: %d", i,
			      nmw_packet_parse(d->link, frame, n, n, &p));
	}
	static const uint8_t ext[] = {60, 0};
	struct frame_spec s = spec_of(NMW_LINK_RAW, 6, NMW_IPPROTO_UDP);
	s.ext = ext;
	uint32_t n = frame_build(&s, frame);
	frame[41] = 200; /* an extension header beyond the packet */
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_BAD_IP);
}
END_TEST

/* At each length that a capture could have cut the packet to: said, and never read past. */
static void check_cut(const struct frame_spec *s)
{
	uint32_t n = frame_build(s, frame);
	for (uint32_t cap = 0; cap < n; cap++) {
		uint8_t *exact = malloc(cap ? cap : 1);
		memcpy(exact, frame, cap);
		enum nmw_packet_is is = nmw_packet_parse(s->link, exact, cap, n, &p);
		bool tcp_part = s->proto == NMW_IPPROTO_TCP && is == NMW_PACKET_OK;
		if (tcp_part) {
			ck_assert_uint_eq(p.len + p.cut, s->len);
			ck_assert_uint_gt(p.cut, 0);
		} else {
			ck_assert_msg(is == NMW_PACKET_CUT, "%u of %u: %d", cap, n, is);
		}
		is = nmw_packet_parse(s->link, exact, cap, cap, &p); /* a short packet, whole */
		ck_assert_int_ne(is, NMW_PACKET_OK);
		free(exact);
	}
}

START_TEST(cut_anywhere)
{
	static const uint8_t ext[] = {255, 51, 44, 0};
	for (int link = NMW_LINK_ETHERNET; link <= NMW_LINK_LOOP; link++) {
		struct frame_spec s = spec_of((enum nmw_link)link, 4, NMW_IPPROTO_UDP);
		s.tags = 2;
		check_cut(&s);
		s = spec_of((enum nmw_link)link, 6, NMW_IPPROTO_TCP);
		s.ext = ext;
		s.tcp_options = 12;
		check_cut(&s);
	}
}
END_TEST

START_TEST(multicast)
{
	struct frame_spec s = spec_of(NMW_LINK_RAW, 4, NMW_IPPROTO_UDP);
	uint32_t n = frame_build(&s, frame);
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_OK);
	ck_assert_uint_eq(p.multicast, 0);
	frame[16] = 233;
	ck_assert_int_eq(nmw_packet_parse(s.link, frame, n, n, &p), NMW_PACKET_OK);
	ck_assert_uint_eq(p.multicast, 1);
}
END_TEST

UNIT_MAIN("packet", every_link_and_family, tags_options_and_extension_headers,
	  a_length_left_to_the_card, fragments, what_is_not_ours, damaged_headers, cut_anywhere,
	  multicast)
