#include "wire_host.h"

#include "book/rules.h"
#include "wire/be.h"
#include "wire/mold.h"
#include "wire/packet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t field(const struct nmw_wire_seen *s, uint32_t at, uint32_t width)
{
	return nmw_wire_field(s->word, at, width);
}
#define FIELD(s, name) field(s, NMW_MSG_##name, NMW_MSG_##name##_W)

/* ---- frames that went in --------------------------------------------------------------------- */

int host_open(struct host *h, struct frame_out *out, struct nmw_err *e)
{
	h->merge.out = out;
	h->frame = calloc(HOST_FRAMES, sizeof *h->frame);
	return h->frame ? 0 : nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory for frames");
}

void host_close(struct host *h)
{
	for (unsigned i = 0; h->frame && i < HOST_FRAMES; i++)
		free(h->frame[i].p);
	free(h->frame);
	h->frame = NULL;
}

int host_frame(struct host *h, const uint8_t *p, uint32_t len, struct nmw_err *e)
{
	struct host_frame *f = &h->frame[h->given % HOST_FRAMES];
	if (len > f->cap) {
		uint8_t *more = realloc(f->p, len);
		if (!more)
			return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory for frames");
		f->p = more;
		f->cap = len;
	}
	memcpy(f->p, p, len);
	f->len = len;
	f->number = h->given++;
	return 0;
}

static const struct host_frame *frame_of(const struct host *h, const struct nmw_wire_seen *s)
{
	const struct host_frame *f = &h->frame[FIELD(s, FRAME) % HOST_FRAMES];
	return f->p && f->number == FIELD(s, FRAME) ? f : NULL;
}

/* The message as it came: NULL: it is not kept any more. */
static const uint8_t *message_of(const struct host *h, const struct nmw_wire_seen *s, uint16_t *len)
{
	struct nmw_packet p;
	struct nmw_mold m;
	const uint8_t *msg = NULL;
	const struct host_frame *f = frame_of(h, s);
	if (!f || nmw_packet_parse(NMW_LINK_ETHERNET, f->p, f->len, f->len, &p) != NMW_PACKET_OK ||
	    nmw_mold_open(&m, p.payload, p.len) != 0)
		return NULL;
	for (uint64_t i = 0; i <= FIELD(s, NTH); i++)
		msg = nmw_mold_next(&m, len);
	return msg;
}

/* ---- why ------------------------------------------------------------------------------------- */

static const char *const words[HOST_WHYS] = {
	[HOST_TYPE] = "type",	  [HOST_TAG] = "tag",	    [HOST_LONG] = "appendage",
	[HOST_CLIENT] = "client", [HOST_SYMBOL] = "symbol", [HOST_WINDOW] = "window",
	[HOST_TIMED] = "timed",	  [HOST_HIDDEN] = "hidden", [HOST_OTHER] = "other"};

const char *host_word(enum host_why why)
{
	return words[why];
}

void host_reasons(const struct host *h, char *to, size_t cap)
{
	size_t at = 0;
	to[0] = 0;
	for (unsigned i = 0; i < HOST_WHYS; i++)
		if (h->why[i] && at < cap)
			at += (size_t)snprintf(to + at, cap - at, "%s%s %" PRIu64, at ? ", " : "",
					       words[i], h->why[i]);
}

static bool hides(const struct nmw_wire_seen *s)
{
	return FIELD(s, DISPLAY) == 'N' && FIELD(s, TIF) != '3' && !FIELD(s, MARKET);
}

