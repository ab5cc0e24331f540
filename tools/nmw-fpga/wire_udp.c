/* udp: - datagrams of a socket as frames, with the addresses that they had; what comes out goes
 * where its headers say: to clients by the socket that their orders came in at, market data by its
 * own.
 *
 *      client --datagram--> socket --Ethernet, IPv4, UDP put before it--> device
 *      client <--datagram-- the same socket <--headers read, taken off--- device
 *      group  <--datagram-- a socket that is connected to it <-----------/
 */
#include "wire.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/address.h"
#include "io/udp_socket.h"
#include "wire/packet_build.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIVE_WAIT_MS 10
#define ROOM_WAIT_MS 1000
#define HEADERS	     42u /* Ethernet, IPv4, UDP */
#define PLACE	     (NMW_PACKET_HEADROOM + NMW_WIRE_FRAME_MAX)
#define SMALL_RCV    (4u << 20)
#define UDP_TEXT     512u /* bytes of what stands behind udp: */

static int no_memory(struct nmw_err *e)
{
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
}

static int needs_ipv4(const char *end, const struct nmw_endpoint *at, struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX];
	return nmw_err_set(e, -EAFNOSUPPORT, NMW_EXIT_USAGE,
			   "--%s udp:%s: IPv6, and the device speaks IPv4: give such an address",
			   end, nmw_endpoint_text(at, text));
}

/* ---- in ------------------------------------------------------------------------------------- */

struct udp_in {
	int fd;
	struct nmw_endpoint at;
	uint32_t most; /* bytes of a datagram */
	uint32_t kernel_drops;
	uint64_t ts_ns; /* of the last */
	bool said_long;
	uint16_t ip_id;
	uint8_t *buf; /* WIRE_BURST places */
};

/* Where a datagram was sent, and when it came. */
struct arrival {
	struct nmw_endpoint to;
	uint64_t ts_ns;
};

static int check_spec(const struct nmw_udp_spec *s, struct nmw_err *e)
{
	if (s->line[0].at.family != 4)
		return needs_ipv4("in", &s->line[0].at, e);
	if (s->lines > 1)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--in udp: %u lines: one is expected: the device does not "
				   "bring the lines of one stream together",
				   s->lines);
	if (s->mtu > NMW_WIRE_FRAME_MAX - HEADERS)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--in udp: mtu=%u: the device takes %u bytes at most", s->mtu,
				   NMW_WIRE_FRAME_MAX - HEADERS);
	return 0;
}

/* --server chooses one of the addresses that the socket has; else it leaves out all or nothing. */
static int check_server(const struct nmw_endpoint *at, const struct nmw_endpoint *server,
			struct nmw_err *e)
{
	char here[NMW_ENDPOINT_MAX], there[NMW_ENDPOINT_MAX];
	if (!server->family || (server->port == at->port && !nmw_address_is_host(at, NULL, 0) &&
				!nmw_endpoint_multicast(at)))
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "--server %s: orders come to --in udp:%s, and to nobody else: leave "
			   "--server out",
			   nmw_endpoint_text(server, there), nmw_endpoint_text(at, here));
}

static int udp_in_open(struct frame_in *f, const char *arg, struct nmw_err *e)
{
	struct nmw_udp_spec spec;
	uint32_t got = 0;
	int on = 1, rc = nmw_udp_spec_parse(arg, "source|mtu", &spec, e);
	if (rc)
		return nmw_err_prefix(e, "--in udp");
	rc = check_spec(&spec, e);
	if (!rc)
		rc = check_server(&spec.line[0].at, &f->conf->server, e);
	struct udp_in *u = rc ? NULL : calloc(1, sizeof *u);
	if (!u)
		return rc ? rc : no_memory(e);
	f->state = u;
	u->at = spec.line[0].at;
	u->most = spec.mtu ? spec.mtu : NMW_WIRE_FRAME_MAX - HEADERS;
	u->buf = malloc((size_t)WIRE_BURST * PLACE);
	u->fd = nmw_udp_listen(&spec.line[0], &spec.source, &got, e);
	if (u->fd < 0)
		return nmw_err_prefix(e, "--in udp");
	if (!u->buf)
		return no_memory(e);
	if (got < SMALL_RCV)
		nmw_log(NMW_LOG_WARN,
			"udp: receive buffer of %u KiB, %u KiB wanted: bursts may be lost: sysctl "
			"net.core.rmem_max=%u",
			got >> 10, NMW_UDP_BUFFER >> 10, NMW_UDP_BUFFER);
	if (setsockopt(u->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) ||
	    setsockopt(u->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on))
		return nmw_err_set(e, -errno, NMW_EXIT_FAILED, "--in udp:%s: %s", arg,
				   strerror(errno));
	return 0;
}

