/* session.h: session ids, from 1 in order of first appearance, and the control messages about them.
 *
 * Every session begins with a LOGIN control message: that of the wire or, where the capture starts
 * later or the protocol has none (UDP), one without an account.  An account that logs in again at
 * the same port after its connection ended gets its id back, as its orders still live; of several
 * the one that ended last.  Accounts that are known at the start may have their ids reserved, so
 * that they are the same in the next run.
 */
#ifndef NMW_RECV_SESSION_H
#define NMW_RECV_SESSION_H

#include "base/err.h"
#include "emit.h"
#include "wire/flow.h"
#include <stdbool.h>
#include <stdint.h>

#define SESSIONS_MAX 65536u /* ids of a run */

/* An end of a connection. */
struct endpoint {
	uint8_t addr[16];
	uint16_t port;
	uint8_t family; /* 4, 6 */
};

struct session {
	struct endpoint client, host;
	char account[10], name[10]; /* space padded */
	bool up, seen;		    /* seen: it was up once */
	uint32_t next;		    /* id of the next session of its bucket, 0 = last */
};

struct sessions {
	struct emit *emit;
	struct session *v; /* v[id - 1] */
	uint32_t n;
	/* first id of each bucket: by account and host of those that ended, by client and host of
	 * those that are up without an account; the others are not looked for */
	uint32_t *bucket;
	uint8_t login_flags; /* NMW_CTL_CANCEL_ON_DISCONNECT or 0 */
	uint8_t codec;	     /* that was asked for; else 0: LOGIN says NONE, messages say theirs */
};

int sessions_init(struct sessions *t, struct emit *emit, struct nmw_err *e);
void sessions_fini(struct sessions *t);

/* The side of the flow that dir comes from (sender), or goes to. */
struct endpoint endpoint_from(const struct nmw_flow_key *k, unsigned dir);
static inline struct endpoint endpoint_to(const struct nmw_flow_key *k, unsigned dir)
{
	return endpoint_from(k, !dir);
}

/* The id is kept for the first session of the account (6 characters) at the host; ids are
 * reserved before any session begins. */
void session_reserve(struct sessions *t, uint32_t id, const char *account,
		     const struct endpoint *host);

struct session_who {
	struct endpoint client, host;
	const char *account; /* 6 characters, or NULL */
	const char *name;    /* 10 characters, or NULL */
	uint64_t first;	     /* sequence number wanted */
	uint16_t host_port;  /* of a live session, else 0 */
};
/* The first half of session_login: takes the id (0 = none is left) and fills in the LOGIN, which is
 * the caller's to emit. */
uint32_t session_begin(struct sessions *t, const struct session_who *who, struct nmw_ctl *login);
/* Starts a session, LOGIN: its id; 0 = there are SESSIONS_MAX already. */
uint32_t session_login(struct sessions *t, uint64_t ts_ns, const struct session_who *who);
/* Ends a session whose LOGIN was never emitted. */
void session_forget(struct sessions *t, uint32_t id);
/* The id of the session that this client has up without an account; 0 = none. */
uint32_t session_of_client(const struct sessions *t, const struct endpoint *client,
			   const struct endpoint *host);
/* LOGOUT or LOST, once. */
void session_end(struct sessions *t, uint64_t ts_ns, uint32_t id, enum nmw_ctl_kind kind);
/* GAP or END of a session or, with id 0, of a feed that comes from `from`. */
void session_ctl(struct sessions *t, uint64_t ts_ns, uint32_t id, enum nmw_ctl_kind kind,
		 const struct endpoint *from, const char name[10], uint64_t first, uint64_t count);

#endif
