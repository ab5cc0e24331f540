#include "journal/session_file.h"

#include "journal/crc32c.h"
#include "journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1u << 18) /* bytes read at once at open; holds the longest record */

static const char magic[8] = {'N', 'M', 'W', 'S', 'L', 'O', 'G', '1'};

static uint32_t head_crc(const struct session_head *h)
{
	return nmw_crc32c(0, h->account, sizeof *h - offsetof(struct session_head, account));
}

uint32_t session_record_crc(const struct session_record *r, uint64_t seq, const uint8_t *msg)
{
	uint32_t crc = nmw_crc32c(0, &seq, sizeof seq);
	crc = nmw_crc32c(crc, (const uint8_t *)r + sizeof r->crc, sizeof *r - sizeof r->crc);
	return nmw_crc32c(crc, msg, r->len);
}

/* ---- index ---------------------------------------------------------------------------------- */

static void thin_out(struct session_file *f)
{
	for (uint32_t i = 0; i < SESSION_INDEX / 2; i++)
		f->index[i] = f->index[2 * i];
	f->entries = SESSION_INDEX / 2;
	f->stride *= 2;
}

void session_file_note(struct session_file *f, uint64_t at)
{
	if ((f->next - 1) % f->stride == 0) {
		if (f->entries == SESSION_INDEX)
			thin_out(f);
		if ((f->next - 1) % f->stride == 0)
			f->index[f->entries++] = f->size + at;
	}
	f->next++;
}

uint64_t session_file_near(const struct session_file *f, uint64_t seq, uint64_t *at)
{
	uint64_t i = (seq - 1) / f->stride;
	if (i >= f->entries)
		i = f->entries - 1;
	*at = 1 + i * f->stride;
	return f->index[i];
}

/* ---- opening -------------------------------------------------------------------------------- */

static int failed(const char *path, const char *what, int err, struct nmw_err *e)
{
	return nmw_err_set(e, err, nmw_exit_of(err), "session log %s: cannot %s: %s", path, what,
			   strerror(-err));
}

/* Takes the whole records of buf. Returns their bytes; less than n: the rest is not whole. */
static uint32_t take_records(struct session_file *f, const uint8_t *buf, uint32_t n)
{
	uint32_t at = 0;
	struct session_record r;
	while (n - at >= sizeof r) {
		memcpy(&r, buf + at, sizeof r);
		const uint8_t *msg = buf + at + sizeof r;
		if (n - at - sizeof r < r.len || r.crc != session_record_crc(&r, f->next, msg))
			break;
		session_file_note(f, at);
		f->last_ring_seq = r.ring_seq;
		f->last_ts_ns = r.ts_ns;
		at += (uint32_t)sizeof r + r.len;
	}
	f->size += at;
	return at;
}

/* Reads the file through; what is behind its last whole record is cut off. */
static int read_through(struct session_file *f, uint64_t size, uint8_t *buf)
{
	while (f->size < size) {
		uint64_t left = size - f->size;
		uint32_t n = left < PIECE ? (uint32_t)left : PIECE;
		int rc = jn_pread(f->fd, buf, n, f->size);
		if (rc)
			return rc;
		if (take_records(f, buf, n) == 0)
			break;
	}
	f->torn = size - f->size;
	return f->torn && ftruncate(f->fd, (off_t)f->size) ? -errno : 0;
}

static bool all_spaces(const char name[10])
{
	return memcmp(name, "          ", 10) == 0;
}

static int make(struct session_file *f, const char *path, const char fallback[10],
		struct session_head *head, struct nmw_err *e)
{
	f->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return failed(path, "make it", -errno, e);
	if (all_spaces(head->name))
		memcpy(head->name, fallback, 10);
	memcpy(head->magic, magic, sizeof magic);
	head->crc = head_crc(head);
	f->size = sizeof *head;
	int rc = jn_pwrite(f->fd, head, sizeof *head, 0);
	return rc ? failed(path, "write", rc, e) : 0;
}

