/* A message as a line of text for people. */
#include "wire/codec.h"
#include "wire/schema_out.h"

#define NS_PER_S UINT64_C(1000000000)

static void put_two(struct nmw_out *o, uint64_t v)
{
	if (v < 10)
		nmw_out_char(o, '0');
	nmw_out_uint(o, v);
}

/* 09:30:00.000000001 */
static void put_time(struct nmw_out *o, uint64_t ns)
{
	uint64_t s = ns / NS_PER_S;
	put_two(o, s / 3600);
	nmw_out_char(o, ':');
	put_two(o, s / 60 % 60);
	nmw_out_char(o, ':');
	put_two(o, s % 60);
	nmw_out_char(o, '.');
	char b[9];
	uint64_t left = ns % NS_PER_S;
	for (unsigned i = sizeof(b); i--; left /= 10)
		b[i] = (char)('0' + left % 10);
	nmw_out_put(o, b, sizeof(b));
}

static void put_alpha(struct nmw_out *o, const uint8_t *p, unsigned n)
{
	if (n == 1 && p[0] > ' ' && p[0] < 0x7f && p[0] != '"' && p[0] != '\\') {
		nmw_out_char(o, (char)p[0]);
		return;
	}
	n = nmw_out_trim(p, n);
	nmw_out_char(o, '"');
	for (unsigned i = 0; i < n; i++) {
		if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
			nmw_out_char(o, (char)p[i]);
		} else {
			nmw_out_lit(o, "\\x");
			nmw_out_hex(o, p + i, 1);
		}
	}
	nmw_out_char(o, '"');
}

static void put_int(struct nmw_out *o, int64_t v)
{
	if (v < 0)
		nmw_out_char(o, '-');
	nmw_out_uint(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* The value of a field at p; msg is the whole message. */
static void put_value(struct nmw_out *o, const struct nmw_field *f, const uint8_t *p,
		      const uint8_t *msg)
{
	const char *name;
	switch (f->kind) {
	case NMW_F_ALPHA:
		put_alpha(o, p, f->size);
		break;
	case NMW_F_PRICE4:
		nmw_out_fixed(o, nmw_field_uint(f, p), 4);
		break;
	case NMW_F_SPRICE4:
		nmw_out_sfixed(o, nmw_field_int(f, p), 4);
		break;
	case NMW_F_PRICE8:
		nmw_out_fixed(o, nmw_field_uint(f, p), 8);
		break;
	case NMW_F_TIME:
		put_time(o, nmw_field_uint(f, p));
		break;
	case NMW_F_INT:
		put_int(o, nmw_field_int(f, p));
		break;
	case NMW_F_HOST:
		nmw_out_uint(o, nmw_field_host(f, p));
		break;
	case NMW_F_CODEC:
		name = nmw_codec_name((enum nmw_codec_id)p[0]);
		nmw_out_put(o, name, strlen(name));
		break;
	case NMW_F_ADDR:
		nmw_out_char(o, '"');
		nmw_out_addr(o, p, msg[offsetof(struct nmw_ctl, family)]);
		nmw_out_char(o, '"');
		break;
	default: /* UINT, ID */
		nmw_out_uint(o, nmw_field_uint(f, p));
		break;
	}
}

static void put_field(struct nmw_out *o, const struct nmw_field *f, const uint8_t *p,
		      const uint8_t *msg)
{
	nmw_out_char(o, ' ');
	nmw_out_put(o, f->name, f->name_len);
	nmw_out_char(o, '=');
	put_value(o, f, p, msg);
}

static void put_app(struct nmw_out *o, const uint8_t *p, uint32_t n)
{
	if (nmw_schema_app_check(p, n) < 0) {
		nmw_out_lit(o, " appendage_bytes=");
		nmw_out_hex(o, p, n);
		return;
	}
	for (const uint8_t *end = p + n; p < end; p += p[0] + 1) {
		const struct nmw_field *f = nmw_schema_tag(p[1]);
		if (f) {
			put_field(o, f, p + 2, p);
			continue;
		}
		nmw_out_lit(o, " tag_");
		nmw_out_uint(o, p[1]);
		nmw_out_char(o, '=');
		nmw_out_hex(o, p + 2, p[0] - 1u);
	}
}

static void put_unknown(struct nmw_out *o, const struct nmw_slot *s, const uint8_t *p, uint32_t len)
{
	const char *codec = nmw_codec_name((enum nmw_codec_id)s->codec);
	nmw_out_lit(o, "unknown codec=");
	nmw_out_put(o, codec, strlen(codec));
	nmw_out_lit(o, " bytes=");
	nmw_out_hex(o, p, len);
}

int nmw_schema_text(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap)
{
	struct nmw_out o = {buf, cap, 0};
	const struct nmw_schema *d = nmw_schema_find(s->codec, s->channel, p, len);
	if (d == NULL) {
		put_unknown(&o, s, p, len);
		return nmw_out_end(&o);
	}
	nmw_out_put(&o, d->name, strlen(d->name));
	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct nmw_field *f = &d->fields[i];
		if ((uint32_t)f->off + f->size > len)
			break; /* the older, shorter form */
		put_field(&o, f, p + f->off, p);
	}
	if (d->app_off)
		put_app(&o, p + d->len, len - d->len);
	return nmw_out_end(&o);
}
