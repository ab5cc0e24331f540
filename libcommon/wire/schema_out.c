#include "wire/schema_out.h"
#include <arpa/inet.h>

void nmw_out_cut(struct nmw_out *o, const char *s, size_t n)
{
	if (o->len + 1 >= o->cap)
		return;
	size_t room = o->cap - 1 - o->len;
	memcpy(o->buf + o->len, s, n < room ? n : room);
}

static const char pairs[200] = "00010203040506070809101112131415161718192021222324"
			       "25262728293031323334353637383940414243444546474849"
			       "50515253545556575859606162636465666768697071727374"
			       "75767778798081828384858687888990919293949596979899";

/* Digits of v that end at `end`; at least min of them. Returns the first. */
static char *digits(char *end, uint64_t v, unsigned min)
{
	char *p = end;
	while (v >= 100) {
		p -= 2;
		memcpy(p, pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10) {
		p -= 2;
		memcpy(p, pairs + v * 2, 2);
	} else if (v || p == end) {
		*--p = (char)('0' + v);
	}
	while ((unsigned)(end - p) < min)
		*--p = '0';
	return p;
}

void nmw_out_uint(struct nmw_out *o, uint64_t v)
{
	char b[20], *p = digits(b + sizeof(b), v, 1);
	nmw_out_put(o, p, (size_t)(b + sizeof(b) - p));
}

void nmw_out_fixed(struct nmw_out *o, uint64_t v, unsigned decimals)
{
	char b[24], *end = b + sizeof(b);
	char *p = digits(end, v, decimals + 1);
	size_t whole = (size_t)(end - p) - decimals;
	memmove(p - 1, p, whole);
	p--;
	p[whole] = '.';
	nmw_out_put(o, p, (size_t)(end - p));
}

void nmw_out_sfixed(struct nmw_out *o, int64_t v, unsigned decimals)
{
	if (v < 0)
		nmw_out_char(o, '-');
	nmw_out_fixed(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, decimals);
}

void nmw_out_hex(struct nmw_out *o, const uint8_t *p, uint32_t n)
{
	static const char hex[16] = "0123456789abcdef";
	for (uint32_t i = 0; i < n; i++) {
		char b[2] = {hex[p[i] >> 4], hex[p[i] & 15]};
		nmw_out_put(o, b, 2);
	}
}

void nmw_out_addr(struct nmw_out *o, const uint8_t *addr, uint8_t family)
{
	char b[INET6_ADDRSTRLEN];
	int af = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
	if (af != AF_UNSPEC && inet_ntop(af, addr, b, sizeof(b)))
		nmw_out_put(o, b, strlen(b));
}

unsigned nmw_out_trim(const uint8_t *p, unsigned n)
{
	while (n && p[n - 1] == ' ')
		n--;
	return n;
}

int nmw_out_end(struct nmw_out *o)
{
	if (o->cap)
		o->buf[o->len < o->cap ? o->len : o->cap - 1] = 0;
	return (int)o->len;
}
