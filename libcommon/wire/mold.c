#include "wire/mold.h"
#include <errno.h>

#define MAX_COUNT (NMW_MOLD_END - 1)

int nmw_mold_open(struct nmw_mold *m, const uint8_t *p, uint32_t len)
{
	if (len < NMW_MOLD_HDR)
		return -EBADMSG;
	memcpy(m->session, p, sizeof(m->session));
	m->seq = nmw_be64(p + 10);
	m->count = nmw_be16(p + 18);
	m->left = m->count == NMW_MOLD_END ? 0 : m->count;
	m->at = p + NMW_MOLD_HDR;
	m->end = p + len;

	/* Walked once here, so that iteration needs no check and a broken packet is dropped whole.
	 */
	const uint8_t *at = m->at;
	for (unsigned i = m->left; i; i--) {
		size_t room = (size_t)(m->end - at);
		if (room < 2 || room - 2 < nmw_be16(at))
			return -EBADMSG;
		at += 2 + nmw_be16(at);
	}
	return 0;
}

const uint8_t *nmw_mold_next(struct nmw_mold *m, uint16_t *len)
{
	if (m->left == 0)
		return NULL;
	const uint8_t *msg = m->at + 2;
	*len = nmw_be16(m->at);
	m->at = msg + *len;
	m->left--;
	return msg;
}

void nmw_mold_start(struct nmw_mold_out *o, uint8_t *buf, uint32_t cap, const char session[10],
		    uint64_t seq)
{
	o->buf = buf;
	o->cap = cap;
	o->len = NMW_MOLD_HDR;
	o->count = 0;
	memcpy(buf, session, 10);
	nmw_put64(buf + 10, seq);
}

bool nmw_mold_add(struct nmw_mold_out *o, const uint8_t *msg, uint16_t len)
{
	if (o->cap - o->len < 2u + len || o->count == MAX_COUNT)
		return false;
	nmw_put16(o->buf + o->len, len);
	if (len)
		memcpy(o->buf + o->len + 2, msg, len);
	o->len += 2u + len;
	o->count++;
	return true;
}

uint32_t nmw_mold_finish(struct nmw_mold_out *o, uint16_t count_override)
{
	nmw_put16(o->buf + 18, count_override ? count_override : o->count);
	return o->len;
}
