/* itch:FILE - market data as BinaryFILE: u16 length, message, ...; length 0 ends it. */
#include "sink_file.h"
#include "wire/be.h"
#include "wire/itch50.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LEN_SZ 2u

/* What a BinaryFILE has at some place, whose bytes there are p, `have` in memory, `left` in all. */
enum found { FOUND_MESSAGE, FOUND_END, FOUND_TORN, FOUND_OTHER };

/* A type that is not known is believed only of a file that began with one that is. */
static enum found look(const uint8_t *p, size_t have, off_t left, bool first, off_t *len)
{
	uint32_t n = left < (off_t)LEN_SZ ? 0 : nmw_be16(p);
	if (left == (off_t)LEN_SZ && !n)
		return FOUND_END;
	if (have <= LEN_SZ)
		return first ? FOUND_OTHER : FOUND_TORN;
	uint32_t known = nmw_itch50_len(p[LEN_SZ]);
	*len = (off_t)(LEN_SZ + n);
	if (!n || (known ? known != n : first || *len > left))
		return FOUND_OTHER;
	return *len > left ? FOUND_TORN : FOUND_MESSAGE;
}

/* Before the length 0 that ended it, or behind its last whole message. What follows is cut off:
 * whatever is no message shows another kind of file, which would lose its end. */
static off_t whole_messages(int fd, off_t size)
{
	static uint8_t piece[1u << 16];
	off_t at = 0, from = 0, len = 0; /* next length; offset of the piece */
	ssize_t have = 0;
	while (at < size) {
		if (at + (off_t)LEN_SZ >= from + have) { /* the length, or the type */
			from = at;
			have = pread(fd, piece, sizeof piece, from);
			if (have <= 0)
				return -EIO;
		}
		enum found found = look(piece + (at - from), (size_t)(from + have - at), size - at,
					at == 0, &len);
		if (found != FOUND_MESSAGE)
			return found == FOUND_OTHER ? -EBADMSG : at;
		at += len;
	}
	return at;
}

static int itch_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	struct nmw_outfile *o = calloc(1, sizeof *o);
	if (!o)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", k->spec);
	k->priv = o;
	return sink_file_open(k, o, arg, true, whole_messages, conf, e);
}

static int itch_start(struct sink *k, struct nmw_err *e)
{
	return nmw_outfile_start(k->priv, e);
}

static void put(struct sink *k, struct nmw_outfile *o, const struct sink_msg *m)
{
	if (sink_slot(m)->codec != NMW_CODEC_ITCH50) {
		sink_drop(k, NMW_DROP_codec, 1);
		return;
	}
	if (!m->len) { /* would read as the end of the file */
		sink_drop(k, NMW_DROP_unencodable, 1);
		return;
	}
	uint8_t *p = nmw_outfile_room(o, LEN_SZ + m->len);
	if (!p) {
		nmw_outfile_lose(o, 1);
		return;
	}
	nmw_put16(p, (uint16_t)m->len);
	memcpy(p + LEN_SZ, m->payload, m->len);
	nmw_outfile_commit(o, LEN_SZ + m->len, 1, m->len);
}

static void itch_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
{
	struct nmw_outfile *o = k->priv;
	for (unsigned i = 0; i < n; i++)
		put(k, o, m[i]);
	sink_file_sync(k, o);
}

static void itch_flush(struct sink *k, uint64_t idle_ns)
{
	sink_file_flush(k, k->priv, idle_ns);
}

static void itch_close(struct sink *k, bool clean)
{
	struct nmw_outfile *o = k->priv;
	if (!o)
		return;
	uint8_t *p = clean && o->fd >= 0 ? nmw_outfile_room(o, LEN_SZ) : NULL;
	if (p) {
		nmw_put16(p, 0);
		nmw_outfile_commit(o, LEN_SZ, 0, 0);
	}
	nmw_outfile_close(o);
	sink_file_sync(k, o);
	free(o);
	k->priv = NULL;
}

const struct sink_ops sink_itch = {.name = "itch",
				   .arg = "FILE",
				   .channels = 1u << NMW_CH_FEED,
				   .open = itch_open,
				   .send = itch_send,
				   .flush = itch_flush,
				   .close = itch_close,
				   .start = itch_start,
				   .marks_end = true};
