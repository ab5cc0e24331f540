/* ask.h: the runs that there are, and what one of them answers. */
#ifndef NMW_FPGA_ASK_H
#define NMW_FPGA_ASK_H

#include "control.h"

/* Which of the runs is asked. */
struct ask_run {
	uint32_t pid;
	char instance[32]; /* its --name, or "" */
	char block[CONTROL_PATH];
};

/* want: a name or a pid; NULL: the only one. -ESRCH, exit 6: there is none; -EINVAL: several. */
int ask_find(const char *want, struct ask_run *r, struct nmw_err *e);
/* Asks, and gives each answer to fn, the end too, which is last. */
int ask(const struct ask_run *r, const struct control_request *q, uint64_t wait_ns,
	void (*fn)(const struct control_answer *a, void *arg), void *arg, struct nmw_err *e);

#endif