/* Another session's file keeps its content, under another name. */
static int move_aside(const char *path, const struct session_head *h, struct nmw_err *e)
{
	char to[PATH_MAX];
	int n = (int)strnlen(h->name, 10);
	while (n && h->name[n - 1] == ' ')
		n--;
	for (unsigned k = 0; k < 1000; k++) {
		snprintf(to, sizeof to, "%.4000s.%.*s.%u", path, n, h->name, k);
		if (access(to, F_OK) && rename(path, to) == 0)
			return 0;
	}
	return failed(path, "rename", -errno, e);
}

/* 1: it is the file that was asked for; 0: it was moved aside, or cut off in its head. */
static int go_on(struct session_file *f, const char *path, struct session_head *head,
		 struct nmw_err *e)
{
	struct session_head h;
	int rc = jn_pread(f->fd, &h, sizeof h, 0);
	if (rc == -ENODATA) /* killed while it was made: nothing is in it */
		return unlink(path) ? failed(path, "remove", -errno, e) : 0;
	if (rc)
		return failed(path, "read", rc, e);
	if (memcmp(h.magic, magic, sizeof magic) || h.crc != head_crc(&h) ||
	    memcmp(h.account, head->account, sizeof h.account) ||
	    memcmp(h.protocol, head->protocol, sizeof h.protocol))
		return nmw_err_set(e, -EPROTO, NMW_EXIT_USAGE,
				   "session log %s: not the log of account %.10s: move it away, or "
				   "give another --session-log",
				   path, head->account);
	if (!all_spaces(head->name) && memcmp(h.name, head->name, sizeof h.name))
		return move_aside(path, &h, e);
	*head = h;
	f->size = sizeof h;
	return 1;
}

static int load(struct session_file *f, const char *path, struct nmw_err *e)
{
	struct stat sb;
	uint8_t *buf = malloc(PIECE);
	int rc = !buf ? -ENOMEM : fstat(f->fd, &sb) ? -errno : 0;
	if (!rc)
		rc = read_through(f, (uint64_t)sb.st_size, buf);
	free(buf);
	return rc ? failed(path, "read", rc, e) : 0;
}

int session_file_open(struct session_file *f, const char *path, const char fallback[10],
		      struct session_head *head, struct nmw_err *e)
{
	*f = (struct session_file){.fd = -1, .next = 1, .stride = 1};
	f->index = calloc(SESSION_INDEX, sizeof *f->index);
	if (!f->index)
		return failed(path, "open", -ENOMEM, e);
	int rc = 0;
	f->fd = open(path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0 && errno != ENOENT)
		rc = failed(path, "open", -errno, e);
	else if (f->fd >= 0)
		rc = go_on(f, path, head, e);
	if (rc == 1)
		rc = load(f, path, e);
	else if (rc == 0) {
		if (f->fd >= 0)
			close(f->fd);
		rc = make(f, path, fallback, head, e);
	}
	if (rc)
		session_file_close(f);
	return rc;
}

void session_file_close(struct session_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->index);
	*f = (struct session_file){.fd = -1};
}

int session_file_peek(const char *path, struct session_head *head)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = jn_pread(fd, head, sizeof *head, 0);
	close(fd);
	if (rc)
		return rc;
	bool ours = !memcmp(head->magic, magic, sizeof magic) && head->crc == head_crc(head) &&
		    memchr(head->protocol, 0, sizeof head->protocol);
	return ours ? 0 : -EBADMSG;
}

/* The head is one write of 64 bytes: what a kill -9 leaves is the old one or the new one. */
void session_file_bind(struct session_file *f, uint32_t session)
{
	struct session_head h;
	if (jn_pread(f->fd, &h, sizeof h, 0))
		return;
	h.session = session;
	h.crc = head_crc(&h);
	jn_pwrite(f->fd, &h, sizeof h, 0);
}

int session_file_append(struct session_file *f, const void *buf, uint32_t n)
{
	int rc = jn_pwrite(f->fd, buf, n, f->size);
	if (!rc)
		f->size += n;
	else if (ftruncate(f->fd, (off_t)f->size))
		return rc;
	return rc;
}
