#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define UTC_OFFSET_MAX (14ull * 3600 * 1000 * 1000 * 1000) /* ns */

__extension__ typedef unsigned __int128 u128;

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* One kind of value: what it is called, what is expected, and its units, largest last. */
struct kind {
	const char *noun, *expected;
	const struct unit *units;
	unsigned n_units;
	unsigned n_format; /* the first n_format units are the ones that the writer uses */
	bool fraction;	   /* 1.5 of a unit is allowed, where it is a whole number in the end */
	bool hex;
};

#define KI UINT64_C(1024)
#define K  UINT64_C(1000)

static const struct unit plain_units[] = {{"", 1}};
static const struct unit count_units[] = {{"", 1}, {"k", K}, {"M", K *K}, {"G", K *K *K}};
static const struct unit size_units[] = {
	{"", 1},
	{"K", KI},
	{"M", KI *KI},
	{"G", KI *KI *KI},
	{"T", KI *KI *KI *KI},
	{"KiB", KI},
	{"MiB", KI *KI},
	{"GiB", KI *KI *KI},
	{"TiB", KI *KI *KI *KI},
};
static const struct unit duration_units[] = {
	{"ns", 1},	{"us", K},	     {"ms", K *K},
	{"s", K *K *K}, {"m", 60 * K *K *K}, {"h", 3600 * K *K *K},
};
static const struct unit rate_units[] = {
	{"pps", 1}, {"kpps", K}, {"Mpps", K *K}, {"Gpps", K *K *K}};

#define UNITS(u, format) .units = (u), .n_units = sizeof(u) / sizeof(u)[0], .n_format = (format)

static const struct kind plain_kind = {.noun = "number",
				       .expected = "decimal digits, or 0x and hexadecimal ones",
				       UNITS(plain_units, 1),
				       .hex = true};
static const struct kind count_kind = {.noun = "count",
				       .expected = "digits and one of k M G (decimal), such as 10k",
				       UNITS(count_units, 4)};
static const struct kind size_kind = {.noun = "size",
				      .expected = "digits and one of K M G T (binary), such as 64K",
				      UNITS(size_units, 5)};
static const struct kind duration_kind = {
	.noun = "duration",
	.expected = "a number and one of ns us ms s m h, such as 10us",
	UNITS(duration_units, 6),
	.fraction = true};
static const struct kind rate_kind = {
	.noun = "rate",
	.expected = "a number and one of pps kpps Mpps Gpps, such as 100kpps",
	UNITS(rate_units, 4),
	.fraction = true};

static int format(const struct kind *k, char *buf, size_t cap, uint64_t v)
{
	unsigned i = k->n_format - 1;
	while (i > 0 && (v == 0 || v % k->units[i].factor))
		i--;
	if (v == 0 && k == &duration_kind)
		return snprintf(buf, cap, "0s");
	return snprintf(buf, cap, "%" PRIu64 "%s", v / k->units[i].factor, k->units[i].suffix);
}

static int refuse(const struct kind *k, const char *s, struct nmw_err *e)
{
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%.64s: not a %s: %s", *s ? s : "(nothing)",
			   k->noun, k->expected);
}

static int out_of_range(const struct kind *k, const char *s, uint64_t lo, uint64_t hi,
			struct nmw_err *e)
{
	char a[NMW_FORMAT_MAX], b[NMW_FORMAT_MAX];
	format(k, a, sizeof a, lo);
	format(k, b, sizeof b, hi);
	if (hi < UINT64_MAX)
		return nmw_err_set(e, -ERANGE, NMW_EXIT_USAGE,
				   "%.64s: out of range: %s..%s allowed", s, a, b);
	return nmw_err_set(e, -ERANGE, NMW_EXIT_USAGE,
			   "%.64s: out of range: %s or more allowed, in 64 bits", s, a);
}

static int digit(char c, unsigned base)
{
	int d = c >= '0' && c <= '9'   ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : 99;
	return d < (int)base ? d : -1;
}

/* Takes the digits at *s. False: there is none. Past 64 bits *v stays at its bound and *over is
 * set. */
static bool take_digits(const char **s, unsigned base, uint64_t *v, bool *over)
{
	const char *p = *s;
	*v = 0;
	for (int d; (d = digit(*p, base)) >= 0; p++)
		if (__builtin_mul_overflow(*v, (uint64_t)base, v) ||
		    __builtin_add_overflow(*v, (uint64_t)d, v)) {
			*over = true;
			*v = UINT64_MAX;
		}
	bool any = p != *s;
	*s = p;
	return any;
}

/* Takes ".5" at *s as num / den. False: no digit behind the point, or more than 18 that count. */
static bool take_fraction(const char **s, uint64_t *num, uint64_t *den)
{
	const char *p = *s + 1;
	size_t n = strspn(p, "0123456789"), used = n;
	while (used && p[used - 1] == '0')
		used--;
	*num = 0;
	*den = 1;
	if (!n || used > 18)
		return false;
	for (size_t i = 0; i < used; i++) {
		*num = *num * 10 + (uint64_t)(p[i] - '0');
		*den *= 10;
	}
	*s = p + n;
	return true;
}

