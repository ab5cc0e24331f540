#include "udp_batch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define WAIT_MS 10 /* for room in the socket's buffer, between two looks at signals */

static void set_packet(struct msghdr *m, struct iovec piece[2], const struct nmw_mold_packet *p,
		       const struct sockaddr_storage *to, socklen_t to_len)
{
	memset(m, 0, sizeof *m);
	/* an iovec is not const; nothing is written through it */
	memcpy(&piece[0].iov_base, &(const void *){p->head}, sizeof(void *));
	memcpy(&piece[1].iov_base, &p->body, sizeof(void *));
	memcpy(&m->msg_name, &to, sizeof(void *));
	piece[0].iov_len = NMW_MOLD_HDR;
	piece[1].iov_len = p->body_len;
	m->msg_namelen = to_len;
	m->msg_iov = piece;
	m->msg_iovlen = p->body_len ? 2 : 1;
}

bool udp_batch_add(struct udp_batch *b, const struct nmw_mold_packet *p,
		   const struct sockaddr_storage *to, socklen_t to_len)
{
	unsigned i = b->n++;
	b->packet[i] = *p;
	set_packet(&b->head[i].msg_hdr, b->piece[i], &b->packet[i], to, to_len);
	return b->n == UDP_BATCH;
}

static bool wait_for_room(const struct udp_batch *b, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	poll(&p, 1, WAIT_MS);
	return !b->give_up || !b->give_up(b->give_up_arg);
}

unsigned udp_batch_send(struct udp_batch *b, int fd)
{
	unsigned at = 0, lost = 0, refused = 0;
	while (at < b->n) {
		int rc = sendmmsg(fd, b->head + at, b->n - at, MSG_NOSIGNAL);
		int err = rc < 0 ? errno : 0;
		if (rc > 0) {
			at += (unsigned)rc;
			refused = 0;
		} else if (err == EAGAIN || err == ENOBUFS) {
			if (!wait_for_room(b, fd))
				return lost + b->n - at;
		} else if (err == EINTR || (err == ECONNREFUSED && refused++ < 2)) {
			continue; /* refused: a packet before this one found nobody */
		} else {
			if (err != ECONNREFUSED)
				nmw_log_limited(&b->limit, NMW_LOG_WARN, "%s: cannot send: %s",
						b->spec, strerror(err));
			lost += err != ECONNREFUSED;
			refused = 0;
			at++;
		}
	}
	return lost;
}

static uint64_t all_messages(const struct udp_batch *b)
{
	uint64_t messages = 0;
	for (unsigned i = 0; i < b->n; i++)
		messages += b->packet[i].messages;
	return messages;
}

uint64_t udp_batch_messages(const struct udp_batch *b, unsigned packets)
{
	return b->n ? all_messages(b) * packets / b->n : 0;
}

void udp_batch_done(struct udp_batch *b, unsigned lost, struct sink *k)
{
	uint64_t messages = all_messages(b), bytes = 0, gone = udp_batch_messages(b, lost);
	for (unsigned i = 0; i < b->n; i++)
		bytes += b->packet[i].body_len;
	k->count.out_messages += messages - gone;
	k->count.out_bytes += bytes - 2 * messages;
	k->count.out_packets += b->n - lost;
	sink_drop(k, NMW_DROP_sink_error, gone);
	b->n = 0;
}

bool udp_send_one(int fd, const struct nmw_mold_packet *p, const struct sockaddr_storage *to,
		  socklen_t to_len)
{
	struct iovec piece[2];
	struct msghdr m;
	set_packet(&m, piece, p, to, to_len);
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}
