/* Mutates valid messages and packets and feeds them to everything that reads bytes from outside:
 * the codecs, the message tables with their text and JSON, SoupBinTCP, MoldUDP64.
 *
 *     fuzz_wire [SEED [INPUTS]]     the same seed makes the same inputs
 *
 * Each input lies in a block of exactly its size, so that AddressSanitizer sees a read past it.
 * Besides not crashing: what decodes has a schema, what unpacks packs to the same bytes, what
 * decodes encodes to something that decodes to the same, and JSON is JSON.
 *
 * libFuzzer: clang -std=gnu17 -g -D_GNU_SOURCE -DNMW_LIBFUZZER -fsanitize=fuzzer,address,undefined
 * -Ilibcommon tests/fuzz/fuzz_wire.c libcommon/wire/{codec,ouch42,ouch50,itch50,soup,mold}.c
 * libcommon/wire/schema*.c -ljansson
 */
#include "wire/codec.h"
#include "base/rng.h"
#include "wire/mold.h"
#include "wire/schema.h"
#include "wire/soup.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX 2048u

static struct {
	uint64_t seed, input;
	const uint8_t *p;
	uint32_t len;
} now; /* what is being tried, for the report */

#define CHECK(cond)                              \
	do {                                     \
		if (!(cond))                     \
			report(#cond, __LINE__); \
	} while (0)

static void report(const char *what, int line)
{
	fprintf(stderr, "fuzz_wire: line %d: %s: seed %llu, input %llu:", line, what,
		(unsigned long long)now.seed, (unsigned long long)now.input);
	for (uint32_t i = 0; i < now.len; i++)
		fprintf(stderr, "%s%02x", i % 32 ? "" : "\n", now.p[i]);
	fprintf(stderr, "\n");
	abort();
}

/* ---- the targets --------------------------------------------------------- */

static void try_json(const struct nmw_slot *s, const uint8_t *p, uint32_t len, bool known)
{
	static char line[2 * INPUT_MAX + NMW_SCHEMA_LINE];
	int n = nmw_schema_json(s, p, len, line, sizeof(line));
	CHECK(n > 0 && (size_t)n < sizeof(line) && strlen(line) == (size_t)n);
	CHECK(!known || n < (int)NMW_SCHEMA_LINE);
	for (int i = 0; i < n; i++)
		CHECK(line[i] >= ' ' && line[i] < 0x7f);
	if (now.input % 16 == 0) {
		json_t *j = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		CHECK(j != NULL);
		json_decref(j);
	}
	char cut[64];
	CHECK(nmw_schema_json(s, p, len, cut, sizeof(cut)) == n);
	CHECK(memcmp(cut, line, sizeof(cut) - 1) == 0 && cut[sizeof(cut) - 1] == 0);
	int t = nmw_schema_text(s, p, len, line, sizeof(line));
	CHECK(t > 0 && strlen(line) == (size_t)t);
}

static void try_schema(uint8_t codec, uint8_t channel, const uint8_t *p, uint32_t len)
{
	union nmw_value vals[NMW_FIELDS_MAX];
	struct nmw_tlv tlvs[NMW_TLVS_MAX];
	struct nmw_slot s;
	memset(&s, 0, sizeof(s));
	s.seq = s.ts_ns = s.in_seq = UINT64_MAX;
	s.session = UINT32_MAX;
	s.codec = codec;
	s.channel = channel;
	const struct nmw_schema *d = nmw_schema_find(codec, channel, p, len);
	if (d == NULL && now.input % 8)
		return; /* long hex lines are slow */
	try_json(&s, p, len, d != NULL);
	if (d == NULL)
		return;
	int n = nmw_schema_unpack(d, p, len, vals, tlvs, NMW_TLVS_MAX);
	if (n < 0 || codec == NMW_CODEC_CTL) /* its padding is not kept */
		return;
	uint8_t again[512];
	uint32_t back = nmw_schema_pack(d, vals, tlvs, (unsigned)n, again);
	/* NUL in the last field of the longer form reads as if it were absent */
	bool shorter = d->len_alt && back < len && p[d->len - 1] == 0;
	CHECK(back == (shorter ? len - 1 : len));
	CHECK(memcmp(again, p, back) == 0);
}

static void try_codec(const struct nmw_codec *c, uint8_t channel, const uint8_t *p, uint32_t len)
{
	struct nmw_cmd cmd, cmd2;
	uint8_t again[256];
	int rc = c->decode(p, len, &cmd);
	if (rc < 0) {
		CHECK(rc == -EBADMSG);
		return;
	}
	CHECK(cmd.op > NMW_OP_NONE && cmd.op < NMW_OP_MAX && cmd.tif <= NMW_TIF_BAD);
	CHECK(nmw_schema_find((uint8_t)c->id, channel, p, len) != NULL);
	uint32_t n = c->encode_cmd(&cmd, again);
	CHECK(n <= c->max_in);
	if (n == 0)
		return;
	CHECK(c->decode(again, n, &cmd2) == 0);
	CHECK(cmd.app_len == cmd2.app_len);
	CHECK(cmd.app_len == 0 || memcmp(cmd.app, cmd2.app, cmd.app_len) == 0);
	cmd.app = cmd2.app = NULL;
	CHECK(memcmp(&cmd, &cmd2, sizeof(cmd)) == 0);
}

static void try_soup(const uint8_t *p, uint32_t len)
{
	struct nmw_soup s;
	struct nmw_soup_login l;
	for (uint32_t at = 0; at < len;) {
		int n = nmw_soup_next(p + at, len - at, &s);
		if (n <= 0)
			break;
		CHECK((uint32_t)n <= len - at && s.len + NMW_SOUP_HDR == (uint32_t)n);
		CHECK(s.payload == p + at + NMW_SOUP_HDR);
		int login = nmw_soup_login_parse(&s, &l), acc = nmw_soup_accepted_parse(&s, &l);
		CHECK(login != 0 || acc != 0);
		at += (uint32_t)n;
	}
}

static void try_mold(const uint8_t *p, uint32_t len)
{
	struct nmw_mold m;
	uint16_t n;
	uint32_t count = 0, bytes = NMW_MOLD_HDR;
	if (nmw_mold_open(&m, p, len) != 0)
		return;
	for (const uint8_t *b; (b = nmw_mold_next(&m, &n)); count++) {
		CHECK(b == p + bytes + 2);
		bytes += 2u + n;
		CHECK(bytes <= len);
	}
	CHECK(count == (m.count == NMW_MOLD_END ? 0 : m.count));
}

static void try_all(const uint8_t *p, uint32_t len)
{
	now.p = p;
	now.len = len;
	for (unsigned codec = 0; codec <= NMW_CODEC_MAX; codec++)
		for (unsigned channel = 0; channel <= NMW_CH_MAX; channel++)
			try_schema((uint8_t)codec, (uint8_t)channel, p, len);
	try_codec(&nmw_codec_ouch42, NMW_CH_ORDER, p, len);
	try_codec(&nmw_codec_ouch50, NMW_CH_ORDER, p, len);
	try_codec(&nmw_codec_itch50, NMW_CH_FEED, p, len);
	nmw_codec_sniff(p, len);
	try_soup(p, len);
	try_mold(p, len);
}

#ifdef NMW_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	now.input++;
	if (size <= INPUT_MAX)
		try_all(data, (uint32_t)size);
	return 0;
}
#else

