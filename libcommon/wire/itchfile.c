#include "wire/itchfile.h"

#include "wire/be.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_SZ 2u

int nmw_itchfile_open(struct nmw_itchfile *f, const char *path, struct nmw_err *e)
{
	memset(f, 0, sizeof *f);
	int rc = nmw_input_open(&f->in, path, e);
	if (rc)
		return rc;
	f->buf = malloc(NMW_ITCHFILE_BUF);
	if (f->buf)
		return 0;
	nmw_input_close(&f->in);
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: no memory to read it", f->in.path);
}

/* Reads until n unread bytes are there: 1, 0 = the input ended before, or a negative errno. */
static int fill(struct nmw_itchfile *f, uint32_t n, struct nmw_err *e)
{
	while (f->have - f->at < n && !f->input_ended) { /* each turn reads at least a byte */
		memmove(f->buf, f->buf + f->at, f->have - f->at);
		f->have -= f->at;
		f->at = 0;
		ssize_t got = nmw_input_read(&f->in, f->buf + f->have, NMW_ITCHFILE_BUF - f->have);
		if (got < 0)
			return nmw_err_set(e, (int)got, NMW_EXIT_FAILED, "%s: read: %s", f->in.path,
					   strerror((int)-got));
		f->have += (uint32_t)got;
		f->input_ended = got == 0;
	}
	return f->have - f->at >= n;
}

static int cut(struct nmw_itchfile *f, struct nmw_err *e)
{
	uint32_t left = f->have - f->at;
	f->at = f->have;
	if (left == 0 || f->in.stopped)
		return 0;
	return nmw_err_set(e, -ENODATA, NMW_EXIT_DATA,
			   "%s: ends inside a message: %u bytes after the last whole one",
			   f->in.path, left);
}

/* Nothing is read from behind the end mark; whether there is anything tells an end from a hole. */
static int end_mark(struct nmw_itchfile *f, struct nmw_err *e)
{
	uint64_t at = f->in.pos - (f->have - f->at);
	int more = fill(f, LENGTH_SZ + 1, e);
	f->at = f->have;
	f->input_ended = true;
	if (more <= 0)
		return more;
	return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
			   "%s: length 0 at byte %" PRIu64 " ends it, but more follows: the rest "
			   "was not read",
			   f->in.path, at);
}

int nmw_itchfile_next(struct nmw_itchfile *f, const uint8_t **p, uint32_t *len, struct nmw_err *e)
{
	int rc = fill(f, LENGTH_SZ, e);
	if (rc <= 0)
		return rc < 0 ? rc : cut(f, e);
	uint32_t n = nmw_be16(f->buf + f->at);
	if (n == 0)
		return end_mark(f, e);
	rc = fill(f, LENGTH_SZ + n, e);
	if (rc <= 0)
		return rc < 0 ? rc : cut(f, e);
	*p = f->buf + f->at + LENGTH_SZ;
	*len = n;
	f->at += LENGTH_SZ + n;
	return 1;
}

void nmw_itchfile_close(struct nmw_itchfile *f)
{
	if (f->buf)
		nmw_input_close(&f->in);
	free(f->buf);
	f->buf = NULL;
}
