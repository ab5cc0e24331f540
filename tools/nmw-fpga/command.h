/* command.h: what the commands of nmw-fpga are given. */
#ifndef NMW_FPGA_COMMAND_H
#define NMW_FPGA_COMMAND_H

#include "base/err.h"
#include "base/opt.h"
#include "device/device.h"

#include <stdbool.h>
#include <stdio.h>

#define DEVICE_OPTS 7u /* rows of device_opts, the end too */

/* Which device, and how it is driven; as typed. */
struct device_choice {
	const char *device, *bitstream;
	uint64_t ring, watchdog; /* entries; cycles */
	bool no_push, no_huge;
};

void device_defaults(struct device_choice *c);
/* Fills rows with the options of c; the last ends the table. */
void device_opts(struct device_choice *c, struct nmw_opt rows[DEVICE_OPTS]);
int device_spec(const struct device_choice *c, struct nmw_device_spec *s, struct nmw_err *e);

struct command_args {
	struct nmw_device_spec spec;
	bool json;
	uint64_t commands, seed; /* of selftest */
	const char *instance;	 /* which run: its name or pid; NULL: the only one */
	uint64_t wait_ns;	 /* for its answer */
	bool all, lost;		 /* symbols */
	char **argv;		 /* the command's own arguments */
	int argc;
};

/* Each prints its answer to stdout. 0, or a negative errno with e->exit set; an exit status: what
 * is wrong was said. */
int command_load(const struct command_args *a, struct nmw_err *e);
int command_info(const struct command_args *a, struct nmw_err *e);
int command_regs(const struct command_args *a, struct nmw_err *e);
int command_reset(const struct command_args *a, struct nmw_err *e);
int command_selftest(const struct command_args *a, struct nmw_err *e);
int command_offload(const struct command_args *a, struct nmw_err *e);
int command_return(const struct command_args *a, struct nmw_err *e);
int command_symbols(const struct command_args *a, struct nmw_err *e);

/* All registers, as a JSON document. 0, or a negative errno. */
int look_registers(struct nmw_device *d, FILE *f, struct nmw_err *e);

/* nmw-fpga run, from its command line to its exit status. */
int command_run(int argc, char **argv);
/* Its options beside the device's: three tables, for the completion. */
void command_run_opts(const struct nmw_opt *groups[3]);

/* nmw-fpga wire, from its command line to its exit status. */
int command_wire(int argc, char **argv);

#endif
