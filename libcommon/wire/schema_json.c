/* A message as a line of JSON: written by hand, for millions of lines. */
#include "wire/codec.h"
#include "wire/schema_out.h"

static void put_string(struct nmw_out *o, const char *s)
{
	nmw_out_char(o, '"');
	nmw_out_put(o, s, strlen(s));
	nmw_out_char(o, '"');
}

static void put_uint_string(struct nmw_out *o, uint64_t v)
{
	nmw_out_char(o, '"');
	nmw_out_uint(o, v);
	nmw_out_char(o, '"');
}

static void put_escaped(struct nmw_out *o, uint8_t c)
{
	static const char hex[16] = "0123456789abcdef";
	if (c == '"' || c == '\\') {
		const char b[2] = {'\\', (char)c};
		nmw_out_put(o, b, 2);
	} else {
		const char b[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		nmw_out_put(o, b, 6);
	}
}

static void put_alpha(struct nmw_out *o, const uint8_t *p, unsigned n)
{
	unsigned from = 0;
	n = nmw_out_trim(p, n);
	nmw_out_char(o, '"');
	for (unsigned i = 0; i < n; i++) {
		if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
			continue;
		nmw_out_put(o, (const char *)p + from, i - from);
		put_escaped(o, p[i]);
		from = i + 1;
	}
	nmw_out_put(o, (const char *)p + from, n - from);
	nmw_out_char(o, '"');
}

static void put_hex(struct nmw_out *o, const uint8_t *p, uint32_t n)
{
	nmw_out_char(o, '"');
	nmw_out_hex(o, p, n);
	nmw_out_char(o, '"');
}

static void put_int(struct nmw_out *o, int64_t v)
{
	if (v < 0)
		nmw_out_char(o, '-');
	nmw_out_uint(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_fixed(struct nmw_out *o, const struct nmw_field *f, const uint8_t *p)
{
	nmw_out_char(o, '"');
	if (f->kind == NMW_F_SPRICE4)
		nmw_out_sfixed(o, nmw_field_int(f, p), 4);
	else
		nmw_out_fixed(o, nmw_field_uint(f, p), f->kind == NMW_F_PRICE8 ? 8 : 4);
	nmw_out_char(o, '"');
}

/* Numbers over 32 bits are strings: jq and JavaScript read numbers as doubles. */
static void put_number(struct nmw_out *o, uint64_t v, unsigned size)
{
	if (size > 4)
		put_uint_string(o, v);
	else
		nmw_out_uint(o, v);
}

/* The value of a field at p; msg is the whole message. */
static void put_value(struct nmw_out *o, const struct nmw_field *f, const uint8_t *p,
		      const uint8_t *msg)
{
	switch (f->kind) {
	case NMW_F_ALPHA:
		put_alpha(o, p, f->size);
		break;
	case NMW_F_UINT:
		put_number(o, nmw_field_uint(f, p), f->size);
		break;
	case NMW_F_PRICE4:
	case NMW_F_SPRICE4:
	case NMW_F_PRICE8:
		put_fixed(o, f, p);
		break;
	case NMW_F_TIME:
	case NMW_F_ID:
		put_uint_string(o, nmw_field_uint(f, p));
		break;
	case NMW_F_INT:
		put_int(o, nmw_field_int(f, p));
		break;
	case NMW_F_HOST:
		put_number(o, nmw_field_host(f, p), f->size);
		break;
	case NMW_F_CODEC:
		put_string(o, nmw_codec_name((enum nmw_codec_id)p[0]));
		break;
	case NMW_F_ADDR:
		nmw_out_char(o, '"');
		nmw_out_addr(o, p, msg[offsetof(struct nmw_ctl, family)]);
		nmw_out_char(o, '"');
		break;
	default:
		break;
	}
}

static void put_tlv(struct nmw_out *o, const uint8_t *p)
{
	const struct nmw_field *f = nmw_schema_tag(p[1]);
	if (f) {
		nmw_out_char(o, '"');
		nmw_out_put(o, f->name, f->name_len);
		nmw_out_lit(o, "\":");
		put_value(o, f, p + 2, p);
	} else {
		nmw_out_lit(o, "\"tag_");
		nmw_out_uint(o, p[1]);
		nmw_out_lit(o, "\":");
		put_hex(o, p + 2, p[0] - 1u);
	}
}

static void put_app(struct nmw_out *o, const uint8_t *p, uint32_t n)
{
	if (nmw_schema_app_check(p, n) < 0) {
		nmw_out_lit(o, ",\"appendage_bytes\":");
		put_hex(o, p, n);
		return;
	}
	nmw_out_lit(o, ",\"appendage\":{");
	for (const uint8_t *end = p + n; p < end; p += p[0] + 1) {
		put_tlv(o, p);
		if (p + p[0] + 1 < end)
			nmw_out_char(o, ',');
	}
	nmw_out_char(o, '}');
}

static void put_slot(struct nmw_out *o, const struct nmw_slot *s)
{
	nmw_out_lit(o, "{\"seq\":\"");
	nmw_out_uint(o, s->seq);
	nmw_out_lit(o, "\",\"ts_ns\":\"");
	nmw_out_uint(o, s->ts_ns);
	nmw_out_lit(o, "\",\"in_seq\":\"");
	nmw_out_uint(o, s->in_seq);
	nmw_out_lit(o, "\",\"session\":");
	nmw_out_uint(o, s->session);
	nmw_out_lit(o, ",\"channel\":");
	put_string(o, nmw_channel_name(s->channel));
	nmw_out_lit(o, ",\"codec\":");
	put_string(o, nmw_codec_name((enum nmw_codec_id)s->codec));
}

static void put_fields(struct nmw_out *o, const struct nmw_schema *d, const uint8_t *p,
		       uint32_t len)
{
	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct nmw_field *f = &d->fields[i];
		if ((uint32_t)f->off + f->size > len)
			break; /* the older, shorter form */
		nmw_out_lit(o, ",\"");
		nmw_out_put(o, f->name, f->name_len);
		nmw_out_lit(o, "\":");
		put_value(o, f, p + f->off, p);
	}
	if (d->app_off)
		put_app(o, p + d->len, len - d->len);
}

int nmw_schema_json(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap)
{
	struct nmw_out o = {buf, cap, 0};
	const struct nmw_schema *d = nmw_schema_find(s->codec, s->channel, p, len);
	put_slot(&o, s);
	if (d) {
		nmw_out_lit(&o, ",\"type\":\"");
		nmw_out_char(&o, d->codec == NMW_CODEC_CTL ? (char)('0' + d->type) : d->type);
		nmw_out_lit(&o, "\",\"name\":");
		put_string(&o, d->name);
		put_fields(&o, d, p, len);
	} else {
		nmw_out_lit(&o, ",\"type\":");
		put_alpha(&o, p, len ? 1 : 0);
		nmw_out_lit(&o, ",\"name\":\"unknown\",\"bytes\":");
		put_hex(&o, p, len);
	}
	nmw_out_char(&o, '}');
	return nmw_out_end(&o);
}
