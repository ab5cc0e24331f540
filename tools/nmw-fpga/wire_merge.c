#include "wire_merge.h"

#include "wire.h"
#include "wire/be.h"
#include "wire/packet.h"
#include "wire/packet_build.h"

#include <string.h>

#define IPV4_LEN 20u
#define UDP_LEN	 8u

/* ---- whose a frame is ----------------------------------------------------------------------- */

void merge_client(struct merge *m, unsigned i, const uint8_t *frame, uint32_t len)
{
	struct nmw_packet p;
	struct merge_client *c = &m->client[i];
	if (c->known || nmw_packet_parse(NMW_LINK_ETHERNET, frame, len, len, &p) != NMW_PACKET_OK)
		return;
	memcpy(c->addr, p.src, 4);
	memcpy(c->own_addr, p.dst, 4);
	c->port = p.sport;
	c->own_port = p.dport;
	c->known = true;
}

static struct merge_client *client_of(struct merge *m, const struct nmw_packet *p)
{
	for (struct merge_client *c = m->client; c < m->client + NMW_WIRE_CLIENTS; c++)
		if (c->known && c->port == p->dport && c->own_port == p->sport &&
		    !memcmp(c->addr, p->dst, 4) && !memcmp(c->own_addr, p->src, 4))
			return c;
	return NULL;
}

/* ---- where an answer belongs ---------------------------------------------------------------- */

static struct merge_answer *answer_at(struct merge_client *c, uint32_t i)
{
	return &c->answer[(c->at + i) % MERGE_ANSWERS];
}

void merge_reply(struct merge *m, const struct nmw_wire_seen *s)
{
	uint64_t dest = nmw_wire_field(s->word, NMW_WO_DEST, NMW_WO_TYPE - NMW_WO_DEST);
	m->client[dest % NMW_WIRE_CLIENTS].replies++;
	m->shown++;
}

bool merge_answer(struct merge *m, unsigned i, const uint8_t *p, uint32_t len, uint64_t ts_ns)
{
	struct merge_client *c = &m->client[i];
	if (c->n == MERGE_ANSWERS || len > MERGE_BYTES)
		return false;
	struct merge_answer *a = answer_at(c, c->n++);
	*a = (struct merge_answer){.after = c->replies, .ts_ns = ts_ns, .len = (uint8_t)len};
	memcpy(a->p, p, len);
	return true;
}

/* The next answer may go out. */
static bool turn(struct merge_client *c)
{
	return c->n && answer_at(c, 0)->after <= c->passed;
}

uint32_t merge_waits(const struct merge *m)
{
	uint32_t n = 0;
	for (unsigned i = 0; i < NMW_WIRE_CLIENTS; i++)
		n += m->client[i].n;
	return n;
}

/* ---- frames that go out ---------------------------------------------------------------------- */

/* Of its messages so many are the host's. */
static int put(struct merge *m, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
	       uint32_t messages, uint32_t answers, struct nmw_err *e)
{
	int rc = frame_out_put(m->out, frame, len, ts_ns, e);
	if (rc <= 0)
		return rc;
	m->lost += messages - answers;
	m->lost_answers += answers;
	return 0;
}

static uint32_t messages_of(const struct nmw_mold *in)
{
	return in->count == NMW_MOLD_END ? 0 : in->count;
}

/* ---- frames made anew ----------------------------------------------------------------------- */

/* A frame to a client that grows. */
struct anew {
	struct merge *m;
	const struct merge_client *c;
	uint64_t ts_ns;
	struct nmw_mold_out o;
	uint32_t answers; /* of its messages */
};

static void begin(struct anew *a, uint64_t seq)
{
	a->answers = 0;
	memcpy(a->m->frame, a->c->head, a->c->head_len);
	nmw_mold_start(&a->o, a->m->frame + a->c->head_len, NMW_MOLD_MTU_DEF, a->c->session, seq);
}

