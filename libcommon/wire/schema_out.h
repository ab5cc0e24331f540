/* schema_out.h: private to schema*.c: how a field is read and a line is written.
 *
 * A writer counts every byte and keeps those that fit, so that the length is that of snprintf.
 */
#ifndef NMW_WIRE_SCHEMA_OUT_H
#define NMW_WIRE_SCHEMA_OUT_H

#include "wire/schema.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The field of an OUCH 5.0 tag; NULL: not known. */
const struct nmw_field *nmw_schema_tag(uint8_t tag);
/* Number of TLVs of an appendage, or -EBADMSG. */
int nmw_schema_app_check(const uint8_t *p, uint32_t n);

/* Value of an integer field at p. */
uint64_t nmw_field_uint(const struct nmw_field *f, const uint8_t *p);
int64_t nmw_field_int(const struct nmw_field *f, const uint8_t *p);
uint64_t nmw_field_host(const struct nmw_field *f, const uint8_t *p);

struct nmw_out {
	char *buf;
	size_t cap, len;
};

void nmw_out_cut(struct nmw_out *o, const char *s, size_t n);

static inline void nmw_out_put(struct nmw_out *o, const char *s, size_t n)
{
	if (__builtin_expect(o->len + n < o->cap, 1))
		memcpy(o->buf + o->len, s, n);
	else
		nmw_out_cut(o, s, n);
	o->len += n;
}
#define nmw_out_lit(o, literal) nmw_out_put(o, literal, sizeof(literal) - 1)

static inline void nmw_out_char(struct nmw_out *o, char c)
{
	nmw_out_put(o, &c, 1);
}

void nmw_out_uint(struct nmw_out *o, uint64_t v);
/* v / 10^decimals with all decimals: 162.5000 */
void nmw_out_fixed(struct nmw_out *o, uint64_t v, unsigned decimals);
void nmw_out_sfixed(struct nmw_out *o, int64_t v, unsigned decimals);
void nmw_out_hex(struct nmw_out *o, const uint8_t *p, uint32_t n);
/* Address of a struct nmw_ctl as its family says; nothing when it is neither 4 nor 6. */
void nmw_out_addr(struct nmw_out *o, const uint8_t *addr, uint8_t family);
/* Length of n bytes without the spaces at the end. */
unsigned nmw_out_trim(const uint8_t *p, unsigned n);
/* Ends the line: NUL, and the length for the caller. */
int nmw_out_end(struct nmw_out *o);

#endif
