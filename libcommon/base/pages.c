#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE   ((size_t)2 << 20)
#define NORMAL_PAGE ((size_t)4096)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

static size_t whole(size_t n)
{
	size_t page = n >= HUGE_PAGE ? HUGE_PAGE : NORMAL_PAGE;
	return (n + page - 1) / page * page;
}

void *nmw_pages_take(size_t n)
{
	size_t sz = whole(n);
	if (sz < n)
		return NULL;
	uint8_t *p = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (sz >= HUGE_PAGE)
		madvise(p, sz, MADV_HUGEPAGE);
	if (madvise(p, sz, MADV_POPULATE_WRITE) != 0)
		for (size_t i = 0; i < sz; i += NORMAL_PAGE)
			((volatile uint8_t *)p)[i] = 0;
	return p;
}

void nmw_pages_give(void *p, size_t n)
{
	if (p)
		munmap(p, whole(n));
}
