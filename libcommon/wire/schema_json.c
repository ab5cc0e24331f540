/* A message as a line of JSON: written by hand, for millions of lines. */
#include "wire/codec.h"
#include "wire/schema_out.h"

static char *w_string(char *w, const char *s)
{
	*w++ = '"';
	w = nmw_w_str(w, s);
	return nmw_w_char(w, '"');
}

static char *w_uint_string(char *w, uint64_t v)
{
	*w++ = '"';
	w = nmw_w_uint(w, v);
	return nmw_w_char(w, '"');
}

static char *w_escaped(char *w, uint8_t c)
{
	*w++ = '\\';
	if (c == '"' || c == '\\')
		return nmw_w_char(w, (char)c);
	w = nmw_w_lit(w, "u00");
	return nmw_w_hex(w, &c, 1);
}

static char *w_alpha(char *w, const uint8_t *p, unsigned n)
{
	n = nmw_trim(p, n);
	*w++ = '"';
	for (unsigned i = 0; i < n; i++) {
		uint8_t c = p[i];
		if (nmw_is_plain(c))
			*w++ = (char)c;
		else
			w = w_escaped(w, c);
	}
	return nmw_w_char(w, '"');
}

static char *w_hex(char *w, const uint8_t *p, uint32_t n)
{
	*w++ = '"';
	w = nmw_w_hex(w, p, n);
	return nmw_w_char(w, '"');
}

static char *w_price(char *w, const struct nmw_field *f, const uint8_t *p)
{
	*w++ = '"';
	w = nmw_w_price(w, f, p);
	return nmw_w_char(w, '"');
}

/* Numbers over 32 bits are strings: jq and JavaScript read numbers as doubles. */
static char *w_number(char *w, uint64_t v, unsigned size)
{
	return size > 4 ? w_uint_string(w, v) : nmw_w_uint(w, v);
}

/* The value of a field at p; msg is the whole message. */
static char *w_value(char *w, const struct nmw_field *f, const uint8_t *p, const uint8_t *msg)
{
	switch (f->kind) {
	case NMW_F_ALPHA:
		return w_alpha(w, p, f->size);
	case NMW_F_UINT:
		return w_number(w, nmw_field_uint(f, p), f->size);
	case NMW_F_PRICE4:
	case NMW_F_SPRICE4:
	case NMW_F_PRICE8:
		return w_price(w, f, p);
	case NMW_F_TIME:
	case NMW_F_ID:
		return w_uint_string(w, nmw_field_uint(f, p));
	case NMW_F_INT:
		return nmw_w_int(w, nmw_field_int(f, p));
	case NMW_F_HOST:
		return w_number(w, nmw_field_host(f, p), f->size);
	case NMW_F_CODEC:
		return w_string(w, nmw_codec_name((enum nmw_codec_id)p[0]));
	case NMW_F_ADDR:
		return nmw_w_addr(w, p, msg[offsetof(struct nmw_ctl, family)]);
	default:
		return w;
	}
}

static char *w_field(char *w, const struct nmw_field *f, const uint8_t *p, const uint8_t *msg)
{
	_Static_assert(sizeof(f->key) <= NMW_SLACK, "copied whole");
	memcpy(w, f->key, sizeof(f->key));
	return w_value(w + f->key_len, f, p, msg);
}

/* `,"key":value` of a TLV. */
static char *w_tlv(char *w, const uint8_t *p)
{
	const struct nmw_field *f = nmw_schema_tag(p[1]);
	if (f)
		return w_field(w, f, p + 2, p);
	w = nmw_w_lit(w, ",\"tag_");
	w = nmw_w_uint(w, p[1]);
	w = nmw_w_lit(w, "\":");
	return w_hex(w, p + 2, p[0] - 1u);
}

static char *w_app(char *w, const uint8_t *p, uint32_t n)
{
	if (nmw_schema_app_check(p, n) < 0) {
		w = nmw_w_lit(w, ",\"appendage_bytes\":");
		return w_hex(w, p, n);
	}
	w = nmw_w_lit(w, ",\"appendage\":{");
	char *first = w;
	for (const uint8_t *end = p + n; p < end; p += p[0] + 1)
		w = w_tlv(w, p);
	if (w > first) { /* the first key has a comma before it */
		memmove(first, first + 1, (size_t)(w - first - 1));
		w--;
	}
	return nmw_w_char(w, '}');
}

static char *w_slot(char *w, const struct nmw_slot *s)
{
	w = nmw_w_lit(w, "{\"seq\":\"");
	w = nmw_w_uint(w, s->seq);
	w = nmw_w_lit(w, "\",\"ts_ns\":\"");
	w = nmw_w_uint(w, s->ts_ns);
	w = nmw_w_lit(w, "\",\"in_seq\":\"");
	w = nmw_w_uint(w, s->in_seq);
	w = nmw_w_lit(w, "\",\"session\":");
	w = nmw_w_uint(w, s->session);
	w = nmw_w_lit(w, ",\"channel\":");
	w = w_string(w, nmw_channel_name(s->channel));
	w = nmw_w_lit(w, ",\"codec\":");
	return w_string(w, nmw_codec_name((enum nmw_codec_id)s->codec));
}

static char *w_message(char *w, const struct nmw_schema *d, const uint8_t *p, uint32_t len)
{
	w = nmw_w_lit(w, ",\"type\":\"");
	*w++ = d->codec == NMW_CODEC_CTL ? (char)('0' + d->type) : d->type;
	w = nmw_w_lit(w, "\",\"name\":");
	w = w_string(w, d->name);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct nmw_field *f = &d->fields[i];
		if ((uint32_t)f->off + f->size > len)
			break; /* the older, shorter form */
		w = w_field(w, f, p + f->off, p);
	}
	if (d->app_off)
		w = w_app(w, p + d->len, len - d->len);
	return nmw_w_char(w, '}');
}

int nmw_schema_json(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap)
{
	char own[NMW_SCHEMA_LINE];
	const struct nmw_schema *d = nmw_schema_find(s->codec, s->channel, p, len);
	char *from = d && cap >= sizeof(own) ? buf : own;
	char *w = w_slot(from, s);
	if (d)
		return nmw_line_give(buf, cap, from, w_message(w, d, p, len));
	w = nmw_w_lit(w, ",\"type\":");
	w = w_alpha(w, p, len ? 1 : 0);
	w = nmw_w_lit(w, ",\"name\":\"unknown\",\"bytes\":\"");
	return nmw_line_hex(buf, cap, from, (size_t)(w - from), p, len, "\"}");
}
