/* udp_path.h: how the packets of MoldUDP64 streams leave, and how requests for lost ones come in:
 * through sockets, or through a network card that belongs to this program.
 *
 *   feed     one stream, to every line
 *   streams  of sessions: orders to line 0, each from a port of its own; replies to their clients,
 *            all from the port that answers requests
 *
 * What is given to feed and send may wait for flush.  A packet by reference (wire/mold_send.h)
 * holds on to the messages it points to: see hold in sink.h.  One thread.
 */
#ifndef NMW_SEND_UDP_PATH_H
#define NMW_SEND_UDP_PATH_H

#include "sink.h"
#include "wire/mold_send.h"
#include "wire/udp_spec.h"

#include <sys/socket.h>

/* Where a client is; what a socket needs of it is made once. */
struct udp_peer {
	struct nmw_endpoint at;
	struct sockaddr_storage sa;
	socklen_t sa_len;
};

/* scope: the interface of a link-local address of IPv6, 0: none is known. */
void udp_peer_set(struct udp_peer *p, const struct nmw_endpoint *at, uint32_t scope);

struct udp_path;

struct udp_path_ops {
	void (*feed)(struct udp_path *p, const struct nmw_mold_packet *m);
	/* A stream of that session: of orders (to: NULL), or of replies to a client. A number for
	 * send and end, negative: no room. */
	int (*begin)(struct udp_path *p, uint32_t session, const struct udp_peer *to);
	void (*end)(struct udp_path *p, int stream);
	/* to: as it was for begin */
	void (*send)(struct udp_path *p, int stream, const struct udp_peer *to,
		     const struct nmw_mold_packet *m);
	void (*flush)(struct udp_path *p);
	/* The next request that came: its bytes (up to cap; *len may be more), 0 = none. */
	bool (*request)(struct udp_path *p, uint8_t *buf, uint32_t cap, uint32_t *len,
			struct nmw_endpoint *from);
	bool (*answer)(struct udp_path *p, const struct nmw_endpoint *from,
		       const struct nmw_mold_packet *m);
	/* Until something may have come, at most that long. */
	void (*wait)(struct udp_path *p, unsigned ms);
	void (*close)(struct udp_path *p);
};

struct udp_path {
	const struct udp_path_ops *ops;
	struct sink *sink;
	bool serves;	 /* requests can come */
	uint64_t nap_ns; /* longest time between two calls; 0: any */
	uint32_t scope;	 /* interface of clients at link-local addresses; 0: not known */
};

/* The lines and the server of spec, as sockets; replies: the server only. */
int udp_sockets_open(struct udp_path **out, struct sink *k, const struct nmw_udp_spec *spec,
		     bool replies, const struct sink_conf *conf, struct nmw_err *e);

#endif
