/* journal:DIR: the input that nmw-match --journal logged, message by message as it stood on its
 * ring, so that an engine that reads it does again what that one did. */
#include "base/log.h"
#include "journal/journal.h"
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct journal_source {
	struct emit *emit;
	struct nmw_journal_reader *reader;
	const char *dir;
	uint64_t number;
};

static void journal_close(void *arg)
{
	struct journal_source *s = arg;
	nmw_journal_reader_close(s->reader);
	free(s);
}

static void *journal_open(const struct recv_conf *conf, struct emit *emit, const char *dir,
			  struct nmw_err *e)
{
	struct journal_source *s = calloc(1, sizeof *s);
	(void)conf;
	if (!s) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "journal:%s: no memory", dir);
		return NULL;
	}
	s->emit = emit;
	s->dir = dir;
	if (nmw_journal_reader_open(&s->reader, dir, e) < 0) {
		free(s);
		return NULL;
	}
	return s;
}

static void message(struct journal_source *s, const struct nmw_journal_rec *r)
{
	const struct nmw_slot *was = r->slot;
	uint8_t *p;
	struct nmw_slot *to = emit_slot(s->emit, was->ts_ns, r->len, &p);
	if (!to)
		return;
	memcpy(p, r->payload, r->len);
	to->in_seq = was->in_seq ? was->in_seq : was->seq;
	emit_done(s->emit, to, was->session, (enum nmw_channel)was->channel,
		  (enum nmw_codec_id)was->codec);
}

/* Where a live journal ends is no fault of it; neither is what a crash left behind its end. */
static int the_end(struct journal_source *s)
{
	uint64_t torn = nmw_journal_reader_torn(s->reader);
	if (torn) {
		nmw_log(NMW_LOG_WARN,
			"journal:%s: %llu bytes behind record %llu are half written: a crash, or "
			"it is being written",
			s->dir, (unsigned long long)torn, (unsigned long long)s->number);
		emit_drop(s->emit, NMW_DROP_truncated_file, 1);
	}
	return 0;
}

static int journal_poll(void *arg, struct nmw_err *e)
{
	struct journal_source *s = arg;
	struct nmw_journal_rec r;
	for (unsigned i = 0; i < s->emit->st->burst; i++) {
		int rc = nmw_journal_next(s->reader, &r, e);
		if (rc == 0)
			return the_end(s);
		if (rc < 0)
			return rc;
		s->number = r.number;
		if (r.kind == NMW_JOURNAL_MESSAGE)
			message(s, &r);
	}
	return 1;
}

static void journal_progress(void *arg, uint64_t *done, uint64_t *total)
{
	const struct journal_source *s = arg;
	*done = s->number;
	*total = 0;
}

const struct source source_journal = {.name = "journal",
				      .arg = "DIR",
				      .open = journal_open,
				      .poll = journal_poll,
				      .progress = journal_progress,
				      .close = journal_close};
