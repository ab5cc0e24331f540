/* dpdk:DEV where the build found no libdpdk: an error that says so. */
#include "dpdk/dpdk.h"
#include "wire.h"

static int no_dpdk_in(struct frame_in *f, const char *arg, struct nmw_err *e)
{
	(void)f, (void)arg;
	nmw_dpdk_eal_start(NULL, NULL, 0, 0, e);
	return nmw_err_prefix(e, "--in dpdk");
}

static int no_dpdk_out(struct frame_out *f, const char *arg, struct nmw_err *e)
{
	(void)f, (void)arg;
	nmw_dpdk_eal_start(NULL, NULL, 0, 0, e);
	return nmw_err_prefix(e, "--out dpdk");
}

const struct frame_source frames_from_dpdk = {.scheme = "dpdk", .live = true, .open = no_dpdk_in};
const struct frame_sink frames_to_dpdk = {.scheme = "dpdk", .open = no_dpdk_out};
