/* Where frames go: a capture, an interface of this host, nowhere. */
#include "wire.h"

#include "wire/pcap_write.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_WAIT_MS 1000 /* for a place in the interface's queue */

static int no_socket(const char *name, int err, struct nmw_err *e)
{
	const char *mend = err == EPERM || err == EACCES
				   ? ": it needs CAP_NET_RAW: setcap cap_net_raw+ep, or be root"
				   : "";
	return nmw_err_set(e, -err, err == ENODEV ? NMW_EXIT_RESOURCE : nmw_exit_of(err),
			   "--out if:%s: %s%s", name, strerror(err), mend);
}

static int open_interface(struct frame_out *f, const char *name, struct nmw_err *e)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET}; /* protocol 0: nothing is received */
	at.sll_ifindex = (int)if_nametoindex(name);
	if (!at.sll_ifindex)
		return no_socket(name, ENODEV, e);
	f->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (f->fd < 0 || bind(f->fd, (struct sockaddr *)&at, sizeof at))
		return no_socket(name, errno, e);
	return 0;
}

int frame_out_open(struct frame_out *f, const char *spec, struct nmw_err *e)
{
	*f = (struct frame_out){.spec = spec, .fd = -1, .file = {.fd = -1}};
	if (!strcmp(spec, "null:"))
		return 0;
	if (!strncmp(spec, "pcap:", 5) && spec[5])
		return nmw_outfile_open(&f->file, spec + 5, spec, true, e);
	if (!strncmp(spec, "if:", 3) && spec[3])
		return open_interface(f, spec + 3, e);
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "--out %s: not a sink of frames: pcap:FILE (- is stdout), if:NAME or "
			   "null:",
			   spec);
}

int frame_out_start(struct frame_out *f, struct nmw_err *e)
{
	if (f->file.fd < 0)
		return 0;
	int rc = nmw_outfile_start(&f->file, e);
	if (!rc)
		nmw_pcap_write_start(&f->file);
	return rc;
}

/* A short frame is filled up to the least that Ethernet has. */
static int send_frame(struct frame_out *f, const uint8_t *frame, uint32_t len, struct nmw_err *e)
{
	uint8_t least[60] = {0};
	if (len < sizeof least) {
		memcpy(least, frame, len);
		frame = least;
		len = sizeof least;
	}
	while (send(f->fd, frame, len, MSG_DONTWAIT) < 0) {
		struct pollfd p = {.fd = f->fd, .events = POLLOUT};
		if (errno == EMSGSIZE || errno == ENETDOWN) {
			f->lost++;
			return 0;
		}
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			return no_socket(f->spec + 3, errno, e);
		if (poll(&p, 1, ROOM_WAIT_MS) == 0)
			return no_socket(f->spec + 3, ENOBUFS, e);
	}
	return 0;
}

int frame_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		  struct nmw_err *e)
{
	f->frames++;
	f->bytes += len;
	if (f->fd >= 0)
		return send_frame(f, frame, len, e);
	if (f->file.fd >= 0)
		nmw_pcap_write_packet(&f->file, ts_ns, frame, len, 1, len);
	if (f->file.err.err)
		*e = f->file.err;
	return f->file.err.err;
}

int frame_out_flush(struct frame_out *f, struct nmw_err *e)
{
	if (f->file.fd < 0 || !nmw_outfile_flush(&f->file))
		return 0;
	*e = f->file.err;
	return e->err;
}

int frame_out_close(struct frame_out *f, struct nmw_err *e)
{
	int rc = 0;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (f->file.fd >= 0 && nmw_outfile_close(&f->file)) {
		rc = f->file.err.err;
		*e = f->file.err;
	}
	return rc;
}
