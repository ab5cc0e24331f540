#include "wire/packet.h"

#include "wire/be.h"

#include <stdbool.h>
#include <string.h>

#define ETH_HDR	   14u
#define ETH_IP4	   0x0800u
#define ETH_IP6	   0x86DDu
#define ETH_VLAN   0x8100u
#define ETH_QINQ   0x88A8u
#define ETH_QINQ_1 0x9100u /* before 802.1ad */
#define VLAN_TAG   4u
#define SLL_HDR	   16u
#define SLL2_HDR   20u
#define LOOP_HDR   4u
#define IP4_HDR	   20u
#define IP6_HDR	   40u
#define UDP_HDR	   8u
#define TCP_HDR	   20u
#define FRAG_HDR   8u

/* IPv6 extension headers (RFC 8200, 4) and what ends them. */
enum {
	EXT_HOP = 0,
	EXT_ROUTE = 43,
	EXT_FRAGMENT = 44,
	EXT_AUTH = 51,
	EXT_NONE = 59,
	EXT_DEST = 60,
	EXT_MOBILITY = 135,
	EXT_HIP = 139,
	EXT_SHIM6 = 140
};

/* What is still to be read: captured bytes, and how many of the packet were on the wire. */
struct rest {
	const uint8_t *p;
	uint32_t cap, wire;
};

static inline bool skip(struct rest *r, uint32_t n)
{
	if (r->cap < n)
		return false;
	r->p += n;
	r->cap -= n;
	r->wire -= n;
	return true;
}

/* The packet ends here, whatever padding or trailer the frame has after it. */
static inline void limit(struct rest *r, uint32_t n)
{
	r->wire = n < r->wire ? n : r->wire;
	r->cap = n < r->cap ? n : r->cap;
}

/* IPv4 addresses are stored whole, so that whoever loads one as a whole need not wait for parts. */
typedef uint32_t vec4 __attribute__((vector_size(16)));

static inline void put_ip4(uint8_t to[16], const uint8_t *from)
{
	vec4 v = {nmw_raw32(from), 0, 0, 0};
	memcpy(to, &v, sizeof v);
}

static inline enum nmw_packet_is read_udp(struct rest *r, struct nmw_packet *out)
{
	if (r->cap < UDP_HDR)
		return r->wire < UDP_HDR ? NMW_PACKET_BAD_UDP : NMW_PACKET_CUT;
	out->sport = nmw_be16(r->p);
	out->dport = nmw_be16(r->p + 2);
	uint32_t len = nmw_be16(r->p + 4);
	if (len == 0)
		len = r->wire;
	if (len < UDP_HDR || len > r->wire)
		return NMW_PACKET_BAD_UDP;
	if (len > r->cap)
		return NMW_PACKET_CUT;
	out->payload = r->p + UDP_HDR;
	out->len = len - UDP_HDR;
	out->cut = 0;
	out->seq = out->ack = 0;
	out->flags = 0;
	return NMW_PACKET_OK;
}

static inline enum nmw_packet_is read_tcp(struct rest *r, struct nmw_packet *out)
{
	if (r->cap < TCP_HDR)
		return r->wire < TCP_HDR ? NMW_PACKET_BAD_TCP : NMW_PACKET_CUT;
	out->sport = nmw_be16(r->p);
	out->dport = nmw_be16(r->p + 2);
	out->seq = nmw_be32(r->p + 4);
	out->ack = nmw_be32(r->p + 8);
	out->flags = r->p[13];
	uint32_t hdr = (r->p[12] >> 4) * 4u;
	if (hdr < TCP_HDR || hdr > r->wire)
		return NMW_PACKET_BAD_TCP;
	if (!skip(r, hdr))
		return NMW_PACKET_CUT;
	out->payload = r->p;
	out->len = r->cap;
	out->cut = r->wire - r->cap;
	return NMW_PACKET_OK;
}

