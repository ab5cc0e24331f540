#include "wire/soup.h"

#include <errno.h>

/* Finds what lies between the padding of either side. */
static const uint8_t *trim(const uint8_t *p, unsigned *n)
{
	unsigned len = *n;
	while (len && p[len - 1] == ' ')
		len--;
	for (; len && *p == ' '; len--)
		p++;
	*n = len;
	return p;
}

/* ASCII digits in a field of 20, padded on either side: Nasdaq's own client pads the right one. */
static int number(const uint8_t *p, uint64_t *out)
{
	unsigned n = 20;
	uint64_t v = 0;
	p = trim(p, &n);
	if (n == 0)
		return -EBADMSG;
	for (; n; n--, p++) {
		unsigned d = (unsigned)*p - '0';
		if (d > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, d, &v))
			return -EBADMSG;
	}
	*out = v;
	return 0;
}

/* A session id is left-justified in L and right-justified in A: always the former inside, so that
 * the two compare. */
static void session(char out[10], const uint8_t *p)
{
	unsigned n = 10;
	p = trim(p, &n);
	memset(out, ' ', 10);
	memcpy(out, p, n);
}

int nmw_soup_login_parse(const struct nmw_soup *s, struct nmw_soup_login *out)
{
	if (s->type != NMW_SOUP_LOGIN || s->len != NMW_SOUP_LOGIN_LEN - 1)
		return -EBADMSG;
	memcpy(out->user, s->payload, 6);
	memcpy(out->password, s->payload + 6, 10);
	session(out->session, s->payload + 16);
	return number(s->payload + 26, &out->next);
}

int nmw_soup_accepted_parse(const struct nmw_soup *s, struct nmw_soup_login *out)
{
	if (s->type != NMW_SOUP_ACCEPTED || s->len != NMW_SOUP_ACCEPTED_LEN - 1)
		return -EBADMSG;
	memset(out->user, ' ', sizeof(out->user));
	memset(out->password, ' ', sizeof(out->password));
	session(out->session, s->payload);
	return number(s->payload + 10, &out->next);
}

uint32_t nmw_soup_put(uint8_t *buf, uint8_t type, const uint8_t *payload, uint16_t len)
{
	nmw_put16(buf, (uint16_t)(len + 1));
	buf[2] = type;
	if (len)
		memcpy(buf + NMW_SOUP_HDR, payload, len);
	return NMW_SOUP_HDR + len;
}

static void put_number(uint8_t *p, uint64_t v)
{
	memset(p, ' ', 20);
	int i = 20;
	do
		p[--i] = (uint8_t)('0' + v % 10);
	while ((v /= 10) != 0);
}

uint32_t nmw_soup_put_login(uint8_t *buf, const struct nmw_soup_login *l)
{
	nmw_put16(buf, NMW_SOUP_LOGIN_LEN);
	buf[2] = NMW_SOUP_LOGIN;
	memcpy(buf + 3, l->user, 6);
	memcpy(buf + 9, l->password, 10);
	memcpy(buf + 19, l->session, 10);
	put_number(buf + 29, l->next);
	return 2 + NMW_SOUP_LOGIN_LEN;
}

uint32_t nmw_soup_put_accepted(uint8_t *buf, const char sess[10], uint64_t next)
{
	unsigned n = 10;
	const uint8_t *id = trim((const uint8_t *)sess, &n);
	nmw_put16(buf, NMW_SOUP_ACCEPTED_LEN);
	buf[2] = NMW_SOUP_ACCEPTED;
	memset(buf + 3, ' ', 10);
	memcpy(buf + 13 - n, id, n);
	put_number(buf + 13, next);
	return 2 + NMW_SOUP_ACCEPTED_LEN;
}
