/* Where frames come from: a capture, or an interface of this host. */
#include "wire.h"

#include "base/clock.h"
#include "base/log.h"

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

static int not_a_source(const char *spec, struct nmw_err *e)
{
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "--in %s: not a source of frames: pcap:FILE (- is stdin) or if:NAME",
			   spec);
}

static int open_capture(struct frame_in *f, const char *path, bool (*idle)(void *arg), void *arg,
			struct nmw_err *e)
{
	const struct nmw_capture_spec spec = {.path = path, .idle = idle, .arg = arg};
	f->capture = nmw_capture_open(&spec, e);
	if (!f->capture)
		return nmw_err_prefix(e, "--in pcap:%s", path);
	uint64_t pos, size;
	nmw_capture_progress(f->capture, &pos, &size);
	f->again = size && strcmp(path, "-") != 0;
	if (nmw_capture_link(f->capture) == NMW_LINK_ETHERNET)
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_DATA,
			   "--in pcap:%s: its packets are not Ethernet frames, which is what the "
			   "device takes: capture at an Ethernet interface",
			   path);
}

static int no_socket(const char *name, int err, struct nmw_err *e)
{
	const char *mend = err == EPERM || err == EACCES
				   ? ": it needs CAP_NET_RAW: setcap cap_net_raw+ep, or be root"
				   : "";
	return nmw_err_set(e, -err, err == ENODEV ? NMW_EXIT_RESOURCE : nmw_exit_of(err),
			   "--in if:%s: %s%s", name, strerror(err), mend);
}

/* All that comes in there; what this host sends is left out. */
static int open_interface(struct frame_in *f, const char *name, struct nmw_err *e)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int on = 1;
	at.sll_ifindex = (int)if_nametoindex(name);
	if (!at.sll_ifindex)
		return no_socket(name, ENODEV, e);
	f->buf = malloc((size_t)WIRE_BURST * NMW_WIRE_FRAME_MAX);
	if (!f->buf)
		return no_socket(name, ENOMEM, e);
	f->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (f->fd < 0)
		return no_socket(name, errno, e);
	if (setsockopt(f->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) ||
	    setsockopt(f->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) ||
	    bind(f->fd, (struct sockaddr *)&at, sizeof at))
		return no_socket(name, errno, e);
	return 0;
}

int frame_in_open(struct frame_in *f, const char *spec, bool (*idle)(void *arg), void *arg,
		  struct nmw_err *e)
{
	*f = (struct frame_in){.spec = spec, .fd = -1};
	if (!strncmp(spec, "pcap:", 5) && spec[5])
		return open_capture(f, spec + 5, idle, arg, e);
	if (!strncmp(spec, "if:", 3) && spec[3])
		return open_interface(f, spec + 3, e);
	return not_a_source(spec, e);
}

bool frame_in_live(const struct frame_in *f)
{
	return f->fd >= 0;
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
static int receive(struct frame_in *f, uint8_t *at, struct nmw_capture_packet *p, struct nmw_err *e)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct timespec))];
	} ctl;
	struct iovec v = {.iov_base = at, .iov_len = NMW_WIRE_FRAME_MAX};
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof ctl};
	ssize_t n = recvmsg(f->fd, &m, MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : no_socket(f->spec + 3, errno, e);
	*p = (struct nmw_capture_packet){
		.p = at,
		.caplen = n < (ssize_t)NMW_WIRE_FRAME_MAX ? (uint32_t)n : NMW_WIRE_FRAME_MAX,
		.len = (uint32_t)n,
		.ts_ns = arrival(&m),
		.passes = true};
	return 1;
}

static int live_burst(struct frame_in *f, struct nmw_err *e)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	int n = 0, rc = 1;
	if (poll(&p, 1, LIVE_WAIT_MS) <= 0)
		return 0;
	while (n < (int)WIRE_BURST && rc == 1) {
		rc = receive(f, f->buf + (size_t)n * NMW_WIRE_FRAME_MAX, &f->packet[n], e);
		n += rc == 1;
	}
	return rc < 0 ? rc : n;
}

int frame_in_burst(struct frame_in *f, struct nmw_err *e)
{
	if (f->fd >= 0)
		return live_burst(f, e);
	int n = nmw_capture_burst(f->capture, f->packet, WIRE_BURST, e);
	if (n >= 0 || n == -EIO)
		return n;
	if (!f->damaged)
		nmw_log(NMW_LOG_WARN, "--in %s: %s", f->spec, e->msg);
	f->damaged = true;
	*e = (struct nmw_err)NMW_ERR_INIT;
	return 0;
}

void frame_in_close(struct frame_in *f)
{
	nmw_capture_close(f->capture);
	if (f->fd >= 0)
		close(f->fd);
	free(f->buf);
	f->capture = NULL;
	f->buf = NULL;
	f->fd = -1;
}
