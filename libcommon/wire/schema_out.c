#include "wire/schema_out.h"
#include <arpa/inet.h>

static const char pairs[200] = "00010203040506070809101112131415161718192021222324"
			       "25262728293031323334353637383940414243444546474849"
			       "50515253545556575859606162636465666768697071727374"
			       "75767778798081828384858687888990919293949596979899";

static void put_two(char *p, uint32_t v)
{
	memcpy(p, pairs + v * 2, 2);
}

/* Digits of v that end at `end`; at least min of them. Returns the first.  Eight at a time: those
 * steps do not wait for each other. */
static char *digits(char *end, uint64_t v, unsigned min)
{
	char *p = end;
	for (; v >= 100000000; v /= 100000000) {
		uint32_t low = (uint32_t)(v % 100000000);
		p -= 8;
		put_two(p, low / 1000000);
		put_two(p + 2, low / 10000 % 100);
		put_two(p + 4, low / 100 % 100);
		put_two(p + 6, low % 100);
	}
	uint32_t rest = (uint32_t)v;
	for (; rest >= 100; rest /= 100)
		put_two(p -= 2, rest % 100);
	if (rest >= 10)
		put_two(p -= 2, rest);
	else if (rest || p == end)
		*--p = (char)('0' + rest);
	while ((unsigned)(end - p) < min)
		*--p = '0';
	return p;
}

#define DIGITS 24 /* bytes for any u64 with a point */

char *nmw_w_uint(char *w, uint64_t v)
{
	if (v < 10)
		return nmw_w_char(w, (char)('0' + v));
	char b[2 * DIGITS]; /* twice: the copy reads past the digits */
	char *end = b + DIGITS, *p = digits(end, v, 1);
	memset(end, 0, DIGITS);
	memcpy(w, p, DIGITS);
	return w + (end - p);
}

char *nmw_w_int(char *w, int64_t v)
{
	if (v < 0)
		*w++ = '-';
	return nmw_w_uint(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

char *nmw_w_fixed(char *w, uint64_t v, unsigned decimals)
{
	char b[3 * DIGITS];
	char *end = b + DIGITS, *p = digits(end, v, decimals + 1);
	size_t whole = (size_t)(end - p) - decimals;
	memset(end, 0, sizeof(b) - DIGITS);
	memcpy(w, p, DIGITS);
	w[whole] = '.';
	memcpy(w + whole + 1, p + whole, DIGITS);
	return w + whole + 1 + decimals;
}

char *nmw_w_price(char *w, const struct nmw_field *f, const uint8_t *p)
{
	if (f->kind != NMW_F_SPRICE4)
		return nmw_w_fixed(w, nmw_field_uint(f, p), f->kind == NMW_F_PRICE8 ? 8 : 4);
	int64_t v = nmw_field_int(f, p);
	if (v < 0)
		*w++ = '-';
	return nmw_w_fixed(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 4);
}

static const char hex[16] = "0123456789abcdef";

char *nmw_w_hex(char *w, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		*w++ = hex[p[i] >> 4];
		*w++ = hex[p[i] & 15];
	}
	return w;
}

char *nmw_w_addr(char *w, const uint8_t *addr, uint8_t family)
{
	int af = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
	*w++ = '"';
	if (af != AF_UNSPEC && inet_ntop(af, addr, w, INET6_ADDRSTRLEN))
		w += strlen(w);
	return nmw_w_char(w, '"');
}

/* Where byte `at` of a line may go: n or what is left before the NUL. */
static size_t room(unsigned cap, size_t at, size_t n)
{
	if (at + 1 >= cap)
		return 0;
	return n < cap - 1 - at ? n : cap - 1 - at;
}

int nmw_line_give(char *buf, unsigned cap, const char *from, const char *to)
{
	size_t n = (size_t)(to - from), kept = room(cap, 0, n);
	if (cap == 0)
		return (int)n;
	if (from != buf)
		memcpy(buf, from, kept);
	buf[kept] = 0;
	return (int)n;
}

int nmw_line_hex(char *buf, unsigned cap, const char *head, size_t head_len, const uint8_t *p,
		 uint32_t n, const char *tail)
{
	size_t at = room(cap, 0, head_len), tail_len = strlen(tail);
	size_t total = head_len + 2 * (size_t)n + tail_len;
	if (cap == 0)
		return (int)total;
	memcpy(buf, head, at);
	uint32_t whole = (uint32_t)(room(cap, at, 2 * (size_t)n) / 2);
	at = (size_t)(nmw_w_hex(buf + at, p, whole) - buf);
	if (whole < n && room(cap, at, 1))
		buf[at++] = hex[p[whole] >> 4];
	size_t last = room(cap, at, tail_len);
	memcpy(buf + at, tail, last);
	buf[at + last] = 0;
	return (int)total;
}
