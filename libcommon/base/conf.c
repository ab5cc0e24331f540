#include "base/conf.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOAD_FLAGS JSON_REJECT_DUPLICATES

static json_t *node(const struct nmw_conf_at *at)
{
	return at->node;
}

static void set_root(struct nmw_conf_at *root, const char *name, json_t *doc)
{
	*root = (struct nmw_conf_at){.file = name, .node = doc};
}

static int load_err(const char *name, const json_error_t *j, struct nmw_err *e)
{
	bool nul = json_error_code(j) == json_error_null_character ||
		   json_error_code(j) == json_error_null_byte_in_key;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s: line %d, column %d: %s", name, j->line,
			   j->column, nul ? "a string with \\u0000: leave it out" : j->text);
}

int nmw_conf_load(const char *path, struct nmw_conf **out, struct nmw_conf_at *root,
		  struct nmw_err *e)
{
	bool is_stdin = !strcmp(path, "-");
	const char *name = is_stdin ? "stdin" : path;
	FILE *f = is_stdin ? stdin : fopen(path, "re");
	if (!f) {
		int err = errno;
		return nmw_err_set(e, -err, nmw_exit_of(err), "%s: cannot open: %s%s", name,
				   strerror(err), err == ENOENT ? ": check the path" : "");
	}
	json_error_t j;
	json_t *doc = json_loadf(f, LOAD_FLAGS, &j);
	bool broken = ferror(f);
	int err = errno;
	if (!is_stdin)
		fclose(f);
	if (!doc && broken)
		return nmw_err_set(e, -err, nmw_exit_of(err), "%s: cannot read: %s", name,
				   strerror(err));
	if (!doc)
		return load_err(name, &j, e);
	*out = (struct nmw_conf *)doc;
	set_root(root, name, doc);
	return 0;
}

int nmw_conf_load_text(const char *name, const char *text, struct nmw_conf **out,
		       struct nmw_conf_at *root, struct nmw_err *e)
{
	json_error_t j;
	json_t *doc = json_loads(text, LOAD_FLAGS, &j);
	if (!doc)
		return load_err(name, &j, e);
	*out = (struct nmw_conf *)doc;
	set_root(root, name, doc);
	return 0;
}

void nmw_conf_free(struct nmw_conf *c)
{
	json_decref((json_t *)c);
}

int nmw_conf_err(const struct nmw_conf_at *at, const char *key, struct nmw_err *e, const char *fmt,
		 ...)
{
	char msg[NMW_ERR_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	const char *dot = at->path[0] && key ? "." : "", *colon = at->path[0] || key ? ": " : "";
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%.200s: %s%s%s%s%.200s", at->file, at->path,
			   dot, key ? key : "", colon, msg);
}

static const char *type_name(json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",	 [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};
	return names[json_typeof(v)];
}

static int wrong_type(const struct nmw_conf_at *at, const char *key, json_t *found,
		      const char *expected, struct nmw_err *e)
{
	return nmw_conf_err(at, key, e, "%s found, %s expected", type_name(found), expected);
}

/* The value under key; NULL when there is none or it is null. Without a key: at itself. */
static json_t *find(const struct nmw_conf_at *at, const char *key)
{
	json_t *v = key ? json_object_get(node(at), key) : node(at);
	return v && !json_is_null(v) ? v : NULL;
}

static bool known_key(const char *keys, const char *key)
{
	return nmw_parse_choice(key, keys) >= 0;
}

static int unknown_key(const struct nmw_conf_at *at, const char *keys, const char *key,
		       struct nmw_err *e)
{
	char word[64], nearest[64] = "";
	unsigned best = UINT32_MAX;
	for (const char *p = keys; *p;) {
		size_t n = strcspn(p, "|");
		snprintf(word, sizeof word, "%.*s", (int)n, p);
		if (nmw_parse_near(key, word, &best))
			memcpy(nearest, word, sizeof nearest);
		p += n + (p[n] == '|');
	}
	if (nearest[0])
		return nmw_conf_err(at, key, e, "unknown key: did you mean %s?", nearest);
	return nmw_conf_err(at, key, e, "unknown key: known are %s", keys);
}

