/* linkhost.h: what a host says on an Ethernet link so that others find it: ARP, neighbour
 * discovery, ping, group membership.  For programs that have a link to themselves, without a
 * kernel.
 *
 * Pure: frames in, frames out; no clock, no allocation, no state but what the caller keeps.  Any
 * thread.  Nothing is fragmented; what is malformed is not answered.  VLAN tags of a question are
 * those of its answer.
 */
#ifndef NMW_WIRE_LINKHOST_H
#define NMW_WIRE_LINKHOST_H

#include "wire/endpoint.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_LINKHOST_GROUPS 4u
#define NMW_LINKHOST_ADDRS  2u
#define NMW_LINKHOST_MIN    128u /* bytes that every frame made here fits, but for echoes */

struct nmw_linkhost {
	uint8_t mac[6];
	uint16_t vlan; /* tag of what is said unasked; 0 = none */
	struct nmw_endpoint addr[NMW_LINKHOST_ADDRS];
	unsigned addrs;
	struct nmw_endpoint group[NMW_LINKHOST_GROUPS];
	unsigned groups;
};

/* Why a frame was not for UDP: counts, and what was learnt from it. */
enum nmw_link_is {
	NMW_LINK_OTHER = 0, /* not ours to answer */
	NMW_LINK_ANSWER,    /* *n bytes at out are to be sent */
	NMW_LINK_NEIGHBOR,  /* tells where an address is: see nmw_linkhost_learn; nothing to send */
};

/* A frame that was received: answers ARP requests, neighbour solicitations, echo requests of IPv4
 * and IPv6, and queries for groups (the answer to the k-th of several groups: ask again with k,
 * until it is not NMW_LINK_ANSWER). out has cap bytes. */
enum nmw_link_is nmw_linkhost_answer(const struct nmw_linkhost *h, const uint8_t *frame,
				     uint32_t len, unsigned k, uint8_t *out, uint32_t cap,
				     uint32_t *n);
/* Who tells his address in this frame (ARP of any kind, neighbour solicitation or advertisement):
 * fills in family, addr and mac. False: nobody. */
bool nmw_linkhost_learn(const uint8_t *frame, uint32_t len, struct nmw_endpoint *who);
/* Asks where `target` is, from addr[] of its family: bytes at out (NMW_LINKHOST_MIN), 0 = no
 * address of that family. */
uint32_t nmw_linkhost_ask(const struct nmw_linkhost *h, const struct nmw_endpoint *target,
			  uint8_t *out);
/* Tells everybody where addr[i] is (gratuitous ARP, unsolicited advertisement). */
uint32_t nmw_linkhost_announce(const struct nmw_linkhost *h, unsigned i, uint8_t *out);
/* Joins or leaves group[i]: IGMPv3 or MLDv2 report. */
uint32_t nmw_linkhost_join(const struct nmw_linkhost *h, unsigned i, bool leave, uint8_t *out);

#endif