static inline enum nmw_packet_is read_transport(struct rest *r, uint8_t proto,
						struct nmw_packet *out)
{
	out->proto = proto;
	if (proto == NMW_IPPROTO_UDP)
		return read_udp(r, out);
	if (proto == NMW_IPPROTO_TCP)
		return read_tcp(r, out);
	return NMW_PACKET_OTHER;
}

static enum nmw_packet_is read_ip4(struct rest *r, struct nmw_packet *out)
{
	if (r->cap < IP4_HDR)
		return r->wire < IP4_HDR ? NMW_PACKET_BAD_IP : NMW_PACKET_CUT;
	const uint8_t *p = r->p;
	uint32_t hdr = (p[0] & 0x0Fu) * 4u;
	uint32_t total = nmw_be16(p + 2);
	if (total == 0)
		total = r->wire;
	if (p[0] >> 4 != 4 || hdr < IP4_HDR || total < hdr || total > r->wire)
		return NMW_PACKET_BAD_IP;
	limit(r, total);
	if (nmw_be16(p + 6) & 0x3FFFu) /* more fragments, or an offset */
		return NMW_PACKET_FRAGMENT;
	out->family = 4;
	put_ip4(out->src, p + 12);
	put_ip4(out->dst, p + 16);
	out->multicast = (p[16] & 0xF0u) == 0xE0u;
	if (!skip(r, hdr))
		return NMW_PACKET_CUT;
	return read_transport(r, p[9], out);
}

/* Bytes of the extension header at p of type `next`; 0 = it is none. */
static uint32_t extension_len(uint8_t next, const uint8_t *p)
{
	switch (next) {
	case EXT_HOP:
	case EXT_ROUTE:
	case EXT_DEST:
	case EXT_MOBILITY:
	case EXT_HIP:
	case EXT_SHIM6:
		return (p[1] + 1u) * 8u;
	case EXT_AUTH:
		return (p[1] + 2u) * 4u;
	case EXT_FRAGMENT:
		return FRAG_HDR;
	default:
		return 0;
	}
}

static enum nmw_packet_is read_ip6(struct rest *r, struct nmw_packet *out)
{
	if (r->cap < IP6_HDR)
		return r->wire < IP6_HDR ? NMW_PACKET_BAD_IP : NMW_PACKET_CUT;
	const uint8_t *p = r->p;
	uint32_t len = nmw_be16(p + 4);
	uint8_t next = p[6];
	if (p[0] >> 4 != 6 || len > r->wire - IP6_HDR)
		return NMW_PACKET_BAD_IP;
	out->family = 6;
	memcpy(out->src, p + 8, 16);
	memcpy(out->dst, p + 24, 16);
	out->multicast = p[24] == 0xFFu;
	skip(r, IP6_HDR);
	if (len)
		limit(r, len);
	for (;;) { /* each turn takes at least 8 bytes */
		static const uint8_t none[2] = {0, 0};
		uint32_t ext = extension_len(next, r->cap >= 2 ? r->p : none);
		if (ext == 0)
			return read_transport(r, next, out);
		if (ext > r->wire)
			return NMW_PACKET_BAD_IP;
		if (ext > r->cap)
			return NMW_PACKET_CUT;
		/* A fragment header on an unfragmented packet (RFC 6946) is no fragment. */
		if (next == EXT_FRAGMENT && (nmw_be16(r->p + 2) & 0xFFF9u))
			return NMW_PACKET_FRAGMENT;
		next = r->p[0];
		skip(r, ext);
	}
}

static enum nmw_packet_is read_ip(struct rest *r, struct nmw_packet *out)
{
	if (r->cap < 1)
		return r->wire < 1 ? NMW_PACKET_BAD_IP : NMW_PACKET_CUT;
	if (r->p[0] >> 4 == 4)
		return read_ip4(r, out);
	return r->p[0] >> 4 == 6 ? read_ip6(r, out) : NMW_PACKET_BAD_IP;
}

