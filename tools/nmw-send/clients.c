#include "clients.h"

#include "base/clock.h"
#include "base/log.h"
#include "wire/codec.h"
#include "wire/soup.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUF	      (128u << 10) /* bytes of one write */
#define MANY_BUF      (66u << 10)  /* of each of a write to many */
#define AT_ONCE	      8u	   /* writes to one client before it is another's turn */
#define TAKES	      256u	   /* sockets taken at once */
#define EVENTS	      64u
#define RETRY_NS      (100ull * 1000 * 1000) /* between two tries to reach nmw-recv */
#define LOGIN_WAIT_NS (2 * NMW_NS_PER_S)     /* for a LOGIN that passed before we came */
#define GONE_NS	      NMW_NS_PER_S	     /* nmw-recv is away: its clients are cut off */
#define SCANS	      8u		     /* looks at all clients in a heartbeat's time */

/* ---- life cycle ----------------------------------------------------------------------------- */

/* A socket a client: as many as the system lets. */
static void raise_files(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* Without io_uring they are sent to one by one. */
static void open_many(struct many *m)
{
	m->ring = nmw_send_many_open();
	m->buf = m->ring ? malloc((size_t)NMW_SEND_MANY_MAX * MANY_BUF) : NULL;
	if (m->ring && !m->buf) {
		nmw_send_many_close(m->ring);
		m->ring = NULL;
	}
}

int clients_open(struct clients *c, struct sink *k, struct nmw_session_log *log,
		 struct places *places, uint32_t sessions, const struct sink_conf *conf,
		 struct nmw_err *e)
{
	memset(c, 0, sizeof *c);
	c->sink = k;
	c->log = log;
	c->places = places;
	c->max = sessions;
	c->group = conf->group;
	c->buffer = conf->client_buffer;
	c->heartbeat_ns = conf->heartbeat_ns;
	c->table.fd = -1;
	c->v = calloc(sessions, sizeof *c->v);
	c->all_of = calloc(sessions + 1, sizeof *c->all_of);
	c->of_session = calloc(sessions + 1, sizeof *c->of_session);
	c->of_account = calloc(sessions, sizeof *c->of_account);
	c->account_of = malloc((sessions + 1) * sizeof *c->account_of);
	c->buf = malloc(BUF);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!c->v || !c->all_of || !c->of_session || !c->of_account || !c->account_of || !c->buf ||
	    c->epoll < 0)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "no memory for %u clients: lower --sessions", sessions);
	memset(c->account_of, 0xFF, (sessions + 1) * sizeof *c->account_of);
	for (uint32_t i = 0; i < nmw_session_log_accounts(log); i++) {
		uint32_t id = nmw_session_log_session(log, (int)i);
		if (id && id <= sessions)
			c->account_of[id] = (int32_t)i;
	}
	raise_files();
	open_many(&c->many);
	return 0;
}

static void cut_off(struct clients *c, struct client *x);

void clients_close(struct clients *c)
{
	for (uint32_t i = 0; i < c->used; i++)
		cut_off(c, &c->v[i]);
	for (unsigned i = 0; i < c->ports; i++)
		if (c->port[i].fd >= 0)
			close(c->port[i].fd);
	if (c->epoll > 0)
		close(c->epoll);
	nmw_sessions_withdraw(&c->table);
	free(c->v);
	free(c->all_of);
	free(c->of_session);
	free(c->of_account);
	free(c->account_of);
	free(c->buf);
	nmw_send_many_close(c->many.ring);
	free(c->many.buf);
	memset(c, 0, sizeof *c);
}

static uint32_t place_of(const struct clients *c, const struct client *x)
{
	return (uint32_t)(x - c->v);
}

/* A place for a client of that session; NULL: none is free. */
static struct client *client_new(struct clients *c, uint32_t session, uint64_t login_seq)
{
	uint32_t at = c->free ? c->free : c->used < c->max ? ++c->used : 0;
	if (!at)
		return NULL;
	struct client *x = &c->v[at - 1];
	if (at == c->free)
		c->free = x->next_queued;
	*x = (struct client){.fd = -1,
			     .account = -1,
			     .session = session,
			     .login_seq = login_seq,
			     .next_same = c->all_of[session]};
	c->all_of[session] = at;
	return x;
}

