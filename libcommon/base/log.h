/* log.h: lines for people, on stderr.  `nmw-recv: ring orders: on /dev/shm ...`.
 *
 * Text by default, JSON Lines with format json ({"ts":"...","level":"warn","tool":...,"msg":...}).
 * One write(2) a line, so lines of several processes do not mix.  Never from a hot path: what a hot
 * path counts, housekeeping reports.  A message that repeats is limited by nmw_log_limited.
 */
#ifndef NMW_BASE_LOG_H
#define NMW_BASE_LOG_H

#include "base/err.h"
#include <stdint.h>

enum nmw_log_level { NMW_LOG_ERROR, NMW_LOG_WARN, NMW_LOG_INFO, NMW_LOG_DEBUG };
enum nmw_log_format { NMW_LOG_TEXT, NMW_LOG_JSON };

/* Until it is called: text, NMW_LOG_INFO, the program's own name. */
void nmw_log_init(const char *tool, enum nmw_log_level level, enum nmw_log_format format);
void nmw_log(enum nmw_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line that may repeat: at most one a second gets through each struct nmw_log_limit (zeroed at
 * first); the next one that does says how many did not. */
struct nmw_log_limit {
	uint64_t next_ns; /* CLOCK_MONOTONIC before which nothing is printed */
	uint64_t held;	  /* lines held back since the last one */
};
void nmw_log_limited(struct nmw_log_limit *l, enum nmw_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints the error once and returns its exit status. */
int nmw_log_err(const struct nmw_err *e);
/* A progress line, redrawn in place when stderr is a terminal and the format text, nothing
 * otherwise. NULL clears it. */
void nmw_log_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
