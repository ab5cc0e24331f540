/* soup.h: SoupBinTCP 3.00 framing: u16be length (bytes after it = 1 + payload) | u8 type | payload.
 */
#ifndef NMW_WIRE_SOUP_H
#define NMW_WIRE_SOUP_H

#include "wire/be.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_SOUP_HDR	      3u  /* bytes of length and type */
#define NMW_SOUP_LOGIN_LEN    47u /* length field of 'L' */
#define NMW_SOUP_ACCEPTED_LEN 31u /* length field of 'A' */

enum nmw_soup_type {
	NMW_SOUP_DEBUG = '+',
	NMW_SOUP_LOGIN = 'L',
	NMW_SOUP_ACCEPTED = 'A',
	NMW_SOUP_REJECTED = 'J',
	NMW_SOUP_SEQUENCED = 'S',
	NMW_SOUP_UNSEQUENCED = 'U',
	NMW_SOUP_SERVER_HEARTBEAT = 'H',
	NMW_SOUP_CLIENT_HEARTBEAT = 'R',
	NMW_SOUP_END = 'Z',
	NMW_SOUP_LOGOUT = 'O',
};

/* One of the ten: a bit a type, from '+' on. */
static inline bool nmw_soup_is_type(uint8_t t)
{
#define BIT(type) (1ull << (NMW_SOUP_##type - NMW_SOUP_DEBUG))
	const uint64_t all = BIT(DEBUG) | BIT(LOGIN) | BIT(ACCEPTED) | BIT(REJECTED) |
			     BIT(SEQUENCED) | BIT(UNSEQUENCED) | BIT(SERVER_HEARTBEAT) |
			     BIT(CLIENT_HEARTBEAT) | BIT(END) | BIT(LOGOUT);
#undef BIT
	unsigned at = (unsigned)t - NMW_SOUP_DEBUG; /* wraps below '+' */
	return at < 64 && (all >> at & 1);
}

struct nmw_soup {
	uint8_t type;
	uint16_t len;		/* payload bytes */
	const uint8_t *payload; /* in place */
};

/* Next packet of a byte stream: returns the bytes it takes, 0 when more bytes are needed, -1 when
 * the stream is not SoupBinTCP (length 0, or a type that is none of the ten). */
static inline int nmw_soup_next(const uint8_t *p, uint32_t avail, struct nmw_soup *out)
{
	if (avail < 2)
		return 0;
	uint32_t len = nmw_be16(p);
	if (len == 0)
		return -1;
	if (avail < NMW_SOUP_HDR)
		return 0;
	if (!nmw_soup_is_type(p[2]))
		return -1;
	if (avail - 2 < len)
		return 0;
	out->type = p[2];
	out->len = (uint16_t)(len - 1);
	out->payload = p + NMW_SOUP_HDR;
	return (int)(2 + len);
}

struct nmw_soup_login {
	char user[6], password[10];
	char session[10]; /* left-justified, space padded, whichever way the wire had it */
	uint64_t next;	  /* first sequence number wanted; 0 = start at the most recent one */
};
/* Reads L (or A: session and next). Numbers may be padded on either side. 0 or -EBADMSG. */
int nmw_soup_login_parse(const struct nmw_soup *s, struct nmw_soup_login *out);
int nmw_soup_accepted_parse(const struct nmw_soup *s, struct nmw_soup_login *out);

/* Writers: return the bytes written to buf: 3 + len, 49, 33. len <= 65,534. */
uint32_t nmw_soup_put(uint8_t *buf, uint8_t type, const uint8_t *payload, uint16_t len);
uint32_t nmw_soup_put_login(uint8_t *buf, const struct nmw_soup_login *l);
uint32_t nmw_soup_put_accepted(uint8_t *buf, const char session[10], uint64_t next);

#endif
