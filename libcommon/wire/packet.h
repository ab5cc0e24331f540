/* packet.h: the headers of one packet, read in place: link layer, VLAN tags, IPv4 or IPv6, UDP or
 * TCP.
 *
 *     p                                      payload            payload + len     p + caplen
 *     +-----------+------+------------+------+------------------+-----------------+
 *     | link, tags| IP, options or    | UDP  | application      | padding,        |
 *     |           | extension headers | TCP  | bytes            | trailers        |
 *     +-----------+-------------------+------+------------------+-----------------+
 *
 * Lengths are those of the IP and UDP headers and never the frame's: short frames are padded, and
 * capture cards append trailers.  A length that a sending host left at 0 for its card to fill in
 * (segmentation offload) means the rest of the frame.  Checksums are not verified: cards fill them
 * in after the capture point.
 *
 * Pure functions; any thread; no allocation; reads only p[0..caplen-1]; every loop is bounded by
 * the packet.  About 5 ns a packet.
 */
#ifndef NMW_WIRE_PACKET_H
#define NMW_WIRE_PACKET_H

#include <stdint.h>

enum nmw_link {
	NMW_LINK_NONE = 0, /* not understood */
	NMW_LINK_ETHERNET,
	NMW_LINK_RAW,  /* IP at once; its version says which */
	NMW_LINK_SLL,  /* Linux cooked, 16 bytes */
	NMW_LINK_SLL2, /* Linux cooked, 20 bytes */
	NMW_LINK_NULL, /* BSD loopback: u32 family in the capturing host's byte order */
	NMW_LINK_LOOP, /* OpenBSD loopback: u32 family, big-endian */
};

enum nmw_packet_is {
	NMW_PACKET_OK = 0,
	NMW_PACKET_CUT,	     /* ends before its headers say, or was cut by the snap length */
	NMW_PACKET_NOT_IP,   /* ARP, LLDP, spanning tree, or a link layer that is not understood */
	NMW_PACKET_BAD_IP,   /* malformed IPv4 or IPv6 header */
	NMW_PACKET_FRAGMENT, /* of IPv4 or IPv6; fragments are not put together */
	NMW_PACKET_BAD_UDP,
	NMW_PACKET_BAD_TCP,
	NMW_PACKET_OTHER, /* IP, but neither UDP nor TCP */
};

#define NMW_IPPROTO_TCP 6u
#define NMW_IPPROTO_UDP 17u

#define NMW_TCP_FIN 0x01u
#define NMW_TCP_SYN 0x02u
#define NMW_TCP_RST 0x04u
#define NMW_TCP_PSH 0x08u
#define NMW_TCP_ACK 0x10u

struct nmw_packet {
	const uint8_t *payload; /* in place */
	uint32_t len;		/* payload bytes that are there */
	uint32_t cut;		/* payload bytes that were on the wire but not captured (TCP) */
	uint32_t seq, ack;	/* TCP */
	uint16_t sport, dport;
	uint8_t flags;	   /* TCP: NMW_TCP_* */
	uint8_t proto;	   /* NMW_IPPROTO_UDP or _TCP */
	uint8_t family;	   /* 4 or 6 */
	uint8_t multicast; /* 1: sent to a multicast group */
	uint8_t src[16];   /* network order; IPv4 in the first 4 bytes, the rest 0 */
	uint8_t dst[16];
};

/* Reads the headers of p[0..caplen-1], of which `wirelen` bytes were on the wire.  A UDP datagram
 * must be whole; of a TCP segment what is there is given, and `cut` says how much is not. *out
 * holds something only after NMW_PACKET_OK. */
enum nmw_packet_is nmw_packet_parse(enum nmw_link link, const uint8_t *p, uint32_t caplen,
				    uint32_t wirelen, struct nmw_packet *out);

#endif