/* One that ended while it was queued keeps its place until the queue has passed it: the link to the
 * next one lies in it. */
static void give_place(struct clients *c, struct client *x)
{
	if (x->state != CLIENT_FREE || x->queued)
		return;
	x->next_queued = c->free;
	c->free = place_of(c, x) + 1;
}

static struct client *client_find(struct clients *c, uint32_t session, uint64_t login_seq)
{
	uint32_t at = c->all_of[session];
	while (at && c->v[at - 1].login_seq != login_seq)
		at = c->v[at - 1].next_same;
	return at ? &c->v[at - 1] : NULL;
}

/* The connection ends for both programs; nmw-recv sees it and says LOST. */
static void cut_off(struct clients *c, struct client *x)
{
	if (x->fd >= 0) {
		epoll_ctl(c->epoll, EPOLL_CTL_DEL, x->fd, NULL);
		shutdown(x->fd, SHUT_RDWR);
		close(x->fd);
	}
	c->blocked -= x->blocked;
	c->up -= x->state == CLIENT_UP;
	if (x->account >= 0 && c->of_account[x->account] == place_of(c, x) + 1)
		c->of_account[x->account] = 0;
	x->fd = -1;
	x->blocked = false;
	x->state = x->state == CLIENT_FREE ? CLIENT_FREE : CLIENT_DOWN;
	c->sink->count.clients = c->up;
}

