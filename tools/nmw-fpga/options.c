#include "command.h"

#include <errno.h>
#include <inttypes.h>

#define RING_MIN (UINT64_C(1) << NMW_DEVICE_LOG2_MIN)
#define RING_MAX (UINT64_C(1) << NMW_DEVICE_LOG2_MAX)

void device_defaults(struct device_choice *c)
{
	*c = (struct device_choice){.device = "sim",
				    .ring = UINT64_C(1) << NMW_HW_RING_LOG2,
				    .watchdog = NMW_HW_WATCHDOG};
}

void device_opts(struct device_choice *c, struct nmw_opt rows[DEVICE_OPTS])
{
	const struct nmw_opt table[DEVICE_OPTS] = {
		{NMW_OPT_STR, 0, "device", "DEVICE", &c->device, 0, 0,
		 "sim, sim:KEY=N,..., or a card: vfio:ADDRESS; see nmw-fpga(1)"},
		{NMW_OPT_STR, 0, "bitstream", "FILE", &c->bitstream, 0, 0,
		 "the simulated device's design (default: the one that was loaded)"},
		{NMW_OPT_COUNT, 0, "ring", "N", &c->ring, RING_MIN, RING_MAX,
		 "commands, and events, in flight: a power of two"},
		{NMW_OPT_COUNT, 0, "watchdog", "N", &c->watchdog, 1000, 1000000000,
		 "cycles without an answer that are a fault"},
		{NMW_OPT_FLAG, 0, "no-push", NULL, &c->no_push, 0, 0,
		 "no push window: a lone command goes through the ring too"},
		{NMW_OPT_FLAG, 0, "no-huge", NULL, &c->no_huge, 0, 0,
		 "the device's rings in normal pages even where huge ones are free"},
		{.type = NMW_OPT_END}};
	for (unsigned i = 0; i < DEVICE_OPTS; i++)
		rows[i] = table[i];
}

int device_spec(const struct device_choice *c, struct nmw_device_spec *s, struct nmw_err *e)
{
	if (c->ring & (c->ring - 1))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--ring %" PRIu64 ": not a power of two: 8, 16 .. %" PRIu64,
				   c->ring, RING_MAX);
	*s = (struct nmw_device_spec){.device = c->device,
				      .bitstream = c->bitstream,
				      .ring_log2 = (uint32_t)__builtin_ctzll(c->ring),
				      .watchdog = c->watchdog,
				      .no_push = c->no_push,
				      .normal_pages = c->no_huge};
	return 0;
}
