#include "memory.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE   (2ull << 20)
#define NORMAL_PAGE 4096ull

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* Kernels before 5.14 cannot be asked: every page is touched. */
static void fault_in(struct memory *m)
{
	if (madvise(m->at, m->size, MADV_POPULATE_WRITE) == 0)
		return;
	for (size_t i = 0; i < m->size; i += NORMAL_PAGE)
		*((volatile char *)m->at + i) = 0;
}

int memory_take(struct memory *m, size_t size, bool prefault, struct nmw_err *e)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	m->size = round_up(size, HUGE_PAGE);
	m->is = "2 MiB pages";
	m->at = mmap(NULL, m->size, prot, flags | MAP_HUGETLB, -1, 0);
	if (m->at == MAP_FAILED) {
		m->is = "4 KiB pages (not enough free huge pages: see vm.nr_hugepages)";
		m->at = mmap(NULL, m->size, prot, flags | MAP_NORESERVE, -1, 0);
		if (m->at == MAP_FAILED)
			return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
					   "engine: no %zu MiB of memory: %s: lower --orders, "
					   "--ids or --symbols-max",
					   m->size >> 20, strerror(errno));
		madvise(m->at, m->size, MADV_HUGEPAGE);
	}
	if (prefault)
		fault_in(m);
	return 0;
}

void memory_give(struct memory *m)
{
	if (m->at)
		munmap(m->at, m->size);
	m->at = NULL;
}
