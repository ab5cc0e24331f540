#include "wire/packet_build.h"

#include "wire/be.h"

#define ETH_LEN	    14u
#define IPV4_LEN    20u
#define IPV6_LEN    40u
#define UDP_LEN	    8u
#define TCP_LEN	    20u
#define TCP_OPT_LEN 4u
#define HOP_LIMIT   64u

/* The sum does not depend on byte order as long as it is stored as it was loaded (RFC 1071, 2B):
 * here it is kept in network order, one 32-bit word at a time. */
uint32_t nmw_packet_sum(const void *p, size_t len, uint32_t sum)
{
	const uint8_t *b = p;
	uint64_t s = sum;
	for (; len >= 4; b += 4, len -= 4)
		s += nmw_be32(b);
	uint8_t tail[4] = {0};
	memcpy(tail, b, len);
	s += nmw_be32(tail);
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	return (uint32_t)s;
}

/* Checksum of a UDP or TCP packet with its pseudo header: RFC 9293 section 3.1, RFC 8200 section
 * 8.1. */
static uint16_t transport_sum(const uint8_t *p, uint32_t len, const struct nmw_endpoint *src,
			      const struct nmw_endpoint *dst, uint32_t proto)
{
	uint32_t sum = nmw_packet_sum(src->addr, nmw_address_len(src->family), proto + len);
	sum = nmw_packet_sum(dst->addr, nmw_address_len(dst->family), sum);
	return (uint16_t)~nmw_packet_sum(p, len, sum);
}

static uint8_t *put_ipv4(uint8_t *next, uint32_t len, const struct nmw_endpoint *src,
			 const struct nmw_endpoint *dst, uint16_t id, uint8_t proto)
{
	uint8_t *ip = next - IPV4_LEN;
	nmw_put32(ip, 0x45000000u | (IPV4_LEN + len));
	nmw_put32(ip + 4, (uint32_t)id << 16 | 0x4000u); /* do not fragment */
	ip[8] = HOP_LIMIT;
	ip[9] = proto;
	nmw_put16(ip + 10, 0);
	memcpy(ip + 12, src->addr, 4);
	memcpy(ip + 16, dst->addr, 4);
	nmw_put16(ip + 10, (uint16_t)~nmw_packet_sum(ip, IPV4_LEN, 0));
	return ip;
}

static uint8_t *put_ipv6(uint8_t *next, uint32_t len, const struct nmw_endpoint *src,
			 const struct nmw_endpoint *dst, uint8_t proto)
{
	uint8_t *ip = next - IPV6_LEN;
	nmw_put32(ip, 0x60000000u);
	nmw_put16(ip + 4, (uint16_t)len);
	ip[6] = proto;
	ip[7] = HOP_LIMIT;
	memcpy(ip + 8, src->addr, 16);
	memcpy(ip + 24, dst->addr, 16);
	return ip;
}

/* Everything below the transport header at `next`, of which `len` bytes go out. */
static uint8_t *put_lower(uint8_t *next, uint32_t len, const struct nmw_endpoint *src,
			  const struct nmw_endpoint *dst, uint16_t id, uint8_t proto,
			  uint32_t *frame_len)
{
	uint8_t *ip = src->family == 4 ? put_ipv4(next, len, src, dst, id, proto)
				       : put_ipv6(next, len, src, dst, proto);
	uint8_t *eth = ip - ETH_LEN;
	memcpy(eth, dst->mac, 6);
	memcpy(eth + 6, src->mac, 6);
	nmw_put16(eth + 12, src->family == 4 ? 0x0800 : 0x86DD);
	*frame_len = (uint32_t)(next - eth) + len;
	return eth;
}

uint8_t *nmw_packet_udp(uint8_t *payload, uint32_t len, const struct nmw_endpoint *src,
			const struct nmw_endpoint *dst, uint16_t ip_id, uint32_t *frame_len)
{
	uint8_t *udp = payload - UDP_LEN;
	nmw_put16(udp, src->port);
	nmw_put16(udp + 2, dst->port);
	nmw_put16(udp + 4, (uint16_t)(UDP_LEN + len));
	nmw_put16(udp + 6, 0);
	uint16_t sum = transport_sum(udp, UDP_LEN + len, src, dst, NMW_IPPROTO_UDP);
	nmw_put16(udp + 6, sum ? sum : 0xFFFF); /* 0 would say "no checksum" (RFC 768) */
	return put_lower(udp, UDP_LEN + len, src, dst, ip_id, NMW_IPPROTO_UDP, frame_len);
}

uint8_t *nmw_packet_tcp(uint8_t *payload, uint32_t len, const struct nmw_endpoint *src,
			const struct nmw_endpoint *dst, uint16_t ip_id,
			const struct nmw_tcp_header *h, uint32_t *frame_len)
{
	uint32_t hdr = TCP_LEN + (h->mss ? TCP_OPT_LEN : 0);
	uint8_t *tcp = payload - hdr;
	nmw_put16(tcp, src->port);
	nmw_put16(tcp + 2, dst->port);
	nmw_put32(tcp + 4, h->seq);
	nmw_put32(tcp + 8, h->ack);
	tcp[12] = (uint8_t)(hdr / 4 << 4);
	tcp[13] = h->flags;
	nmw_put16(tcp + 14, h->window);
	nmw_put32(tcp + 16, 0); /* checksum, urgent pointer */
	if (h->mss)
		nmw_put32(tcp + 20, 0x02040000u | h->mss);
	nmw_put16(tcp + 16, transport_sum(tcp, hdr + len, src, dst, NMW_IPPROTO_TCP));
	return put_lower(tcp, hdr + len, src, dst, ip_id, NMW_IPPROTO_TCP, frame_len);
}
