#include "base/outfile.h"

#include "base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *remedy_of(int err)
{
	switch (err) {
	case ENOSPC:
		return ": free some space or write elsewhere";
	case EDQUOT:
	case EFBIG:
		return ": raise the limit (quota, ulimit -f) or write elsewhere";
	case ENOENT:
	case ENOTDIR:
		return ": make its folder first";
	case EACCES:
	case EPERM:
		return ": ask its owner, or write elsewhere";
	case EMFILE:
	case ENFILE:
		return ": raise the limit (ulimit -n)";
	default:
		return "";
	}
}

static int open_path(struct nmw_outfile *o, const char *path, int flags, struct nmw_err *e)
{
	if (strcmp(path, "-") == 0) {
		o->fd = STDOUT_FILENO;
		return 0;
	}
	do
		o->fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	while (o->fd < 0 && errno == EINTR);
	if (o->fd >= 0) {
		o->owned = true;
		return 0;
	}
	return nmw_err_set(e, -errno, nmw_exit_of(errno), "%s: cannot open for writing: %s%s",
			   o->name, strerror(errno), remedy_of(errno));
}

static int check_open(struct nmw_outfile *o, bool binary, struct nmw_err *e)
{
	struct stat sb;
	int mode = fcntl(o->fd, F_GETFL);
	if (mode < 0 || fstat(o->fd, &sb) < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_USAGE, "%s: %s: give a FILE", o->name,
				   strerror(errno));
	if ((mode & O_ACCMODE) == O_RDONLY)
		return nmw_err_set(e, -EBADF, NMW_EXIT_USAGE,
				   "%s: stdout is closed, or open for reading only: give a FILE",
				   o->name);
	if (binary && isatty(o->fd))
		return nmw_err_set(e, -ENOTTY, NMW_EXIT_USAGE,
				   "%s: will not write binary data to a terminal: give a FILE or "
				   "put a reader behind a pipe",
				   o->name);
	o->regular = S_ISREG(sb.st_mode);
	return 0;
}

/* Two writers, be they sinks of one program or two programs, would overwrite each other; what the
 * shell opened to append does not. */
static int claim(struct nmw_outfile *o, struct nmw_err *e)
{
	bool appends = !o->owned && fcntl(o->fd, F_GETFL) & O_APPEND;
	if (!o->regular || appends || nmw_claim_write(o->fd) == 0)
		return 0;
	return nmw_err_set(e, -EBUSY, NMW_EXIT_USAGE,
			   "%s: another sink or program writes to the same file: give another FILE",
			   o->name);
}

int nmw_outfile_start(struct nmw_outfile *o, struct nmw_err *e)
{
	if (!o->from_scratch)
		return 0;
	o->from_scratch = false;
	if (nmw_claim_is_read(o->fd))
		return nmw_err_set(e, -EBUSY, NMW_EXIT_USAGE,
				   "%s: is being read, maybe as the input of this pipeline: it was "
				   "left as it is: give another FILE",
				   o->name);
	if (ftruncate(o->fd, 0) < 0)
		return nmw_err_set(e, -errno, nmw_exit_of(errno), "%s: cannot empty it: %s",
				   o->name, strerror(errno));
	return 0;
}

typedef off_t whole_fn(int fd, off_t size);

/* Takes the place behind the last whole record. */
static int go_to_end(struct nmw_outfile *o, whole_fn *whole, struct nmw_err *e)
{
	struct stat sb;
	if (!o->owned || !o->regular)
		return 0;
	if (fstat(o->fd, &sb) < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_FAILED, "%s: %s", o->name, strerror(errno));
	off_t at = whole(o->fd, sb.st_size);
	if (at < 0)
		return nmw_err_set(e, (int)at, NMW_EXIT_USAGE,
				   "%s: cannot append: %s: give another FILE", o->name,
				   at == -EBADMSG ? "it is another kind of file"
						  : strerror((int)-at));
	if ((at < sb.st_size && ftruncate(o->fd, at) < 0) || lseek(o->fd, at, SEEK_SET) < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_FAILED, "%s: cannot append: %s", o->name,
				   strerror(errno));
	return 0;
}

static int take_memory(struct nmw_outfile *o, struct nmw_err *e)
{
	o->buf = malloc(NMW_OUTFILE_BUF);
	o->mark = calloc(NMW_OUTFILE_MARKS, sizeof *o->mark);
	if (o->buf && o->mark)
		return 0;
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", o->name);
}

