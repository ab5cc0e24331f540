/* frames.h: builds packets in memory, byte by byte and without the code under test. */
#ifndef NMW_TESTS_FRAMES_H
#define NMW_TESTS_FRAMES_H

#include "wire/be.h"
#include "wire/packet.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

#define FRAME_MAX 4096u

struct frame_spec {
	enum nmw_link link;
	unsigned tags;	      /* VLAN tags: 1 = 802.1Q, 2 = 802.1ad and 802.1Q */
	unsigned family;      /* 4 or 6 */
	unsigned ip_options;  /* IPv4: bytes of options, a multiple of 4 */
	const uint8_t *ext;   /* IPv6: types of extension headers, each 8 bytes (AH: 12), 0-ended */
	uint16_t frag;	      /* IPv4: flags and offset */
	uint8_t proto;	      /* NMW_IPPROTO_UDP, _TCP or another */
	uint8_t flags;	      /* TCP */
	unsigned tcp_options; /* bytes, a multiple of 4 */
	uint8_t src, dst;     /* last byte of the address */
	uint16_t sport, dport;
	uint32_t seq, ack;
	const void *payload;
	uint32_t len;
	unsigned pad; /* bytes after the IP packet: padding, trailer */
	int offload;  /* 1: the IP length is left at 0 */
};

static inline uint32_t frame_link(const struct frame_spec *s, uint8_t *b)
{
	uint16_t type = s->family == 6 ? 0x86DD : 0x0800;
	uint32_t n = 0;
	switch (s->link) {
	case NMW_LINK_ETHERNET:
		memcpy(b, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
		n = 12;
		for (unsigned i = 0; i < s->tags; i++, n += 4) {
			nmw_put16(b + n, i + 1 < s->tags ? 0x88A8 : 0x8100);
			nmw_put16(b + n + 2, (uint16_t)(100 + i));
		}
		nmw_put16(b + n, type);
		return n + 2;
	case NMW_LINK_SLL:
		memset(b, 0, 16);
		b[3] = 1;
		nmw_put16(b + 14, type);
		return 16;
	case NMW_LINK_SLL2:
		memset(b, 0, 20);
		nmw_put16(b, type);
		return 20;
	case NMW_LINK_NULL:
		memcpy(b, s->family == 6 ? "\x1e\0\0\0" : "\2\0\0\0", 4);
		return 4;
	case NMW_LINK_LOOP:
		memcpy(b, s->family == 6 ? "\0\0\0\x18" : "\0\0\0\2", 4);
		return 4;
	default:
		return 0;
	}
}

static inline uint32_t frame_transport(const struct frame_spec *s, uint8_t *b)
{
	uint32_t n = 0;
	nmw_put16(b, s->sport);
	nmw_put16(b + 2, s->dport);
	if (s->proto == NMW_IPPROTO_UDP) {
		nmw_put16(b + 4, (uint16_t)(8 + s->len));
		nmw_put16(b + 6, 0);
		n = 8;
	} else if (s->proto == NMW_IPPROTO_TCP) {
		nmw_put32(b + 4, s->seq);
		nmw_put32(b + 8, s->ack);
		b[12] = (uint8_t)((20 + s->tcp_options) / 4 << 4);
		b[13] = s->flags;
		memset(b + 14, 0, 6);
		memset(b + 20, 1, s->tcp_options); /* no-operation */
		n = 20 + s->tcp_options;
	}
	if (s->len)
		memcpy(b + n, s->payload, s->len);
	return n + s->len;
}

static inline uint32_t frame_ip4(const struct frame_spec *s, uint8_t *b)
{
	uint32_t hdr = 20 + s->ip_options, n = hdr + frame_transport(s, b + hdr);
	memset(b, 0, 20);
	memset(b + 20, 1, s->ip_options);
	b[0] = (uint8_t)(0x40 | hdr / 4);
	nmw_put16(b + 2, s->offload ? 0 : (uint16_t)n);
	nmw_put16(b + 6, s->frag);
	b[8] = 64;
	b[9] = s->proto;
	memcpy(b + 12, "\x0a\0\0", 3);
	b[15] = s->src;
	memcpy(b + 16, "\x0a\0\0", 3);
	b[19] = s->dst;
	return n;
}

static inline uint32_t frame_ip6(const struct frame_spec *s, uint8_t *b)
{
	uint8_t *next = b + 6;
	uint32_t n = 40;
	memset(b, 0, 40);
	b[0] = 0x60;
	b[7] = 64;
	b[8] = b[24] = 0xFD;
	b[23] = s->src;
	b[39] = s->dst;
	for (const uint8_t *e = s->ext; e && *e; e++) {
		uint32_t sz = *e == 51 ? 12 : 8;
		*next = *e == 255 ? 0 : *e; /* 255 stands for hop-by-hop, which is 0 */
		memset(b + n, 0, sz);
		b[n + 1] = *e == 51 ? 1 : 0;
		next = b + n;
		n += sz;
	}
	*next = s->proto;
	n += frame_transport(s, b + n);
	nmw_put16(b + 4, s->offload ? 0 : (uint16_t)(n - 40));
	return n;
}

/* Bytes written to b[FRAME_MAX]. */
static inline uint32_t frame_build(const struct frame_spec *s, uint8_t *b)
{
	uint32_t n = frame_link(s, b);
	n += s->family == 6 ? frame_ip6(s, b + n) : frame_ip4(s, b + n);
	assert(n + s->pad <= FRAME_MAX);
	memset(b + n, 0xEE, s->pad);
	return n + s->pad;
}

#endif
