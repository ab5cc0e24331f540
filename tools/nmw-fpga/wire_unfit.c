/* What the device leaves to the host, and what becomes of it: listed as JSON Lines. */
#include "wire.h"

#include "base/json.h"
#include "wire/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const did[HOST_DIDS] = {[HOST_REJECTED] = "rejected",
					   [HOST_ANSWERED] = "answered",
					   [HOST_IGNORED] = "ignored",
					   [HOST_MALFORMED] = "malformed"};

static uint64_t field(const struct nmw_wire_seen *s, uint32_t at, uint32_t width)
{
	return nmw_wire_field(s->word, at, width);
}
#define FIELD(s, name) field(s, NMW_MSG_##name, NMW_MSG_##name##_W)

static void text(char *to, const struct nmw_wire_seen *s, uint32_t at, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = (char)field(s, at + 8 * i, 8);
	while (bytes && (to[bytes - 1] == ' ' || !to[bytes - 1]))
		bytes--;
	to[bytes] = 0;
}

/* Fields that its kind has not are 0 and left out. */
static int line(const struct nmw_wire_seen *s, const struct host_verdict *v, char *to, size_t cap)
{
	char symbol[9], type[2] = "", esc_symbol[64], esc_type[16], more[256] = "", code[32] = "";
	text(symbol, s, NMW_MSG_SYMBOL, 8);
	text(type, s, NMW_MSG_TYPE, 1);
	nmw_json_escape(esc_symbol, sizeof esc_symbol, symbol, strlen(symbol));
	nmw_json_escape(esc_type, sizeof esc_type, type, strlen(type));
	if (FIELD(s, PRICE))
		snprintf(more, sizeof more,
			 ",\"side\":\"%s\",\"symbol\":\"%s\",\"price\":\"%" PRIu64 ".%04" PRIu64
			 "\"",
			 FIELD(s, SELL) ? "S" : "B", esc_symbol, FIELD(s, PRICE) / 10000,
			 FIELD(s, PRICE) % 10000);
	if (v->did == HOST_REJECTED)
		snprintf(code, sizeof code, ",\"code\":%u", v->code);
	return snprintf(to, cap,
			"{\"ts_ns\":\"%" PRIu64 "\",\"frame\":\"%" PRIu64 "\",\"message\":%" PRIu64
			",\"client\":%" PRIu64
			",\"type\":\"%s\",\"why\":\"%s\",\"user_ref_num\":\"%" PRIu64
			"\",\"quantity\":%" PRIu64 "%s,\"host\":\"%s\"%s,\"same\":%s}\n",
			FIELD(s, TIME), FIELD(s, FRAME), FIELD(s, NTH), FIELD(s, CLIENT), esc_type,
			host_word(v->why), FIELD(s, URN), FIELD(s, QTY), more, did[v->did], code,
			v->same ? "true" : "false");
}

int unfit_open(struct unfit *u, struct nmw_err *e)
{
	u->file.fd = -1;
	if (!u->path)
		return 0;
	int rc = nmw_outfile_open(&u->file, u->path, u->path, false, e);
	return rc ? nmw_err_prefix(e, "--unfit") : nmw_outfile_start(&u->file, e);
}

void unfit_put(struct unfit *u, const struct nmw_wire_seen *s, const struct host_verdict *v)
{
	char to[768];
	if (u->file.fd < 0 || u->file.err.err)
		return;
	int n = line(s, v, to, sizeof to);
	uint8_t *at = n > 0 ? nmw_outfile_room(&u->file, (uint32_t)n) : NULL;
	if (!at)
		return;
	memcpy(at, to, (size_t)n);
	nmw_outfile_commit(&u->file, (uint32_t)n, 1, (uint32_t)n);
}

int unfit_close(struct unfit *u, struct nmw_err *e)
{
	if (u->file.fd < 0 || !nmw_outfile_close(&u->file))
		return 0;
	*e = u->file.err;
	return e->err;
}
