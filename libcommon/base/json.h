/* json.h: JSON to print.  A document is built from values and printed once; jansson stays inside.
 *
 * A value that is put into another belongs to it; nmw_json_print frees the whole document. When
 * memory runs out a builder returns NULL, which every other call takes, and nmw_json_print returns
 * -ENOMEM: only the end needs a check.  One thread a document, one document at a time.
 *
 * Ids and nanosecond times are strings (nmw_json_id): jq and JavaScript read numbers as doubles.
 */
#ifndef NMW_BASE_JSON_H
#define NMW_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct nmw_json; /* a value */

struct nmw_json *nmw_json_object(void); /* keeps the order of its keys */
struct nmw_json *nmw_json_array(void);
struct nmw_json *nmw_json_str(const char *s); /* NULL: null. Bytes outside UTF-8 become ? */
struct nmw_json *nmw_json_id(uint64_t v);     /* "18446744073709551615" */
struct nmw_json *nmw_json_num(uint64_t v);    /* a number; over 2^63 - 1 a string */
struct nmw_json *nmw_json_real(double v);     /* a number; null when it is not finite */
struct nmw_json *nmw_json_bool(bool v);
struct nmw_json *nmw_json_null(void);

/* Put `v` into `into` and take it over. Return `v`, borrowed, so that nested ones read in line. */
struct nmw_json *nmw_json_set(struct nmw_json *into, const char *key, struct nmw_json *v);
struct nmw_json *nmw_json_add(struct nmw_json *into, struct nmw_json *v);

void nmw_json_free(struct nmw_json *v);
/* Prints and frees: one line with indent 0, else indented; a newline at the end. 0, -ENOMEM, -EIO.
 */
int nmw_json_print(struct nmw_json *v, FILE *f, unsigned indent);

/* Writes s escaped, without the quotes, into buf: always valid JSON, cut on a whole character when
 * cap (with the NUL) is short; bytes outside UTF-8 become ?. Returns the bytes written. No
 * allocation: for lines that are composed by hand. */
size_t nmw_json_escape(char *buf, size_t cap, const char *s, size_t len);

#endif
