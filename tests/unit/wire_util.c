#include "wire_util.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned nibble(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	ck_assert_msg(c >= 'a' && c <= 'f', "%c is not a hex digit", c);
	return (unsigned)(c - 'a') + 10;
}

uint32_t hex_bytes(const char *hex, uint8_t *out, uint32_t cap)
{
	uint32_t n = 0;
	while (*hex) {
		ck_assert_uint_lt(n, cap);
		if (*hex == ' ') {
			hex++;
		} else if (*hex == '\'') {
			for (hex++; *hex != '\''; hex++)
				out[n++] = (uint8_t)*hex;
			hex++;
		} else {
			out[n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
			hex += 2;
		}
	}
	return n;
}

void expect_bytes(const uint8_t *got, uint32_t len, const char *hex)
{
	uint8_t want[256];
	uint32_t n = hex_bytes(hex, want, sizeof(want));
	ck_assert_uint_eq(len, n);
	ck_assert_mem_eq(got, want, n);
}

static void padded(char *out, unsigned n, const char *s)
{
	ck_assert_uint_le(strlen(s), n);
	for (unsigned i = 0; i < n; i++)
		out[i] = *s ? *s++ : ' ';
}

uint64_t symbol_of(const char *s)
{
	uint64_t v;
	char b[8];
	padded(b, 8, s);
	memcpy(&v, b, 8);
	return v;
}

uint32_t firm_of(const char *s)
{
	uint32_t v;
	char b[4];
	padded(b, 4, s);
	memcpy(&v, b, 4);
	return v;
}

struct nmw_key token_of(const char *s)
{
	struct nmw_key k = {0, 0};
	char b[14];
	padded(b, 14, s);
	memcpy(&k.lo, b, 8);
	memcpy(&k.hi, b + 8, 6);
	return k;
}

const char *shared_path(const char *name)
{
	static char path[512];
	const char *root = getenv("NMW_SHARED");
	snprintf(path, sizeof(path), "%s/data/%s", root ? root : "../shared", name);
	return access(path, R_OK) == 0 ? path : NULL;
}

uint8_t *read_whole(const char *path, size_t *len)
{
	ck_assert_ptr_nonnull(path);
	FILE *f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s cannot be opened", path);
	fseek(f, 0, SEEK_END);
	long n = ftell(f);
	rewind(f);
	ck_assert_int_gt(n, 0);
	uint8_t *p = malloc((size_t)n);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(fread(p, 1, (size_t)n, f), (size_t)n);
	fclose(f);
	*len = (size_t)n;
	return p;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Ethernet, VLAN tags, IPv4, UDP or TCP with options. The captures are known good. */
static void dissect(const uint8_t *p, struct packet *out)
{
	p += 12;
	while (be16(p) == 0x8100)
		p += 4;
	ck_assert_uint_eq(be16(p), 0x0800);
	const uint8_t *ip = p + 2;
	uint32_t ip_len = be16(ip + 2), ihl = (ip[0] & 15u) * 4;
	const uint8_t *l4 = ip + ihl;
	out->proto = ip[9];
	out->sport = (uint16_t)be16(l4);
	out->dport = (uint16_t)be16(l4 + 2);
	uint32_t hdr = out->proto == 17 ? 8 : (l4[12] >> 4) * 4u;
	out->payload = l4 + hdr;
	out->len = out->proto == 17 ? be16(l4 + 4) - 8u : ip_len - ihl - hdr;
}

unsigned each_packet(const char *path, void (*fn)(const struct packet *, void *), void *arg)
{
	size_t len;
	unsigned count = 0;
	uint8_t *file = read_whole(path, &len);
	uint32_t magic = le32(file);
	ck_assert(magic == 0xa1b2c3d4 || magic == 0xa1b23c4d);
	uint64_t unit = magic == 0xa1b23c4d ? 1 : 1000;
	for (size_t at = 24; at + 16 <= len; count++) {
		uint32_t incl = le32(file + at + 8);
		struct packet k = {.ts_ns = le32(file + at) * UINT64_C(1000000000) +
					    le32(file + at + 4) * unit};
		dissect(file + at + 16, &k);
		fn(&k, arg);
		at += 16 + incl;
	}
	free(file);
	return count;
}

void slot_of(struct nmw_slot *s, uint8_t codec, uint8_t channel, uint32_t len)
{
	memset(s, 0, sizeof(*s));
	s->seq = 12;
	s->ts_ns = UINT64_C(1767623400000000001);
	s->in_seq = 7;
	s->session = 3;
	s->len = (uint16_t)len;
	s->channel = channel;
	s->codec = codec;
}

const struct nmw_schema *expect_repack(uint8_t codec, uint8_t channel, const uint8_t *p,
				       uint32_t len)
{
	union nmw_value vals[NMW_FIELDS_MAX];
	struct nmw_tlv tlvs[NMW_TLVS_MAX];
	uint8_t again[256];
	const struct nmw_schema *d = nmw_schema_find(codec, channel, p, len);
	ck_assert_msg(d != NULL, "codec %u channel %u type %c length %u: no schema", codec, channel,
		      p[0], len);
	int n = nmw_schema_unpack(d, p, len, vals, tlvs, NMW_TLVS_MAX);
	ck_assert_int_ge(n, 0);
	ck_assert_uint_eq(nmw_schema_pack(d, vals, tlvs, (unsigned)n, again), len);
	ck_assert_mem_eq(again, p, len);
	return d;
}

union nmw_value field_of(const struct nmw_schema *d, const uint8_t *p, uint32_t len,
			 const char *name)
{
	union nmw_value vals[NMW_FIELDS_MAX];
	struct nmw_tlv tlvs[NMW_TLVS_MAX];
	ck_assert_int_ge(nmw_schema_unpack(d, p, len, vals, tlvs, NMW_TLVS_MAX), 0);
	for (unsigned i = 0; i < d->n_fields; i++)
		if (strcmp(d->fields[i].name, name) == 0)
			return vals[i];
	ck_abort_msg("%s has no field %s", d->name, name);
}
