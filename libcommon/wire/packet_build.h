/* packet_build.h: Ethernet, IPv4 or IPv6, UDP or TCP headers around a payload, with their
 * checksums.
 *
 * Headers grow down from the payload, so that it is written once, where it goes out:
 *
 *     |  headroom ..  | Ethernet | IP | UDP or TCP | payload |
 *                     ^ frame (returned)           ^ payload (given, NMW_PACKET_HEADROOM before it)
 *
 * Pure; no allocation; a few ns a header and about 0.1 ns a payload byte for the checksum.  Sizes
 * are the caller's to keep: nmw_packet_udp_max and nmw_packet_tcp_max say what an MTU leaves.
 */
#ifndef NMW_WIRE_PACKET_BUILD_H
#define NMW_WIRE_PACKET_BUILD_H

#include "wire/endpoint.h"
#include "wire/packet.h"
#include <stddef.h>
#include <stdint.h>

#define NMW_PACKET_HEADROOM 80u /* 14 + 40 + 24, rounded up */

struct nmw_tcp_header {
	uint32_t seq, ack;
	uint16_t window;
	uint16_t mss;  /* 0 = no option */
	uint8_t flags; /* NMW_TCP_* of packet.h */
};

/* The ones' complement sum of RFC 1071 over len bytes, on top of `sum`. */
uint32_t nmw_packet_sum(const void *p, size_t len, uint32_t sum);

/* Both ends must be of one family.  ip_id: IPv4 identification. Returns the frame, *frame_len its
 * bytes without check sequence and padding. */
uint8_t *nmw_packet_udp(uint8_t *payload, uint32_t len, const struct nmw_endpoint *src,
			const struct nmw_endpoint *dst, uint16_t ip_id, uint32_t *frame_len);
uint8_t *nmw_packet_tcp(uint8_t *payload, uint32_t len, const struct nmw_endpoint *src,
			const struct nmw_endpoint *dst, uint16_t ip_id,
			const struct nmw_tcp_header *h, uint32_t *frame_len);

/* Payload bytes that an IP packet of mtu bytes has room for (without TCP options). */
static inline uint32_t nmw_packet_udp_max(uint32_t mtu, uint8_t family)
{
	return mtu - (family == 4 ? 20u : 40u) - 8u;
}
static inline uint32_t nmw_packet_tcp_max(uint32_t mtu, uint8_t family)
{
	return mtu - (family == 4 ? 20u : 40u) - 20u;
}

#endif
