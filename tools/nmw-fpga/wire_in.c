/* Where frames come from: a capture, or what wire_if.c, wire_udp.c and wire_dpdk.c have. */
#include "wire.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

/* ---- a capture ------------------------------------------------------------------------------ */

static int capture_open(struct frame_in *f, const char *path, struct nmw_err *e)
{
	const struct nmw_capture_spec spec = {
		.path = path, .idle = f->conf->idle, .arg = f->conf->arg};
	struct nmw_capture *c = nmw_capture_open(&spec, e);
	f->state = c;
	if (!c)
		return nmw_err_prefix(e, "--in pcap:%s", path);
	uint64_t pos, size;
	nmw_capture_progress(c, &pos, &size);
	f->again = size && strcmp(path, "-") != 0;
	if (nmw_capture_link(c) == NMW_LINK_ETHERNET)
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_DATA,
			   "--in pcap:%s: its packets are not Ethernet frames, which is what the "
			   "device takes: capture at an Ethernet interface",
			   path);
}

static int capture_burst(struct frame_in *f, bool wait, struct nmw_err *e)
{
	(void)wait;
	int n = nmw_capture_burst(f->state, f->packet, WIRE_BURST, e);
	if (n >= 0 || n == -EIO)
		return n;
	if (!f->damaged)
		nmw_log(NMW_LOG_WARN, "--in %s: %s", f->spec, e->msg);
	f->damaged = true;
	*e = (struct nmw_err)NMW_ERR_INIT;
	return 0;
}

static void capture_close(struct frame_in *f)
{
	nmw_capture_close(f->state);
}

static const struct frame_source frames_from_pcap = {
	.scheme = "pcap", .open = capture_open, .burst = capture_burst, .close = capture_close};

/* ---- all of them ---------------------------------------------------------------------------- */

static const struct frame_source *const sources[] = {&frames_from_pcap, &frames_from_if,
						     &frames_from_udp, &frames_from_dpdk};

bool frame_end_is(const char *spec, const char *scheme, bool bare, const char **arg)
{
	size_t n = strlen(scheme);
	if (strncmp(spec, scheme, n) != 0 || spec[n] != ':')
		return false;
	*arg = spec + n + 1;
	return bare || **arg;
}

static const struct frame_source *find(const char *spec, const char **arg)
{
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
		if (frame_end_is(spec, sources[i]->scheme, false, arg))
			return sources[i];
	return NULL;
}

int frame_in_open(struct frame_in *f, const char *spec, struct frame_conf *conf, struct nmw_err *e)
{
	const char *arg;
	*f = (struct frame_in){.spec = spec, .conf = conf};
	f->ops = find(spec, &arg);
	if (!f->ops)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--in %s: not a source of frames: pcap:FILE (- is stdin), "
				   "if:NAME, udp:ADDR:PORT or dpdk:DEV is expected",
				   spec);
	return f->ops->open(f, arg, e);
}

bool frame_in_live(const struct frame_in *f)
{
	return f->ops->live;
}

int frame_in_burst(struct frame_in *f, bool wait, struct nmw_err *e)
{
	return f->ops->burst(f, wait, e);
}

void frame_in_close(struct frame_in *f)
{
	if (f->ops && f->state)
		f->ops->close(f);
	f->state = NULL;
}
