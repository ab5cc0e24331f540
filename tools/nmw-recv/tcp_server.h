/* tcp_server.h: clients that log in over TCP: SoupBinTCP 3.00, the server's reading half.
 *
 *     NEW --login--> ASKING --> CHECKING --right--> WAITING --handed over--> UP
 *      |               |            |                                         |
 *      |               |            +--wrong--> REFUSED --delay, J--+         +--logout, loss--+
 *      |               |                                            v                          v
 *      +---------------+--no login, no check in time, nonsense--> CLOSING <--------------------+
 *
 * FREE when the io is done with it.  ASKING only while as many checks of that account as are
 * allowed are under way, WAITING only while nmw-send's hand-over socket is full; each no longer
 * than --login-timeout.
 *
 * Nothing is written here but Login Rejected: nmw-send, which gets each socket before its LOGIN is
 * on the ring, answers a login and everything after it.  Orders become slots that point into the
 * receive buffer; one that is cut by a buffer's end is put together first.
 *
 * A session over its rate, or with too many messages that the slowest reader has yet to take, is
 * not read until it may go on: TCP holds its client back, nothing is lost.
 *
 * One thread; all memory at the start.  Every list is bounded by the number of connections, every
 * wait by a time, and whoever is not logged in makes way when the connections run out.
 */
#ifndef NMW_RECV_TCP_SERVER_H
#define NMW_RECV_TCP_SERVER_H

#include "accounts.h"
#include "io/handover.h"
#include "live.h"
#include "login_worker.h"
#include "session.h"
#include "source.h"
#include "wire/endpoint.h"
#include "wire/soup.h"

#define CONN_PART  256u /* bytes of the longest packet that is taken, but for debug packets */
#define TCP_BUF_SZ 512u /* bytes of a receive buffer: mostly it holds an order or two */
#define TCP_EVENTS 256u
#define MARKS	   8u /* resolution of `outstanding` */
#define NOBODY	   0u /* connections are counted from 1 */

enum conn_state {
	CONN_FREE,
	CONN_NEW,      /* connected */
	CONN_ASKING,   /* its password is to be checked, when one of its account is done */
	CONN_CHECKING, /* its password is being checked */
	CONN_WAITING,  /* it was right; the hand-over has no room now */
	CONN_UP,       /* logged in */
	CONN_REFUSED,  /* Login Rejected goes out when the delay is over */
	CONN_CLOSING,  /* until the io is done with the socket */
};

/* What of a session the slowest reader has yet to take, to an eighth of its limit: after `count`
 * messages of the session the ring stood at `seq`. */
struct conn_mark {
	uint64_t seq, count;
};

struct conn {
	uint32_t sock;	/* of the io */
	uint32_t which; /* tells it from the one before in this place */
	uint8_t state;
	char reason;	     /* of Login Rejected */
	bool held;	     /* not read now */
	bool handed;	     /* nmw-send has the socket */
	uint32_t session;    /* id, 0 = none yet */
	uint32_t prev, next; /* list of its state, by time */
	uint32_t held_at;    /* place in tcp_server.held */
	struct account *account;
	uint64_t since_ns; /* in this list */
	uint64_t seen_ns;  /* when something came last */
	/* limits */
	uint64_t due_ns;   /* when the next message is due at its rate */
	uint64_t count;	   /* messages of this connection */
	uint64_t last_seq; /* the last one, on the ring */
	struct conn_mark mark[MARKS];
	/* login */
	struct nmw_soup_login ask;
	struct nmw_handover hand;
	struct endpoint peer;
	/* a packet that is not whole yet */
	uint32_t part_len;
	uint32_t skip; /* bytes to pass over */
	uint8_t part[CONN_PART];
};

struct conn_list {
	uint32_t first, last, n;
};

