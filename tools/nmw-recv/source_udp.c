/* udp:ADDR:PORT - market data over one line or several, and order entry in MoldUDP64.
 *
 *   line A --+                                          +-- feed: one stream, session 0
 *   line B --+--> datagram --> which stream? --> order --+
 *   answers -+                                          +-- a stream and a session for each client
 */
#include "base/clock.h"
#include "base/log.h"
#include "framing.h"
#include "io/address.h"
#include "io/udp_socket.h"
#include "live.h"
#include "udp_stream.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS	    256u
#define MTU_DEF	    1856u /* with its room a buffer of 2 KiB */
#define BUF_ALIGN   64u
#define LOOK_EVERY  (100ull * 1000 * 1000) /* between two looks at what the kernel dropped */
#define SMALL_RCV   (4u << 20)
#define REPLY_TO_US NMW_UDP_LINES /* the socket of requests and their answers */
#define SOCKETS	    (NMW_UDP_LINES + 1)
#define SOCK_NONE   (-1)

struct udp_line {
	int fd;	    /* SOCK_NONE: not open */
	bool given; /* to the io, which closes it */
	unsigned line;
	uint32_t kernel_drops;
};

struct udp_source {
	struct framing framing;
	struct udp_streams *streams;
	struct nmw_udp_spec spec;
	struct endpoint host; /* of line 0: the host of its clients */
	struct udp_line line[SOCKETS];
	struct live live;
	bool started, said_long;
	uint64_t looked_ns, now_ns;
	struct nmw_io_event ev[EVENTS];
};

/* ---- opening -------------------------------------------------------------------------------- */

static void udp_close_source(void *arg)
{
	struct udp_source *u = arg;
	if (u->streams)
		udp_streams_close(u->streams);
	framing_fini(&u->framing);
	live_close(&u->live);
	for (unsigned i = 0; i < SOCKETS; i++)
		if (u->line[i].fd >= 0 && !u->line[i].given)
			close(u->line[i].fd);
	free(u);
}

static int open_lines(struct udp_source *u, struct nmw_err *e)
{
	uint32_t got = UINT32_MAX;
	for (unsigned i = 0; i < u->spec.lines; i++) {
		uint32_t bytes;
		u->line[i].fd = nmw_udp_listen(&u->spec.line[i], &u->spec.source, &bytes, e);
		if (u->line[i].fd < 0)
			return u->line[i].fd;
		got = bytes < got ? bytes : got;
	}
	if (got < SMALL_RCV)
		nmw_log(NMW_LOG_WARN,
			"udp: receive buffer of %u KiB, %u KiB wanted: bursts may be lost: sysctl "
			"net.core.rmem_max=%u",
			got >> 10, NMW_UDP_BUFFER >> 10, NMW_UDP_BUFFER);
	if (!u->spec.rerequest.family)
		return 0;
	const struct nmw_udp_line server = {.at = u->spec.rerequest};
	const struct nmw_endpoint any = {0};
	int fd = u->line[REPLY_TO_US].fd = nmw_udp_connect(&server, &any, 0, e);
	return fd < 0 ? fd : 0;
}

static void send_request(void *arg, const uint8_t *packet)
{
	const struct udp_source *u = arg;
	/* what cannot be sent is not answered, and asked for again */
	(void)!send(u->line[REPLY_TO_US].fd, packet, NMW_MOLD_HDR, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int open_streams(struct udp_source *u, const struct recv_conf *conf, struct nmw_err *e)
{
	const struct nmw_endpoint *at = &u->spec.line[0].at;
	struct udp_streams_conf c = {.framing = &u->framing,
				     .lines = u->spec.lines,
				     .first = u->spec.first,
				     .packet_max = u->spec.mtu,
				     .request = u->spec.rerequest.family ? send_request : NULL,
				     .arg = u,
				     .once = conf->once};
	c.shared = nmw_endpoint_multicast(at) || u->spec.lines > 1 || u->spec.rerequest.family;
	u->host = (struct endpoint){.port = at->port, .family = at->family};
	memcpy(u->host.addr, at->addr, sizeof u->host.addr);
	return udp_streams_open(&u->streams, &c, e);
}

static void *udp_open_source(const struct recv_conf *conf, struct emit *emit, const char *arg,
			     struct nmw_err *e)
{
	struct udp_source *u = calloc(1, sizeof *u);
	if (!u) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
		return NULL;
	}
	for (unsigned i = 0; i < SOCKETS; i++)
		u->line[i] = (struct udp_line){.fd = SOCK_NONE, .line = i};
	int rc = 0;
	if (conf->framing == FRAMING_SOUP)
		rc = nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				 "--framing soup: over UDP there is mold, plain and auto");
	if (!rc)
		rc = nmw_udp_spec_parse(arg, "source|rerequest|first|mtu", &u->spec, e);
	u->spec.mtu = u->spec.mtu ? u->spec.mtu : MTU_DEF;
	if (!rc)
		rc = framing_init(&u->framing, conf, emit, e);
	if (!rc)
		rc = open_lines(u, e);
	if (!rc)
		rc = open_streams(u, conf, e);
	if (!rc)
		return u;
	udp_close_source(u);
	return NULL;
}

static int add_sockets(struct udp_source *u, struct nmw_err *e)
{
	for (unsigned i = 0; i < SOCKETS; i++) {
		if (u->line[i].fd < 0)
			continue;
		int sock = nmw_io_add(&u->live.io, u->line[i].fd, &u->line[i]);
		if (sock < 0)
			return nmw_err_set(e, sock, NMW_EXIT_RESOURCE, "%s: %s",
					   nmw_io_name(&u->live.io), strerror(-sock));
		u->line[i].given = true;
		nmw_io_recv(&u->live.io, (uint32_t)sock);
	}
	return 0;
}

