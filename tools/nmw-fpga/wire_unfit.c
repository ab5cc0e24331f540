/* What the device leaves to the host: counted by reason, listed as JSON Lines. */
#include "wire.h"

#include "base/json.h"
#include "wire/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum why { TYPE, TAG, LONG, CLIENT, SYMBOL, WINDOW, TIMED, OTHER, WHYS };

static const char *const words[WHYS] = {
	[TYPE] = "type",     [TAG] = "tag",	  [LONG] = "appendage", [CLIENT] = "client",
	[SYMBOL] = "symbol", [WINDOW] = "window", [TIMED] = "timed",	[OTHER] = "other"};

static uint64_t field(const struct nmw_wire_seen *s, uint32_t at, uint32_t width)
{
	return nmw_wire_field(s->word, at, width);
}
#define FIELD(s, name) field(s, NMW_MSG_##name, NMW_MSG_##name##_W)

/* The parser says why in the message; what the core does not do shows in its fields. */
static enum why why_of(const struct nmw_wire_seen *s)
{
	switch (FIELD(s, WHY)) {
	case NMW_UNFIT_TYPE:
		return TYPE;
	case NMW_UNFIT_TAG:
		return TAG;
	case NMW_UNFIT_LONG:
		return LONG;
	default:
		break;
	}
	if (!FIELD(s, KNOWN))
		return CLIENT;
	bool enters = FIELD(s, KIND) == NMW_MSG_ENTER;
	uint64_t tif = FIELD(s, TIF);
	if (enters && !FIELD(s, SYM_KNOWN))
		return SYMBOL;
	if ((enters || FIELD(s, KIND) == NMW_MSG_REPLACE) && tif != '0' && tif != '3')
		return TIMED;
	if (enters && !FIELD(s, TICKS_OK) && !FIELD(s, MARKET))
		return WINDOW;
	return OTHER;
}

static void text(char *to, const struct nmw_wire_seen *s, uint32_t at, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = (char)field(s, at + 8 * i, 8);
	while (bytes && (to[bytes - 1] == ' ' || !to[bytes - 1]))
		bytes--;
	to[bytes] = 0;
}

/* Fields that its kind has not are 0 and left out. */
static int line(const struct nmw_wire_seen *s, enum why why, char *to, size_t cap)
{
	char symbol[9], type[2] = "", esc_symbol[64], esc_type[16], more[256] = "";
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
	return snprintf(to, cap,
			"{\"ts_ns\":\"%" PRIu64 "\",\"frame\":\"%" PRIu64 "\",\"message\":%" PRIu64
			",\"client\":%" PRIu64
			",\"type\":\"%s\",\"why\":\"%s\",\"user_ref_num\":\"%" PRIu64
			"\",\"quantity\":%" PRIu64 "%s}\n",
			FIELD(s, TIME), FIELD(s, FRAME), FIELD(s, NTH), FIELD(s, CLIENT), esc_type,
			words[why], FIELD(s, URN), FIELD(s, QTY), more);
}

int unfit_open(struct unfit *u, struct nmw_err *e)
{
	u->file.fd = -1;
	if (!u->path)
		return 0;
	int rc = nmw_outfile_open(&u->file, u->path, u->path, false, e);
	return rc ? nmw_err_prefix(e, "--unfit") : nmw_outfile_start(&u->file, e);
}

void unfit_put(struct unfit *u, const struct nmw_wire_seen *s)
{
	char to[640];
	enum why why = why_of(s);
	u->n++;
	u->why[why]++;
	if (u->file.fd < 0 || u->file.err.err)
		return;
	int n = line(s, why, to, sizeof to);
	uint8_t *at = n > 0 ? nmw_outfile_room(&u->file, (uint32_t)n) : NULL;
	if (!at)
		return;
	memcpy(at, to, (size_t)n);
	nmw_outfile_commit(&u->file, (uint32_t)n, 1, (uint32_t)n);
}

void unfit_reasons(const struct unfit *u, char *to, size_t cap)
{
	size_t at = 0;
	to[0] = 0;
	for (unsigned i = 0; i < WHYS; i++)
		if (u->why[i] && at < cap)
			at += (size_t)snprintf(to + at, cap - at, "%s%s %" PRIu64, at ? ", " : "",
					       words[i], u->why[i]);
}

int unfit_close(struct unfit *u, struct nmw_err *e)
{
	if (u->file.fd < 0 || !nmw_outfile_close(&u->file))
		return 0;
	*e = u->file.err;
	return e->err;
}
