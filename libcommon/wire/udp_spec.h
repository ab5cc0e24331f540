/* udp_spec.h: what stands behind `udp:`: lines and their options.
 *
 *     239.1.1.1:26400%eth0,udp:239.1.2.1:26400%eth1?source=10.0.0.1&rerequest=10.0.0.9:26500
 *
 * Plain values; any thread; no names are looked up.
 */
#ifndef NMW_WIRE_UDP_SPEC_H
#define NMW_WIRE_UDP_SPEC_H

#include "base/err.h"
#include "wire/endpoint.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_UDP_LINES 4u

struct nmw_udp_line {
	struct nmw_endpoint at;
	char iface[NMW_IFACE_MAX]; /* "" = the system's choice */
};

struct nmw_udp_spec {
	struct nmw_udp_line line[NMW_UDP_LINES];
	unsigned lines;
	/* options that are not there are all 0 */
	struct nmw_endpoint source;    /* source=ADDR, port 0 */
	struct nmw_endpoint rerequest; /* rerequest=ADDR:PORT */
	struct nmw_endpoint reply;     /* reply=ADDR:PORT */
	char session[10];	       /* session=NAME, space padded */
	bool has_session;
	uint8_t ttl;	/* ttl=N, 1..255 */
	uint64_t first; /* first=N: number of the first message wanted, or sent */
	uint32_t mtu;	/* mtu=N: bytes of the longest datagram, 512..65,507 */
};

/* allowed: the options of this use, "ttl|session|rerequest". Exit 2 with what is expected. */
int nmw_udp_spec_parse(const char *text, const char *allowed, struct nmw_udp_spec *out,
		       struct nmw_err *e);

#endif
