/* udp_socket.h: UDP sockets as market data wants them: groups, interfaces, source filters, TTL.
 *
 * All are non-blocking and close-on-exec; SO_RCVBUF and SO_SNDBUF are raised as far as the system
 * lets (net.core.rmem_max; *got says how far).  Messages name the address, the interface and the
 * remedy.
 */
#ifndef NMW_IO_UDP_SOCKET_H
#define NMW_IO_UDP_SOCKET_H

#include "base/err.h"
#include "wire/udp_spec.h"
#include <stdint.h>

#define NMW_UDP_BUFFER (16u << 20) /* bytes asked for */

/* Receives what is sent to the line; a group is joined on its interface, from `source` only when
 * that has a family.  The file descriptor, or a negative errno. */
int nmw_udp_listen(const struct nmw_udp_line *l, const struct nmw_endpoint *source, uint32_t *got,
		   struct nmw_err *e);
/* Sends to the line. ttl 0 = the system's (1 for groups). source: address to send from. */
int nmw_udp_connect(const struct nmw_udp_line *l, const struct nmw_endpoint *source, uint8_t ttl,
		    struct nmw_err *e);
/* Sends to and receives from anybody. scope: the interface of a link-local address. */
int nmw_udp_bind(const struct nmw_endpoint *ep, uint32_t scope, struct nmw_err *e);

#endif