/* Its port is the socket's; its address too, unless that is any. */
static void read_control(struct msghdr *m, const struct udp_in *u, struct arrival *a)
{
	*a = (struct arrival){.to = u->at};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof t);
			a->ts_ns = (uint64_t)t.tv_sec * NMW_NS_PER_S + (uint64_t)t.tv_nsec;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo i;
			memcpy(&i, CMSG_DATA(c), sizeof i);
			memcpy(a->to.addr, &i.ipi_addr, sizeof i.ipi_addr);
		}
	}
	nmw_endpoint_advance(&a->to, 0); /* its Ethernet address follows */
}

static void too_long(struct frame_in *f)
{
	struct udp_in *u = f->state;
	f->conf->drop[NMW_DROP_truncated_packet]++;
	if (!u->said_long)
		nmw_log(NMW_LOG_WARN,
			"udp: a datagram of more than %u bytes: dropped, as all like it", u->most);
	u->said_long = true;
}

/* 1: a frame is in *p; 0: none is there; 2: what came was no frame. */
static int receive(struct frame_in *f, uint8_t *place, struct nmw_capture_packet *p,
		   struct nmw_err *e)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct timespec)) +
			  CMSG_SPACE(sizeof(struct in_pktinfo))];
	} ctl;
	struct udp_in *u = f->state;
	struct sockaddr_storage from = {0};
	struct iovec v = {.iov_base = place + NMW_PACKET_HEADROOM, .iov_len = u->most};
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof from,
			   .msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = &ctl,
			   .msg_controllen = sizeof ctl};
	ssize_t n = recvmsg(u->fd, &m, MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno == ECONNREFUSED) /* a client has gone */
		return 2;
	if (n < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_FAILED, "--in %s: %s", f->spec,
				   strerror(errno));
	if ((size_t)n > u->most) {
		too_long(f);
		return 2;
	}
	struct arrival a;
	struct nmw_endpoint sender;
	uint32_t len;
	read_control(&m, u, &a);
	nmw_address_to(&from, &sender);
	nmw_endpoint_advance(&sender, 0);
	u->ts_ns = a.ts_ns > u->ts_ns ? a.ts_ns : u->ts_ns + 1; /* never back */
	uint8_t *frame = nmw_packet_udp(v.iov_base, (uint32_t)n, &sender, &a.to, u->ip_id++, &len);
	*p = (struct nmw_capture_packet){
		.p = frame, .caplen = len, .len = len, .ts_ns = u->ts_ns, .passes = true};
	return 1;
}

static void look_at_kernel(struct frame_in *f)
{
	struct udp_in *u = f->state;
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n = sizeof info;
	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, info, &n))
		return;
	f->conf->socket_drops += info[SK_MEMINFO_DROPS] - u->kernel_drops;
	u->kernel_drops = info[SK_MEMINFO_DROPS];
}

static int udp_in_burst(struct frame_in *f, bool wait, struct nmw_err *e)
{
	const struct udp_in *u = f->state;
	struct pollfd p = {.fd = u->fd, .events = POLLIN};
	int n = 0, rc = 1;
	if (poll(&p, 1, wait ? LIVE_WAIT_MS : 0) <= 0) {
		if (wait)
			look_at_kernel(f);
		return 0;
	}
	for (unsigned tries = 0; tries < WIRE_BURST && rc > 0; tries++) {
		rc = receive(f, u->buf + (size_t)n * PLACE, &f->packet[n], e);
		n += rc == 1;
	}
	return rc < 0 ? rc : n;
}