struct tcp_server {
	const struct recv_conf *conf;
	struct emit *emit;
	struct nmw_endpoint at; /* where it listens */
	char iface[NMW_IFACE_MAX];
	int listen_fd; /* until the io has it */
	bool started;
	struct accounts accounts;
	struct account nobody; /* of those who give a name that is not there */
	struct login_worker *worker;
	struct nmw_handover_server hand;
	struct sessions sessions;
	struct live live;
	uint32_t listener, worker_sock, hand_sock,
		peer_sock;	/* of the io; peer: UINT32_MAX = none */
	uint64_t refused_until; /* ns: no accept before, descriptors have run out; 0 = none */
	/* connections 1..n_conn */
	struct conn *conn;
	uint32_t n_conn, free, n_free;
	struct conn_list fresh, asking, waiting, up, refused; /* NEW, ASKING, ... */
	uint32_t *held, n_held;				      /* UP and not read */
	uint32_t give_at; /* next to hand over to a new nmw-send, 0 = done */
	/* of the burst at hand */
	uint64_t now, ts_ns, tick;
	uint64_t last; /* last message that points into the buffer */
	struct nmw_io_event ev[TCP_EVENTS];
};

/* ---- connections (tcp_conn.c) ---------------------------------------------------------------- */

static inline struct conn_list *conn_list_of(struct tcp_server *s, const struct conn *c)
{
	switch (c->state) {
	case CONN_NEW:
		return &s->fresh;
	case CONN_ASKING:
		return &s->asking;
	case CONN_WAITING:
		return &s->waiting;
	case CONN_UP:
		return &s->up;
	case CONN_REFUSED:
		return &s->refused;
	default:
		return NULL;
	}
}
static inline uint32_t conn_index(const struct tcp_server *s, const struct conn *c)
{
	return (uint32_t)(c - s->conn);
}

int conns_init(struct tcp_server *s, uint32_t n, struct nmw_err *e);
void conns_fini(struct tcp_server *s);
/* A descriptor that accept gave: takes it, or closes it when there is no room. */
void conn_accept(struct tcp_server *s, int fd);
/* Moves it to another state, and to the end of that state's list. */
void conn_go(struct tcp_server *s, struct conn *c, enum conn_state state);
/* Ends it: what the engine is told (UP only), and what is counted (NMW_M_COUNT = nothing). */
void conn_end(struct tcp_server *s, struct conn *c, enum nmw_ctl_kind kind,
	      enum nmw_counter_id count);
/* The io is done with it. */
void conn_free(struct tcp_server *s, struct conn *c);
/* Asks for what comes next: in a stream when it is up, a piece at a time when it has limits or is
 * not logged in, later when it is over its limits. */
void conn_read(struct tcp_server *s, struct conn *c);
/* Goes on with every one that may again. */
void conns_resume(struct tcp_server *s);
/* What time brings about: logins that did not come, silence, rejections that are due. */
void conns_tick(struct tcp_server *s);

/* ---- logins (tcp_login.c) -------------------------------------------------------------------- */

/* Each account has the id of its place in the file: the same after a restart, where an engine with
 * a journal still knows the sessions that entered its orders. */
void login_ids(struct tcp_server *s);
/* Starts the thread that checks passwords. */
int login_start(struct tcp_server *s, struct nmw_err *e);
/* A Login Request. */
void login_asked(struct tcp_server *s, struct conn *c, const struct nmw_soup *p);
/* Passwords were checked. */
void login_answers(struct tcp_server *s);
/* Goes on with logins that waited for room in the hand-over socket, and gives a new nmw-send the
 * sessions that are up. */
void login_hand_over(struct tcp_server *s);
/* Somebody comes or goes at the hand-over socket. */
void login_writer(struct tcp_server *s);

/* ---- packets (tcp_packets.c) ----------------------------------------------------------------- */

/* Bytes of a connection, in a frame of the ring (or anywhere else, and then copied). Sets s->last.
 */
void packets_take(struct tcp_server *s, struct conn *c, const uint8_t *p, uint32_t n,
		  bool in_frames);

#endif