int nmw_conf_keys(const struct nmw_conf_at *at, const char *keys, struct nmw_err *e)
{
	if (!json_is_object(node(at)))
		return wrong_type(at, NULL, node(at), "an object", e);
	const char *key;
	for (size_t i = 0; (key = nmw_conf_key(at, i)); i++)
		if (!known_key(keys, key))
			return unknown_key(at, keys, key, e);
	return 0;
}

static void descend(const struct nmw_conf_at *at, const char *key, json_t *v,
		    struct nmw_conf_at *out)
{
	struct nmw_conf_at sub = {.file = at->file, .node = v};
	snprintf(sub.path, sizeof sub.path, "%.64s%s%.60s", at->path, at->path[0] ? "." : "", key);
	*out = sub;
}

int nmw_conf_list(const struct nmw_conf_at *at, const char *key, struct nmw_conf_at *out,
		  struct nmw_err *e)
{
	json_t *v = find(at, key);
	if (!v)
		return 0;
	if (!json_is_array(v))
		return wrong_type(at, key, v, "a list", e);
	descend(at, key, v, out);
	return 1;
}

int nmw_conf_object(const struct nmw_conf_at *at, const char *key, struct nmw_conf_at *out,
		    struct nmw_err *e)
{
	json_t *v = find(at, key);
	if (!v)
		return 0;
	if (!json_is_object(v))
		return wrong_type(at, key, v, "an object", e);
	descend(at, key, v, out);
	return 1;
}

size_t nmw_conf_len(const struct nmw_conf_at *at)
{
	return json_is_array(node(at)) ? json_array_size(node(at)) : json_object_size(node(at));
}

bool nmw_conf_item(const struct nmw_conf_at *list, size_t i, struct nmw_conf_at *out)
{
	json_t *v = json_array_get(node(list), i);
	if (!v)
		return false;
	struct nmw_conf_at sub = {.file = list->file, .node = v};
	snprintf(sub.path, sizeof sub.path, "%.100s[%zu]", list->path, i);
	*out = sub;
	return true;
}

const char *nmw_conf_key(const struct nmw_conf_at *object, size_t i)
{
	json_t *o = node(object);
	void *it = json_object_iter(o);
	while (it && i--)
		it = json_object_iter_next(o, it);
	return it ? json_object_iter_key(it) : NULL;
}

static int check_text(const struct nmw_conf_at *at, const char *key, json_t *v, size_t cap,
		      struct nmw_err *e)
{
	const char *s = json_string_value(v);
	if (!s[0] || strlen(s) >= cap)
		return nmw_conf_err(at, key, e, "string of %zu bytes, 1..%zu allowed",
				    json_string_length(v), cap - 1);
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return nmw_conf_err(at, key, e, "control character in a string");
	return 0;
}

int nmw_conf_str(const struct nmw_conf_at *at, const char *key, char *buf, size_t cap,
		 struct nmw_err *e)
{
	json_t *v = find(at, key);
	if (!v)
		return 0;
	if (!json_is_string(v))
		return wrong_type(at, key, v, "a string", e);
	int rc = check_text(at, key, v, cap, e);
	if (rc)
		return rc;
	snprintf(buf, cap, "%s", json_string_value(v));
	return 1;
}

int nmw_conf_u64(const struct nmw_conf_at *at, const char *key, uint64_t lo, uint64_t hi,
		 uint64_t *out, struct nmw_err *e)
{
	char text[64];
	json_t *v = find(at, key);
	if (!v)
		return 0;
	if (!json_is_integer(v) && !json_is_string(v))
		return wrong_type(at, key, v, "a whole number", e);
	int rc = nmw_conf_text(at, key, 0, text, sizeof text, e);
	if (rc < 0)
		return rc;
	struct nmw_err why = NMW_ERR_INIT;
	if (nmw_parse_u64(text, lo, hi, out, &why))
		return nmw_conf_err(at, key, e, "%s", why.msg);
	return 1;
}

