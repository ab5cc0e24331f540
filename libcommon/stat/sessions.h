/* sessions.h: the table of sessions that nmw-send tcp: keeps for nmw-stat sessions.
 *
 * A file <run dir>/sessions.<pid>: a head and a row for each account, mapped by the writer, read by
 * anybody; an OFD lock on byte 0 says whether the writer lives.  Figures are written one by one: a
 * reader may see a row in the middle of an update, which is good enough to look at.
 */
#ifndef NMW_STAT_SESSIONS_H
#define NMW_STAT_SESSIONS_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_SESSIONS_MAGIC   0x3153455353574d4eull
#define NMW_SESSIONS_VERSION 1u
#define NMW_SESSIONS_MAX     65536u

enum nmw_session_state {
	NMW_SESSION_AWAY = 0, /* known, not connected */
	NMW_SESSION_UP = 1,
	NMW_SESSION_BLOCKED = 2, /* connected, and does not take what is sent */
};

struct nmw_session_row {
	char account[10], name[10]; /* space padded; name: of the session */
	char protocol[8];
	uint8_t state, family; /* enum nmw_session_state; 4, 6 or 0 */
	uint16_t port, host_port;
	uint8_t addr[16];
	uint16_t pad;
	uint32_t id; /* of the session in messages */
	uint32_t logins;
	uint64_t next;	   /* sequence number of the next message to come */
	uint64_t sent;	   /* of the next to be sent to the client */
	uint64_t buffered; /* bytes that wait for it, of what came since its login */
	uint64_t since_ns; /* CLOCK_MONOTONIC, of its last login or end */
	uint64_t sent_ns;  /* when something was sent to it last */
};
_Static_assert(sizeof(struct nmw_session_row) == 104, "row of the session table");

struct nmw_sessions_head {
	uint64_t magic; /* stored last */
	uint32_t version, row_sz;
	uint32_t rows; /* in use */
	uint32_t pid;
	uint64_t pad[5];
};
_Static_assert(sizeof(struct nmw_sessions_head) == 64, "head of the session table");

struct nmw_sessions_table {
	struct nmw_sessions_head *head; /* NULL: there is none */
	struct nmw_session_row *row;
	uint32_t max;
	int fd;
	char path[4200];
};

/* Makes the file, with room for max rows. A negative errno: go on without it; head is NULL. */
int nmw_sessions_publish(struct nmw_sessions_table *t, uint32_t max, bool group, struct nmw_err *e);
/* Removes it. Safe on a table that was not made. */
void nmw_sessions_withdraw(struct nmw_sessions_table *t);

/* Calls fn for each row of each table of the run directory; alive: its writer lives.  Rows are
 * copies, their texts checked. 0, or the first error. */
int nmw_sessions_each(void (*fn)(const struct nmw_session_row *r, uint32_t pid, bool alive,
				 void *arg),
		      void *arg, struct nmw_err *e);

/* Removes the tables of dead writers and calls fn (may be NULL) with each one's path. How many, or
 * a negative errno. */
int nmw_sessions_reap(bool dry_run, void (*fn)(const char *path, void *arg), void *arg,
		      struct nmw_err *e);

#endif