/* Lengths and checksums; a UDP checksum of 0 would say that there is none. */
static int finish(struct anew *a, uint16_t count, struct nmw_err *e)
{
	uint32_t messages = a->o.count, n = UDP_LEN + nmw_mold_finish(&a->o, count);
	uint8_t *udp = a->m->frame + a->c->head_len - UDP_LEN, *ip = udp - IPV4_LEN;
	nmw_put16(ip + 2, (uint16_t)(IPV4_LEN + n));
	nmw_put16(ip + 10, 0);
	nmw_put16(ip + 10, (uint16_t)~nmw_packet_sum(ip, IPV4_LEN, 0));
	nmw_put16(udp + 4, (uint16_t)n);
	nmw_put16(udp + 6, 0);
	uint32_t pseudo = nmw_packet_sum(ip + 12, 8, NMW_IPPROTO_UDP + n);
	uint16_t sum = (uint16_t)~nmw_packet_sum(udp, n, pseudo);
	nmw_put16(udp + 6, sum ? sum : 0xFFFF);
	return put(a->m, a->m->frame, a->c->head_len - UDP_LEN + n, a->ts_ns, messages, a->answers,
		   e);
}

/* What it has goes out, and what follows into the next. */
static int next(struct anew *a, struct nmw_err *e)
{
	uint64_t seq = nmw_be64(a->o.buf + 10) + a->o.count;
	int rc = finish(a, 0, e);
	begin(a, seq);
	return rc;
}

static int add(struct anew *a, const uint8_t *p, uint16_t len, struct nmw_err *e)
{
	int rc = 0;
	if (!nmw_mold_add(&a->o, p, len)) { /* full */
		rc = next(a, e);
		nmw_mold_add(&a->o, p, len);
	}
	return rc;
}

/* The answers whose turn it is. */
static int add_answers(struct anew *a, struct merge_client *c, struct nmw_err *e)
{
	int rc = 0;
	while (!rc && turn(c)) {
		const struct merge_answer *w = answer_at(c, 0);
		rc = add(a, w->p, w->len, e);
		a->answers++;
		c->at = (c->at + 1) % MERGE_ANSWERS;
		c->n--;
		c->added++;
	}
	return rc;
}

static int frame_anew(struct merge *m, struct merge_client *c, struct nmw_mold *in, uint64_t ts_ns,
		      struct nmw_err *e)
{
	struct anew a = {.m = m, .c = c, .ts_ns = ts_ns};
	const uint8_t *p;
	uint16_t len;
	bool ends = in->count == NMW_MOLD_END;
	int rc = 0;
	c->passed = in->seq - 1;
	begin(&a, in->seq + c->added);
	while (!rc && (p = nmw_mold_next(in, &len))) {
		rc = add_answers(&a, c, e);
		if (!rc)
			rc = add(&a, p, len, e);
		c->passed++;
	}
	if (!rc)
		rc = add_answers(&a, c, e);
	if (!rc && ends && a.o.count) /* the end of a session has no messages */
		rc = next(&a, e);
	return rc ? rc : finish(&a, ends ? NMW_MOLD_END : 0, e);
}

int merge_frame(struct merge *m, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		struct nmw_err *e)
{
	struct nmw_packet p;
	struct nmw_mold in;
	bool mold = nmw_packet_parse(NMW_LINK_ETHERNET, frame, len, len, &p) == NMW_PACKET_OK &&
		    p.payload - frame <= (ptrdiff_t)MERGE_HEAD &&
		    !nmw_mold_open(&in, p.payload, p.len);
	struct merge_client *c = mold ? client_of(m, &p) : NULL;
	if (!c)
		return put(m, frame, len, ts_ns, mold ? messages_of(&in) : 0, 0, e);
	c->head_len = (uint32_t)(p.payload - frame);
	memcpy(c->head, frame, c->head_len);
	memcpy(c->session, in.session, sizeof c->session);
	if (c->added || c->n)
		return frame_anew(m, c, &in, ts_ns, e);
	c->passed = in.seq - 1 + messages_of(&in);
	return put(m, frame, len, ts_ns, messages_of(&in), 0, e);
}

int merge_rest(struct merge *m, struct nmw_err *e)
{
	int rc = 0;
	for (struct merge_client *c = m->client; !rc && c < m->client + NMW_WIRE_CLIENTS; c++) {
		struct anew a = {.m = m, .c = c};
		const struct merge_answer *w = answer_at(c, 0);
		if (!c->head_len || !turn(c))
			continue;
		a.ts_ns = w->ts_ns;
		begin(&a, c->passed + c->added + 1);
		rc = add_answers(&a, c, e);
		if (!rc)
			rc = finish(&a, 0, e);
	}
	return rc;
}
