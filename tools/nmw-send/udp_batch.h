/* udp_batch.h: packets that leave in one system call.
 *
 * Packets gather, each a header and a piece of its stream's history, until the burst ends or 64 are
 * there; then they go to one socket, or to several (lines), with sendmmsg.  A socket whose buffer
 * is full is waited for; an address where nobody listens is not an error.  One thread.
 */
#ifndef NMW_SEND_UDP_BATCH_H
#define NMW_SEND_UDP_BATCH_H

#include "base/log.h"
#include "sink.h"
#include "wire/mold_send.h"
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define UDP_BATCH 64u

struct udp_batch {
	const char *spec; /* for messages */
	bool (*give_up)(void *arg);
	void *give_up_arg;
	struct nmw_log_limit limit;
	unsigned n;
	struct nmw_mold_packet packet[UDP_BATCH];
	struct iovec piece[UDP_BATCH][2];
	struct mmsghdr head[UDP_BATCH];
};

/* Adds a packet, for the address `to` unless that is NULL (a connected socket); it must stay. True:
 * the batch is full now. */
bool udp_batch_add(struct udp_batch *b, const struct nmw_mold_packet *p,
		   const struct sockaddr_storage *to, socklen_t to_len);
/* Sends all packets to the socket. Returns how many could not be sent. The batch stays. */
unsigned udp_batch_send(struct udp_batch *b, int fd);
/* Messages of so many of its packets: nobody can say of which, so it is their share. */
uint64_t udp_batch_messages(const struct udp_batch *b, unsigned packets);
/* Counts the batch as out, but for the packets that were lost, and empties it. */
void udp_batch_done(struct udp_batch *b, unsigned lost, struct sink *k);
/* One packet at once. False: it was not sent. */
bool udp_send_one(int fd, const struct nmw_mold_packet *p, const struct sockaddr_storage *to,
		  socklen_t to_len);

#endif
