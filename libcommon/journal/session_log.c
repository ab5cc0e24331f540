#include "journal/session_log.h"

#include "journal/segment.h"
#include "journal/session_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define NONE	 UINT64_MAX
#define PADDING	 UINT32_MAX /* account of the bytes left over at the end of the arena */
#define WIRE_HDR 3u	    /* length and type of SoupBinTCP */
#define BUCKETS	 4096u
#define STAGE	 (1u << 18) /* bytes handed to a file at once; holds the longest record */

/* A message in the arena, followed by its packet. Offsets are virtual: they only grow. */
struct entry {
	uint64_t next, prev; /* of the same account, NONE = no such */
	uint64_t seq, ring_seq, ts_ns;
	uint32_t account;
	uint32_t size; /* with this head, a multiple of 8 */
};

struct account {
	char name[10];
	char protocol[16];
	char session[10];
	uint64_t next;	      /* sequence number of the next message */
	uint64_t bytes;	      /* of packets appended since the log was opened */
	uint32_t id;	      /* session that it had last */
	uint64_t first, last; /* offsets of its oldest and newest in memory; NONE = none is */
	uint64_t unsaved;     /* offset of the first that its file lacks; NONE = none */
	bool dirty, resumed;  /* resumed: messages may come that the file has */
	struct session_file file;
	int32_t chain; /* next of its bucket, -1 = last */
};

struct nmw_session_log {
	struct nmw_session_log_conf conf;
	char day[16];
	uint8_t *arena;
	uint64_t size, tail, head;
	struct account *account;
	int32_t bucket[BUCKETS];
	uint32_t *dirty, n_dirty;
	uint8_t *stage;
	int dir; /* -1: memory only */
	struct nmw_err err;
	struct nmw_session_log_stat stat;
};

/* ---- life cycle ----------------------------------------------------------------------------- */

static int open_dir(struct nmw_session_log *l, struct nmw_err *e)
{
	const char *dir = l->conf.dir;
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0)
		return nmw_err_set(e, -errno, nmw_exit_of(errno),
				   "session log %s: cannot open the directory: %s: make it with "
				   "mkdir -m 700 %s",
				   dir, strerror(errno), dir);
	if (flock(l->dir, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return nmw_err_set(e, -EBUSY, NMW_EXIT_PEER,
			   "session log %s: another program writes it: give each its own directory",
			   dir);
}

static int load_dir(struct nmw_session_log *l, struct nmw_err *e);

int nmw_session_log_open(struct nmw_session_log **out, const struct nmw_session_log_conf *c,
			 struct nmw_err *e)
{
	struct nmw_session_log *l = calloc(1, sizeof *l);
	if (!l)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "session log: no memory");
	l->conf = *c;
	snprintf(l->day, sizeof l->day, "%s", c->day ? c->day : "");
	l->dir = -1;
	l->size = (c->memory < NMW_SESSION_LOG_MIN ? NMW_SESSION_LOG_MIN : c->memory) & ~7ull;
	memset(l->bucket, 0xFF, sizeof l->bucket);
	l->arena = malloc(l->size);
	l->account = calloc(c->accounts, sizeof *l->account);
	l->dirty = calloc(c->accounts, sizeof *l->dirty);
	l->stage = malloc(STAGE);
	int rc = 0;
	if (!l->arena || !l->account || !l->dirty || !l->stage)
		rc = nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				 "session log: no memory for %llu bytes: lower --session-memory",
				 (unsigned long long)l->size);
	if (!rc && c->dir)
		rc = open_dir(l, e);
	if (!rc && c->dir)
		rc = load_dir(l, e);
	if (rc)
		nmw_session_log_close(l);
	else
		*out = l;
	return rc;
}

void nmw_session_log_close(struct nmw_session_log *l)
{
	if (!l)
		return;
	if (l->account && l->stage)
		nmw_session_log_flush(l, NULL);
	for (uint32_t i = 0; l->account && i < l->stat.accounts; i++)
		session_file_close(&l->account[i].file);
	if (l->dir >= 0)
		close(l->dir);
	free(l->arena);
	free(l->account);
	free(l->dirty);
	free(l->stage);
	free(l);
}

/* ---- accounts ------------------------------------------------------------------------------- */

static uint32_t bucket_of(const char account[10])
{
	uint64_t h = 0;
	for (unsigned i = 0; i < 10; i++)
		h = h * 31 + (uint8_t)account[i];
	return (uint32_t)(h ^ h >> 20) % BUCKETS;
}