static const struct unit *find_unit(const struct kind *k, const char *suffix)
{
	for (unsigned i = 0; i < k->n_units; i++)
		if (!strcmp(k->units[i].suffix, suffix))
			return &k->units[i];
	return NULL;
}

static int parse(const struct kind *k, const char *s, uint64_t lo, uint64_t hi, uint64_t *out,
		 struct nmw_err *e)
{
	const char *p = s;
	bool over = false;
	uint64_t v, num = 0, den = 1;
	unsigned base = k->hex && p[0] == '0' && p[1] == 'x' ? 16 : 10;
	if (base == 16)
		p += 2;
	if (!take_digits(&p, base, &v, &over))
		return refuse(k, s, e);
	if (k->fraction && *p == '.' && !take_fraction(&p, &num, &den))
		return refuse(k, s, e);
	const struct unit *u = find_unit(k, p);
	if (!u || (u128)num * u->factor % den)
		return refuse(k, s, e);
	over |= __builtin_mul_overflow(v, u->factor, &v);
	over |= __builtin_add_overflow(v, (uint64_t)((u128)num * u->factor / den), &v);
	uint64_t top = hi ? hi : UINT64_MAX;
	if (over || v < lo || v > top)
		return out_of_range(k, s, lo, top, e);
	*out = v;
	return 0;
}

int nmw_parse_u64(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e)
{
	return parse(&plain_kind, s, lo, hi, out, e);
}

int nmw_parse_count(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e)
{
	return parse(&count_kind, s, lo, hi, out, e);
}

int nmw_parse_size(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e)
{
	return parse(&size_kind, s, lo, hi, out, e);
}

int nmw_parse_duration(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e)
{
	return parse(&duration_kind, s, lo, hi, out, e);
}

int nmw_parse_utc_offset(const char *text, int64_t *ns, struct nmw_err *e)
{
	bool minus = *text == '-';
	uint64_t v;
	int rc = nmw_parse_duration(text + (minus || *text == '+'), 0, UTC_OFFSET_MAX, &v, e);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_USAGE,
				   "--utc-offset: %s: not a duration from -14h to 14h, such as "
				   "-5h or 330m",
				   text);
	*ns = minus ? -(int64_t)v : (int64_t)v;
	return 0;
}

int nmw_parse_rate(const char *s, uint64_t lo, uint64_t hi, uint64_t *out, struct nmw_err *e)
{
	return parse(&rate_kind, s, lo, hi, out, e);
}

int nmw_format_count(char *buf, size_t cap, uint64_t v)
{
	return format(&count_kind, buf, cap, v);
}

int nmw_format_size(char *buf, size_t cap, uint64_t v)
{
	return format(&size_kind, buf, cap, v);
}

int nmw_format_duration(char *buf, size_t cap, uint64_t v)
{
	return format(&duration_kind, buf, cap, v);
}

int nmw_format_rate(char *buf, size_t cap, uint64_t v)
{
	return format(&rate_kind, buf, cap, v);
}

int nmw_parse_kv(char **s, char **key, char **value)
{
	char *p = *s;
	*key = p;
	*value = NULL;
	if (!*p)
		return 0;
	char *comma = strchr(p, ',');
	if (comma) {
		*comma = '\0';
		*s = comma + 1;
	} else {
		*s = p + strlen(p);
	}
	char *eq = strchr(p, '=');
	if (eq) {
		*eq = '\0';
		*value = eq + 1;
	}
	bool dangling = comma && !comma[1];
	return *p && !dangling ? 1 : -EINVAL;
}

bool nmw_parse_again(uint64_t *seen, unsigned i)
{
	bool was = *seen >> i & 1;
	*seen |= UINT64_C(1) << i;
	return was;
}

int nmw_parse_name(const char *s, unsigned max, struct nmw_err *e)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	if (n > 0 && n <= max && !s[n] && s[0] != '.')
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%.64s: not a name: 1 to %u letters, digits, '.', '_' or '-', not "
			   "starting with '.'",
			   *s ? s : "(nothing)", max);
}

int nmw_parse_choice(const char *word, const char *choices)
{
	size_t len = strlen(word);
	int i = 0;
	for (const char *p = choices; *p; i++) {
		size_t n = strcspn(p, "|");
		if (n == len && !memcmp(p, word, n))
			return i;
		p += n + (p[n] == '|');
	}
	return -1;
}

#define WORD_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

unsigned nmw_parse_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned rows[3][WORD_MAX]; /* the row before the last one, the last one, this one */
	unsigned *old = rows[0], *prev = rows[1], *cur = rows[2];
	if (n >= WORD_MAX || m >= WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= m; j++)
		prev[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		cur[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned change = prev[j - 1] + (a[i - 1] != b[j - 1]);
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cur[j] = min3(cur[j], old[j - 2] + 1, WORD_MAX);
		}
		unsigned *spare = old;
		old = prev;
		prev = cur;
		cur = spare;
	}
	return prev[m];
}

int nmw_parse_near(const char *a, const char *b, unsigned *best)
{
	unsigned d = nmw_parse_distance(a, b);
	if (d >= *best || d > 1 + strlen(a) / 3)
		return 0;
	*best = d;
	return 1;
}