static void udp_in_close(struct frame_in *f)
{
	struct udp_in *u = f->state;
	look_at_kernel(f);
	if (u->fd >= 0)
		close(u->fd);
	free(u->buf);
	free(u);
}

const struct frame_source frames_from_udp = {.scheme = "udp",
					     .live = true,
					     .open = udp_in_open,
					     .burst = udp_in_burst,
					     .close = udp_in_close};

/* ---- out ------------------------------------------------------------------------------------ */

struct udp_out {
	struct nmw_udp_spec spec; /* line 0: where market data goes */
	int feed, reply;	  /* sockets */
	bool own;		  /* reply is not the source's */
	bool said;
};

/* Without an address, market data goes to --feed. */
static int parse_out(struct udp_out *u, struct frame_conf *c, const char *arg, struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX], all[UDP_TEXT];
	bool bare = !*arg || *arg == '?';
	snprintf(all, sizeof all, "%s%s", bare ? nmw_endpoint_text(&c->feed, text) : "", arg);
	int rc = strlen(arg) < UDP_TEXT - NMW_ENDPOINT_MAX
			 ? nmw_udp_spec_parse(all, "ttl|source|reply", &u->spec, e)
			 : nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "too long");
	if (rc)
		return nmw_err_prefix(e, "--out udp");
	if (*arg == '?' && !c->feed_given)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--out udp:%s: where market data goes is missing: "
				   "udp:ADDR:PORT%s, or --feed ADDR:PORT",
				   arg, arg);
	if (u->spec.lines > 1)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--out udp: %u lines: market data goes out on one",
				   u->spec.lines);
	c->feed = u->spec.line[0].at;
	return 0;
}

static int udp_out_open(struct frame_out *f, const char *arg, struct nmw_err *e)
{
	struct udp_out *u = f->state = calloc(1, sizeof *u);
	if (!u)
		return no_memory(e);
	u->feed = u->reply = -1;
	int rc = parse_out(u, f->conf, arg, e);
	if (!rc && u->spec.line[0].at.family != 4)
		rc = needs_ipv4("out", &u->spec.line[0].at, e);
	if (!rc && u->spec.reply.family && u->spec.reply.family != 4)
		rc = needs_ipv4("out", &u->spec.reply, e);
	return rc;
}

/* Replies leave from the address that orders come to: the socket's of --in udp:, else one that was
 * said. */
static int udp_out_check(struct frame_out *f, const struct frame_in *in, struct nmw_err *e)
{
	struct udp_out *u = f->state;
	u->own = in->ops != &frames_from_udp;
	if (!u->own && u->spec.reply.family)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--out udp: reply=: replies leave from the socket of --in %s: "
				   "leave it out",
				   in->spec);
	if (u->own && !u->spec.reply.family)
		u->spec.reply = f->conf->server;
	if (u->own && !u->spec.reply.port)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--out udp: nothing says which address replies leave from: give "
				   "one of this host: udp:ADDR:PORT?reply=ADDR:PORT, or --server "
				   "ADDR:PORT");
	if (u->own && !nmw_address_is_host(&u->spec.reply, NULL, 0))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--out udp: replies cannot leave from %s: give one of this "
				   "host",
				   nmw_endpoint_multicast(&u->spec.reply)
					   ? "a group's address"
					   : "an address that no host can have");
	return 0;
}

static int udp_out_start(struct frame_out *f, struct frame_in *in, struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX];
	struct udp_out *u = f->state;
	u->reply = u->own ? nmw_udp_bind(&u->spec.reply, 0, e) : ((struct udp_in *)in->state)->fd;
	if (u->reply >= 0)
		u->feed = nmw_udp_connect(&u->spec.line[0], &u->spec.source, u->spec.ttl, e);
	if (u->reply < 0 || u->feed < 0)
		return nmw_err_prefix(e, "--out udp");
	nmw_log(NMW_LOG_INFO, "udp: market data goes to %s",
		nmw_endpoint_text(&u->spec.line[0].at, text));
	if (u->own)
		nmw_log(NMW_LOG_INFO, "udp: replies leave from %s",
			nmw_endpoint_text(&u->spec.reply, text));
	return 0;
}

