#include "io/address.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#define BIND_TRIES 100u
#define BIND_NS	   (10l * 1000 * 1000)
#define SCOPE_LINK 2 /* of a group: RFC 4291, 2.7 */

/* RFC 4291, 2.5.6 and 2.7. */
static bool link_local(const struct nmw_endpoint *ep)
{
	const uint8_t *a = ep->addr;
	if (ep->family != 6)
		return false;
	return a[0] == 0xff ? (a[1] & 0xf) <= SCOPE_LINK : a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

socklen_t nmw_address_of(const struct nmw_endpoint *ep, uint32_t scope,
			 struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (ep->family == 4) {
		struct sockaddr_in *a = (struct sockaddr_in *)(void *)out;
		a->sin_family = AF_INET;
		a->sin_port = htons(ep->port);
		memcpy(&a->sin_addr, ep->addr, sizeof a->sin_addr);
		return sizeof *a;
	}
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)(void *)out;
	a->sin6_family = AF_INET6;
	a->sin6_port = htons(ep->port);
	a->sin6_scope_id = link_local(ep) ? scope : 0;
	memcpy(&a->sin6_addr, ep->addr, sizeof a->sin6_addr);
	return sizeof *a;
}

void nmw_address_to(const struct sockaddr_storage *from, struct nmw_endpoint *out)
{
	memset(out, 0, sizeof *out);
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)(const void *)from;
		out->family = 4;
		out->port = ntohs(a->sin_port);
		memcpy(out->addr, &a->sin_addr, sizeof a->sin_addr);
		return;
	}
	const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)(const void *)from;
	out->family = 6;
	out->port = ntohs(a->sin6_port);
	memcpy(out->addr, &a->sin6_addr, sizeof a->sin6_addr);
}

int nmw_address_iface(const struct nmw_endpoint *ep, const char *iface, struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX];
	unsigned i = *iface ? if_nametoindex(iface) : 0;
	if (*iface && !i)
		return nmw_err_set(e, -ENODEV, NMW_EXIT_USAGE,
				   "%s%%%s: there is no interface %s: `ip link` shows those that "
				   "are there",
				   nmw_endpoint_text(ep, text), iface, iface);
	if (!i && link_local(ep))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: a link-local address, and no interface: %s%%eth0, say; `ip "
				   "-6 addr` shows which has it",
				   nmw_endpoint_text(ep, text), text);
	return (int)i;
}

int nmw_address_bind(int fd, const struct sockaddr_storage *a, socklen_t n, int backlog)
{
	bool bound = false;
	int rc = -EADDRINUSE;
	for (unsigned i = 0; i < BIND_TRIES && rc == -EADDRINUSE; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){.tv_nsec = BIND_NS}, NULL);
		rc = bound || bind(fd, (const struct sockaddr *)a, n) == 0 ? 0 : -errno;
		bound = rc == 0;
		if (bound && backlog && listen(fd, backlog) < 0)
			rc = -errno; /* two may have bound before one of them listened */
	}
	return rc;
}