/* The parser says why in the message; what the core does not do shows in its fields. */
static enum host_why why_of(const struct nmw_wire_seen *s, const struct nmw_cmd *c)
{
	uint64_t why = FIELD(s, WHY), tif = FIELD(s, TIF);
	if (why == NMW_UNFIT_TYPE)
		return HOST_TYPE;
	if (why)
		return c && c->tif == NMW_TIF_GTT ? HOST_TIMED
						  : (why == NMW_UNFIT_TAG ? HOST_TAG : HOST_LONG);
	if (!FIELD(s, KNOWN))
		return HOST_CLIENT;
	bool enters = FIELD(s, KIND) == NMW_MSG_ENTER;
	if (enters && !FIELD(s, SYM_KNOWN))
		return HOST_SYMBOL;
	if (tif != '0' && tif != '3' && tif != '5')
		return HOST_TIMED;
	if (enters && !FIELD(s, TICKS_OK) && !FIELD(s, MARKET))
		return HOST_WINDOW;
	return hides(s) ? HOST_HIDDEN : HOST_OTHER;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What the device cannot do, in the words of nmw-match. */
static const uint8_t reject_of[HOST_WHYS] = {
	[HOST_TYPE] = NMW_REJ_OTHER,	[HOST_TAG] = NMW_REJ_OTHER,
	[HOST_LONG] = NMW_REJ_OTHER,	[HOST_CLIENT] = NMW_REJ_OTHER,
	[HOST_SYMBOL] = NMW_REJ_SYMBOL, [HOST_WINDOW] = NMW_REJ_PRICE,
	[HOST_TIMED] = NMW_REJ_TIF,	[HOST_HIDDEN] = NMW_REJ_DISPLAY,
	[HOST_OTHER] = NMW_REJ_OTHER,
};

static int put(struct host *h, const struct nmw_wire_seen *s, const struct nmw_evt *evt,
	       uint16_t *code, struct nmw_err *e)
{
	uint8_t buf[NMW_WIRE_FRAME_MAX];
	uint32_t len = nmw_codec_ouch50.encode(evt, buf);
	if (evt->kind == NMW_EVT_REJECTED)
		*code = nmw_be16(buf + 13);
	if (merge_answer(&h->merge, (unsigned)FIELD(s, CLIENT), buf, len, FIELD(s, TIME)))
		return 0;
	return nmw_err_set(e, -ENOBUFS, NMW_EXIT_RESOURCE,
			   "more than %u answers of the host wait for one client's replies: the "
			   "device does not put them out",
			   MERGE_ANSWERS);
}

static int reject(struct host *h, const struct nmw_wire_seen *s, const struct nmw_cmd *c,
		  struct host_verdict *v, struct nmw_err *e)
{
	int why = nmw_rules_judge(h->symbols, h->open, c);
	bool replace = c->op == NMW_OP_REPLACE;
	/* nmw-match cancels the order whose replacement breaks a rule; here it stays */
	v->same = why != NMW_RULES_TAKEN && !replace;
	v->did = HOST_REJECTED;
	return put(h, s,
		   &(struct nmw_evt){.kind = NMW_EVT_REJECTED,
				     .reason = why != NMW_RULES_TAKEN ? (uint8_t)why
								      : reject_of[v->why],
				     .ts_ns = FIELD(s, DAY),
				     .key = replace ? c->key2 : c->key,
				     .info = &c->info},
		   &v->code, e);
}

static int answer(struct host *h, const struct nmw_wire_seen *s, const struct nmw_cmd *c,
		  const struct host_left *left, struct host_verdict *v, struct nmw_err *e)
{
	uint32_t replaced = h->client[FIELD(s, CLIENT)].replaced;
	uint64_t last = left->last_urn > replaced ? left->last_urn : replaced;
	if (c->op == NMW_OP_ENTER || c->op == NMW_OP_REPLACE)
		return left->used ? 0 : reject(h, s, c, v, e);
	if (c->op != NMW_OP_QUERY) /* the device does all others */
		return 0;
	v->did = HOST_ANSWERED;
	return put(h, s,
		   &(struct nmw_evt){.kind = NMW_EVT_QUERY_REPLY,
				     .ts_ns = FIELD(s, DAY),
				     .key = {.lo = last + 1}},
		   &v->code, e);
}

static int not_believed(const struct nmw_wire_seen *s, const char *why, struct nmw_err *e)
{
	return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
			   "the device leaves message %" PRIu64 " of frame %" PRIu64
			   " to the host, %s: it is not to be believed",
			   FIELD(s, NTH), FIELD(s, FRAME), why);
}

static int unfit(struct host *h, const struct nmw_wire_seen *s, struct host_verdict *v,
		 struct nmw_err *e)
{
	static const struct host_left read; /* by the device: its number is good */
	struct nmw_cmd c;
	uint16_t len = 0;
	const uint8_t *p = message_of(h, s, &len);
	bool parsed = FIELD(s, KIND) != NMW_MSG_UNFIT;
	uint32_t inside = h->left_in - h->left_out;
	const struct host_left *left = parsed ? &read : &h->left[h->left_out % HOST_LEFT];
	if (!p)
		return not_believed(s, "whose frame is none of the last that went in", e);
	if (!parsed && (inside == 0 || inside > HOST_LEFT))
		return not_believed(s, "which the core has not, or too many like it", e);
	h->left_out += !parsed;
	bool sound = nmw_codec_ouch50.decode(p, len, &c) == 0;
	*v = (struct host_verdict){.why = why_of(s, sound ? &c : NULL),
				   .did = sound ? HOST_IGNORED : HOST_MALFORMED,
				   .same = true};
	int rc = sound ? answer(h, s, &c, left, v, e) : 0;
	h->n++;
	h->why[v->why]++;
	h->did[v->did]++;
	h->other += !v->same;
	return rc ? rc : 1;
}

