/* flow.h: random commands for the device and for the software book; their events are compared, one
 * by one, as they come.
 *
 * The rings are kept full; a cancel, a replace or a reduce may meet an order that is gone, once its
 * handle is known.  All books, several mixes one after the other, owners, minimum quantities,
 * orders of every kind.  One seed is one run.
 */
#ifndef NMW_FPGA_FLOW_H
#define NMW_FPGA_FLOW_H

#include "command.h"

struct flow_result {
	uint64_t commands, events, fills;
	struct nmw_device_stat
		stat; /* the device's own, of these commands; latency_max: since its reset */
};

/* The device: no order, no command on its way. -EIO: the first event that differs is in e. */
int flow_run(struct nmw_device *d, uint64_t commands, uint64_t seed, struct flow_result *r,
	     struct nmw_err *e);

#endif
