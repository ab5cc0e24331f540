#include "base/input.h"

#include "base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 10

static int open_path(const char *path, struct nmw_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int err = errno;
	if (nmw_exit_of(err) == NMW_EXIT_PERM)
		return nmw_err_set(e, -err, NMW_EXIT_PERM,
				   "%s: open: %s: ask its owner, or read it through a pipe as -",
				   path, strerror(err));
	return nmw_err_set(e, -err, nmw_exit_of(err), "%s: open: %s%s", path, strerror(err),
			   nmw_exit_of(err) == NMW_EXIT_USAGE ? ": check the path" : "");
}

static int check_stdin(struct nmw_err *e)
{
	int mode = fcntl(STDIN_FILENO, F_GETFL);
	if (mode < 0 || (mode & O_ACCMODE) == O_WRONLY)
		return nmw_err_set(e, -EBADF, NMW_EXIT_USAGE,
				   "stdin: is closed, or open for writing only: give a FILE");
	if (isatty(STDIN_FILENO))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "stdin: is a terminal: pipe or redirect a file into it: zcat "
				   "FILE.gz | ...");
	return 0;
}

int nmw_input_open(struct nmw_input *in, const char *path, struct nmw_err *e)
{
	struct stat sb;
	bool is_stdin = !strcmp(path, "-");
	memset(in, 0, sizeof *in);
	in->path = is_stdin ? "stdin" : path;
	in->fd = is_stdin ? STDIN_FILENO : open_path(path, e);
	if (in->fd < 0)
		return in->fd;
	int rc = is_stdin ? check_stdin(e) : 0;
	if (rc)
		return rc;
	if (fstat(in->fd, &sb) < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_FAILED, "%s: %s", in->path, strerror(errno));
	if (S_ISDIR(sb.st_mode)) {
		nmw_input_close(in);
		return nmw_err_set(e, -EISDIR, NMW_EXIT_USAGE,
				   "%s: is a directory: name one file of it", in->path);
	}
	in->seekable = S_ISREG(sb.st_mode);
	if (in->seekable)
		nmw_claim_read(in->fd);
	in->size = in->seekable ? (uint64_t)sb.st_size : 0;
	return 0;
}

/* True when there is something to read (or the end of it). */
static bool wait_readable(struct nmw_input *in)
{
	for (int wait = 0;; wait = WAIT_MS) { /* until data, the end, or idle says stop */
		struct pollfd p = {.fd = in->fd, .events = POLLIN};
		int n = poll(&p, 1, in->idle ? wait : -1);
		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
		if (in->idle && !in->idle(in->arg)) {
			in->stopped = true;
			return false;
		}
	}
}

ssize_t nmw_input_read(struct nmw_input *in, void *buf, size_t n)
{
	ssize_t got;
	do {
		if (!in->seekable && !wait_readable(in))
			return 0;
		got = read(in->fd, buf, n);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	if (got < 0)
		return -errno;
	if (in->pos < sizeof in->head && got > 0) {
		size_t room = sizeof in->head - (size_t)in->pos;
		memcpy(in->head + in->pos, buf, (size_t)got < room ? (size_t)got : room);
	}
	in->pos += (uint64_t)got;
	return got;
}

const char *nmw_input_unpacker(const struct nmw_input *in)
{
	static const struct {
		uint8_t magic[4];
		uint8_t len;
		const char *tool;
	} kinds[] = {{{0x1F, 0x8B}, 2, "zcat"},
		     {{0x28, 0xB5, 0x2F, 0xFD}, 4, "zstdcat"},
		     {{0xFD, '7', 'z', 'X'}, 4, "xzcat"},
		     {{'B', 'Z', 'h'}, 3, "bzcat"}};
	for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!memcmp(in->head, kinds[i].magic, kinds[i].len))
			return kinds[i].tool;
	return NULL;
}

void nmw_input_close(struct nmw_input *in)
{
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	else if (in->seekable && in->fd == STDIN_FILENO)
		nmw_claim_drop(in->fd);
	in->fd = -1;
}
