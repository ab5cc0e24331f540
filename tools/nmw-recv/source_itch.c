/* itch:FILE: the messages of a BinaryFILE; their time is their own, ns since midnight. */
#include "base/log.h"
#include "source.h"
#include "wire/be.h"
#include "wire/codec.h"
#include "wire/itch50.h"
#include "wire/itchfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define ITCH_LENGTH  2u /* bytes of the length before each message */
#define ITCH_TIME_AT 5u
#define ITCH_HDR     11u /* bytes that every message has */

struct itch_source {
	struct emit *emit;
	struct nmw_itchfile file;
	uint64_t read;
	bool lost;    /* behind damage, where a message starts is not sure */
	bool damaged; /* said once */
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

/* Whether a message with its length starts at p. */
static bool starts_message(const uint8_t *p, uint32_t left)
{
	return left > ITCH_LENGTH && nmw_be16(p) && nmw_be16(p) == nmw_itch50_len(p[ITCH_LENGTH]);
}

/* A length that is not that of the type.  Where the next message stands where that of the type has
 * it, only this one is lost, and not all that the length spans. */
static void bad_length(struct itch_source *s, const uint8_t *p, uint32_t len, uint32_t want)
{
	struct nmw_itchfile *f = &s->file;
	uint64_t at = f->in.pos - (f->have - f->at) - len - ITCH_LENGTH;
	if (!s->damaged)
		nmw_log(NMW_LOG_WARN,
			"%s: damaged at byte %" PRIu64 ": type 0x%02x in %u bytes, %u expected: "
			"dropped, as all that is like it: fetch the file again",
			f->in.path, at, p[0], len, want);
	s->damaged = s->lost = true;
	emit_drop(s->emit, NMW_DROP_bad_message, 1);
	if (len > want && starts_message(p + want, len - want))
		f->at -= len - want;
}

static void message(struct itch_source *s, const uint8_t *p, uint32_t len)
{
	uint32_t want = nmw_itch50_len(p[0]);
	if (__builtin_expect(want != len && want, 0)) {
		bad_length(s, p, len, want);
	} else if (len < ITCH_HDR || (s->lost && !want)) {
		emit_drop(s->emit, NMW_DROP_bad_message, 1);
	} else {
		s->lost = false;
		emit_message(s->emit, nmw_be48(p + ITCH_TIME_AT), 0, NMW_CH_FEED, NMW_CODEC_ITCH50,
			     p, len);
	}
}

/* What was before it was read, and goes on.  Without a message before it this is no such file. */
static int damaged_end(struct itch_source *s, int rc, struct nmw_err *e)
{
	if (!s->read)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				   "%s: not a BinaryFILE of ITCH 5.0: %s: captures are read as "
				   "pcap:FILE",
				   s->file.in.path,
				   rc == -ENODATA ? "its first length goes beyond its end"
						  : "it starts with zeros");
	nmw_log(NMW_LOG_WARN, "%s", e->msg);
	emit_drop(s->emit, rc == -ENODATA ? NMW_DROP_truncated_file : NMW_DROP_bad_message, 1);
	return 0;
}

static int is_empty(struct itch_source *s, struct nmw_err *e)
{
	return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
			   "%s: is empty: a BinaryFILE of ITCH 5.0 has its end mark at least: look "
			   "at what was to write it",
			   s->file.in.path);
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
		if (rc == 0 && s->file.in.pos == 0 && !s->file.in.stopped)
			return is_empty(s, e);
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
