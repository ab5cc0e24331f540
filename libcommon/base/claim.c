#include "base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#define READERS ((off_t)(INT64_MAX - 2))
#define WRITER	(READERS + 1)

static int lock(int fd, int what, short type, off_t at, off_t n, struct flock *l)
{
	*l = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = n};
	return fcntl(fd, what, l);
}

void nmw_claim_read(int fd)
{
	struct flock l;
	(void)lock(fd, F_OFD_SETLK, F_RDLCK, READERS, 1, &l);
}

int nmw_claim_write(int fd)
{
	struct flock l;
	if (lock(fd, F_OFD_SETLK, F_WRLCK, WRITER, 1, &l) < 0 &&
	    (errno == EAGAIN || errno == EACCES))
		return -EBUSY;
	return 0;
}

bool nmw_claim_is_read(int fd)
{
	struct flock l;
	return lock(fd, F_OFD_GETLK, F_WRLCK, READERS, 1, &l) == 0 && l.l_type != F_UNLCK;
}

void nmw_claim_drop(int fd)
{
	struct flock l;
	(void)lock(fd, F_OFD_SETLK, F_UNLCK, READERS, 2, &l);
}
