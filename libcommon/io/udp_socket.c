#include "io/udp_socket.h"

#include "io/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static int failed(int fd, const struct nmw_endpoint *ep, const char *what, const char *remedy,
		  struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX];
	int err = errno;
	if (fd >= 0)
		close(fd);
	enum nmw_exit exit = err == EACCES || err == EPERM ? NMW_EXIT_PERM
			     : err == EADDRINUSE	   ? NMW_EXIT_RESOURCE
							   : NMW_EXIT_USAGE;
	return nmw_err_set(e, -err, exit, "%s: cannot %s: %s%s", nmw_endpoint_text(ep, text), what,
			   strerror(err), remedy);
}

static int open_socket(const struct nmw_endpoint *ep, struct nmw_err *e)
{
	int fd = socket(ep->family == 4 ? AF_INET : AF_INET6,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? failed(fd, ep, "make a socket", "", e) : fd;
}

/* As much as the system lets: with CAP_NET_ADMIN more than its limit. */
static uint32_t raise_buffer(int fd, int force, int option)
{
	int want = (int)NMW_UDP_BUFFER, got = 0;
	socklen_t n = sizeof got;
	if (setsockopt(fd, SOL_SOCKET, force, &want, sizeof want))
		setsockopt(fd, SOL_SOCKET, option, &want, sizeof want);
	getsockopt(fd, SOL_SOCKET, option, &got, &n);
	return (uint32_t)got / 2; /* the kernel doubles it for its own needs */
}

static int set_int(int fd, int level, int option, int v)
{
	return setsockopt(fd, level, option, &v, sizeof v);
}

/* index: of the interface, 0 = the system's choice. */
static int join(int fd, const struct nmw_udp_line *l, int index, const struct nmw_endpoint *source)
{
	struct group_source_req r = {0};
	struct group_req g = {0};
	int level = l->at.family == 4 ? IPPROTO_IP : IPPROTO_IPV6;
	const uint32_t scope = (uint32_t)index;
	struct nmw_endpoint group = l->at;
	group.port = 0;
	if (source->family) {
		r.gsr_interface = scope;
		nmw_address_of(&group, scope, &r.gsr_group);
		nmw_address_of(source, scope, &r.gsr_source);
		return setsockopt(fd, level, MCAST_JOIN_SOURCE_GROUP, &r, sizeof r);
	}
	g.gr_interface = scope;
	nmw_address_of(&group, scope, &g.gr_group);
	return setsockopt(fd, level, MCAST_JOIN_GROUP, &g, sizeof g);
}

int nmw_udp_listen(const struct nmw_udp_line *l, const struct nmw_endpoint *source, uint32_t *got,
		   struct nmw_err *e)
{
	struct sockaddr_storage a;
	bool group = nmw_endpoint_multicast(&l->at);
	int index = nmw_address_iface(&l->at, l->iface, e);
	int fd = index < 0 ? index : open_socket(&l->at, e);
	if (fd < 0)
		return fd;
	*got = raise_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	if (group) { /* several receivers of a group may run here; only what was joined comes in */
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (l->at.family == 4)
			set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	} else if (*l->iface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->iface,
					   (socklen_t)strlen(l->iface))) {
		return failed(fd, &l->at, "bind to its interface",
			      ": `ip link` shows the interfaces that are there", e);
	}
	socklen_t n = nmw_address_of(&l->at, (uint32_t)index, &a);
	errno = -nmw_address_bind(fd, &a, n, 0);
	if (errno)
		return failed(fd, &l->at, "bind",
			      ": `ss -lunp` shows who has the port, `ip addr` the addresses", e);
	if (group && join(fd, l, index, source))
		return failed(fd, &l->at, "join the group",
			      *l->iface ? ""
					: ": name the interface, as in ADDR:PORT%eth0; `ip link` "
					  "shows them",
			      e);
	return fd;
}

static int use_group_iface(int fd, uint8_t family, int index)
{
	if (family == 6)
		return index ? set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index) : 0;
	struct ip_mreqn m = {.imr_ifindex = index};
	return index ? setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof m) : 0;
}

int nmw_udp_connect(const struct nmw_udp_line *l, const struct nmw_endpoint *source, uint8_t ttl,
		    struct nmw_err *e)
{
	struct sockaddr_storage a;
	bool group = nmw_endpoint_multicast(&l->at), v4 = l->at.family == 4;
	int index = nmw_address_iface(&l->at, l->iface, e);
	int fd = index < 0 ? index : open_socket(&l->at, e);
	if (fd < 0)
		return fd;
	raise_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (ttl)
		set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
			group ? (v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS)
			      : (v4 ? IP_TTL : IPV6_UNICAST_HOPS),
			ttl);
	if (group && use_group_iface(fd, l->at.family, index))
		return failed(fd, &l->at, "use its interface",
			      ": `ip link` shows the interfaces that are there", e);
	socklen_t n = source->family ? nmw_address_of(source, (uint32_t)index, &a) : 0;
	if (n && bind(fd, (struct sockaddr *)&a, n))
		return failed(fd, source, "bind", ": `ip addr` shows the addresses of this host",
			      e);
	n = nmw_address_of(&l->at, (uint32_t)index, &a);
	if (connect(fd, (struct sockaddr *)&a, n))
		return failed(fd, &l->at, "send there", ": `ip route get` shows why", e);
	return fd;
}

int nmw_udp_bind(const struct nmw_endpoint *ep, uint32_t scope, struct nmw_err *e)
{
	struct sockaddr_storage a;
	int fd = open_socket(ep, e);
	if (fd < 0)
		return fd;
	raise_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	raise_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	socklen_t n = nmw_address_of(ep, scope, &a);
	if (bind(fd, (struct sockaddr *)&a, n))
		return failed(fd, ep, "bind", ": `ss -lunp` shows who has the port", e);
	return fd;
}
