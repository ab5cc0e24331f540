/* log.h: lines for people, on stderr.  `nmw-recv: ring orders: on /dev/shm ...`.
 *
 * Text by default, JSON Lines with format json ({"ts":"...","level":"warn","tool":...,"msg":...}).
 * One write(2) a line, so lines of several processes do not mix.  Never from a hot path: what a hot
 * path counts, housekeeping reports.  A message that repeats is limited by nmw_log_limited.
 */
#ifndef NMW_BASE_LOG_H
#define NMW_BASE_LOG_H

#include "base/err.h"
#include <stdbool.h>

enum nmw_log_level { NMW_LOG_ERROR, NMW_LOG_WARN, NMW_LOG_INFO, NMW_LOG_DEBUG };
enum nmw_log_format { NMW_LOG_TEXT, NMW_LOG_JSON };

void nmw_log_init(const char *tool, enum nmw_log_level level, enum nmw_log_format format);
void nmw_log(enum nmw_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints the error once and returns its exit status. */
int nmw_log_err(const struct nmw_err *e);
/* A progress line, redrawn in place when stderr is a terminal, nothing otherwise. NULL fmt clears.
 */
void nmw_log_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
