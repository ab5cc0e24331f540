#include "match/memory.h"

#include "base/bits.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE   (2ull << 20)
#define NORMAL_PAGE 4096ull

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Kernels before 5.14 cannot be asked: every page is touched. */
static void fault_in(struct nmw_memory *m)
{
	if (madvise(m->at, m->size, MADV_POPULATE_WRITE) == 0)
		return;
	for (size_t i = 0; i < m->size; i += NORMAL_PAGE)
		*((volatile char *)m->at + i) = 0;
}

/* Bytes that can be had without swapping; all there could ever be when it is not known. */
static size_t available(void)
{
	char line[128];
	unsigned long long kb, found = ULLONG_MAX / 1024;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kb) == 1)
			found = kb;
	if (f)
		fclose(f);
	return (size_t)found * 1024;
}

static int no_memory(const struct nmw_memory *m, const char *why, struct nmw_err *e)
{
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
			   "engine: no %zu MiB of memory: %s: lower --orders, --ids or "
			   "--symbols-max",
			   m->size >> 20, why);
}

/* A lazy region takes no more than is used, so that nothing is set aside for it. */
static int take_normal(struct nmw_memory *m, bool prefault, struct nmw_err *e)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (prefault ? 0 : MAP_NORESERVE);
	if (prefault && m->size > available())
		return no_memory(m, "more than MemAvailable of /proc/meminfo", e);
	m->is = "4 KiB pages (not enough free huge pages: see vm.nr_hugepages)";
	m->at = mmap(NULL, m->size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (m->at == MAP_FAILED) {
		m->at = NULL;
		return no_memory(m, strerror(errno), e);
	}
	madvise(m->at, m->size, MADV_HUGEPAGE);
	return 0;
}

int nmw_memory_take(struct nmw_memory *m, size_t size, bool prefault, struct nmw_err *e)
{
	m->size = nmw_round_up(size, HUGE_PAGE);
	m->is = "2 MiB pages";
	m->at = mmap(NULL, m->size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (m->at == MAP_FAILED) {
		int rc = take_normal(m, prefault, e);
		if (rc)
			return rc;
	}
	if (prefault)
		fault_in(m);
	return 0;
}

void nmw_memory_give(struct nmw_memory *m)
{
	if (m->at)
		munmap(m->at, m->size);
	m->at = NULL;
}