int nmw_conf_bool(const struct nmw_conf_at *at, const char *key, bool *out, struct nmw_err *e)
{
	json_t *v = find(at, key);
	if (!v)
		return 0;
	if (!json_is_boolean(v))
		return wrong_type(at, key, v, "true or false", e);
	*out = json_is_true(v);
	return 1;
}

int nmw_conf_choice(const struct nmw_conf_at *at, const char *key, const char *choices, int *out,
		    struct nmw_err *e)
{
	json_t *v = find(at, key);
	if (!v)
		return 0;
	if (!json_is_string(v))
		return wrong_type(at, key, v, choices, e);
	int i = nmw_parse_choice(json_string_value(v), choices);
	if (i < 0)
		return nmw_conf_err(at, key, e, "\"%.40s\" found, one of %s expected",
				    json_string_value(v), choices);
	*out = i;
	return 1;
}

/* "162.5" in 1/10,000. At most 4 decimals, so that nothing is rounded. */
int nmw_conf_price_text(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	unsigned decimals = 0;
	const char *p = s;
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (bool point = false; *p; p++) {
		if (*p == '.' && !point && p[1]) {
			point = true;
			continue;
		}
		if (*p < '0' || *p > '9' || decimals == 4)
			return -EINVAL;
		if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return -ERANGE;
		decimals += point;
	}
	for (; decimals < 4; decimals++)
		if (__builtin_mul_overflow(v, UINT64_C(10), &v))
			return -ERANGE;
	*out = v;
	return 0;
}

/* A JSON fraction is a double by the time we see it: its shortest form that reads back to the same
 * double is what the user wrote, up to 15 digits. */
static void price_text(json_t *v, char *buf, size_t cap)
{
	if (json_is_string(v))
		snprintf(buf, cap, "%.40s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(buf, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else
		snprintf(buf, cap, "%.15g", json_real_value(v));
}

int nmw_conf_price(const struct nmw_conf_at *at, const char *key, uint64_t lo, uint64_t hi,
		   uint64_t *out, struct nmw_err *e)
{
	json_t *v = find(at, key);
	if (!v)
		return 0;
	if (!json_is_number(v) && !json_is_string(v))
		return wrong_type(at, key, v, "a price such as \"162.5000\"", e);
	char text[48];
	uint64_t px = 0;
	price_text(v, text, sizeof text);
	int rc = nmw_conf_price_text(text, &px);
	if (rc == -EINVAL)
		return nmw_conf_err(at, key, e, "%s: not a price: digits with up to 4 decimals",
				    text);
	if (rc || px < lo || px > hi)
		return nmw_conf_err(at, key, e,
				    "%s: out of range: %" PRIu64 ".%04" PRIu64 "..%" PRIu64
				    ".%04" PRIu64 " allowed",
				    text, lo / 10000, lo % 10000, hi / 10000, hi % 10000);
	*out = px;
	return 1;
}

int nmw_conf_text(const struct nmw_conf_at *at, const char *key, size_t i, char *buf, size_t cap,
		  struct nmw_err *e)
{
	json_t *v = find(at, key);
	bool list = json_is_array(v);
	if (list)
		v = json_array_get(v, i);
	if (!v || (!list && i))
		return 0;
	if (json_is_string(v)) {
		int rc = check_text(at, key, v, cap, e);
		if (rc)
			return rc;
		snprintf(buf, cap, "%s", json_string_value(v));
	} else if (json_is_integer(v)) {
		snprintf(buf, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	} else {
		return wrong_type(at, key, v, "a string or a whole number", e);
	}
	return 1;
}
