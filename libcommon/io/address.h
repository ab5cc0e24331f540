/* address.h: addresses as the kernel has them, and sockets bound to them.
 *
 * A link-local address of IPv6 (fe80::/10, or a group of that scope such as ff02::1) says nothing
 * without the interface that it is on: there it is needed, as in [ff02::1]:26400%eth0.
 */
#ifndef NMW_IO_ADDRESS_H
#define NMW_IO_ADDRESS_H

#include "base/err.h"
#include "wire/endpoint.h"
#include <stdint.h>
#include <sys/socket.h>

/* The address as the kernel has it: its length. scope: index of the interface, for addresses that
 * need it; 0 = none. */
socklen_t nmw_address_of(const struct nmw_endpoint *ep, uint32_t scope,
			 struct sockaddr_storage *out);
void nmw_address_to(const struct sockaddr_storage *from, struct nmw_endpoint *out);

/* Index of the interface; 0: iface is "", the system chooses. -ENODEV: there is none of that name;
 * -EINVAL: the address needs one. */
int nmw_address_iface(const struct nmw_endpoint *ep, const char *iface, struct nmw_err *e);

/* bind(2), and listen(2) with a backlog above 0. A program that has just ended frees its port a
 * moment later, for io_uring is taken down in the background: -EADDRINUSE is tried again for a
 * second. */
int nmw_address_bind(int fd, const struct sockaddr_storage *a, socklen_t n, int backlog);

#endif