/* ---- making inputs ------------------------------------------------------- */

static uint32_t below(struct nmw_rng *r, uint32_t n)
{
	return (uint32_t)nmw_rng_below(r, n);
}

/* A message of any kind, its fields random, with an appendage where it has one. */
static uint32_t make_message(struct nmw_rng *r, uint8_t *b)
{
	unsigned rows;
	const struct nmw_schema *d = nmw_schema_all(&rows);
	d += below(r, rows);
	for (uint32_t i = 0; i < d->len; i++)
		b[i] = (uint8_t)nmw_rng_u64(r);
	b[0] = (uint8_t)d->type;
	if (d->app_off == 0)
		return d->len_alt && below(r, 4) == 0 ? d->len_alt : d->len;
	static const uint8_t tags[][2] = {{2, 4}, {3, 4},  {12, 1}, {7, 4}, {15, 4},
					  {1, 8}, {24, 2}, {99, 3}, {6, 1}, {22, 4}};
	uint32_t n = d->len;
	for (uint32_t i = below(r, 6); i; i--) {
		const uint8_t *t = tags[below(r, 10)];
		b[n] = (uint8_t)(t[1] + 1);
		b[n + 1] = t[0];
		for (uint32_t k = 0; k < t[1]; k++)
			b[n + 2 + k] = (uint8_t)nmw_rng_u64(r);
		n += 2u + t[1];
	}
	nmw_put16(b + d->app_off, (uint16_t)(n - d->len));
	return n;
}

