/* text:FILE, jsonl:FILE - one line a message. */
#include "sink_file.h"
#include "wire/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_TYPICAL 2048u /* bytes: lines that fit are composed once */
#define LINE_HEAD    64u   /* bytes that tell our lines from others */

typedef int line_fn(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap);

struct text {
	struct nmw_outfile file;
	line_fn *line;
};

/* Behind the last newline before `end`, 0 when there is none; a line that is longer than the buffer
 * is none of ours. */
static off_t line_start(int fd, off_t end)
{
	char piece[4096];
	off_t from = end;
	while (from > 0 && end - from < (off_t)NMW_OUTFILE_BUF) {
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

/* As far as it goes: `{"seq":"`. */
static bool starts_json(const char *line, size_t n)
{
	static const char head[] = "{\"seq\":\"";
	return memcmp(line, head, n < sizeof head - 1 ? n : sizeof head - 1) == 0;
}

/* How many of n characters are of that set. */
static size_t span(const char *s, size_t n, const char *set)
{
	size_t i = 0;
	while (i < n && s[i] && strchr(set, s[i]))
		i++;
	return i;
}

/* As far as it goes: `accepted` or `accepted timestamp=`, the name of a message and of a field. */
static bool starts_text(const char *line, size_t n)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	size_t name = span(line, n, word), field = name + 1;
	if (name == n || (name && line[name] == '\n'))
		return true;
	if (!name || line[name] != ' ')
		return false;
	field += span(line + field, n - field, word);
	return field == n || (field > name + 1 && line[field] == '=');
}

/* Behind the last whole line. What follows is cut off, so the first line and what is cut have to
 * look like ours: another kind of file would lose its end. */
static off_t whole_lines(int fd, off_t size, bool (*is_ours)(const char *line, size_t n))
{
	char head[LINE_HEAD];
	off_t end = line_start(fd, size);
	const off_t lines[] = {0, end};
	for (unsigned i = 0; end >= 0 && i < 2 && lines[i] < size; i++) {
		ssize_t n = pread(fd, head, sizeof head, lines[i]);
		if (n <= 0)
			return -EIO;
		if (!is_ours(head, (size_t)n))
			return -EBADMSG;
	}
	return end;
}

static off_t whole_json(int fd, off_t size)
{
	return whole_lines(fd, size, starts_json);
}

static off_t whole_text(int fd, off_t size)
{
	return whole_lines(fd, size, starts_text);
}

static int lines_open(struct sink *k, const char *arg, const struct sink_conf *conf, line_fn *line,
		      off_t (*whole)(int fd, off_t size), struct nmw_err *e)
{
	struct text *t = calloc(1, sizeof *t);
	if (!t)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", k->spec);
	k->priv = t;
	t->line = line;
	return sink_file_open(k, &t->file, arg, false, whole, conf, e);
}

static int lines_start(struct sink *k, struct nmw_err *e)
{
	struct text *t = k->priv;
	return nmw_outfile_start(&t->file, e);
}

static int text_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	return lines_open(k, arg, conf, nmw_schema_text, whole_text, e);
}

static int jsonl_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		      struct nmw_err *e)
{
	return lines_open(k, arg, conf, nmw_schema_json, whole_json, e);
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
