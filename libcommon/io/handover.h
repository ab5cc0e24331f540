/* handover.h: sockets of live sessions, from the program that reads them to the one that writes.
 *
 *     nmw-recv                     tcp-PORT.sessions                       nmw-send
 *     (reads every socket)   ==== Unix socket, SOCK_SEQPACKET ====>   (writes every socket)
 *                              one packet a session, with its socket (SCM_RIGHTS)
 *
 * The reader listens; one writer at a time is connected.  It gets, first, every session that is up,
 * and from then on each new one BEFORE the reader publishes its LOGIN, so that a writer that
 * empties this socket when it meets a LOGIN finds the session there.  A writer that comes (back)
 * later may meet the LOGIN first: the session's packet follows.
 *
 * A session is told from the one before it by login_seq, the ring sequence number of its LOGIN
 * (in_seq of that message, which every stage keeps).
 *
 * Both ends ask the kernel who the other is (SO_PEERCRED): the same user or root, or with `group`
 * a member of the directory's group.  Nothing here waits.  One thread a handle.
 */
#ifndef NMW_IO_HANDOVER_H
#define NMW_IO_HANDOVER_H

#include "base/err.h"
#include "base/msg.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_HANDOVER_MAGIC   0x314b434f53574d4eull /* "NMWSOCK1" in memory */
#define NMW_HANDOVER_VERSION 1u

/* What travels: host byte order, both ends are on one machine. */
struct nmw_handover {
	uint64_t magic;
	uint32_t version;
	uint32_t session;     /* id in the messages of the reader's ring */
	uint64_t login_seq;   /* sequence number of its LOGIN on the reader's ring */
	struct nmw_ctl login; /* that LOGIN: account, first number wanted, host_port; name: of the
			       * account's session as the accounts file has it, blank = not told */
	char requested[10];   /* session that the client asked for, space padded; blank = any. With
			       * a name in LOGIN the reader has compared the two */
	uint8_t pad[6];	      /* 0 */
};
_Static_assert(sizeof(struct nmw_handover) == 104, "packet is 104 bytes");

#define NMW_HANDOVER_PATH_MAX 4200u

/* Path of the socket of the port: "<run dir>/tcp-9001.sessions". 0 or a negative errno. */
int nmw_handover_path(char path[NMW_HANDOVER_PATH_MAX], uint16_t port, bool group,
		      struct nmw_err *e);

/* ---- the reader's side ----------------------------------------------------------------------- */

struct nmw_handover_server {
	int listen_fd; /* readable: call accept; -1 = none */
	int peer;      /* the writer, -1 = none; readable: it is gone, call accept */
	bool group;
	uint64_t dev, ino; /* of the file */
	char path[NMW_HANDOVER_PATH_MAX];
};

/* Makes the socket file, mode 0600 (0660 with group). A file that is left there by a dead process
 * is replaced; -EADDRINUSE: a living one serves that port, of another address, in this directory.
 */
int nmw_handover_listen(struct nmw_handover_server *h, uint16_t port, bool group,
			struct nmw_err *e);
/* Looks at who comes and goes. 1: a writer came: give it every session that is up; 0: nothing new;
 * -EPIPE: the writer left; another negative errno, with e: somebody was refused (say it, go on). */
int nmw_handover_accept(struct nmw_handover_server *h, struct nmw_err *e);
/* Hands one session over. 0; -ENOTCONN: no writer; -EAGAIN: its socket is full, again later. */
int nmw_handover_give(struct nmw_handover_server *h, const struct nmw_handover *m, int fd);
/* Closes both and removes the file, if it is this server's. Safe on one that was not opened
 * (listen_fd -1). */
void nmw_handover_end(struct nmw_handover_server *h);

/* ---- the writer's side ----------------------------------------------------------------------- */

/* Connects to the socket of that port. Returns a non-blocking descriptor (readable: take), or
 * -ENOENT, -ECONNREFUSED (nobody reads that port now; try again later), -EACCES, -EPERM with e. */
int nmw_handover_connect(uint16_t port, bool group, struct nmw_err *e);
/* The process that listens there; 0: it is in another container, or nobody knows. */
int nmw_handover_reader(int fd);
/* How many hand-over sockets there are, 0 or a negative errno with e; *port is that of one. */
int nmw_handover_ports(bool group, uint16_t *port, struct nmw_err *e);
/* The next session: 1, *fd is the caller's; 0: none now; -EMFILE: *m is there, but its socket was
 * lost, because this process may not have another descriptor (go on: only that session is lost);
 * -EPIPE: the reader is gone, or refused us because another writer is connected; -EPROTO: it speaks
 * another version, or nonsense. */
int nmw_handover_take(int from, struct nmw_handover *m, int *fd, struct nmw_err *e);

#endif