static void not_sent(struct frame_out *f, const struct nmw_endpoint *to)
{
	struct udp_out *u = f->state;
	char text[NMW_ENDPOINT_MAX];
	f->conf->drop[NMW_DROP_sink_error]++;
	if (!u->said)
		nmw_log(NMW_LOG_WARN, "--out udp: %s: %s: dropped, as all like it",
			nmw_endpoint_text(to, text), strerror(errno));
	u->said = true;
}

/* from: the packet's source, one of the addresses of this host, and not what the system chooses of
 * them. to: NULL where the socket is connected. */
static ssize_t send_one(int fd, const struct nmw_packet *p, struct sockaddr_storage *to,
			socklen_t n, bool from)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} ctl = {.head = {.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
			  .cmsg_level = IPPROTO_IP,
			  .cmsg_type = IP_PKTINFO}};
	struct in_pktinfo source = {0};
	struct iovec v = {.iov_len = p->len};
	struct msghdr m = {.msg_name = to,
			   .msg_namelen = n,
			   .msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = from ? &ctl : NULL,
			   .msg_controllen = from ? sizeof ctl : 0};
	memcpy(&v.iov_base, &p->payload, sizeof v.iov_base); /* which is not written to */
	memcpy(&source.ipi_spec_dst, p->src, sizeof source.ipi_spec_dst);
	memcpy(CMSG_DATA(&ctl.head), &source, sizeof source);
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* True: it went out, or never will. */
static bool try_send(int fd, const struct nmw_packet *p, struct sockaddr_storage *to, socklen_t n,
		     bool from)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	for (unsigned tries = 0; tries < 4; tries++) {
		if (send_one(fd, p, to, n, from) >= 0)
			return true;
		if (from && errno == EINVAL) /* orders came to a group, or by broadcast */
			from = false;
		else if (errno == EAGAIN || errno == ENOBUFS)
			poll(&room, 1, ROOM_WAIT_MS);
		else if (errno != EINTR && errno != ECONNREFUSED) /* of one before */
			return false;
	}
	return errno == ECONNREFUSED; /* nobody is there, as it is with datagrams */
}

static int udp_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		       struct nmw_err *e)
{
	struct udp_out *u = f->state;
	struct nmw_packet p;
	struct sockaddr_storage a;
	(void)ts_ns, (void)e;
	if (nmw_packet_parse(NMW_LINK_ETHERNET, frame, len, len, &p) != NMW_PACKET_OK)
		return 0; /* the device makes no others */
	struct nmw_endpoint to = {.family = 4, .port = p.dport};
	memcpy(to.addr, p.dst, 4);
	const struct nmw_endpoint *feed = &u->spec.line[0].at;
	bool is_feed = to.port == feed->port && !memcmp(to.addr, feed->addr, 4);
	socklen_t n = nmw_address_of(&to, 0, &a);
	if (is_feed ? try_send(u->feed, &p, NULL, 0, false)
		    : try_send(u->reply, &p, &a, n, !u->own))
		return 0;
	not_sent(f, &to);
	return 1;
}

static int udp_out_close(struct frame_out *f, struct nmw_err *e)
{
	struct udp_out *u = f->state;
	(void)e;
	if (u->own && u->reply >= 0)
		close(u->reply);
	if (u->feed >= 0)
		close(u->feed);
	free(u);
	return 0;
}

const struct frame_sink frames_to_udp = {.scheme = "udp",
					 .bare = true,
					 .open = udp_out_open,
					 .check = udp_out_check,
					 .start = udp_out_start,
					 .put = udp_out_put,
					 .close = udp_out_close};