static uint32_t make_soup(struct nmw_rng *r, uint8_t *b)
{
	uint8_t msg[256];
	uint32_t n = 0;
	for (uint32_t i = 1 + below(r, 4); i; i--) {
		struct nmw_soup_login l = {.next = nmw_rng_u64(r) >> below(r, 64)};
		memset(l.session, ' ', sizeof(l.session));
		if (below(r, 3) == 0)
			n += nmw_soup_put_login(b + n, &l);
		else if (below(r, 3) == 0)
			n += nmw_soup_put_accepted(b + n, "SESSION001", l.next);
		else
			n += nmw_soup_put(b + n, (uint8_t) "SU+HR"[below(r, 5)], msg,
					  (uint16_t)make_message(r, msg));
	}
	return n;
}

static uint32_t make_mold(struct nmw_rng *r, uint8_t *b)
{
	uint8_t msg[256];
	struct nmw_mold_out o;
	nmw_mold_start(&o, b, NMW_MOLD_MTU_DEF, "SESSION001", nmw_rng_u64(r));
	for (uint32_t i = below(r, 8); i; i--)
		nmw_mold_add(&o, msg, (uint16_t)make_message(r, msg));
	return nmw_mold_finish(&o, below(r, 8) ? 0 : NMW_MOLD_END);
}

static uint32_t mutate(struct nmw_rng *r, uint8_t *b, uint32_t n)
{
	static const uint8_t odd[] = {0, 1, 2, 0x7f, 0x80, 0xff, ' ', '"'};
	uint32_t at = n ? below(r, n) : 0;
	switch (below(r, 8)) {
	case 0:
		b[at] ^= (uint8_t)(1u << below(r, 8));
		return n;
	case 1:
		b[at] = odd[below(r, sizeof(odd))];
		return n;
	case 2:
		b[at] = (uint8_t)nmw_rng_u64(r);
		return n;
	case 3: /* cut */
		return at;
	case 4: /* longer by a few */
		for (uint32_t more = 1 + below(r, 8); more && n < INPUT_MAX; more--)
			b[n++] = (uint8_t)nmw_rng_u64(r);
		return n;
	case 5: /* drop a byte */
		if (n == 0)
			return 0;
		memmove(b + at, b + at + 1, n - at - 1);
		return n - 1;
	case 6: /* a u16 near what it was: lengths and counts */
		if (n >= 2 && at < n - 1)
			nmw_put16(b + at, (uint16_t)(nmw_be16(b + at) + below(r, 5) - 2));
		return n;
	default: /* copy one part over another */
		if (n)
			memmove(b + below(r, n), b + at, below(r, n - at) / 2);
		return n;
	}
}

static uint32_t make_input(struct nmw_rng *r, uint8_t *b)
{
	uint32_t kind = below(r, 8);
	uint32_t n = kind == 0 ? make_soup(r, b) : kind == 1 ? make_mold(r, b) : make_message(r, b);
	for (uint32_t i = below(r, 4); i; i--)
		n = mutate(r, b, n);
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t b[2 * INPUT_MAX];
	struct nmw_rng r;
	now.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t inputs = argc > 2 ? strtoull(argv[2], NULL, 0) : 100000;
	printf("seed %llu, %llu inputs\n", (unsigned long long)now.seed,
	       (unsigned long long)inputs);
	nmw_rng_seed(&r, now.seed);
	for (now.input = 1; now.input <= inputs; now.input++) {
		uint32_t n = make_input(&r, b);
		uint8_t *exact = malloc(n ? n : 1);
		if (exact == NULL)
			return EXIT_FAILURE;
		memcpy(exact, b, n);
		try_all(n ? exact : exact + 1, n);
		free(exact);
	}
	return EXIT_SUCCESS;
}
#endif
