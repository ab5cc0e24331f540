/* endpoint.h: an address and a port of IPv4 or IPv6, with the Ethernet address that goes with it.
 * Plain values; any thread. */
#ifndef NMW_WIRE_ENDPOINT_H
#define NMW_WIRE_ENDPOINT_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_ENDPOINT_MAX 64u /* bytes of "[address]:port" with the NUL */
#define NMW_IFACE_MAX	 16u /* bytes of an interface's name with the NUL */

struct nmw_endpoint {
	uint8_t family; /* 4 or 6 */
	uint8_t mac[6];
	uint16_t port;	  /* host order */
	uint8_t addr[16]; /* network order; IPv4 in the first 4 */
};

/* Reads "10.0.0.1:9001" or "[fe80::1]:9001"; no names, no services.  The MAC address becomes the
 * group's for a multicast address, else a locally administered one made of the address's end. */
int nmw_endpoint_parse(const char *s, struct nmw_endpoint *out, struct nmw_err *e);
/* The same with an interface, as in 10.0.0.1:9001%eth0; iface "" = none is named. */
int nmw_endpoint_parse_on(const char *s, struct nmw_endpoint *out, char iface[NMW_IFACE_MAX],
			  struct nmw_err *e);
/* Writes it as parse reads it. Returns buf. */
const char *nmw_endpoint_text(const struct nmw_endpoint *ep, char buf[NMW_ENDPOINT_MAX]);
/* The address alone, as in 10.0.0.1 or fe80::1. Returns buf. */
const char *nmw_address_text(const struct nmw_endpoint *ep, char buf[NMW_ENDPOINT_MAX]);
/* Bytes of an address of that family, 4 or 6. */
static inline uint32_t nmw_address_len(uint8_t family)
{
	return family == 4 ? 4 : 16;
}
/* The same address, whatever the port. */
bool nmw_endpoint_same_host(const struct nmw_endpoint *a, const struct nmw_endpoint *b);
bool nmw_endpoint_multicast(const struct nmw_endpoint *ep);
/* In the network of net with that many bits. */
bool nmw_address_in_net(const struct nmw_endpoint *ep, const struct nmw_endpoint *net,
			unsigned bits);
/* On the link of net: in its network, or a link-local address of IPv6 (fe80::/10), which every link
 * has. */
bool nmw_address_on_link(const struct nmw_endpoint *ep, const struct nmw_endpoint *net,
			 unsigned bits);
/* One host can have it: not 0.0.0.0 or [::], no group, no broadcast address; nor, where net is not
 * NULL, the first or the last address of that network (IPv4, up to 30 bits). */
bool nmw_address_is_host(const struct nmw_endpoint *ep, const struct nmw_endpoint *net,
			 unsigned bits);
/* Goes n addresses on (in the last 32 bits, wrapping there); the MAC address follows. */
void nmw_endpoint_advance(struct nmw_endpoint *ep, uint32_t n);

#endif