/* ---- what is shown --------------------------------------------------------------------------- */

static void use(uint32_t *last, uint64_t urn)
{
	*last = urn > *last ? (uint32_t)urn : *last;
}

/* One whose fields the device does not read: the number of an order is used here. */
static void comes_unread(struct host *h, const struct nmw_wire_seen *s)
{
	struct nmw_cmd c;
	uint16_t len = 0;
	struct host_client *k = &h->client[FIELD(s, CLIENT)];
	const uint8_t *p = message_of(h, s, &len);
	bool enters = p && nmw_codec_ouch50.decode(p, len, &c) == 0 && c.op == NMW_OP_ENTER;
	h->left[h->left_in++ % HOST_LEFT] = (struct host_left){
		.last_urn = k->last_urn, .used = enters && c.key.lo <= k->last_urn};
	if (enters)
		use(&k->last_urn, c.key.lo);
}

/* The core takes a message. */
static void message(struct host *h, const struct nmw_wire_seen *s)
{
	unsigned i = (unsigned)FIELD(s, CLIENT);
	const struct host_frame *f = frame_of(h, s);
	uint64_t kind = FIELD(s, KIND);
	if (kind == NMW_MSG_NONE || kind == NMW_MSG_DAY_END)
		return;
	if (f)
		merge_client(&h->merge, i, f->p, f->len);
	if (kind == NMW_MSG_ENTER)
		use(&h->client[i].last_urn, FIELD(s, URN));
	else if (kind == NMW_MSG_REPLACE)
		h->client[i].tried = (uint32_t)FIELD(s, URN);
	else if (kind == NMW_MSG_UNFIT)
		comes_unread(h, s);
}

/* A replacement uses its number when its order is live: U, J, or C for a rule that it breaks. */
static void reply(struct host *h, const struct nmw_wire_seen *s)
{
	struct host_client *k = &h->client[field(s, NMW_WO_DEST, 4)];
	uint64_t type = field(s, NMW_WO_TYPE, 8);
	if (type == 'U' || type == 'J')
		use(&k->replaced, field(s, NMW_WO_URN, 32));
	else if (type == 'C' && field(s, NMW_WO_REASON, 8) == 'Z')
		use(&k->replaced, k->tried);
	merge_reply(&h->merge, s);
}

/* Replies before this message that were not shown. */
static uint32_t ahead_of(const struct host *h, const struct nmw_wire_seen *s)
{
	return (uint32_t)FIELD(s, REPLIES) - (uint32_t)h->merge.shown;
}

int host_see(struct host *h, const struct nmw_wire_seen *s, struct nmw_err *e)
{
	if (s->view == NMW_WIRE_VIEW_MSG)
		message(h, s);
	else if (s->view == NMW_WIRE_VIEW_REPLY)
		reply(h, s);
	if (s->view != NMW_WIRE_VIEW_UNFIT)
		return 0;
	if (ahead_of(h, s) > HOST_LATE || h->late_in - h->late_out == HOST_LATE)
		return not_believed(s, "in a place that cannot be", e);
	h->late[h->late_in++ % HOST_LATE] = *s;
	return 0;
}

int host_next(struct host *h, struct nmw_wire_seen *of, struct host_verdict *v, struct nmw_err *e)
{
	const struct nmw_wire_seen *s = &h->late[h->late_out % HOST_LATE];
	if (h->late_in == h->late_out || ahead_of(h, s))
		return 0;
	h->late_out++;
	*of = *s;
	if (FIELD(s, KIND) == NMW_MSG_REPLACE)
		use(&h->client[FIELD(s, CLIENT)].replaced, FIELD(s, URN));
	return unfit(h, s, v, e);
}

uint32_t host_waits(const struct host *h)
{
	return h->late_in - h->late_out + merge_waits(&h->merge);
}

uint64_t host_sent(const struct host *h)
{
	return h->did[HOST_REJECTED] + h->did[HOST_ANSWERED] - merge_waits(&h->merge) -
	       h->merge.lost_answers;
}
