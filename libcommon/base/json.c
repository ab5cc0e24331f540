#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* Memory ran out for a part of the document in work: it is not whole. */
static _Thread_local bool lost;

static struct nmw_json *wrap(json_t *v)
{
	lost = lost || !v;
	return (struct nmw_json *)v;
}

static json_t *unwrap(struct nmw_json *v)
{
	return (json_t *)v;
}

struct nmw_json *nmw_json_object(void)
{
	return wrap(json_object());
}

struct nmw_json *nmw_json_array(void)
{
	return wrap(json_array());
}

struct nmw_json *nmw_json_str(const char *s)
{
	if (!s)
		return nmw_json_null();
	json_t *v = json_string(s);
	if (v)
		return wrap(v);
	/* not UTF-8: every byte outside ASCII becomes ? */
	char *copy = strdup(s);
	if (!copy)
		return wrap(NULL);
	for (char *p = copy; *p; p++)
		if (*p & 0x80)
			*p = '?';
	v = json_string(copy);
	free(copy);
	return wrap(v);
}

struct nmw_json *nmw_json_id(uint64_t v)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, v);
	return wrap(json_string(text));
}

struct nmw_json *nmw_json_num(uint64_t v)
{
	return v > INT64_MAX ? nmw_json_id(v) : wrap(json_integer((json_int_t)v));
}

struct nmw_json *nmw_json_real(double v)
{
	return isfinite(v) ? wrap(json_real(v)) : nmw_json_null();
}

struct nmw_json *nmw_json_bool(bool v)
{
	return wrap(json_boolean(v));
}

struct nmw_json *nmw_json_null(void)
{
	return wrap(json_null());
}

struct nmw_json *nmw_json_set(struct nmw_json *into, const char *key, struct nmw_json *v)
{
	return json_object_set_new(unwrap(into), key, unwrap(v)) ? wrap(NULL) : v;
}

struct nmw_json *nmw_json_add(struct nmw_json *into, struct nmw_json *v)
{
	return json_array_append_new(unwrap(into), unwrap(v)) ? wrap(NULL) : v;
}

void nmw_json_free(struct nmw_json *v)
{
	lost = false;
	json_decref(unwrap(v));
}

int nmw_json_print(struct nmw_json *v, FILE *f, unsigned indent)
{
	if (!v || lost) {
		nmw_json_free(v);
		return -ENOMEM;
	}
	size_t flags = indent ? JSON_INDENT((size_t)indent) : JSON_COMPACT;
	int rc = json_dumpf(unwrap(v), f, flags | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY);
	nmw_json_free(v);
	if (rc || fputc('\n', f) == EOF)
		return -EIO;
	return 0;
}

/* Bytes of the UTF-8 character at s (len > 0), 0 when it is not one. */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	if (!n || n > len)
		return 0;
	uint32_t c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	bool surrogate = c >= 0xd800 && c <= 0xdfff;
	return c < least[n] || c > 0x10ffff || surrogate ? 0 : n;
}

/* The escaped form of the character at s (n bytes) into out (8 bytes). Returns its bytes. */
static size_t escape_one(char *out, const unsigned char *s, size_t n)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	if (n > 1) {
		memcpy(out, s, n);
		return n;
	}
	const char *hit = s[0] ? strchr(from, s[0]) : NULL;
	if (hit)
		return (size_t)snprintf(out, 8, "\\%c", to[hit - from]);
	if (s[0] < 0x20 || s[0] == 0x7f)
		return (size_t)snprintf(out, 8, "\\u%04x", s[0]);
	out[0] = n ? (char)s[0] : '?';
	return 1;
}

size_t nmw_json_escape(char *buf, size_t cap, const char *s, size_t len)
{
	size_t at = 0;
	for (size_t i = 0; i < len;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t n = utf8_len(p, len - i);
		char one[8];
		size_t m = escape_one(one, p, n);
		if (at + m >= cap)
			break;
		memcpy(buf + at, one, m);
		at += m;
		i += n ? n : 1;
	}
	if (cap)
		buf[at] = '\0';
	return at;
}
