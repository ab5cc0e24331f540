/* parse.h: strict readers of what a user types: sizes, durations, rates, numbers; and the writers
 * that give them back.
 *
 * The readers take the whole string or refuse it: no leading space, no trailing junk, no sign, no
 * overflow.  They return 0, -EINVAL (not such a value) or -ERANGE (outside lo..hi, or over 64 bits;
 * hi 0 = no limit), write *out only on success, and compose a message "64Kjunk: not a size: digits
 * and one of K M G T (binary), such as 64K" or "2G: out of range: 4K..1G allowed".
 *
 * Any thread; no allocation; no floating point, so a value is exact or refused.
 */
#ifndef NMW_BASE_PARSE_H
#define NMW_BASE_PARSE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits, or 0x and hexadecimal ones. */
int nmw_parse_u64(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* A count of things: decimal with an optional decimal k, M or G: 1M = 1,000,000. */
int nmw_parse_count(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* Bytes: digits with an optional binary K M G T (KiB MiB GiB TiB also): 64K = 65,536. */
int nmw_parse_size(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* A duration in ns; the unit is required: 10us, 1.5s, 200ms, 5ns, 2m, 1h. */
int nmw_parse_duration(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);
/* What is added to UTC for the time of day: a duration, from -14h to 14h, with a sign or without.
 * The message names --utc-offset. */
int nmw_parse_utc_offset(const char *text, int64_t *ns, struct nmw_err *e);
/* Messages or packets a second; the unit is required: 100kpps, 1Mpps, 500pps. */
int nmw_parse_rate(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e);

/* The same values as text that the reader of the same name takes back to the same number: 65536 is
 * "64K", 1500000000 is "1500ms". Returns the length (as snprintf). */
#define NMW_FORMAT_MAX 32
int nmw_format_count(char *buf, size_t cap, uint64_t v);
int nmw_format_size(char *buf, size_t cap, uint64_t v);
int nmw_format_duration(char *buf, size_t cap, uint64_t v);
int nmw_format_rate(char *buf, size_t cap, uint64_t v);

/* "key=value,key=value": finds the next pair in *s, advances *s past it, NUL-terminates key and
 * value in place. Returns 1 (a pair), 0 (end), -EINVAL (empty key, or nothing after a comma).
 * value is NULL without '='. */
int nmw_parse_kv(char **s, char **key, char **value);

/* Whether key i (0..63) of a list was given before, as *seen has it, which keeps it from now on: an
 * option that stands twice is refused, as one of the two is not what was meant. */
bool nmw_parse_again(uint64_t *seen, unsigned i);

/* A name of a ring, a consumer or an instance: 1 to max letters, digits, '.', '_' or '-', not
 * starting with '.'. It is part of a file name, and goes to terminals. 0 or -EINVAL. */
int nmw_parse_name(const char *s, unsigned max, struct nmw_err *e);

/* Index of `word` in "auto|spin|park", or -1. */
int nmw_parse_choice(const char *word, const char *choices);

/* How far two words are apart: letters put in, left out, changed or swapped with the next. For "did
 * you mean". Words over 63 letters are far from every other. */
unsigned nmw_parse_distance(const char *a, const char *b);
/* Whether b is near enough to a to be what was meant. */
int nmw_parse_near(const char *a, const char *b, unsigned *best);

#endif
