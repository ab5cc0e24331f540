#include "wire/capture.h"

#include "base/clock.h"
#include "base/input.h"
#include "base/pages.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nmw_capture {
	struct nmw_input in;
	enum nmw_link link;
	uint8_t *buf; /* NMW_CLASSIC_BUF_SZ */
	uint8_t head[NMW_CLASSIC_HDR];
	uint32_t head_len, head_at; /* bytes of it that were read, and given on to libpcap */
	bool is_classic;
	struct nmw_classic classic;
	/* otherwise */
	FILE *file;  /* reads through `in` */
	uint64_t at; /* where the record starts that is being read */
	pcap_t *pcap;
	bool filtered;
	struct bpf_program filter;
};

/* What was read to tell the format comes first. */
static ssize_t cookie_read(void *cookie, char *buf, size_t n)
{
	struct nmw_capture *c = cookie;
	uint32_t left = c->head_len - c->head_at;
	if (left) {
		left = left < n ? left : (uint32_t)n;
		memcpy(buf, c->head + c->head_at, left);
		c->head_at += left;
		return left;
	}
	ssize_t got = nmw_input_read(&c->in, buf, n);
	if (got >= 0)
		return got;
	errno = (int)-got;
	return -1;
}

static enum nmw_link link_of(int datalink)
{
	switch (datalink) {
	case DLT_EN10MB:
		return NMW_LINK_ETHERNET;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return NMW_LINK_RAW;
	case DLT_LINUX_SLL:
		return NMW_LINK_SLL;
	case DLT_LINUX_SLL2:
		return NMW_LINK_SLL2;
	case DLT_NULL:
		return NMW_LINK_NULL;
	case DLT_LOOP:
		return NMW_LINK_LOOP;
	default:
		return NMW_LINK_NONE;
	}
}

static int not_a_capture(struct nmw_capture *c, const char *why, struct nmw_err *e)
{
	const char *tool = nmw_input_unpacker(&c->in);
	if (ferror(c->file))
		return nmw_err_set(e, -EIO, NMW_EXIT_FAILED, "%s: %s", c->in.path, why);
	if (tool)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				   "%s: is compressed: unpack it on the way: %s FILE | nmw-recv "
				   "pcap:-",
				   c->in.path, tool);
	return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
			   "%s: not a capture (%s): pcap or pcapng is expected; BinaryFILE is read "
			   "as itch:FILE",
			   c->in.path, why);
}

static int open_library(struct nmw_capture *c, struct nmw_err *e)
{
	static const cookie_io_functions_t io = {.read = cookie_read};
	char why[PCAP_ERRBUF_SIZE] = "";
	c->file = fopencookie(c, "r", io);
	if (!c->file)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: no memory to read it",
				   c->in.path);
	setvbuf(c->file, (char *)c->buf, _IOFBF, NMW_CLASSIC_PIECE);
	c->pcap =
		pcap_fopen_offline_with_tstamp_precision(c->file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap)
		return not_a_capture(c, why, e);
	c->link = link_of(pcap_datalink(c->pcap));
	if (c->link == NMW_LINK_NONE) {
		const char *name = pcap_datalink_val_to_name(pcap_datalink(c->pcap));
		return nmw_err_set(e, -EPROTONOSUPPORT, NMW_EXIT_DATA,
				   "%s: link layer %s (%d): not understood: Ethernet, Linux cooked "
				   "(SLL, SLL2), raw IP and loopback captures are",
				   c->in.path, name ? name : "unknown", pcap_datalink(c->pcap));
	}
	return 0;
}

/* Reads the file header: who reads the rest? */
static int open_format(struct nmw_capture *c, const char *filter, struct nmw_err *e)
{
	ssize_t n = 0;
	c->buf = nmw_pages_take(NMW_CLASSIC_BUF_SZ);
	if (!c->buf)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: no memory to read it",
				   c->in.path);
	while (c->head_len < sizeof c->head &&
	       (n = nmw_input_read(&c->in, c->head + c->head_len, sizeof c->head - c->head_len)) >
		       0)
		c->head_len += (uint32_t)n;
	if (n < 0)
		return nmw_err_set(e, -EIO, NMW_EXIT_FAILED, "%s: read: %s", c->in.path,
				   strerror((int)-n));
	c->is_classic =
		!filter && nmw_classic_open(&c->classic, &c->in, c->buf, c->head, c->head_len);
	if (!c->is_classic)
		return open_library(c, e);
	c->link = c->classic.link;
	return 0;
}

