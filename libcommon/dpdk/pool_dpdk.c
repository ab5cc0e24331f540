#include "dpdk/dpdk.h"
#include "dpdk/dpdk_impl.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE	  256u	/* buffers that a thread keeps at hand */
#define CACHE_MIN 512u	/* buffers of a pool that is worth a cache */
#define HEAP_OWN  4096u /* what EAL's heap writes into the area besides, at most */
#define LINK_ROOM 64u	/* Ethernet with tags, and what cards append */

static unsigned cache_of(unsigned n)
{
	return n >= CACHE_MIN ? CACHE : 0;
}

static uint32_t buffer_bytes(uint32_t room)
{
	return rte_mempool_calc_obj_size((uint32_t)sizeof(struct rte_mbuf) + room, 0, NULL);
}

static int no_memory(struct nmw_err *e, const char *name, unsigned n, uint32_t room)
{
	return nmw_dpdk_fail(e, -ENOMEM, NMW_EXIT_RESOURCE,
			     "%s: no memory for %u buffers of %u bytes: sysctl vm.nr_hugepages= "
			     "more, or -- --no-huge -m MEGABYTES",
			     name, n, room);
}

uint32_t nmw_dpdk_room(uint32_t mtu)
{
	uint32_t need = RTE_PKTMBUF_HEADROOM + (mtu + LINK_ROOM + 63) / 64 * 64;
	return need > NMW_DPDK_ROOM ? need : NMW_DPDK_ROOM;
}

int nmw_dpdk_pool_new(const char *name, unsigned n, uint32_t room, struct rte_mempool **out,
		      struct nmw_err *e)
{
	nmw_dpdk_errors_forget();
	*out = rte_pktmbuf_pool_create(name, n, cache_of(n), 0, (uint16_t)room, SOCKET_ID_ANY);
	return *out ? 0 : no_memory(e, name, n, room);
}

uint64_t nmw_dpdk_pool_bytes(unsigned n, uint32_t room)
{
	return (uint64_t)n * buffer_bytes(room);
}

void nmw_dpdk_pool_free(struct rte_mempool *p)
{
	rte_mempool_free(p);
}

/* ---- areas ----------------------------------------------------------------------------------- */

static int area_error(struct nmw_err *e, const struct nmw_dpdk_area *a, const char *what)
{
	return nmw_dpdk_fail(e, rte_errno ? -rte_errno : -EIO, NMW_EXIT_RESOURCE,
			     "%s: %llu bytes of the ring's frames: %s: %s", a->heap,
			     (unsigned long long)a->bytes, what, rte_strerror(rte_errno));
}

/* The device's address of each page; NULL: the same as ours. */
static rte_iova_t *page_addresses(uint8_t *base, uint64_t pages, uint64_t page_sz)
{
	rte_iova_t *v = calloc(pages, sizeof *v);
	for (uint64_t i = 0; v && i < pages; i++)
		v[i] = rte_mem_virt2iova(base + i * page_sz);
	return v;
}

int nmw_dpdk_area_add(struct nmw_dpdk_area *a, void *base, uint64_t bytes, uint64_t page_sz,
		      struct nmw_err *e)
{
	static unsigned serial;
	*a = (struct nmw_dpdk_area){.base = base, .bytes = bytes, .page_sz = page_sz};
	snprintf(a->heap, sizeof a->heap, "nmw%u", serial++);
	nmw_dpdk_errors_forget();
	rte_iova_t *at = page_addresses(base, bytes / page_sz, page_sz);
	if (!at)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	int rc = rte_malloc_heap_create(a->heap) ? area_error(e, a, "no heap for them") : 0;
	if (rc) {
		a->heap[0] = 0;
	} else if (rte_malloc_heap_memory_add(a->heap, base, bytes, at, (unsigned)(bytes / page_sz),
					      page_sz)) {
		rc = area_error(e, a, "DPDK does not take them");
		nmw_dpdk_area_remove(a);
	} else {
		a->attached = true;
	}
	free(at);
	return rc;
}

uint64_t nmw_dpdk_area_bytes(unsigned n, uint32_t room, uint64_t page_sz)
{
	uint64_t need = (uint64_t)n * buffer_bytes(room) + HEAP_OWN;
	return (need + page_sz - 1) / page_sz * page_sz;
}

static void give_back(struct rte_mempool_memhdr *hdr, void *opaque)
{
	(void)hdr;
	rte_free(opaque);
}

/* Devices see our addresses (the flag then means that a buffer may cross a page); else pages. */
static unsigned flags(void)
{
	return rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
}

static int populate(struct rte_mempool *mp, uint8_t *at, uint64_t bytes, uint64_t page_sz)
{
	if (rte_eal_iova_mode() == RTE_IOVA_VA)
		return rte_mempool_populate_iova(mp, (char *)at, (rte_iova_t)(uintptr_t)at, bytes,
						 give_back, at);
	return rte_mempool_populate_virt(mp, (char *)at, bytes, page_sz, give_back, at);
}

/* Last in, first out where DPDK has that: a packet then comes into lines that are still near, and
 * as many buffers are touched as are in flight. A queue, the usual pool, goes round all of them. */
static int order_of_use(struct rte_mempool *mp)
{
	return rte_mempool_set_ops_byname(mp, "stack", NULL)
		       ? rte_mempool_set_ops_byname(mp, "ring_mp_mc", NULL)
		       : 0;
}

int nmw_dpdk_area_pool(struct nmw_dpdk_area *a, const char *name, unsigned most, uint32_t room,
		       struct rte_mempool **out, struct nmw_err *e)
{
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = (uint16_t)room};
	uint32_t each = buffer_bytes(room);
	uint64_t fit = a->bytes > HEAP_OWN ? (a->bytes - HEAP_OWN) / each : 0;
	unsigned n = fit < most ? (unsigned)fit : most;
	int node = rte_malloc_heap_get_socket(a->heap);
	nmw_dpdk_errors_forget();
	*out = NULL;
	uint64_t bytes = (uint64_t)n * each;
	uint8_t *at =
		n && node >= 0 ? rte_malloc_socket(name, bytes, RTE_CACHE_LINE_SIZE, node) : NULL;
	if (!at)
		return no_memory(e, name, n, room);
	struct rte_mempool *mp =
		rte_mempool_create_empty(name, n, (unsigned)sizeof(struct rte_mbuf) + room,
					 cache_of(n), sizeof priv, SOCKET_ID_ANY, flags());
	if (!mp || order_of_use(mp)) {
		rte_mempool_free(mp);
		rte_free(at);
		return no_memory(e, name, n, room);
	}
	rte_pktmbuf_pool_init(mp, &priv);
	int rc = populate(mp, at, bytes, a->page_sz);
	if (rc <= 0) {
		rte_mempool_free(mp);
		return no_memory(e, name, n, room);
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	*out = mp;
	return 0;
}

void nmw_dpdk_area_remove(struct nmw_dpdk_area *a)
{
	if (a->attached)
		rte_malloc_heap_memory_remove(a->heap, a->base, a->bytes);
	if (a->heap[0])
		rte_malloc_heap_destroy(a->heap);
	*a = (struct nmw_dpdk_area){0};
}
