/* In place of the *_dpdk.c files where the build found no libdpdk. */
#include "dpdk/dpdk.h"

#include <errno.h>
#include <string.h>

const char *nmw_dpdk_version(void)
{
	return "without dpdk";
}

bool nmw_dpdk_built(void)
{
	return false;
}

static int missing(struct nmw_err *e)
{
	return nmw_err_set(e, -ENOTSUP, NMW_EXIT_RESOURCE,
			   "this program was built without DPDK: install libdpdk-dev and pkgconf, "
			   "then build it again; udp: works without");
}

int nmw_dpdk_eal_start(const struct nmw_dpdk_dev *dev, char *const *more, unsigned n,
		       uint64_t pools, struct nmw_err *e)
{
	(void)dev, (void)more, (void)n, (void)pools;
	return missing(e);
}

void nmw_dpdk_eal_stop(void)
{
}
