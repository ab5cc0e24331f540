/* clients.h: the clients of tcp: one connection each, written to and never read.
 *
 *   hand-over socket --(socket, session, login_seq)--+
 *                                                    +--> login answered --> replay --> live
 *   ring -----------------(LOGIN, in_seq)------------+         all of it read from the session log
 *
 * nmw-recv reads a connection, this writes to it: it gets the socket before the LOGIN that it goes
 * with comes by the ring.  Everything that a client is sent comes out of the session log at the
 * client's cursor, so that nothing is buffered for it: a client that does not take its messages
 * costs nothing but its place.  One that falls `buffer` bytes behind is disconnected; it may log in
 * again and ask for what it missed.
 *
 * A connection to which a writer before this one (one that was killed) has written goes on at the
 * byte where it stands, when the session log is on disk (places.h); else nobody knows that byte: it
 * is closed, and the client logs in again with the number that it wants.
 *
 * One thread.  Nothing waits.
 */
#ifndef NMW_SEND_CLIENTS_H
#define NMW_SEND_CLIENTS_H

#include "base/msg.h"
#include "io/handover.h"
#include "io/send_many.h"
#include "journal/session_log.h"
#include "places.h"
#include "sink.h"
#include "stat/sessions.h"

#define CLIENTS_PORTS 8u /* ports of nmw-recv that clients came in at */

enum client_state {
	CLIENT_FREE = 0,
	CLIENT_NO_LOGIN,  /* its LOGIN has not come by the ring */
	CLIENT_NO_SOCKET, /* its socket has not come */
	CLIENT_UP,	  /* logged in */
	CLIENT_DOWN,	  /* disconnected here; nmw-recv has not said so yet */
};

struct client {
	uint8_t state; /* enum client_state */
	bool blocked;  /* its socket is full */
	bool queued;   /* in the list of those with something to send */
	bool ending;   /* end of session when all is sent */
	bool ended;    /* it is in the head, or was sent */
	uint8_t head_at, head_len;
	uint8_t head[PLACE_HEAD]; /* answer to the login, heartbeat, end: goes before anything else
				   */
	uint32_t session;
	int fd, account;
	uint64_t login_seq;
	struct nmw_ctl login;
	char requested[10]; /* session that the client asked for; blank = any */
	struct nmw_session_cursor at;
	uint64_t bytes;		 /* written to the socket, from its beginning */
	struct place_row *place; /* NULL: none is kept */
	uint64_t replay_to;	 /* messages before this one were there when it logged in */
	uint64_t live_bytes;	 /* of the account's log when it logged in */
	uint64_t live_sent;	 /* bytes sent of what came since */
	uint64_t sent_ns;	 /* when something went last */
	uint64_t since_ns;	 /* in this state */
	uint32_t next_queued;	 /* list of those with something to send; of free places */
	uint32_t next_same;	 /* list of those of one session id, newest first */
};

/* What goes out by one system call: a piece for each of many clients. */
struct many {
	struct nmw_send_many *ring; /* NULL: one by one */
	uint8_t *buf;
	unsigned n;
	struct client *client[NMW_SEND_MANY_MAX];
	struct nmw_send_one one[NMW_SEND_MANY_MAX];
};

struct clients {
	struct sink *sink;
	struct nmw_session_log *log;
	struct client *v;
	uint32_t max, used;   /* places; highest place that was in use + 1 */
	uint32_t free;	      /* first free place below used, + 1 */
	uint32_t *all_of;     /* [session id]: place + 1 of the first of its clients */
	uint32_t *of_session; /* [session id]: place + 1 of the one that is up or was last */
	int32_t *account_of;  /* [session id]: account in the log, -1 = none */
	uint32_t *of_account; /* [account]: place + 1 of the one that is up */
	uint32_t queue, up;   /* first queued, place + 1 */
	uint32_t queued;      /* how many */
	uint32_t blocked;
	int epoll; /* says which of the blocked have room */
	uint64_t buffer, heartbeat_ns, scanned_ns;
	bool group;
	struct clients_port {
		uint16_t port;
		int fd;	    /* hand-over socket, -1 = not connected */
		int reader; /* process at its other end, 0 = not known */
		bool odd;   /* it speaks another version: that was said */
		uint64_t retry_ns, gone_ns;
	} port[CLIENTS_PORTS];
	unsigned ports;
	uint8_t *buf; /* what is sent next */
	struct many many;
	struct places *places;		 /* for the writer after this one */
	struct nmw_sessions_table table; /* for nmw-stat sessions */
	bool published;			 /* or tried to */
};

/* sessions: highest session id. All memory is taken here. */
int clients_open(struct clients *c, struct sink *k, struct nmw_session_log *log,
		 struct places *places, uint32_t sessions, const struct sink_conf *conf,
		 struct nmw_err *e);
void clients_close(struct clients *c);

/* Sessions of nmw-recv tcp: at that port will come. */
void clients_port(struct clients *c, uint16_t port, uint64_t now_ns);
/* A LOGIN by the ring; in_seq: its place on nmw-recv's ring. False: no room for it. */
bool clients_login(struct clients *c, uint32_t session, uint64_t in_seq, const struct nmw_ctl *ctl,
		   uint64_t now_ns);
/* LOGOUT or LOST. */
void clients_end(struct clients *c, uint32_t session, uint64_t in_seq);
/* A LOGIN of a session that is not one of SoupBinTCP: its replies are another sink's. */
void clients_not_ours(struct clients *c, uint32_t session);
/* Account in the log of the session; -1: it is not known; CLIENTS_OTHER: not ours. */
#define CLIENTS_OTHER (-2)
int clients_account(const struct clients *c, uint32_t session);
/* The account's log has something new; end: it was the last of the day. */
void clients_news(struct clients *c, int account, bool end);
/* Sends what can go. */
void clients_send(struct clients *c, uint64_t now_ns);
/* Takes sockets, sends to those that were blocked, heartbeats. */
void clients_look_after(struct clients *c, uint64_t now_ns);
/* Whether anybody has something to be sent still. */
bool clients_pending(const struct clients *c);

#endif
