/* if:NAME - all frames that come in at an interface of this host; frames sent there. */
#include "wire.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIVE_WAIT_MS 10
#define ROOM_WAIT_MS 1000 /* for a place in the interface's queue */
#define LEAST	     60u  /* bytes of a frame */

struct interface {
	int fd;
	uint8_t *buf; /* in: WIRE_BURST frames */
};

static int no_socket(const char *end, const char *name, int err, struct nmw_err *e)
{
	const char *mend = err == EPERM || err == EACCES
				   ? ": it needs CAP_NET_RAW: setcap cap_net_raw+ep, or be root"
				   : "";
	return nmw_err_set(e, -err, err == ENODEV ? NMW_EXIT_RESOURCE : nmw_exit_of(err),
			   "--%s if:%s: %s%s", end, name, strerror(err), mend);
}

/* protocol: ETH_P_*; 0: nothing is received. */
static int open_socket(struct interface *i, const char *end, const char *name, uint16_t protocol,
		       struct nmw_err *e)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	at.sll_ifindex = (int)if_nametoindex(name);
	if (!at.sll_ifindex)
		return no_socket(end, name, ENODEV, e);
	i->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(protocol));
	if (i->fd < 0 || bind(i->fd, (struct sockaddr *)&at, sizeof at))
		return no_socket(end, name, errno, e);
	return 0;
}

static struct interface *interface_new(void)
{
	struct interface *i = calloc(1, sizeof *i);
	if (i)
		i->fd = -1;
	return i;
}

static void interface_free(struct interface *i)
{
	if (i->fd >= 0)
		close(i->fd);
	free(i->buf);
	free(i);
}

/* ---- in ------------------------------------------------------------------------------------- */

/* What this host sends is left out. */
static int if_in_open(struct frame_in *f, const char *name, struct nmw_err *e)
{
	int on = 1;
	struct interface *i = f->state = interface_new();
	if (i)
		i->buf = malloc((size_t)WIRE_BURST * NMW_WIRE_FRAME_MAX);
	if (!i || !i->buf)
		return no_socket("in", name, ENOMEM, e);
	int rc = open_socket(i, "in", name, ETH_P_ALL, e);
	if (rc)
		return rc;
	if (setsockopt(i->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) ||
	    setsockopt(i->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on))
		return no_socket("in", name, errno, e);
	return 0;
}

/* When the kernel took it. */
static uint64_t arrival(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof t);
			return (uint64_t)t.tv_sec * NMW_NS_PER_S + (uint64_t)t.tv_nsec;
		}
	return nmw_clock_real();
}

/* 1: a frame is in *p; 0: none is there. */
static int receive(const struct interface *i, const char *name, uint8_t *at,
		   struct nmw_capture_packet *p, struct nmw_err *e)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct timespec))];
	} ctl;
	struct iovec v = {.iov_base = at, .iov_len = NMW_WIRE_FRAME_MAX};
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof ctl};
	ssize_t n = recvmsg(i->fd, &m, MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : no_socket("in", name, errno, e);
	*p = (struct nmw_capture_packet){
		.p = at,
		.caplen = n < (ssize_t)NMW_WIRE_FRAME_MAX ? (uint32_t)n : NMW_WIRE_FRAME_MAX,
		.len = (uint32_t)n,
		.ts_ns = arrival(&m),
		.passes = true};
	return 1;
}

/* What the kernel dropped because nobody read in time; reading it sets it back. */
static void look_at_kernel(struct frame_in *f)
{
	const struct interface *i = f->state;
	struct tpacket_stats s = {0};
	socklen_t n = sizeof s;
	if (!getsockopt(i->fd, SOL_PACKET, PACKET_STATISTICS, &s, &n))
		f->conf->socket_drops += s.tp_drops;
}

static int if_in_burst(struct frame_in *f, bool wait, struct nmw_err *e)
{
	const struct interface *i = f->state;
	struct pollfd p = {.fd = i->fd, .events = POLLIN};
	int n = 0, rc = 1;
	if (poll(&p, 1, wait ? LIVE_WAIT_MS : 0) <= 0) {
		if (wait)
			look_at_kernel(f);
		return 0;
	}
	while (n < (int)WIRE_BURST && rc == 1) {
		rc = receive(i, f->spec + 3, i->buf + (size_t)n * NMW_WIRE_FRAME_MAX, &f->packet[n],
			     e);
		n += rc == 1;
	}
	return rc < 0 ? rc : n;
}

static void if_in_close(struct frame_in *f)
{
	look_at_kernel(f);
	interface_free(f->state);
}

const struct frame_source frames_from_if = {.scheme = "if",
					    .live = true,
					    .open = if_in_open,
					    .burst = if_in_burst,
					    .close = if_in_close};

/* ---- out ------------------------------------------------------------------------------------ */

static int if_out_open(struct frame_out *f, const char *name, struct nmw_err *e)
{
	struct interface *i = f->state = interface_new();
	return i ? open_socket(i, "out", name, 0, e) : no_socket("out", name, ENOMEM, e);
}

/* A short frame is filled up to the least that Ethernet has. */
static int if_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		      struct nmw_err *e)
{
	const struct interface *i = f->state;
	uint8_t least[LEAST] = {0};
	(void)ts_ns;
	if (len < sizeof least) {
		memcpy(least, frame, len);
		frame = least;
		len = sizeof least;
	}
	while (send(i->fd, frame, len, MSG_DONTWAIT) < 0) {
		struct pollfd p = {.fd = i->fd, .events = POLLOUT};
		if (errno == EMSGSIZE || errno == ENETDOWN) {
			f->conf->drop[NMW_DROP_sink_error]++;
			return 1;
		}
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			return no_socket("out", f->spec + 3, errno, e);
		if (poll(&p, 1, ROOM_WAIT_MS) == 0)
			return no_socket("out", f->spec + 3, ENOBUFS, e);
	}
	return 0;
}

static int if_out_close(struct frame_out *f, struct nmw_err *e)
{
	(void)e;
	interface_free(f->state);
	return 0;
}

const struct frame_sink frames_to_if = {
	.scheme = "if", .open = if_out_open, .put = if_out_put, .close = if_out_close};
