/* A message as a line of text for people. */
#include "wire/codec.h"
#include "wire/schema_out.h"

#define NS_PER_S UINT64_C(1000000000)

static char *w_two(char *w, uint64_t v)
{
	if (v < 10)
		*w++ = '0';
	return nmw_w_uint(w, v);
}

/* 09:30:00.000000001 */
static char *w_time(char *w, uint64_t ns)
{
	uint64_t s = ns / NS_PER_S, left = ns % NS_PER_S;
	w = w_two(w, s / 3600);
	*w++ = ':';
	w = w_two(w, s / 60 % 60);
	*w++ = ':';
	w = w_two(w, s % 60);
	*w++ = '.';
	for (unsigned i = 9; i--; left /= 10)
		w[i] = (char)('0' + left % 10);
	return w + 9;
}

static char *w_alpha(char *w, const uint8_t *p, unsigned n)
{
	if (n == 1 && p[0] != ' ' && nmw_is_plain(p[0]))
		return nmw_w_char(w, (char)p[0]);
	n = nmw_trim(p, n);
	*w++ = '"';
	for (unsigned i = 0; i < n; i++) {
		if (nmw_is_plain(p[i])) {
			*w++ = (char)p[i];
		} else {
			w = nmw_w_lit(w, "\\x");
			w = nmw_w_hex(w, p + i, 1);
		}
	}
	return nmw_w_char(w, '"');
}

/* The value of a field at p; msg is the whole message. */
static char *w_value(char *w, const struct nmw_field *f, const uint8_t *p, const uint8_t *msg)
{
	switch (f->kind) {
	case NMW_F_ALPHA:
		return w_alpha(w, p, f->size);
	case NMW_F_PRICE4:
	case NMW_F_SPRICE4:
	case NMW_F_PRICE8:
		return nmw_w_price(w, f, p);
	case NMW_F_TIME:
		return w_time(w, nmw_field_uint(f, p));
	case NMW_F_INT:
		return nmw_w_int(w, nmw_field_int(f, p));
	case NMW_F_HOST:
		return nmw_w_uint(w, nmw_field_host(f, p));
	case NMW_F_CODEC:
		return nmw_w_str(w, nmw_codec_name((enum nmw_codec_id)p[0]));
	case NMW_F_ADDR:
		return nmw_w_addr(w, p, msg[offsetof(struct nmw_ctl, family)]);
	default: /* UINT, ID */
		return nmw_w_uint(w, nmw_field_uint(f, p));
	}
}

static char *w_field(char *w, const struct nmw_field *f, const uint8_t *p, const uint8_t *msg)
{
	*w++ = ' ';
	w = nmw_w_str(w, f->name);
	*w++ = '=';
	return w_value(w, f, p, msg);
}

static char *w_tlv(char *w, const uint8_t *p)
{
	const struct nmw_field *f = nmw_schema_tag(p[1]);
	if (f)
		return w_field(w, f, p + 2, p);
	w = nmw_w_lit(w, " tag_");
	w = nmw_w_uint(w, p[1]);
	*w++ = '=';
	return nmw_w_hex(w, p + 2, p[0] - 1u);
}

static char *w_app(char *w, const uint8_t *p, uint32_t n)
{
	if (nmw_schema_app_check(p, n) < 0) {
		w = nmw_w_lit(w, " appendage_bytes=");
		return nmw_w_hex(w, p, n);
	}
	for (const uint8_t *end = p + n; p < end; p += p[0] + 1)
		w = w_tlv(w, p);
	return w;
}

static char *w_message(char *w, const struct nmw_schema *d, const uint8_t *p, uint32_t len)
{
	w = nmw_w_str(w, d->name);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct nmw_field *f = &d->fields[i];
		if ((uint32_t)f->off + f->size > len)
			break; /* the older, shorter form */
		w = w_field(w, f, p + f->off, p);
	}
	return d->app_off ? w_app(w, p + d->len, len - d->len) : w;
}

int nmw_schema_text(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap)
{
	char own[NMW_SCHEMA_LINE];
	const struct nmw_schema *d = nmw_schema_find(s->codec, s->channel, p, len);
	if (d) {
		char *from = cap >= sizeof(own) ? buf : own;
		return nmw_line_give(buf, cap, from, w_message(from, d, p, len));
	}
	char *w = nmw_w_lit(own, "unknown codec=");
	w = nmw_w_str(w, nmw_codec_name((enum nmw_codec_id)s->codec));
	w = nmw_w_lit(w, " bytes=");
	return nmw_line_hex(buf, cap, own, (size_t)(w - own), p, len, "");
}
