/* pcap:FILE - a nanosecond capture of the packets that would carry the messages (wire/framer.h). */
#include "base/log.h"
#include "base/units.h"
#include "sink_file.h"
#include "wire/pcap_write.h"

#include <errno.h>
#include <stdlib.h>

/* A capture that somebody reads while it grows gets its last packet after this; one in a file waits
 * for the message that ends the packet, so that its bytes do not depend on time. */
#define LIVE_IDLE_NS 10000000ull

#define CH(x) (1u << NMW_CH_##x)

struct capture {
	struct nmw_outfile file;
	struct nmw_framer *framer;
	uint64_t noted; /* messages, and their bytes, that are part of the capture without a packet
			 */
	uint64_t noted_bytes;
	bool open_packet; /* maybe */
	bool late;	  /* a time beyond those of captures was met, and said */
};

/* The file header goes out at once: a reader of a pipe waits for it. */
static int put_header(struct sink *k, struct nmw_outfile *o, struct nmw_err *e)
{
	nmw_pcap_write_start(o);
	if (nmw_outfile_flush(o) && o->err.err != -EPIPE) {
		*e = o->err;
		return e->err;
	}
	o->records_written = 0; /* counts packets */
	sink_file_sync(k, o);
	return 0;
}

static int pcap_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	struct capture *c = calloc(1, sizeof *c);
	if (!c)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", k->spec);
	k->priv = c;
	c->file.fd = -1;
	/* Logins and ends are packets of the flows, whichever messages are wanted. */
	struct nmw_framer_conf framer = conf->framer;
	framer.logins = k->channels & (CH(ORDER) | CH(REPLY));
	k->channels |= CH(CTL);
	int rc = nmw_framer_open(&c->framer, &framer, nmw_pcap_write_packet, &c->file, e);
	if (rc)
		return rc;
	return sink_file_open(k, &c->file, arg, true, NULL, conf, e);
}

static int pcap_start(struct sink *k, struct nmw_err *e)
{
	struct capture *c = k->priv;
	int rc = nmw_outfile_start(&c->file, e);
	return rc ? rc : put_header(k, &c->file, e);
}

static enum nmw_drop_id why_refused(int err)
{
	switch (err) {
	case -EMSGSIZE:
		return NMW_DROP_unencodable;
	case -ENOSPC:
		return NMW_DROP_capacity;
	case -ENOTCONN:
		return NMW_DROP_session_down;
	case -EINVAL:
		return NMW_DROP_no_session;
	default:
		return NMW_DROP_filtered;
	}
}

static void put(struct sink *k, struct capture *c, const struct sink_msg *m)
{
	if (c->file.err.err) {
		nmw_outfile_lose(&c->file, 1);
		return;
	}
	if (sink_slot(m)->ts_ns > NMW_PCAP_TS_MAX) {
		if (!c->late)
			nmw_log(NMW_LOG_WARN,
				"%s: a message of %llu s since 1970: captures hold times up to "
				"2106-02-07: it and those like it are dropped as unencodable",
				k->spec, (unsigned long long)(sink_slot(m)->ts_ns / NMW_NS_PER_S));
		c->late = true;
		sink_drop(k, NMW_DROP_unencodable, 1);
		return;
	}
	int rc = nmw_framer_put(c->framer, sink_slot(m), m->payload, m->len);
	if (rc < 0)
		sink_drop(k, why_refused(rc), 1);
	c->noted += rc > 0;
	c->noted_bytes += rc > 0 ? m->len : 0;
}

static void sync_counts(struct sink *k, const struct capture *c)
{
	sink_file_sync(k, &c->file);
	k->count.out_messages += c->noted;
	k->count.out_bytes += c->noted_bytes;
	k->count.out_packets = c->file.records_written;
}

static void pcap_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
{
	struct capture *c = k->priv;
	for (unsigned i = 0; i < n; i++)
		put(k, c, m[i]);
	c->open_packet = true;
	sync_counts(k, c);
}

static void pcap_flush(struct sink *k, uint64_t idle_ns)
{
	struct capture *c = k->priv;
	bool live = !c->file.regular && idle_ns >= LIVE_IDLE_NS;
	if (c->open_packet && (live || idle_ns == SINK_FLUSH_ALL)) {
		nmw_framer_flush(c->framer);
		c->open_packet = false;
	}
	if (!c->file.len || idle_ns < SINK_FILE_IDLE_NS)
		return;
	nmw_outfile_flush(&c->file);
	sync_counts(k, c);
}

static void pcap_close(struct sink *k, bool clean)
{
	struct capture *c = k->priv;
	if (!c)
		return;
	if (c->file.fd >= 0) {
		if (clean)
			nmw_framer_finish(c->framer);
		else
			nmw_framer_flush(c->framer);
		nmw_outfile_close(&c->file);
		sync_counts(k, c);
	}
	if (c->framer)
		nmw_framer_close(c->framer);
	free(c);
	k->priv = NULL;
}

const struct sink_ops sink_pcap = {.name = "pcap",
				   .arg = "FILE",
				   .channels = SINK_CHANNELS_ALL,
				   .open = pcap_open,
				   .send = pcap_send,
				   .flush = pcap_flush,
				   .close = pcap_close,
				   .start = pcap_start,
				   .marks_end = true};
