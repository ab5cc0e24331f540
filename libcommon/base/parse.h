/* parse.h: strict readers of what a user types: sizes, durations, rates, numbers.
 *
 * All of them take the whole string or refuse it: no leading space, no trailing junk, no sign, no
 * overflow.  They return 0, -EINVAL (not such a value) or -ERANGE (outside lo..hi), write *out only
 * on success, and compose a message "64Kjunk: not a size: digits and one of K M G (binary)".
 */
#ifndef NMW_BASE_PARSE_H
#define NMW_BASE_PARSE_H

#include "base/err.h"
#include <stdint.h>

/* Decimal digits, or 0x and hexadecimal ones. */
int nmw_parse_u64(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* A count of things: decimal with an optional decimal k, M or G: 1M = 1,000,000. */
int nmw_parse_count(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* Bytes: digits with an optional binary K M G T (KiB MiB GiB TiB also): 64K = 65,536. */
int nmw_parse_size(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* A duration in ns; the unit is required: 10us, 1.5s, 200ms, 5ns, 2m, 1h. */
int nmw_parse_duration(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* Messages or packets a second; the unit is required: 100kpps, 1Mpps, 500pps. */
int nmw_parse_rate(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);

/* "key=value,key=value": finds the next pair in *s, advances *s past it, NUL-terminates key and
 * value in place. Returns 1 (a pair), 0 (end), -EINVAL (empty key). value is NULL without '='. */
int nmw_parse_kv(char **s, char **key, char **value);

#endif
