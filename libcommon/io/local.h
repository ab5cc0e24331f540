/* local.h: sockets of packets (SOCK_SEQPACKET) in the run directory, between tools of one user.
 *
 * The file has mode 0600 (0660 with group) and makes way for the next process when its own is dead.
 * Both ends ask the kernel who the other is (SO_PEERCRED): the same user or root, or with `group`
 * a member of the group that the directory and the file in it belong to.  Nothing here waits, but
 * for the moment that a dead process's file needs.
 */
#ifndef NMW_IO_LOCAL_H
#define NMW_IO_LOCAL_H

#include "base/err.h"
#include <stdbool.h>

/* The words of its messages. */
struct nmw_local_kind {
	const char *name;   /* "hand-over socket" */
	const char *in_use; /* what to do when another listens there */
	const char *absent; /* when nobody does */
};

#define NMW_LOCAL_PATH_MAX 4200u

/* Listens at path. A non-blocking descriptor; -EADDRINUSE: somebody living does already; -EACCES:
 * there is a socket that we may not ask. */
int nmw_local_listen(const struct nmw_local_kind *k, const char *path, bool group,
		     struct nmw_err *e);
/* Connects to it: a non-blocking descriptor, or -ENOENT, -ECONNREFUSED, -EACCES, -EPERM,
 * -EAGAIN (too many wait there) with e. */
int nmw_local_connect(const struct nmw_local_kind *k, const char *path, bool group,
		      struct nmw_err *e);
/* Removes the file of a socket on which nobody listens any more; one that we may not ask stays. */
void nmw_local_reap(const char *path);
/* Whether the other end of path belongs to somebody who may talk to us: 0 or -EPERM with e. */
int nmw_local_trusted(const struct nmw_local_kind *k, int fd, const char *path, bool group,
		      struct nmw_err *e);

#endif
