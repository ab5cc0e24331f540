/* schema_out.h: private to schema*.c: how a field is read and a line is written.
 *
 * A line of a known message is written without a check: its longest form fits NMW_SCHEMA_LINE (the
 * fuzzer holds that), and each step may write up to NMW_SLACK bytes past what it keeps, so that
 * copies have a constant size.  A caller's buffer that is shorter gets the line from a local one.
 */
#ifndef NMW_WIRE_SCHEMA_OUT_H
#define NMW_WIRE_SCHEMA_OUT_H

#include "wire/schema.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NMW_SLACK 64u

/* The field of an OUCH 5.0 tag; NULL: not known. */
const struct nmw_field *nmw_schema_tag(uint8_t tag);
/* Number of TLVs of an appendage, or -EBADMSG. */
int nmw_schema_app_check(const uint8_t *p, uint32_t n);

/* Value of an integer field at p. */
uint64_t nmw_field_uint(const struct nmw_field *f, const uint8_t *p);
int64_t nmw_field_int(const struct nmw_field *f, const uint8_t *p);
uint64_t nmw_field_host(const struct nmw_field *f, const uint8_t *p);

/* Writers: put at w, return where the next one goes on. */
#define nmw_w_lit(w, literal) \
	((char *)memcpy(w, literal, sizeof(literal) - 1) + (sizeof(literal) - 1))

static inline char *nmw_w_char(char *w, char c)
{
	*w = c;
	return w + 1;
}

static inline char *nmw_w_str(char *w, const char *s)
{
	return stpcpy(w, s);
}

char *nmw_w_uint(char *w, uint64_t v);
char *nmw_w_int(char *w, int64_t v);
/* v / 10^decimals with all decimals: 162.5000 */
char *nmw_w_fixed(char *w, uint64_t v, unsigned decimals);
/* The same for a price field of any kind. */
char *nmw_w_price(char *w, const struct nmw_field *f, const uint8_t *p);
char *nmw_w_hex(char *w, const uint8_t *p, uint32_t n);
/* Address of a struct nmw_ctl in quotes, as its family says; none when it is neither 4 nor 6. */
char *nmw_w_addr(char *w, const uint8_t *addr, uint8_t family);

/* Stands for itself in a quoted text. */
static inline bool nmw_is_plain(uint8_t c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* Length of n bytes without the spaces at the end. */
static inline unsigned nmw_trim(const uint8_t *p, unsigned n)
{
	while (n && p[n - 1] == ' ')
		n--;
	return n;
}

/* Gives the caller what lies from `from` to `to` as snprintf would. */
int nmw_line_give(char *buf, unsigned cap, const char *from, const char *to);
/* The same for head, bytes in hex, tail: a payload of any length. */
int nmw_line_hex(char *buf, unsigned cap, const char *head, size_t head_len, const uint8_t *p,
		 uint32_t n, const char *tail);

#endif