/* What needs the ring: it is open now. */
static int start(struct udp_source *u, struct nmw_err *e)
{
	uint32_t buf_sz = (u->spec.mtu + NMW_IO_DGRAM_ROOM + BUF_ALIGN - 1) / BUF_ALIGN * BUF_ALIGN;
	int rc = live_open(&u->live, u->framing.conf, u->framing.emit->st, SOCKETS, buf_sz, e);
	if (!rc)
		rc = add_sockets(u, e);
	if (rc)
		return rc;
	nmw_log(NMW_LOG_INFO, "udp: %u lines, %u buffers of %u bytes, %s", u->spec.lines,
		u->live.frames.cnt, buf_sz, nmw_io_name(&u->live.io));
	u->started = true;
	return 0;
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static struct endpoint sender(const struct nmw_io_event *ev)
{
	struct sockaddr_storage from = {0};
	struct nmw_endpoint ep;
	struct endpoint p = {0};
	memcpy(&from, ev->from, ev->from_len < sizeof from ? ev->from_len : sizeof from);
	nmw_address_to(&from, &ep);
	p.family = ep.family;
	p.port = ep.port;
	memcpy(p.addr, ep.addr, sizeof p.addr);
	return p;
}

static void too_long(struct udp_source *u)
{
	emit_drop(u->framing.emit, NMW_DROP_truncated_packet, 1);
	if (!u->said_long)
		nmw_log(NMW_LOG_WARN,
			"udp: a datagram of more than %u bytes: dropped, as all like it: "
			"udp:ADDR:PORT?mtu=9000 takes them",
			u->spec.mtu);
	u->said_long = true;
}

static void on_data(struct udp_source *u, const struct nmw_io_event *ev)
{
	const struct udp_line *l = ev->owner;
	uint64_t last = 0;
	nmw_count(u->framing.emit->st->m, NMW_M_in_packets, 1);
	if (ev->flags & NMW_IO_TRUNC || (uint32_t)ev->res > u->spec.mtu) {
		too_long(u);
	} else {
		const struct udp_datagram d = {.line = l->line,
					       .from = sender(ev),
					       .host = &u->host,
					       .p = ev->data,
					       .len = (uint32_t)ev->res,
					       .frame_off =
						       net_frames_off(&u->live.frames, ev->data),
					       .now_ns = u->now_ns};
		last = udp_streams_packet(u->streams, &d);
	}
	net_frames_done(&u->live.frames, ev->buf, last);
}

static int on_event(struct udp_source *u, const struct nmw_io_event *ev, struct nmw_err *e)
{
	const struct udp_line *l = ev->owner;
	if (ev->kind == NMW_IO_DATA)
		on_data(u, ev);
	else if (ev->kind == NMW_IO_CLOSED && l->line == REPLY_TO_US) /* the lines go on */
		nmw_log(NMW_LOG_WARN,
			"udp: rerequest: socket: %s: what is lost from now on stays lost: start "
			"anew",
			strerror(-ev->res));
	else if (ev->kind == NMW_IO_CLOSED)
		return nmw_err_set(e, ev->res, NMW_EXIT_FAILED, "socket: %s", strerror(-ev->res));
	return 0;
}

/* What the kernel dropped because nobody read in time. */
static void look_at_kernel(struct udp_source *u)
{
	if (u->now_ns - u->looked_ns < LOOK_EVERY)
		return;
	u->looked_ns = u->now_ns;
	for (unsigned i = 0; i < SOCKETS; i++) {
		struct udp_line *l = &u->line[i];
		uint32_t info[SK_MEMINFO_VARS] = {0};
		socklen_t n = sizeof info;
		if (l->fd < 0 || getsockopt(l->fd, SOL_SOCKET, SO_MEMINFO, info, &n))
			continue;
		uint32_t drops = info[SK_MEMINFO_DROPS];
		nmw_count(u->framing.emit->st->m, NMW_M_socket_drops, drops - l->kernel_drops);
		l->kernel_drops = drops;
	}
}

/* ---- the poll ------------------------------------------------------------------------------- */

/* Until a request is due at most. */
static uint64_t longest_wait(const struct udp_source *u)
{
	uint64_t now = nmw_clock_mono(), due = udp_streams_due(u->streams);
	uint64_t ns = due > now ? due - now : 0;
	return ns < LIVE_WAIT_NS ? ns : LIVE_WAIT_NS;
}

static int udp_poll(void *arg, struct nmw_err *e)
{
	struct udp_source *u = arg;
	struct nmw_stage *st = u->framing.emit->st;
	int rc = u->started ? 0 : start(u, e);
	if (rc)
		return rc;
	unsigned n = live_poll(&u->live, u->ev, EVENTS, u->now_ns, longest_wait(u));
	u->now_ns = nmw_clock_mono();
	u->framing.ts_ns = live_time(u->framing.ts_ns);
	for (unsigned i = 0; i < n && !rc; i++)
		rc = on_event(u, &u->ev[i], e);
	nmw_stage_flush(st);
	bool more = udp_streams_tick(u->streams, u->now_ns);
	live_after(&u->live, u->now_ns);
	look_at_kernel(u);
	nmw_stage_flush(st);
	nmw_stage_look_soon(st);
	return rc ? rc : more;
}

static void udp_progress(void *arg, uint64_t *done, uint64_t *total)
{
	(void)arg;
	*done = *total = 0;
}

const struct source source_udp = {.name = "udp",
				  .arg = "ADDR:PORT",
				  .open = udp_open_source,
				  .poll = udp_poll,
				  .progress = udp_progress,
				  .close = udp_close_source};
