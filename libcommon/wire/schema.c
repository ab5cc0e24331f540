#include "wire/schema.h"
#include "wire/be.h"
#include "wire/codec.h"
#include "wire/schema_out.h"
#include <errno.h>
#include <string.h>

/* schema.def is read four times: the fields of each message, the messages, the way from a message's
 * type to its row, the tags. */
#define MSG(codec, channel, type, name, len, len_alt, app_off) \
	static const struct nmw_field codec##_##channel##_##name[] = {
#define KEY_OF(name)		 sizeof(#name) + 3, ",\"" #name "\":"
#define F(name, off, size, kind) {#name, off, size, NMW_F_##kind, KEY_OF(name)},
#define END                          \
	{                            \
		NULL, 0, 0, 0, 0, "" \
	}                            \
	}                            \
	;
#include "wire/schema.def"

#define FIELDS(a) (uint16_t)(sizeof(a) / sizeof((a)[0]) - 1)

static const struct nmw_schema rows[] = {
#define MSG(codec, channel, type, name, len, len_alt, app_off) \
	{NMW_CODEC_##codec,                                    \
	 NMW_CH_##channel,                                     \
	 type,                                                 \
	 #name,                                                \
	 len,                                                  \
	 len_alt,                                              \
	 app_off,                                              \
	 FIELDS(codec##_##channel##_##name),                   \
	 codec##_##channel##_##name},
#include "wire/schema.def"
};

enum {
#define MSG(codec, channel, type, name, len, len_alt, app_off) ROW_##codec##_##channel##_##name,
#include "wire/schema.def"
	ROWS
};

#define KEY(codec, channel, type) \
	((uint32_t)(codec) << 16 | (uint32_t)(channel) << 8 | (uint8_t)(type))

static const struct nmw_schema *row_of(uint8_t codec, uint8_t channel, uint8_t type)
{
	switch (KEY(codec, channel, type)) {
#define MSG(codec, channel, type, name, len, len_alt, app_off) \
	case KEY(NMW_CODEC_##codec, NMW_CH_##channel, type):   \
		return &rows[ROW_##codec##_##channel##_##name];
#include "wire/schema.def"
	default:
		return NULL;
	}
}

static const struct nmw_field tags[NMW_TAG_MAX] = {
#define TAG(tag, name, size, kind) [tag] = {#name, 0, size, NMW_F_##kind, KEY_OF(name)},
#include "wire/schema.def"
};

const struct nmw_field *nmw_schema_tag(uint8_t tag)
{
	return tag < NMW_TAG_MAX && tags[tag].name ? &tags[tag] : NULL;
}

const struct nmw_schema *nmw_schema_all(unsigned *n)
{
	*n = ROWS;
	return rows;
}

const struct nmw_schema *nmw_schema_find(uint8_t codec, uint8_t channel, const uint8_t *p,
					 uint32_t len)
{
	if (len == 0)
		return NULL;
	const struct nmw_schema *d = row_of(codec, channel, p[0]);
	if (d == NULL)
		return NULL;
	if (d->app_off)
		return len >= d->len && len - d->len <= NMW_APP_MAX &&
				       nmw_be16(p + d->app_off) == len - d->len
			       ? d
			       : NULL;
	return len == d->len || (d->len_alt && len == d->len_alt) ? d : NULL;
}

int nmw_schema_app_check(const uint8_t *p, uint32_t n)
{
	uint64_t seen[4] = {0};
	int count = 0;
	while (n) {
		uint32_t size = p[0];
		if (size == 0 || size >= n)
			return -EBADMSG;
		uint8_t tag = p[1];
		const struct nmw_field *f = nmw_schema_tag(tag);
		uint64_t bit = UINT64_C(1) << (tag & 63);
		if ((f && f->size != size - 1) || (seen[tag >> 6] & bit))
			return -EBADMSG;
		seen[tag >> 6] |= bit;
		count++;
		p += size + 1;
		n -= size + 1;
	}
	return count;
}

static uint64_t get_be(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

static void put_be(uint8_t *p, unsigned size, uint64_t v)
{
	for (unsigned i = size; i--; v >>= 8)
		p[i] = (uint8_t)v;
}

uint64_t nmw_field_uint(const struct nmw_field *f, const uint8_t *p)
{
	switch (f->size) {
	case 1:
		return p[0];
	case 2:
		return nmw_be16(p);
	case 4:
		return nmw_be32(p);
	case 6:
		return nmw_be48(p);
	case 8:
		return nmw_be64(p);
	default:
		return get_be(p, f->size);
	}
}

int64_t nmw_field_int(const struct nmw_field *f, const uint8_t *p)
{
	unsigned unused = (64 - 8u * f->size) & 63;
	return (int64_t)(nmw_field_uint(f, p) << unused) >> unused;
}

uint64_t nmw_field_host(const struct nmw_field *f, const uint8_t *p)
{
	uint64_t v = 0;
	memcpy(&v, p, f->size);
	return v;
}

static void unpack_field(const struct nmw_field *f, const uint8_t *p, union nmw_value *v)
{
	memset(v, 0, sizeof(*v));
	switch (f->kind) {
	case NMW_F_ALPHA:
	case NMW_F_ADDR:
		memcpy(v->s, p, f->size);
		break;
	case NMW_F_INT:
	case NMW_F_SPRICE4:
		v->i = nmw_field_int(f, p);
		break;
	case NMW_F_HOST:
		v->u = nmw_field_host(f, p);
		break;
	default:
		v->u = nmw_field_uint(f, p);
		break;
	}
}

static void pack_field(const struct nmw_field *f, const union nmw_value *v, uint8_t *p)
{
	switch (f->kind) {
	case NMW_F_ALPHA:
	case NMW_F_ADDR:
		memcpy(p, v->s, f->size);
		break;
	case NMW_F_HOST:
		memcpy(p, &v->u, f->size);
		break;
	default:
		put_be(p, f->size, v->u);
		break;
	}
}

static int unpack_app(const uint8_t *p, uint32_t n, struct nmw_tlv *tlvs, unsigned max)
{
	int count = nmw_schema_app_check(p, n);
	if (count < 0)
		return count;
	if ((unsigned)count > max)
		return -ENOSPC;
	for (int i = 0; i < count; i++, p += 1 + p[0]) {
		struct nmw_tlv *t = &tlvs[i];
		t->size = (uint8_t)(p[0] - 1);
		t->tag = p[1];
		if (t->size > sizeof(t->v.s))
			return -ENOSPC;
		const struct nmw_field raw = {.size = t->size, .kind = NMW_F_ALPHA};
		const struct nmw_field *f = nmw_schema_tag(t->tag);
		unpack_field(f ? f : &raw, p + 2, &t->v);
	}
	return count;
}

int nmw_schema_unpack(const struct nmw_schema *d, const uint8_t *p, uint32_t len,
		      union nmw_value *vals, struct nmw_tlv *tlvs, unsigned max_tlvs)
{
	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct nmw_field *f = &d->fields[i];
		if ((uint32_t)f->off + f->size <= len)
			unpack_field(f, p + f->off, &vals[i]);
		else
			memset(&vals[i], 0, sizeof(vals[i]));
	}
	return d->app_off ? unpack_app(p + d->len, len - d->len, tlvs, max_tlvs) : 0;
}

static uint32_t pack_app(const struct nmw_tlv *tlvs, unsigned n, uint8_t *buf)
{
	uint8_t *p = buf;
	for (unsigned i = 0; i < n; i++) {
		const struct nmw_tlv *t = &tlvs[i];
		const struct nmw_field raw = {.size = t->size, .kind = NMW_F_ALPHA};
		const struct nmw_field *f = nmw_schema_tag(t->tag);
		p[0] = (uint8_t)(t->size + 1);
		p[1] = t->tag;
		pack_field(f ? f : &raw, &t->v, p + 2);
		p += 2 + t->size;
	}
	return (uint32_t)(p - buf);
}

uint32_t nmw_schema_pack(const struct nmw_schema *d, const union nmw_value *vals,
			 const struct nmw_tlv *tlvs, unsigned n_tlvs, uint8_t *buf)
{
	memset(buf, 0, d->len);
	buf[0] = (uint8_t)d->type;
	for (unsigned i = 0; i < d->n_fields; i++)
		pack_field(&d->fields[i], &vals[i], buf + d->fields[i].off);
	if (d->app_off) {
		uint32_t n = pack_app(tlvs, n_tlvs, buf + d->len);
		nmw_put16(buf + d->app_off, (uint16_t)n);
		return d->len + n;
	}
	return d->len_alt && buf[d->len - 1] == 0 ? d->len_alt : d->len;
}

const char *nmw_channel_name(uint8_t channel)
{
	static const char *const names[NMW_CH_MAX] = {
		[NMW_CH_ORDER] = "order",
		[NMW_CH_REPLY] = "reply",
		[NMW_CH_FEED] = "feed",
		[NMW_CH_CTL] = "control",
	};
	return channel < NMW_CH_MAX && names[channel] ? names[channel] : "unknown";
}
