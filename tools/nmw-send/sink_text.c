/* text:FILE, jsonl:FILE - one line a message. */
#include "sink_file.h"
#include "wire/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_TYPICAL 2048u /* bytes: lines that fit are composed once */

typedef int line_fn(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap);

struct text {
	struct nmw_outfile file;
	line_fn *line;
};

/* Behind the last newline; a line that is longer than the buffer is none of ours. */
static off_t whole_lines(int fd, off_t size)
{
	char piece[4096];
	off_t from = size;
	while (from > 0 && size - from < (off_t)NMW_OUTFILE_BUF) {
		size_t n = from < (off_t)sizeof piece ? (size_t)from : sizeof piece;
		from -= (off_t)n;
		if (pread(fd, piece, n, from) != (ssize_t)n)
			return -EIO;
		const char *newline = memrchr(piece, '\n', n);
		if (newline)
			return from + (newline - piece) + 1;
	}
	return from == 0 ? 0 : -EBADMSG;
}

static int lines_open(struct sink *k, const char *arg, const struct sink_conf *conf, line_fn *line,
		      struct nmw_err *e)
{
	struct text *t = calloc(1, sizeof *t);
	if (!t)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", k->spec);
	k->priv = t;
	t->line = line;
	return sink_file_open(k, &t->file, arg, false, whole_lines, conf, e);
}

static int lines_start(struct sink *k, struct nmw_err *e)
{
	struct text *t = k->priv;
	return nmw_outfile_start(&t->file, e);
}

static int text_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	return lines_open(k, arg, conf, nmw_schema_text, e);
}

static int jsonl_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		      struct nmw_err *e)
{
	return lines_open(k, arg, conf, nmw_schema_json, e);
}

/* Composes the line in the buffer. Returns its bytes with the newline, 0 when it is longer than
 * what is left there, or the file has failed. */
static uint32_t compose(struct text *t, const struct sink_msg *m, uint32_t room)
{
	char *p = (char *)nmw_outfile_room(&t->file, room);
	uint32_t left = nmw_outfile_left(&t->file);
	if (!p)
		return 0;
	int n = t->line(sink_slot(m), m->payload, m->len, p, left);
	if (n < 0 || (uint32_t)n >= left)
		return 0;
	p[n] = '\n'; /* over the NUL */
	return (uint32_t)n + 1;
}

static void lines_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
{
	struct text *t = k->priv;
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = compose(t, m[i], LINE_TYPICAL);
		if (!len)
			len = compose(t, m[i], NMW_OUTFILE_BUF);
		if (len)
			nmw_outfile_commit(&t->file, len, 1, m[i]->len);
		else if (t->file.err.err)
			nmw_outfile_lose(&t->file, 1);
		else
			sink_drop(k, NMW_DROP_unencodable, 1);
	}
	sink_file_sync(k, &t->file);
}

static void lines_flush(struct sink *k, uint64_t idle_ns)
{
	struct text *t = k->priv;
	sink_file_flush(k, &t->file, idle_ns);
}

static void lines_close(struct sink *k, bool clean)
{
	struct text *t = k->priv;
	(void)clean;
	if (!t)
		return;
	nmw_outfile_close(&t->file);
	sink_file_sync(k, &t->file);
	free(t);
	k->priv = NULL;
}

const struct sink_ops sink_text = {.name = "text",
				   .arg = "FILE",
				   .channels = SINK_CHANNELS_ALL,
				   .open = text_open,
				   .send = lines_send,
				   .flush = lines_flush,
				   .close = lines_close,
				   .start = lines_start};

const struct sink_ops sink_jsonl = {.name = "jsonl",
				    .arg = "FILE",
				    .channels = SINK_CHANNELS_ALL,
				    .open = jsonl_open,
				    .send = lines_send,
				    .flush = lines_flush,
				    .close = lines_close,
				    .start = lines_start};