static int set_filter(struct nmw_capture *c, const char *text, struct nmw_err *e)
{
	if (!text)
		return 0;
	if (pcap_compile(c->pcap, &c->filter, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--filter '%s': %s: see pcap-filter(7)", text,
				   pcap_geterr(c->pcap));
	c->filtered = true;
	return 0;
}

struct nmw_capture *nmw_capture_open(const struct nmw_capture_spec *spec, struct nmw_err *e)
{
	struct nmw_capture *c = calloc(1, sizeof *c);
	if (!c) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: no memory", spec->path);
		return NULL;
	}
	int rc = nmw_input_open(&c->in, spec->path, e);
	c->in.idle = spec->idle;
	c->in.arg = spec->arg;
	if (!rc)
		rc = open_format(c, spec->filter, e);
	if (!rc)
		rc = set_filter(c, spec->filter, e);
	if (!rc)
		return c;
	nmw_capture_close(c);
	return NULL;
}

static int damaged(const struct nmw_capture *c, const char *why, struct nmw_err *e)
{
	return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
			   "%s: damaged at byte %llu: %s: the packets before it were read",
			   c->in.path, (unsigned long long)c->at, why);
}

static int read_failed(struct nmw_capture *c, struct nmw_err *e)
{
	const char *why = pcap_geterr(c->pcap);
	if (c->in.stopped)
		return 0;
	if (strstr(why, "truncated"))
		return nmw_err_set(e, -ENODATA, NMW_EXIT_DATA, "%s: ends inside a packet: %s",
				   c->in.path, why);
	if (ferror(c->file))
		return nmw_err_set(e, -EIO, NMW_EXIT_FAILED, "%s: read: %s", c->in.path, why);
	return damaged(c, why, e);
}

/* Bytes that were read and not yet given to libpcap. */
static uint64_t unread(const struct nmw_capture *c)
{
	return (uint64_t)(c->file->_IO_read_end - c->file->_IO_read_ptr);
}

static int library_next(struct nmw_capture *c, struct nmw_capture_packet *out, struct nmw_err *e)
{
	struct pcap_pkthdr *h;
	const u_char *p;
	c->at = c->in.pos - unread(c);
	int rc = pcap_next_ex(c->pcap, &h, &p);
	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc != 1)
		return read_failed(c, e);
	/* Seconds of a pcap file are unsigned 32 bits, which libpcap reads as signed. */
	uint64_t s = h->ts.tv_sec < 0 ? (uint32_t)h->ts.tv_sec : (uint64_t)h->ts.tv_sec;
	out->p = p;
	out->caplen = h->caplen;
	out->len = h->len;
	out->ts_ns = s * NMW_NS_PER_S + (uint64_t)h->ts.tv_usec;
	out->passes = !c->filtered || pcap_offline_filter(&c->filter, h, p) != 0;
	return 1;
}

static int classic_failed(struct nmw_capture *c, int rc, struct nmw_err *e)
{
	char why[64];
	if (rc == -ENODATA)
		return nmw_err_set(e, -ENODATA, NMW_EXIT_DATA,
				   "%s: ends inside a packet: %s cut after %zu bytes: was it "
				   "copied whole?",
				   c->in.path,
				   c->classic.in_data ? "its bytes are" : "its header is",
				   (size_t)(c->classic.end - c->classic.at));
	if (rc != -EBADMSG)
		return nmw_err_set(e, -EIO, NMW_EXIT_FAILED, "%s: read: %s", c->in.path,
				   strerror(-rc));
	c->at = c->in.pos - (uint64_t)(c->classic.end - c->classic.at);
	snprintf(why, sizeof why, "a packet of %u bytes, %u at most", c->classic.bad,
		 NMW_CLASSIC_SNAP);
	return damaged(c, why, e);
}

int nmw_capture_burst(struct nmw_capture *c, struct nmw_capture_packet *out, unsigned max,
		      struct nmw_err *e)
{
	if (!c->is_classic)
		return library_next(c, out, e);
	int n = nmw_classic_burst(&c->classic, out, max);
	return n >= 0 ? n : classic_failed(c, n, e);
}

enum nmw_link nmw_capture_link(const struct nmw_capture *c)
{
	return c->link;
}

void nmw_capture_progress(const struct nmw_capture *c, uint64_t *pos, uint64_t *size)
{
	*pos = c->in.pos;
	*size = c->in.size;
}

void nmw_capture_close(struct nmw_capture *c)
{
	if (!c)
		return;
	if (c->filtered)
		pcap_freecode(&c->filter);
	if (c->pcap)
		pcap_close(c->pcap); /* closes the file */
	else if (c->file)
		fclose(c->file);
	nmw_input_close(&c->in);
	nmw_pages_give(c->buf, NMW_CLASSIC_BUF_SZ);
	free(c);
}