static void client_free(struct clients *c, struct client *x)
{
	cut_off(c, x);
	if (c->of_session[x->session] == place_of(c, x) + 1)
		c->of_session[x->session] = 0;
	uint32_t *at = &c->all_of[x->session];
	while (*at != place_of(c, x) + 1)
		at = &c->v[*at - 1].next_same;
	*at = x->next_same;
	x->state = CLIENT_FREE;
	give_place(c, x);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void enqueue(struct clients *c, struct client *x)
{
	if (x->queued)
		return;
	x->queued = true;
	c->queued++;
	x->next_queued = c->queue;
	c->queue = place_of(c, x) + 1;
}

static void set_blocked(struct clients *c, struct client *x, bool blocked)
{
	c->blocked += blocked;
	c->blocked -= x->blocked;
	x->blocked = blocked;
}

/* It says nothing of the socket, and no event will follow: to be tried again at the next look. */
static bool passes(int res)
{
	return res == -EINTR || res == -ENOBUFS || res == -ENOMEM;
}

/* What a send of n bytes gave: bytes that went, 0 when the socket is full or it is to be tried
 * again; a negative errno: the client is gone. */
static int bytes_put(struct clients *c, struct client *x, uint32_t n, int res, uint64_t now_ns)
{
	if (passes(res)) {
		enqueue(c, x);
		return 0;
	}
	if (res < 0 && res != -EAGAIN)
		return res;
	x->sent_ns = now_ns;
	x->bytes += res > 0 ? (uint64_t)res : 0;
	if (res < (int)n)
		set_blocked(c, x, true);
	return res < 0 ? 0 : res;
}

static int put_bytes(struct clients *c, struct client *x, const uint8_t *p, uint32_t n,
		     uint64_t now_ns)
{
	struct nmw_send_one one = {.fd = x->fd, .p = p, .len = n};
	c->sink->count.extra[SINK_socket_writes] += nmw_send_many(NULL, &one, 1);
	return bytes_put(c, x, n, one.res, now_ns);
}

/* Where it stands now. */
static void keep_place(const struct client *x)
{
	struct place p = {.bytes = x->bytes,
			  .seq = x->at.seq,
			  .skip = x->at.skip,
			  .head_at = x->head_at,
			  .head_len = x->head_len};
	if (!x->place)
		return;
	memcpy(p.head, x->head, sizeof p.head);
	place_store(x->place, &p);
}

/* A packet that is not of the log; from here on it goes before anything else. */
static void set_head(struct client *x, uint32_t len)
{
	x->head_len = (uint8_t)len;
	x->head_at = 0;
	keep_place(x);
}

static int send_head(struct clients *c, struct client *x, uint64_t now_ns)
{
	uint32_t left = x->head_len - x->head_at;
	int n = left ? put_bytes(c, x, x->head + x->head_at, left, now_ns) : 0;
	if (n > 0)
		x->head_at = (uint8_t)(x->head_at + n);
	keep_place(x);
	return n;
}

/* The next piece of the log. */
static int read_piece(struct clients *c, struct client *x, uint8_t *buf, uint32_t cap)
{
	bool replay = x->at.seq < x->replay_to;
	return nmw_session_log_read(c->log, x->account, &x->at, replay ? x->replay_to : UINT64_MAX,
				    buf, cap);
}

/* Of the n bytes that were read the send gave res. 1: there may be more; 0: it is blocked. */
static int piece_sent(struct clients *c, struct client *x, const uint8_t *buf, int n, int res,
		      uint64_t now_ns)
{
	bool replay = x->at.seq < x->replay_to;
	int sent = bytes_put(c, x, (uint32_t)n, res, now_ns);
	if (sent < 0)
		return sent;
	uint32_t done = nmw_session_cursor_advance(&x->at, buf, (uint32_t)n, (uint32_t)sent);
	keep_place(x);
	if (replay)
		c->sink->count.extra[SINK_replayed_messages] += done;
	else
		x->live_sent += (uint32_t)sent;
	return !x->blocked;
}

/* 1: there may be more; 0: that was all, or it is blocked. */
static int send_piece(struct clients *c, struct client *x, uint64_t now_ns)
{
	int n = read_piece(c, x, c->buf, BUF);
	if (n <= 0)
		return n;
	struct nmw_send_one one = {.fd = x->fd, .p = c->buf, .len = (uint32_t)n};
	c->sink->count.extra[SINK_socket_writes] += nmw_send_many(NULL, &one, 1);
	return piece_sent(c, x, c->buf, n, one.res, now_ns);
}

/* What the client has not taken is not taken back: the end of the session waits for it. */
static void send_end(struct clients *c, struct client *x, uint64_t now_ns)
{
	if (!x->ended)
		set_head(x, nmw_soup_put(x->head, NMW_SOUP_END, NULL, 0));
	x->ended = true;
	if (send_head(c, x, now_ns) < 0) {
		cut_off(c, x);
	} else if (x->head_at == x->head_len) {
		shutdown(x->fd, SHUT_WR);
		x->ending = false;
	}
}

static void slow(struct clients *c, struct client *x, const char *why)
{
	nmw_log(NMW_LOG_WARN,
		"tcp: client %.10s is disconnected: %s: it may log in again from %llu",
		x->login.account, why, (unsigned long long)x->at.seq);
	c->sink->count.extra[SINK_slow_clients]++;
	cut_off(c, x);
}

/* What the last of its pieces says: see send_piece. */
static void after_pieces(struct clients *c, struct client *x, int rc, uint64_t now_ns)
{
	if (rc == -ENODATA)
		slow(c, x, "what it has still to be sent has left the memory of --session-memory");
	else if (rc < 0)
		cut_off(c, x);
	else if (rc > 0)
		enqueue(c, x);
	else if (x->ending && !x->blocked)
		send_end(c, x, now_ns);
}

static void send_client(struct clients *c, struct client *x, uint64_t now_ns)
{
	int rc = 1;
	if (x->state != CLIENT_UP || x->blocked)
		return;
	if (x->head_at < x->head_len && (rc = send_head(c, x, now_ns)) <= 0) {
		if (rc < 0)
			cut_off(c, x);
		return;
	}
	for (unsigned i = 0; !x->blocked && rc > 0 && i < AT_ONCE; i++)
		rc = send_piece(c, x, now_ns);
	after_pieces(c, x, rc, now_ns);
}

/* Whether what it is to be sent next is one piece of the log, as it mostly is: read for its turn in
 * a send to many. */
static bool gather(struct clients *c, struct client *x)
{
	struct many *m = &c->many;
	uint8_t *buf = m->buf + (size_t)m->n * MANY_BUF;
	if (x->state != CLIENT_UP || x->blocked || x->head_at < x->head_len)
		return false;
	int n = read_piece(c, x, buf, MANY_BUF);
	if (n <= 0)
		return false;
	m->client[m->n] = x;
	m->one[m->n++] = (struct nmw_send_one){.fd = x->fd, .p = buf, .len = (uint32_t)n};
	return true;
}

static void send_gathered(struct clients *c, uint64_t now_ns)
{
	struct many *m = &c->many;
	c->sink->count.extra[SINK_socket_writes] += nmw_send_many(m->ring, m->one, m->n);
	for (unsigned i = 0; i < m->n; i++) {
		struct client *x = m->client[i];
		const struct nmw_send_one *o = &m->one[i];
		int rc = piece_sent(c, x, o->p, (int)o->len, o->res, now_ns);
		if (rc > 0)
			rc = x->at.seq < nmw_session_log_next(c->log, x->account);
		after_pieces(c, x, rc, now_ns);
	}
	m->n = 0;
}

void clients_send(struct clients *c, uint64_t now_ns)
{
	uint32_t at = c->queue;
	bool many = c->many.ring && c->queued >= NMW_SEND_MANY_MIN;
	c->queue = c->queued = 0;
	while (at) {
		struct client *x = &c->v[at - 1];
		at = x->next_queued;
		x->queued = false;
		give_place(c, x);
		if (!many || !gather(c, x))
			send_client(c, x, now_ns);
		if (c->many.n == NMW_SEND_MANY_MAX)
			send_gathered(c, now_ns);
	}
	if (c->many.n)
		send_gathered(c, now_ns);
}

/* Bytes that came since the login and were not sent. */
static uint64_t behind(const struct clients *c, const struct client *x)
{
	return nmw_session_log_bytes(c->log, x->account) - x->live_bytes - x->live_sent;
}

void clients_news(struct clients *c, int account, bool end)
{
	uint32_t at = c->of_account[account];
	if (!at)
		return;
	struct client *x = &c->v[at - 1];
	x->ending |= end;
	if (!x->blocked)
		enqueue(c, x);
	else if (behind(c, x) > c->buffer)
		slow(c, x, "it does not take its messages, and more than --client-buffer wait");
}

bool clients_pending(const struct clients *c)
{
	return c->queue || c->blocked;
}

/* ---- logins --------------------------------------------------------------------------------- */

int clients_account(const struct clients *c, uint32_t session)
{
	return session <= c->max ? c->account_of[session] : -1;
}

void clients_not_ours(struct clients *c, uint32_t session)
{
	if (session <= c->max)
		c->account_of[session] = CLIENTS_OTHER;
}

static int learn_account(struct clients *c, uint32_t session, const struct nmw_ctl *ctl)
{
	struct nmw_err e = NMW_ERR_INIT;
	int account = nmw_session_log_account(
		c->log, ctl->account, nmw_codec_name((enum nmw_codec_id)ctl->codec), ctl->name, &e);
	if (account < 0) {
		nmw_log_err(&e);
		return account;
	}
	c->account_of[session] = account;
	nmw_session_log_bind(c->log, account, session);
	return account;
}

/* The number that the answer names: what the client asked for, as far as it is there.  0 asks for
 * the most recent message. */
static uint64_t first_of(struct clients *c, const struct client *x)
{
	uint64_t next = nmw_session_log_next(c->log, x->account), want = x->login.first;
	uint64_t oldest = nmw_session_log_oldest(c->log, x->account);
	if (want == 0)
		want = next > 1 ? next - 1 : 1;
	if (want >= oldest)
		return want < next ? want : next;
	c->sink->count.extra[SINK_logins_short]++;
	nmw_log(NMW_LOG_WARN,
		"tcp: client %.10s asks for message %llu: the oldest that is there is %llu: raise "
		"--session-memory, or give --session-log",
		x->login.account, (unsigned long long)want, (unsigned long long)oldest);
	return oldest;
}

/* Asked for a session that is not the account's: content would come under wrong numbers. */
static bool other_session(const struct clients *c, const struct client *x)
{
	return memcmp(x->requested, "          ", sizeof x->requested) != 0 &&
	       memcmp(x->requested, nmw_session_log_name(c->log, x->account),
		      sizeof x->requested) != 0;
}

static void refuse(struct clients *c, struct client *x, uint64_t now_ns)
{
	static const uint8_t not_available = 'S';
	set_head(x, nmw_soup_put(x->head, NMW_SOUP_REJECTED, &not_available, 1));
	send_head(c, x, now_ns);
	c->sink->count.extra[SINK_logins_refused]++;
	cut_off(c, x);
}

static void bring_up(struct clients *c, struct client *x, uint64_t now_ns)
{
	struct epoll_event ev = {.events = EPOLLOUT | EPOLLET, .data.u32 = place_of(c, x)};
	uint32_t old = c->of_account[x->account];
	int one = 1;
	if (old)
		cut_off(c, &c->v[old - 1]);
	setsockopt(x->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	epoll_ctl(c->epoll, EPOLL_CTL_ADD, x->fd, &ev);
	x->state = CLIENT_UP;
	x->since_ns = x->sent_ns = now_ns;
	c->of_account[x->account] = c->of_session[x->session] = place_of(c, x) + 1;
	x->replay_to = nmw_session_log_next(c->log, x->account);
	x->live_bytes = nmw_session_log_bytes(c->log, x->account);
	c->sink->count.clients = ++c->up;
	enqueue(c, x);
}

static struct place_row *row_of(const struct clients *c, const struct client *x)
{
	return places_row(c->places, nmw_session_log_of(c->log, x->account),
			  nmw_session_log_protocol(c->log, x->account));
}

/* The row is this connection's from now on. */
static void begin_place(struct clients *c, struct client *x)
{
	x->place = row_of(c, x);
	if (!x->place)
		return;
	x->place->session = 0; /* while it is written */
	keep_place(x);
	x->place->login_seq = x->login_seq;
	__atomic_store_n(&x->place->session, x->session, __ATOMIC_RELEASE);
}

/* Both are there: the login is answered, and the replay begins. */
static void attach(struct clients *c, struct client *x, uint64_t now_ns)
{
	x->account = learn_account(c, x->session, &x->login);
	if (x->account < 0 || other_session(c, x)) {
		refuse(c, x, now_ns);
		return;
	}
	bring_up(c, x, now_ns);
	uint64_t first = first_of(c, x);
	nmw_session_cursor_set(&x->at, first);
	set_head(x,
		 nmw_soup_put_accepted(x->head, nmw_session_log_name(c->log, x->account), first));
	begin_place(c, x);
	c->sink->count.extra[SINK_logins_answered]++;
}

/* What was written after the place was kept: the rest of the head, then of the log. */
static bool skip_written(struct clients *c, struct client *x, uint64_t n)
{
	uint64_t head = x->head_len - x->head_at;
	head = n < head ? n : head;
	x->head_at = (uint8_t)(x->head_at + head);
	for (n -= head; n > 0;) {
		int have =
			nmw_session_log_read(c->log, x->account, &x->at, UINT64_MAX, c->buf, BUF);
		if (have <= 0)
			return false;
		uint32_t part = n < (uint32_t)have ? (uint32_t)n : (uint32_t)have;
		nmw_session_cursor_advance(&x->at, c->buf, (uint32_t)have, part);
		n -= part;
	}
	return true;
}

/* The connection of a writer before this one, which kept its place. */
static bool resume(struct clients *c, struct client *x, uint64_t now_ns)
{
	struct place_row *r = row_of(c, x);
	int64_t written = place_written(x->fd);
	if (!r || r->session != x->session || r->login_seq != x->login_seq || written < 0)
		return false;
	const struct place p = *place_active(r);
	if ((uint64_t)written < p.bytes || p.head_len > PLACE_HEAD || p.head_at > p.head_len)
		return false;
	nmw_session_cursor_set(&x->at, p.seq);
	x->at.skip = p.skip;
	x->head_at = p.head_at;
	x->head_len = p.head_len;
	memcpy(x->head, p.head, sizeof x->head);
	if (!skip_written(c, x, (uint64_t)written - p.bytes))
		return false;
	x->bytes = (uint64_t)written;
	bring_up(c, x, now_ns);
	begin_place(c, x);
	c->sink->count.extra[SINK_resumed_clients]++;
	return true;
}

static void take_sockets(struct clients *c, struct clients_port *p, uint64_t now_ns);

bool clients_login(struct clients *c, uint32_t session, uint64_t in_seq, const struct nmw_ctl *ctl,
		   uint64_t now_ns)
{
	if (!session || session > c->max)
		return false;
	clients_port(c, ctl->host_port, now_ns);
	for (unsigned i = 0; i < c->ports; i++)
		take_sockets(c, &c->port[i], now_ns);
	learn_account(c, session, ctl);
	uint32_t old = c->of_session[session];
	if (old && c->v[old - 1].login_seq > in_seq)
		return true; /* the ring gives it again, after a restart */
	if (old && c->v[old - 1].login_seq < in_seq)
		client_free(c, &c->v[old - 1]);
	struct client *x = client_find(c, session, in_seq);
	if (x && x->state != CLIENT_NO_LOGIN)
		return true; /* it was answered from the hand-over */
	if (!x && !(x = client_new(c, session, in_seq)))
		return false;
	bool there = x->state == CLIENT_NO_LOGIN;
	x->login = *ctl;
	x->state = CLIENT_NO_SOCKET;
	x->since_ns = now_ns;
	c->of_session[session] = place_of(c, x) + 1;
	if (there)
		attach(c, x, now_ns);
	return true;
}

void clients_end(struct clients *c, uint32_t session, uint64_t in_seq)
{
	if (!session || session > c->max)
		return;
	for (uint32_t at = c->all_of[session]; at;) {
		struct client *x = &c->v[at - 1];
		at = x->next_same;
		if (x->login_seq > in_seq)
			continue;
		send_client(c, x, x->sent_ns);
		client_free(c, x);
	}
}

/* ---- sockets -------------------------------------------------------------------------------- */

static void take_one(struct clients *c, const struct nmw_handover *m, int fd, uint64_t now_ns)
{
	bool ours = m->session && m->session <= c->max;
	struct client *x = ours ? client_find(c, m->session, m->login_seq) : NULL;
	bool known = x != NULL;
	if (ours && !x)
		x = client_new(c, m->session, m->login_seq);
	if (!x || x->fd >= 0 || (known && x->state != CLIENT_NO_SOCKET)) {
		close(fd);
		return;
	}
	x->fd = fd;
	x->since_ns = now_ns;
	memcpy(x->requested, m->requested, sizeof x->requested);
	if (!known) {
		x->login = m->login;
		x->state = CLIENT_NO_LOGIN;
	}
	/* the ring may give a LOGIN again that the writer before this one has answered */
	x->account = learn_account(c, x->session, &x->login);
	if (x->account >= 0 && resume(c, x, now_ns))
		return;
	if (place_written(fd) == 0) {
		if (known)
			attach(c, x, now_ns);
		return;
	}
	c->sink->count.extra[SINK_reset_clients]++;
	c->of_session[x->session] = place_of(c, x) + 1;
	cut_off(c, x);
}

/* At the end of a pipeline the reader goes first, and the ring still holds replies. One that speaks
 * another version is there: its clients stay. */
static void port_gone(struct clients_port *p, const struct nmw_err *e, uint64_t now_ns)
{
	bool odd = e->err == -EPROTO;
	nmw_log(odd && !p->odd ? NMW_LOG_WARN : NMW_LOG_DEBUG, "tcp: port %u: %s", p->port, e->msg);
	close(p->fd);
	p->fd = -1;
	p->odd |= odd;
	if (!odd)
		p->gone_ns = now_ns;
	p->retry_ns = now_ns + RETRY_NS;
}

/* The last descriptor is kept, so that the next client can be taken and told so, too. */
static bool last_file(int fd)
{
	int spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (spare >= 0)
		close(spare);
	return spare < 0;
}

static void no_files(struct clients *c, const char *why)
{
	c->sink->count.extra[SINK_logins_refused]++;
	nmw_log(NMW_LOG_WARN, "tcp: a client is refused: %s", why);
}

static void refuse_socket(struct clients *c, const struct nmw_handover *m, int fd)
{
	char why[128];
	snprintf(why, sizeof why,
		 "account %.10s: this process may not have more descriptors: raise ulimit -n",
		 m->login.account);
	no_files(c, why);
	if (place_written(fd) == 0) {
		static const uint8_t not_available = 'S';
		uint8_t out[8];
		uint32_t n = nmw_soup_put(out, NMW_SOUP_REJECTED, &not_available, 1);
		struct nmw_send_one one = {.fd = fd, .p = out, .len = n};
		c->sink->count.extra[SINK_socket_writes] += nmw_send_many(NULL, &one, 1);
	}
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

static void take_sockets(struct clients *c, struct clients_port *p, uint64_t now_ns)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_handover m;
	int fd = -1;
	for (unsigned i = 0; p->fd >= 0 && i < TAKES; i++) {
		int rc = nmw_handover_take(p->fd, &m, &fd, &e);
		if (rc == 0)
			return;
		if (rc > 0 && last_file(fd))
			refuse_socket(c, &m, fd);
		else if (rc > 0)
			take_one(c, &m, fd, now_ns);
		else if (rc == -EMFILE)
			no_files(c, e.msg);
		else
			port_gone(p, &e, now_ns);
		e = (struct nmw_err)NMW_ERR_INIT;
	}
}

/* The clients of a nmw-recv that is no more: nobody reads them. */
static void drop_port(struct clients *c, const struct clients_port *p)
{
	nmw_log(NMW_LOG_WARN, "tcp: port %u: nmw-recv is gone: its clients are disconnected",
		p->port);
	for (uint32_t i = 0; i < c->used; i++)
		if (c->v[i].state != CLIENT_FREE && c->v[i].login.host_port == p->port)
			client_free(c, &c->v[i]);
}

static void reach_port(struct clients *c, struct clients_port *p, uint64_t now_ns)
{
	struct nmw_err e = NMW_ERR_INIT;
	p->retry_ns = now_ns + RETRY_NS;
	int fd = nmw_handover_connect(p->port, c->group, &e);
	if (fd < 0)
		return;
	int reader = nmw_handover_reader(fd);
	if (p->gone_ns && (!reader || reader != p->reader))
		drop_port(c, p);
	p->gone_ns = 0;
	p->reader = reader;
	p->fd = fd;
	take_sockets(c, p, now_ns);
}

void clients_port(struct clients *c, uint16_t port, uint64_t now_ns)
{
	for (unsigned i = 0; i < c->ports; i++)
		if (c->port[i].port == port)
			return;
	if (c->ports == CLIENTS_PORTS || !port)
		return;
	struct clients_port *p = &c->port[c->ports++];
	*p = (struct clients_port){.port = port, .fd = -1};
	reach_port(c, p, now_ns);
}

static void look_at_port(struct clients *c, struct clients_port *p, uint64_t now_ns)
{
	if (p->fd >= 0) {
		take_sockets(c, p, now_ns);
	} else if (now_ns >= p->retry_ns) {
		if (p->gone_ns && now_ns - p->gone_ns >= GONE_NS) {
			drop_port(c, p);
			p->gone_ns = 0;
		}
		reach_port(c, p, now_ns);
	}
}

/* ---- time ----------------------------------------------------------------------------------- */

static void look_at_blocked(struct clients *c)
{
	struct epoll_event ev[EVENTS];
	int n = c->blocked ? epoll_wait(c->epoll, ev, EVENTS, 0) : 0;
	for (int i = 0; i < n; i++) {
		struct client *x = &c->v[ev[i].data.u32];
		if (!x->blocked)
			continue;
		set_blocked(c, x, false);
		enqueue(c, x);
	}
}

static void heartbeat(struct clients *c, struct client *x, uint64_t now_ns)
{
	bool busy = x->blocked || x->queued || x->at.skip || x->head_at < x->head_len;
	if (busy || now_ns - x->sent_ns < c->heartbeat_ns)
		return;
	set_head(x, nmw_soup_put(x->head, NMW_SOUP_SERVER_HEARTBEAT, NULL, 0));
	enqueue(c, x);
}

/* What nmw-stat sessions shows of an account. */
static void put_row(struct clients *c, uint32_t account)
{
	struct nmw_session_row *r = &c->table.row[account];
	uint32_t at = c->of_account[account];
	const struct client *x = at ? &c->v[at - 1] : NULL;
	memcpy(r->account, nmw_session_log_of(c->log, (int)account), sizeof r->account);
	memcpy(r->name, nmw_session_log_name(c->log, (int)account), sizeof r->name);
	snprintf(r->protocol, sizeof r->protocol, "%s",
		 nmw_session_log_protocol(c->log, (int)account));
	r->id = nmw_session_log_session(c->log, (int)account);
	r->next = nmw_session_log_next(c->log, (int)account);
	r->state = NMW_SESSION_AWAY;
	if (!x)
		return;
	r->state = x->blocked ? NMW_SESSION_BLOCKED : NMW_SESSION_UP;
	r->family = x->login.family;
	r->port = x->login.port;
	r->host_port = x->login.host_port;
	memcpy(r->addr, x->login.addr, sizeof r->addr);
	r->sent = x->at.seq;
	r->buffered = behind(c, x);
	r->logins += r->since_ns != x->since_ns;
	r->since_ns = x->since_ns;
	r->sent_ns = x->sent_ns;
}

static void show_sessions(struct clients *c)
{
	struct nmw_err e = NMW_ERR_INIT;
	uint32_t n = nmw_session_log_accounts(c->log);
	if (!n)
		return;
	if (!c->published && nmw_sessions_publish(&c->table, c->max, c->group, &e))
		nmw_log(NMW_LOG_WARN, "nmw-stat will not show the sessions: %s", e.msg);
	c->published = true;
	if (!c->table.head)
		return;
	n = n < c->table.max ? n : c->table.max;
	for (uint32_t i = 0; i < n; i++)
		put_row(c, i);
	__atomic_store_n(&c->table.head->rows, n, __ATOMIC_RELEASE);
}

/* Whose LOGIN passed on the ring before this program came is answered from the hand-over. */
static void look_at_all(struct clients *c, uint64_t now_ns)
{
	if (now_ns - c->scanned_ns < c->heartbeat_ns / SCANS)
		return;
	c->scanned_ns = now_ns;
	show_sessions(c);
	for (uint32_t i = 0; i < c->used; i++) {
		struct client *x = &c->v[i];
		if (x->state == CLIENT_UP) {
			heartbeat(c, x, now_ns);
		} else if (x->state == CLIENT_NO_LOGIN && now_ns - x->since_ns > LOGIN_WAIT_NS) {
			c->of_session[x->session] = i + 1;
			attach(c, x, now_ns);
		}
	}
}

void clients_look_after(struct clients *c, uint64_t now_ns)
{
	for (unsigned i = 0; i < c->ports; i++)
		look_at_port(c, &c->port[i], now_ns);
	look_at_blocked(c);
	look_at_all(c, now_ns);
	clients_send(c, now_ns);
}
