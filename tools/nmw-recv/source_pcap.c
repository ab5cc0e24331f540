/* pcap:FILE: the messages of a capture, in the order of its packets. */
#include "framing.h"
#include "source.h"
#include "base/log.h"
#include "wire/capture.h"

#include <errno.h>
#include <stdlib.h>

struct pcap_source {
	struct emit *emit;
	const struct recv_conf *conf;
	struct nmw_capture *capture;
	enum nmw_link link;
	struct framing framing;
	struct soup_flows *soup;
	struct udp_flows *udp;
};

static void pcap_close_source(void *arg)
{
	struct pcap_source *s = arg;
	udp_flows_free(s->udp);
	soup_flows_free(s->soup);
	framing_fini(&s->framing);
	nmw_capture_close(s->capture);
	free(s);
}

static void *pcap_open_source(const struct recv_conf *conf, struct emit *emit, const char *path,
			      struct nmw_err *e)
{
	struct pcap_source *s = calloc(1, sizeof *s);
	if (!s) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "pcap:%s: no memory", path);
		return NULL;
	}
	const struct nmw_capture_spec spec = {
		.path = path, .filter = conf->filter, .idle = emit_idle, .arg = emit};
	s->emit = emit;
	s->conf = conf;
	if (framing_init(&s->framing, conf, emit, e) < 0 ||
	    !(s->capture = nmw_capture_open(&spec, e)) ||
	    !(s->soup = soup_flows_new(&s->framing, e)) ||
	    !(s->udp = udp_flows_new(&s->framing, e))) {
		pcap_close_source(s);
		return NULL;
	}
	s->link = nmw_capture_link(s->capture);
	return s;
}

static inline void packet(struct pcap_source *s, const struct nmw_capture_packet *c)
{
	struct nmw_packet p;
	if (!c->passes) {
		emit_drop(s->emit, NMW_DROP_filtered, 1);
		return;
	}
	enum nmw_packet_is is = nmw_packet_parse(s->link, c->p, c->caplen, c->len, &p);
	s->framing.ts_ns = c->ts_ns;
	if (is != NMW_PACKET_OK) {
		emit_drop(s->emit, framing_drop(is), 1);
	} else if (p.proto == NMW_IPPROTO_UDP) {
		udp_flows_packet(s->udp, &p);
	} else if (s->conf->framing == FRAMING_AUTO || s->conf->framing == FRAMING_SOUP) {
		if (p.cut)
			emit_drop(s->emit, NMW_DROP_truncated_packet, 1);
		soup_flows_packet(s->soup, &p);
	} else {
		emit_drop(s->emit, NMW_DROP_filtered, 1);
	}
}

/* What the capture ends in the middle of is one truncation, of a packet or of a message. */
static int end(struct pcap_source *s, int rc, struct nmw_err *e)
{
	bool unfinished = soup_flows_flush(s->soup);
	udp_flows_flush(s->udp);
	if (rc == -EIO)
		return rc;
	if (rc < 0)
		nmw_log(NMW_LOG_WARN, "%s", e->msg);
	if (rc < 0 || unfinished)
		emit_drop(s->emit, NMW_DROP_truncated_file, 1);
	return 0;
}

static int pcap_poll(void *arg, struct nmw_err *e)
{
	struct pcap_source *s = arg;
	struct nmw_capture_packet c[NMW_BURST_MAX];
	int n = nmw_capture_burst(s->capture, c, s->emit->st->burst, e);
	if (n <= 0)
		return end(s, n, e);
	nmw_count(s->emit->st->m, NMW_M_in_packets, (unsigned)n);
	for (int i = 0; i < n; i++)
		packet(s, &c[i]);
	soup_flows_count(s->soup);
	return 1;
}

static void pcap_progress(void *arg, uint64_t *done, uint64_t *total)
{
	struct pcap_source *s = arg;
	nmw_capture_progress(s->capture, done, total);
}

const struct source source_pcap = {.name = "pcap",
				   .arg = "FILE",
				   .open = pcap_open_source,
				   .poll = pcap_poll,
				   .progress = pcap_progress,
				   .close = pcap_close_source};
