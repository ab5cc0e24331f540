/* dpdk:DEV where the build found no libdpdk: an error that says so. */
#include "dpdk/dpdk.h"
#include "source.h"

static void *no_dpdk(const struct recv_conf *conf, struct emit *emit, const char *arg,
		     struct nmw_err *e)
{
	(void)conf, (void)emit, (void)arg;
	nmw_dpdk_eal_start(NULL, NULL, 0, 0, e);
	return NULL;
}

const struct source source_dpdk = {.name = "dpdk", .arg = "DEV", .open = no_dpdk};
