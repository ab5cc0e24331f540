/* err.h: an error on its way to the top.
 *
 * A library function returns 0 or a negative errno and never prints or exits.  Where the facts are
 * known it composes the message (object, action, found, expected, remedy) into the caller's
 * struct nmw_err; main prints it once, as `nmw-match: ring orders: version 3 found, 4 expected:
 * restart the producer`, and exits with `exit`.
 *
 * Any thread; no allocation; never fails (a message longer than the buffer is cut).
 */
#ifndef NMW_BASE_ERR_H
#define NMW_BASE_ERR_H

#include "base/exit_codes.h"

#define NMW_ERR_MAX 512

struct nmw_err {
	int err;	    /* negative errno, 0 while there is none */
	enum nmw_exit exit; /* exit status that main should end with */
	char msg[NMW_ERR_MAX];
};

#define NMW_ERR_INIT            \
	{                       \
		0, NMW_EXIT_OK, \
		{               \
			0       \
		}               \
	}

/* Sets the error and returns err (a negative errno), so that `return nmw_err_set(...)` reads as one
 * step.  e may be NULL (the message is dropped, the number is still returned). */
int nmw_err_set(struct nmw_err *e, int err, enum nmw_exit exit, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "prefix: " before the message that is there. Returns e->err. */
int nmw_err_prefix(struct nmw_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Exit status that goes with an errno (of either sign) of a file that the user named: 2 the name is
 * wrong, 4 not permitted, 5 a resource is missing, 1 any other. */
/* strerror; what O_NOFOLLOW refuses is a symbolic link, not a loop of them. */
const char *nmw_err_nofollow(int err);
enum nmw_exit nmw_exit_of(int err);

#endif
