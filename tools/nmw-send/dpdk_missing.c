/* In place of the *_dpdk.c files where the build found no libdpdk. */
#include "dpdk/dpdk.h"
#include "sink.h"

static int dpdk_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	(void)k, (void)arg, (void)conf;
	int rc = nmw_dpdk_eal_start(NULL, NULL, 0, 0, e);
	return rc ? nmw_err_prefix(e, "dpdk") : 0;
}

static void nothing(struct sink *k, bool clean)
{
	(void)k, (void)clean;
}

const struct sink_ops sink_dpdk = {.name = "dpdk",
				   .arg = "DEV,to=ADDR:PORT",
				   .channels = SINK_CHANNELS_ALL,
				   .open = dpdk_open,
				   .close = nothing};