static int open_at(struct nmw_outfile *o, const char *path, const char *name, bool binary,
		   whole_fn *whole, struct nmw_err *e)
{
	memset(o, 0, sizeof *o);
	o->name = name;
	o->fd = -1;
	int rc = open_path(o, path, whole ? O_RDWR : O_WRONLY, e);
	if (!rc)
		rc = check_open(o, binary, e);
	if (!rc)
		rc = claim(o, e);
	o->from_scratch = !rc && !whole && o->owned && o->regular;
	if (!rc && whole)
		rc = go_to_end(o, whole, e);
	if (!rc)
		rc = take_memory(o, e);
	if (rc) {
		if (o->owned)
			close(o->fd);
		free(o->buf);
		free(o->mark);
		memset(o, 0, sizeof *o);
		o->fd = -1;
	}
	return rc;
}

int nmw_outfile_open(struct nmw_outfile *o, const char *path, const char *name, bool binary,
		     struct nmw_err *e)
{
	return open_at(o, path, name, binary, NULL, e);
}

int nmw_outfile_append(struct nmw_outfile *o, const char *path, const char *name, bool binary,
		       off_t (*whole)(int fd, off_t size), struct nmw_err *e)
{
	return open_at(o, path, name, binary, whole, e);
}

/* Writes len bytes; *done is how many arrived. 0 or a negative errno. */
static int write_all(struct nmw_outfile *o, const uint8_t *p, size_t len, size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n = write(o->fd, p + *done, len - *done);
		if (n > 0) {
			*done += (size_t)n;
			continue;
		}
		if (n == 0)
			return -EIO;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			struct pollfd pfd = {.fd = o->fd, .events = POLLOUT};
			if (poll(&pfd, 1, -1) >= 0)
				continue;
		}
		if (errno != EINTR)
			return -errno;
		if (o->give_up && o->give_up(o->give_up_arg))
			return -EINTR;
	}
	return 0;
}

/* Cuts what was written of a record that is not whole.  Only where this write was the file's end:
 * somebody else may have appended. */
static void take_back(struct nmw_outfile *o, size_t partial)
{
	struct stat sb;
	off_t at = lseek(o->fd, 0, SEEK_CUR);
	if (partial && at >= (off_t)partial && fstat(o->fd, &sb) == 0 && sb.st_size == at)
		(void)!ftruncate(o->fd, at - (off_t)partial);
}

static void count_written(struct nmw_outfile *o, const struct nmw_outmark *m)
{
	o->msgs_written += m->msgs;
	o->bytes_written += m->bytes;
	o->records_written++;
}

static int fail(struct nmw_outfile *o, int err, size_t done)
{
	uint32_t whole = 0, i = 0;
	for (; i < o->marks && o->mark[i].end <= done; i++) {
		count_written(o, &o->mark[i]);
		whole = o->mark[i].end;
	}
	for (; i < o->marks; i++)
		o->msgs_lost += o->mark[i].msgs;
	if (o->regular)
		take_back(o, done - whole);
	o->len = o->marks = 0;
	return nmw_err_set(&o->err, err, nmw_exit_of(-err), "%s: write: %s after %llu records%s%s",
			   o->name, strerror(-err), (unsigned long long)o->records_written,
			   o->regular ? ", which are whole" : "", remedy_of(-err));
}

int nmw_outfile_flush(struct nmw_outfile *o)
{
	if (o->err.err || !o->len || nmw_outfile_start(o, &o->err))
		return o->err.err;
	size_t done;
	int rc = write_all(o, o->buf, o->len, &done);
	if (rc)
		return fail(o, rc, done);
	for (uint32_t i = 0; i < o->marks; i++)
		count_written(o, &o->mark[i]);
	o->len = o->marks = 0;
	return 0;
}

uint8_t *nmw_outfile_room(struct nmw_outfile *o, uint32_t n)
{
	if (n > nmw_outfile_left(o) || o->marks == NMW_OUTFILE_MARKS)
		nmw_outfile_flush(o);
	return o->err.err ? NULL : o->buf + o->len;
}

void nmw_outfile_commit(struct nmw_outfile *o, uint32_t n, uint32_t msgs, uint32_t bytes)
{
	o->len += n;
	o->mark[o->marks++] = (struct nmw_outmark){o->len, msgs, bytes};
}

int nmw_outfile_close(struct nmw_outfile *o)
{
	if (o->fd < 0)
		return o->err.err;
	nmw_outfile_flush(o);
	if (!o->owned && o->regular)
		nmw_claim_drop(o->fd);
	/* Some file systems report a full disk only now. */
	if (o->owned && close(o->fd) < 0 && errno != EINTR && !o->err.err)
		nmw_err_set(&o->err, -errno, nmw_exit_of(errno), "%s: close: %s%s", o->name,
			    strerror(errno), remedy_of(errno));
	free(o->buf);
	free(o->mark);
	o->buf = NULL;
	o->mark = NULL;
	o->fd = -1;
	return o->err.err;
}
