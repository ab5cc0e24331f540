#include "places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x31454341504d4e00ull
#define TRIES 8u

struct places_head {
	uint64_t magic;
	uint32_t row_sz, rows;
	uint8_t pad[48];
};
_Static_assert(sizeof(struct places_head) == 64, "head of the places of clients");

static size_t bytes_of(uint32_t rows)
{
	return sizeof(struct places_head) + (size_t)rows * sizeof(struct place_row);
}

static int map(struct places *p)
{
	struct stat sb;
	if (fstat(p->fd, &sb))
		return -errno;
	if ((uint64_t)sb.st_size < bytes_of(p->max) && ftruncate(p->fd, (off_t)bytes_of(p->max)))
		return -errno;
	void *m = mmap(NULL, bytes_of(p->max), PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (m == MAP_FAILED)
		return -errno;
	p->head = m;
	p->row = (struct place_row *)(void *)(p->head + 1);
	if (p->head->magic != MAGIC || p->head->row_sz != sizeof *p->row ||
	    p->head->rows > p->max) { /* new, or of another version: all clients log in again */
		p->head->rows = 0;
		p->head->row_sz = sizeof *p->row;
		p->head->magic = MAGIC;
	}
	return 0;
}

int places_open(struct places *p, const char *dir, const char *day, uint32_t max, struct nmw_err *e)
{
	char path[PATH_MAX];
	*p = (struct places){.max = max, .fd = -1};
	if (!dir)
		return 0;
	snprintf(path, sizeof path, "%.4000s/clients.%s", dir, day);
	p->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = p->fd < 0 ? -errno : map(p);
	if (!rc)
		return 0;
	places_close(p);
	return nmw_err_set(e, rc, nmw_exit_of(rc), "%s: %s", path, strerror(-rc));
}

void places_close(struct places *p)
{
	if (p->head)
		munmap(p->head, bytes_of(p->max));
	if (p->fd >= 0)
		close(p->fd);
	p->head = NULL;
	p->fd = -1;
}

struct place_row *places_row(struct places *p, const char account[10], const char *protocol)
{
	if (!p->head)
		return NULL;
	for (uint32_t i = 0; i < p->head->rows; i++)
		if (!memcmp(p->row[i].account, account, 10) &&
		    !strncmp(p->row[i].protocol, protocol, sizeof p->row[i].protocol))
			return &p->row[i];
	if (p->head->rows == p->max)
		return NULL;
	struct place_row *r = &p->row[p->head->rows];
	memset(r, 0, sizeof *r);
	memcpy(r->account, account, 10);
	snprintf(r->protocol, sizeof r->protocol, "%s", protocol);
	__atomic_store_n(&p->head->rows, p->head->rows + 1, __ATOMIC_RELEASE);
	return r;
}

void place_store(struct place_row *r, const struct place *now)
{
	uint8_t other = (uint8_t)((r->active & 1) ^ 1);
	r->place[other] = *now;
	__atomic_store_n(&r->active, other, __ATOMIC_RELEASE);
}

/* What was acknowledged and what waits for that, of one moment: an acknowledgement that comes
 * between the two questions is seen by asking again. */
int64_t place_written(int fd)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct tcp_info a = {0}, b = {0};
		socklen_t n = sizeof a;
		int waiting = 0;
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &a, &n) || ioctl(fd, SIOCOUTQ, &waiting))
			return -errno;
		n = sizeof b;
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &b, &n))
			return -errno;
		if (a.tcpi_bytes_acked == b.tcpi_bytes_acked)
			return (int64_t)a.tcpi_bytes_acked + waiting;
	}
	return -EAGAIN;
}
