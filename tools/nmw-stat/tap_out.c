/* The forms in which a tap writes what it sees. */
#include "tap.h"

#include "wire/framer.h"
#include "wire/pcap_write.h"
#include "wire/schema.h"

#include <string.h>

/* ---- a capture ------------------------------------------------------------------------------ */

static void pcap_start(struct tap_out *t)
{
	nmw_pcap_write_start(&t->file);
}

static bool pcap_put(struct tap_out *t, const struct nmw_slot *s, const uint8_t *payload,
		     uint32_t len)
{
	return nmw_framer_put(t->form, s, payload, len) >= 0;
}

static void pcap_flush(struct tap_out *t, bool ended)
{
	(ended ? nmw_framer_finish : nmw_framer_flush)(t->form);
	nmw_outfile_flush(&t->file);
}

static void pcap_close(struct tap_out *t)
{
	nmw_framer_close(t->form);
	nmw_outfile_close(&t->file);
}

int tap_out_pcap(struct tap_out *t, struct nmw_err *e)
{
	struct nmw_framer_conf conf;
	struct nmw_framer *f;
	nmw_framer_conf_init(&conf);
	int rc = nmw_outfile_open(&t->file, "-", "tap", true, e);
	if (rc)
		return rc;
	rc = nmw_framer_open(&f, &conf, nmw_pcap_write_packet, &t->file, e);
	if (rc) {
		nmw_outfile_close(&t->file);
		return rc;
	}
	t->form = f;
	t->start = pcap_start;
	t->put = pcap_put;
	t->flush = pcap_flush;
	t->close = pcap_close;
	return 0;
}

/* ---- lines ---------------------------------------------------------------------------------- */

#define LINE_MAX_SZ (4u * NMW_MSG_MAX) /* bytes without a schema are two digits each */

static void lines_start(struct tap_out *t)
{
	(void)t;
}

static bool lines_put(struct tap_out *t, const struct nmw_slot *s, const uint8_t *payload,
		      uint32_t len)
{
	char *line = (char *)nmw_outfile_room(&t->file, LINE_MAX_SZ);
	if (!line) {
		nmw_outfile_lose(&t->file, 1);
		return true;
	}
	int n = t->line(s, payload, len, line, LINE_MAX_SZ - 1);
	if (n < 0 || (unsigned)n >= LINE_MAX_SZ - 1)
		return false;
	line[n] = '\n';
	nmw_outfile_commit(&t->file, (uint32_t)n + 1, 1, len);
	return true;
}

static void lines_flush(struct tap_out *t, bool ended)
{
	(void)ended;
	nmw_outfile_flush(&t->file);
}

static void lines_close(struct tap_out *t)
{
	nmw_outfile_close(&t->file);
}

int tap_out_lines(struct tap_out *t, bool json, struct nmw_err *e)
{
	int rc = nmw_outfile_open(&t->file, "-", "tap", false, e);
	t->line = json ? nmw_schema_json : nmw_schema_text;
	t->start = lines_start;
	t->put = lines_put;
	t->flush = lines_flush;
	t->close = lines_close;
	return rc;
}