/* type: an Ethernet type, with r at what follows it. */
static enum nmw_packet_is read_ethertype(struct rest *r, uint32_t type, struct nmw_packet *out)
{
	while (type == ETH_VLAN || type == ETH_QINQ || type == ETH_QINQ_1) {
		if (r->cap < VLAN_TAG)
			return NMW_PACKET_CUT;
		type = nmw_be16(r->p + 2);
		skip(r, VLAN_TAG);
	}
	if (type == ETH_IP4)
		return read_ip4(r, out);
	return type == ETH_IP6 ? read_ip6(r, out) : NMW_PACKET_NOT_IP;
}

/* hdr bytes of link header, with an Ethernet type at `type_at` of it. */
static enum nmw_packet_is read_typed(struct rest *r, uint32_t hdr, uint32_t type_at,
				     struct nmw_packet *out)
{
	if (r->cap < hdr)
		return NMW_PACKET_CUT;
	uint32_t type = nmw_be16(r->p + type_at);
	skip(r, hdr);
	return read_ethertype(r, type, out);
}

/* The family is an AF_ number of the capturing system: 2 for IPv4 everywhere; IPv6 has 10, 24, 28
 * or 30. The version of the IP header tells them apart as well, whatever the byte order. */
static enum nmw_packet_is read_loopback(struct rest *r, struct nmw_packet *out)
{
	if (r->cap < LOOP_HDR)
		return NMW_PACKET_CUT;
	uint32_t big = nmw_be32(r->p), family = big < 0x10000u ? big : __builtin_bswap32(big);
	skip(r, LOOP_HDR);
	if (family == 2 || family == 10 || family == 24 || family == 28 || family == 30)
		return read_ip(r, out);
	return NMW_PACKET_NOT_IP;
}

/* What nearly every packet is: Ethernet without tags, IPv4 without options and not fragmented, all
 * headers there.  False: look closer. */
static inline bool is_usual(const uint8_t *p, uint32_t caplen, uint32_t wirelen)
{
	if (caplen < ETH_HDR + IP4_HDR || nmw_be16(p + 12) != ETH_IP4 || p[ETH_HDR] != 0x45)
		return false;
	uint32_t total = nmw_be16(p + ETH_HDR + 2);
	return total >= IP4_HDR && total <= wirelen - ETH_HDR &&
	       !(nmw_be16(p + ETH_HDR + 6) & 0x3FFFu);
}

static inline enum nmw_packet_is read_usual(const uint8_t *p, uint32_t caplen,
					    struct nmw_packet *out)
{
	const uint8_t *ip = p + ETH_HDR;
	uint32_t total = nmw_be16(ip + 2), cap = caplen - ETH_HDR;
	struct rest r = {ip + IP4_HDR, (total < cap ? total : cap) - IP4_HDR, total - IP4_HDR};
	out->family = 4;
	put_ip4(out->src, ip + 12);
	put_ip4(out->dst, ip + 16);
	out->multicast = (ip[16] & 0xF0u) == 0xE0u;
	return read_transport(&r, ip[9], out);
}

static enum nmw_packet_is read_link(enum nmw_link link, struct rest *r, struct nmw_packet *out)
{
	switch (link) {
	case NMW_LINK_ETHERNET:
		return read_typed(r, ETH_HDR, 12, out);
	case NMW_LINK_SLL:
		return read_typed(r, SLL_HDR, 14, out);
	case NMW_LINK_SLL2:
		return read_typed(r, SLL2_HDR, 0, out);
	case NMW_LINK_NULL:
	case NMW_LINK_LOOP:
		return read_loopback(r, out);
	case NMW_LINK_RAW:
		return read_ip(r, out);
	case NMW_LINK_NONE:
		break;
	}
	return NMW_PACKET_NOT_IP;
}

enum nmw_packet_is nmw_packet_parse(enum nmw_link link, const uint8_t *p, uint32_t caplen,
				    uint32_t wirelen, struct nmw_packet *out)
{
	wirelen = wirelen > caplen ? wirelen : caplen;
	if (link == NMW_LINK_ETHERNET && is_usual(p, caplen, wirelen))
		return read_usual(p, caplen, out);
	struct rest r = {p, caplen, wirelen};
	return read_link(link, &r, out);
}
