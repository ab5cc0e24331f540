/* command.h: what every command of nmw-stat is given, and the signals it heeds. */
#ifndef NMW_STAT_COMMAND_H
#define NMW_STAT_COMMAND_H

#include "view.h"

struct command_opts {
	bool json, prometheus, dry_run, text, jsonl;
	bool exact, hold, follow, stop_on_difference; /* compare */
	uint64_t count;				      /* intervals or messages; 0 = no end */
	uint64_t wait_ns;			      /* how long to wait for the ring */
	struct view_opts view;
};

struct command_args {
	const struct view *view;
	const struct command_opts *o;
	char **argv; /* the command's own arguments */
	int argc;
};

/* Each returns 0, an exit status whose reason the output itself says, or a negative errno with
 * e->exit set. */
int command_list(const struct command_args *a, struct nmw_err *e);
int command_show(const struct command_args *a, struct nmw_err *e);
int command_watch(const struct command_args *a, struct nmw_err *e);
int command_tap(const struct command_args *a, struct nmw_err *e);
int command_compare(const struct command_args *a, struct nmw_err *e);
int command_reap(const struct command_args *a, struct nmw_err *e);
int command_sessions(const struct command_args *a, struct nmw_err *e);
int command_doctor(const struct command_args *a, struct nmw_err *e);
int command_check(const struct command_args *a, struct nmw_err *e);

/* How many SIGINT and SIGTERM came so far: 1 asks to end well, 2 to leave at once. */
int command_stops(void);

#endif
