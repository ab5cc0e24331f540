/* itch:FILE: the messages of a BinaryFILE; their time is their own, ns since midnight. */
#include "base/log.h"
#include "source.h"
#include "wire/be.h"
#include "wire/codec.h"
#include "wire/itchfile.h"

#include <errno.h>
#include <stdlib.h>

#define ITCH_TIME_AT 5u
#define ITCH_HDR     11u /* bytes that every message has */

struct itch_source {
	struct emit *emit;
	struct nmw_itchfile file;
	uint64_t read;
};

static void itch_close(void *arg)
{
	struct itch_source *s = arg;
	nmw_itchfile_close(&s->file);
	free(s);
}

static void *itch_open(const struct recv_conf *conf, struct emit *emit, const char *path,
		       struct nmw_err *e)
{
	if (conf->codec && conf->codec != NMW_CODEC_ITCH50) {
		nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			    "itch:%s: --codec %s: a BinaryFILE holds itch50: leave the option out",
			    path, nmw_codec_name((enum nmw_codec_id)conf->codec));
		return NULL;
	}
	struct itch_source *s = calloc(1, sizeof *s);
	if (!s) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "itch:%s: no memory", path);
		return NULL;
	}
	s->emit = emit;
	if (nmw_itchfile_open(&s->file, path, e) < 0) {
		free(s);
		return NULL;
	}
	s->file.in.idle = emit_idle;
	s->file.in.arg = emit;
	return s;
}

/* The format has no magic: that the first message is one of ITCH 5.0 is what tells a wrong file. */
static int check_first(struct itch_source *s, const uint8_t *p, uint32_t len, struct nmw_err *e)
{
	struct nmw_cmd c;
	if (s->read++ || nmw_codec_itch50.decode(p, len, &c) == 0)
		return 0;
	const char *tool = nmw_input_unpacker(&s->file.in);
	return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
			   "%s: not a BinaryFILE of ITCH 5.0: it starts with type 0x%02x in %u "
			   "bytes: %s%s",
			   s->file.in.path, p[0], len,
			   tool ? tool : "captures are read as pcap:FILE",
			   tool ? " FILE | nmw-recv itch:-" : "");
}

static void message(struct itch_source *s, const uint8_t *p, uint32_t len)
{
	if (len < ITCH_HDR)
		emit_drop(s->emit, NMW_DROP_bad_message, 1);
	else
		emit_message(s->emit, nmw_be48(p + ITCH_TIME_AT), 0, NMW_CH_FEED, NMW_CODEC_ITCH50,
			     p, len);
}

/* What was before it was read, and goes on. */
static int damaged_end(struct itch_source *s, int rc, const struct nmw_err *e)
{
	nmw_log(NMW_LOG_WARN, "%s", e->msg);
	emit_drop(s->emit, rc == -ENODATA ? NMW_DROP_truncated_file : NMW_DROP_bad_message, 1);
	return 0;
}

static int itch_poll(void *arg, struct nmw_err *e)
{
	struct itch_source *s = arg;
	const uint8_t *p;
	uint32_t len;
	for (unsigned i = 0; i < s->emit->st->burst; i++) {
		int rc = nmw_itchfile_next(&s->file, &p, &len, e);
		if (rc == -ENODATA || rc == -EBADMSG)
			return damaged_end(s, rc, e);
		if (rc == 1)
			rc = check_first(s, p, len, e) ? e->err : 1;
		if (rc != 1)
			return rc;
		message(s, p, len);
	}
	return 1;
}

static void itch_progress(void *arg, uint64_t *done, uint64_t *total)
{
	struct itch_source *s = arg;
	*done = s->file.in.pos;
	*total = s->file.in.size;
}

const struct source source_itch = {.name = "itch",
				   .arg = "FILE",
				   .open = itch_open,
				   .poll = itch_poll,
				   .progress = itch_progress,
				   .close = itch_close};