/* Letters and digits as they are, anything else as %XX; the padding not at all. */
static void file_path(const struct nmw_session_log *l, const char account[10], const char *protocol,
		      char path[PATH_MAX])
{
	char name[32] = "";
	unsigned n = 10, at = 0;
	while (n && account[n - 1] == ' ')
		n--;
	for (unsigned i = 0; i < n; i++) {
		uint8_t c = (uint8_t)account[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
		at += (unsigned)snprintf(name + at, sizeof name - at, plain ? "%c" : "%%%02X", c);
	}
	snprintf(path, PATH_MAX, "%.3800s/%s.%s.%s", l->conf.dir, name, protocol, l->day);
}

static int open_file(struct nmw_session_log *l, struct account *a, struct nmw_err *e)
{
	char path[PATH_MAX];
	struct session_head head = {0};
	memcpy(head.account, a->name, 10);
	memcpy(head.name, a->session, 10);
	memcpy(head.protocol, a->protocol, sizeof head.protocol);
	file_path(l, a->name, a->protocol, path);
	int rc = session_file_open(&a->file, path, l->conf.name, &head, e);
	if (rc)
		return rc;
	memcpy(a->session, head.name, 10);
	a->id = head.session;
	a->next = a->file.next;
	a->resumed = a->next > 1;
	l->stat.torn_bytes += a->file.torn;
	return 0;
}

static int add(struct nmw_session_log *l, const char account[10], const char *protocol,
	       const char *name, struct nmw_err *e)
{
	if (l->stat.accounts == l->conf.accounts)
		return nmw_err_set(e, -ENOSPC, NMW_EXIT_RESOURCE,
				   "session log: %u accounts are there, no room for another: raise "
				   "--sessions",
				   l->stat.accounts);
	struct account *a = &l->account[l->stat.accounts];
	*a = (struct account){.next = 1, .first = NONE, .last = NONE, .unsaved = NONE};
	a->file.fd = -1;
	memcpy(a->name, account, 10);
	memcpy(a->session, name ? name : "          ", 10);
	snprintf(a->protocol, sizeof a->protocol, "%s", protocol);
	int rc = l->dir >= 0 ? open_file(l, a, e) : 0;
	if (rc)
		return rc;
	if (!name && l->dir < 0)
		memcpy(a->session, l->conf.name, 10);
	int32_t *b = &l->bucket[bucket_of(account)];
	a->chain = *b;
	*b = (int32_t)l->stat.accounts;
	return (int)l->stat.accounts++;
}

/* The session that the directory had is not the one that is wanted: its file is moved aside, unless
 * it has been written to. */
static int rename_session(struct nmw_session_log *l, int i, const char *name, struct nmw_err *e)
{
	struct account *a = &l->account[i];
	if (!name || !memcmp(a->session, name, 10) || a->bytes || a->file.fd < 0)
		return i;
	session_file_close(&a->file);
	memcpy(a->session, name, 10);
	int rc = open_file(l, a, e);
	return rc ? rc : i;
}

int nmw_session_log_account(struct nmw_session_log *l, const char account[10], const char *protocol,
			    const char *name, struct nmw_err *e)
{
	if (name && !memcmp(name, "          ", 10))
		name = NULL;
	for (int32_t i = l->bucket[bucket_of(account)]; i >= 0; i = l->account[i].chain)
		if (!memcmp(l->account[i].name, account, 10) &&
		    !strcmp(l->account[i].protocol, protocol))
			return rename_session(l, i, name, e);
	return add(l, account, protocol, name, e);
}

uint64_t nmw_session_log_bytes(const struct nmw_session_log *l, int account)
{
	return l->account[account].bytes;
}

uint32_t nmw_session_log_accounts(const struct nmw_session_log *l)
{
	return l->stat.accounts;
}

uint32_t nmw_session_log_session(const struct nmw_session_log *l, int account)
{
	return l->account[account].id;
}

const char *nmw_session_log_of(const struct nmw_session_log *l, int account)
{
	return l->account[account].name;
}

const char *nmw_session_log_protocol(const struct nmw_session_log *l, int account)
{
	return l->account[account].protocol;
}

void nmw_session_log_bind(struct nmw_session_log *l, int account, uint32_t session)
{
	struct account *a = &l->account[account];
	if (a->id == session)
		return;
	a->id = session;
	if (a->file.fd >= 0)
		session_file_bind(&a->file, session);
}

const char *nmw_session_log_name(const struct nmw_session_log *l, int account)
{
	return l->account[account].session;
}

/* ACCOUNT.PROTOCOL.DAY; anything else is not looked at. */
static int load_file(struct nmw_session_log *l, const char *file, struct nmw_err *e)
{
	char path[PATH_MAX], ours[PATH_MAX];
	struct session_head head;
	snprintf(path, sizeof path, "%.3800s/%.250s", l->conf.dir, file);
	if (session_file_peek(path, &head) < 0)
		return 0;
	file_path(l, head.account, head.protocol, ours);
	if (strcmp(path, ours) != 0)
		return 0;
	int rc = nmw_session_log_account(l, head.account, head.protocol, head.name, e);
	return rc < 0 ? rc : 0;
}

static int load_dir(struct nmw_session_log *l, struct nmw_err *e)
{
	DIR *d = opendir(l->conf.dir);
	int rc = 0;
	if (!d)
		return nmw_err_set(e, -errno, nmw_exit_of(errno), "session log %s: %s", l->conf.dir,
				   strerror(errno));
	for (struct dirent *f; !rc && (f = readdir(d));)
		rc = load_file(l, f->d_name, e);
	closedir(d);
	return rc;
}

static struct entry *entry_at(const struct nmw_session_log *l, uint64_t off)
{
	return (struct entry *)(void *)(l->arena + off % l->size);
}

uint64_t nmw_session_log_next(const struct nmw_session_log *l, int account)
{
	return l->account[account].next;
}

uint64_t nmw_session_log_oldest(const struct nmw_session_log *l, int account)
{
	const struct account *a = &l->account[account];
	if (a->file.fd >= 0)
		return 1;
	return a->first == NONE ? a->next : entry_at(l, a->first)->seq;
}

/* ---- the file side -------------------------------------------------------------------------- */

static uint32_t wire_len(const struct entry *x)
{
	const uint8_t *w = (const uint8_t *)(x + 1);
	return 2u + ((uint32_t)w[0] << 8 | w[1]);
}

/* From here on nothing is written, and flush reports it: a later record would lie behind a gap. */
static void give_up(struct nmw_session_log *l, struct account *a, int rc)
{
	nmw_err_set(&l->err, rc, nmw_exit_of(rc),
		    "session log %s: cannot write the log of account %.10s: %s: what it lacks was "
		    "not sent: make it writable and start again",
		    l->conf.dir, a->name, strerror(-rc));
	a->unsaved = NONE;
}

static uint32_t put_record(struct session_file *f, const struct entry *x, uint8_t *to, uint32_t at)
{
	const uint8_t *msg = (const uint8_t *)(x + 1) + WIRE_HDR;
	struct session_record r = {.len = (uint16_t)(wire_len(x) - WIRE_HDR),
				   .ring_seq = x->ring_seq,
				   .ts_ns = x->ts_ns};
	r.crc = session_record_crc(&r, x->seq, msg);
	session_file_note(f, at);
	memcpy(to + at, &r, sizeof r);
	memcpy(to + at + sizeof r, msg, r.len);
	return at + (uint32_t)sizeof r + r.len;
}

/* Hands to the file what it lacks. */
static void save(struct nmw_session_log *l, struct account *a)
{
	uint32_t n = 0;
	while (a->unsaved != NONE && !l->err.err) {
		const struct entry *x = entry_at(l, a->unsaved);
		n = put_record(&a->file, x, l->stage, n);
		a->unsaved = x->next;
		if (a->unsaved != NONE &&
		    n + sizeof(struct session_record) + wire_len(entry_at(l, a->unsaved)) <= STAGE)
			continue;
		int rc = session_file_append(&a->file, l->stage, n);
		if (rc)
			give_up(l, a, rc);
		n = 0;
	}
}

int nmw_session_log_flush(struct nmw_session_log *l, struct nmw_err *e)
{
	for (uint32_t i = 0; i < l->n_dirty; i++) {
		struct account *a = &l->account[l->dirty[i]];
		a->dirty = false;
		save(l, a);
	}
	l->n_dirty = 0;
	if (l->err.err && e)
		*e = l->err;
	return l->err.err;
}

/* ---- the memory side ------------------------------------------------------------------------ */

static void evict(struct nmw_session_log *l)
{
	uint64_t to_end = l->size - l->tail % l->size;
	const struct entry *x = entry_at(l, l->tail);
	if (to_end < sizeof *x) { /* too little for the head of a padding */
		l->tail += to_end;
		return;
	}
	l->tail += x->size;
	if (x->account == PADDING)
		return;
	struct account *a = &l->account[x->account];
	if (a->unsaved != NONE) /* its oldest are the first that give way */
		save(l, a);
	a->first = x->next;
	if (a->first == NONE)
		a->last = NONE;
	else
		entry_at(l, a->first)->prev = NONE;
	l->stat.evicted++;
}

/* Room for an entry, in one piece. */
static struct entry *room(struct nmw_session_log *l, uint32_t size)
{
	uint64_t to_end = l->size - l->head % l->size;
	uint64_t need = size + (to_end < size ? to_end : 0);
	while (l->head + need > l->tail + l->size)
		evict(l);
	if (to_end < size) {
		if (to_end >= sizeof(struct entry)) {
			struct entry *pad = entry_at(l, l->head);
			pad->account = PADDING;
			pad->size = (uint32_t)to_end;
		}
		l->head += to_end;
	}
	return entry_at(l, l->head);
}

static void mark_dirty(struct nmw_session_log *l, int account, uint64_t off)
{
	struct account *a = &l->account[account];
	if (a->file.fd < 0)
		return;
	if (a->unsaved == NONE)
		a->unsaved = off;
	if (!a->dirty)
		l->dirty[l->n_dirty++] = (uint32_t)account;
	a->dirty = true;
}

static void link_entry(struct nmw_session_log *l, int account, struct entry *x)
{
	struct account *a = &l->account[account];
	x->prev = a->last;
	x->next = NONE;
	if (a->last == NONE)
		a->first = l->head;
	else
		entry_at(l, a->last)->next = l->head;
	a->last = l->head;
	mark_dirty(l, account, l->head);
	l->head += x->size;
}

bool nmw_session_log_append(struct nmw_session_log *l, int account, uint64_t ring_seq,
			    uint64_t ts_ns, const uint8_t *msg, uint32_t len)
{
	struct account *a = &l->account[account];
	if (a->resumed && ring_seq <= a->file.last_ring_seq && ts_ns <= a->file.last_ts_ns) {
		l->stat.duplicates++;
		return false;
	}
	a->resumed = false;
	uint32_t size = (uint32_t)(sizeof(struct entry) + WIRE_HDR + len + 7) & ~7u;
	struct entry *x = room(l, size);
	x->seq = a->next++;
	x->ring_seq = ring_seq;
	x->ts_ns = ts_ns;
	x->account = (uint32_t)account;
	x->size = size;
	uint8_t *w = (uint8_t *)(x + 1);
	w[0] = (uint8_t)((len + 1) >> 8);
	w[1] = (uint8_t)(len + 1);
	w[2] = 'S';
	a->bytes += WIRE_HDR + len;
	memcpy(w + WIRE_HDR, msg, len);
	link_entry(l, account, x);
	return true;
}

/* ---- reading -------------------------------------------------------------------------------- */

void nmw_session_cursor_set(struct nmw_session_cursor *c, uint64_t seq)
{
	*c = (struct nmw_session_cursor){.seq = seq, .at = NONE, .next_at = NONE};
}

/* Where message c->seq of the account lies, from the nearer end of what is in memory. */
static uint64_t find(const struct nmw_session_log *l, int account,
		     const struct nmw_session_cursor *c)
{
	const struct account *a = &l->account[account];
	if (c->at != NONE && c->at >= l->tail)
		return c->at;
	uint64_t first = entry_at(l, a->first)->seq, at;
	if (c->seq - first < a->next - c->seq)
		for (at = a->first; entry_at(l, at)->seq != c->seq;)
			at = entry_at(l, at)->next;
	else
		for (at = a->last; entry_at(l, at)->seq != c->seq;)
			at = entry_at(l, at)->prev;
	return at;
}

static uint32_t read_memory(const struct nmw_session_log *l, int account,
			    struct nmw_session_cursor *c, uint64_t end, uint8_t *buf, uint32_t cap)
{
	uint32_t n = 0, skip = c->skip;
	uint64_t at = c->at = find(l, account, c);
	c->first_left = wire_len(entry_at(l, at)) - skip;
	while (at != NONE) {
		const struct entry *x = entry_at(l, at);
		uint32_t part = wire_len(x) - skip;
		if (x->seq >= end || part > cap - n)
			break;
		memcpy(buf + n, (const uint8_t *)(x + 1) + skip, part);
		n += part;
		skip = 0;
		at = x->next;
	}
	c->next_at = at;
	return n;
}

/* Puts the record's packet behind the n bytes of buf. Returns the bytes there then. */
static uint32_t put_packet(uint8_t *buf, uint32_t n, const struct session_record *r,
			   const uint8_t *msg, uint32_t skip)
{
	uint8_t head[WIRE_HDR] = {(uint8_t)((r->len + 1) >> 8), (uint8_t)(r->len + 1), 'S'};
	uint32_t h = skip < WIRE_HDR ? WIRE_HDR - skip : 0, m = skip - (WIRE_HDR - h);
	memcpy(buf + n, head + WIRE_HDR - h, h);
	memcpy(buf + n + h, msg + m, r->len - m);
	return n + h + r->len - m;
}

/* A piece of a file in the stage. */
struct piece {
	const struct session_file *f;
	uint8_t *buf;
	uint64_t off;	   /* of the next record in the file */
	uint32_t at, have; /* of it in buf; bytes in buf */
};

/* The record at p->off: its message, in place, or NULL: it is not there, whole. */
static const uint8_t *record(struct piece *p, struct session_record *r)
{
	for (unsigned tries = 0; tries < 2; tries++) {
		uint32_t there = p->have - p->at;
		if (there >= sizeof *r) {
			memcpy(r, p->buf + p->at, sizeof *r);
			if (there - sizeof *r >= r->len)
				return p->buf + p->at + sizeof *r;
		}
		uint64_t left = p->f->size - p->off;
		p->have = left < STAGE ? (uint32_t)left : STAGE;
		p->at = 0;
		if (jn_pread(p->f->fd, p->buf, p->have, p->off))
			break;
	}
	return NULL;
}

static void step(struct piece *p, const struct session_record *r)
{
	p->at += (uint32_t)sizeof *r + r->len;
	p->off += sizeof *r + r->len;
}

/* As read_memory, of what left memory. */
static int read_file(struct nmw_session_log *l, int account, struct nmw_session_cursor *c,
		     uint64_t end, uint8_t *buf, uint32_t cap)
{
	const struct session_file *f = &l->account[account].file;
	struct piece p = {.f = f, .buf = l->stage, .off = c->file_at};
	struct session_record r;
	uint64_t seq = c->file_seq;
	uint32_t n = 0, skip = c->skip;
	if (!seq || seq > c->seq)
		p.off = session_file_near(f, c->seq, &seq);
	for (; seq < end && seq < f->next; seq++, step(&p, &r)) {
		const uint8_t *msg = record(&p, &r);
		if (!msg || r.crc != session_record_crc(&r, seq, msg))
			return -ENODATA;
		if (seq < c->seq)
			continue;
		if (seq == c->seq) {
			c->file_at = p.off;
			c->file_seq = seq;
			c->first_left = r.len + WIRE_HDR - skip;
		}
		if (r.len + WIRE_HDR - skip > cap - n)
			break;
		n = put_packet(buf, n, &r, msg, skip);
		skip = 0;
	}
	return (int)n;
}

int nmw_session_log_read(struct nmw_session_log *l, int account, struct nmw_session_cursor *c,
			 uint64_t end, uint8_t *buf, uint32_t cap)
{
	const struct account *a = &l->account[account];
	end = end < a->next ? end : a->next;
	if (c->seq >= end)
		return 0;
	if (a->first != NONE && c->seq >= entry_at(l, a->first)->seq)
		return (int)read_memory(l, account, c, end, buf, cap);
	c->next_at = NONE;
	return a->file.fd < 0 ? -ENODATA : read_file(l, account, c, end, buf, cap);
}

uint32_t nmw_session_cursor_advance(struct nmw_session_cursor *c, const uint8_t *buf, uint32_t len,
				    uint32_t n)
{
	uint32_t at = c->first_left, done = 0;
	if (n == 0)
		return 0;
	if (n < c->first_left) {
		c->skip += n;
		return 0;
	}
	for (done = 1; at < n; done++) {
		uint32_t packet = 2u + ((uint32_t)buf[at] << 8 | buf[at + 1]);
		if (packet > n - at)
			break;
		at += packet;
	}
	c->seq += done;
	c->skip = n - at;
	c->at = n == len ? c->next_at : NONE;
	return done;
}

const struct nmw_session_log_stat *nmw_session_log_stat(const struct nmw_session_log *l)
{
	return &l->stat;
}
