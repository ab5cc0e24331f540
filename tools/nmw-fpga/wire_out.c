/* Where frames go: a capture, nowhere, or what wire_if.c, wire_udp.c and wire_dpdk.c have. */
#include "wire.h"

#include "wire/pcap_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- a capture ------------------------------------------------------------------------------ */

static int file_result(const struct nmw_outfile *file, struct nmw_err *e)
{
	if (file->err.err)
		*e = file->err;
	return file->err.err;
}

static int capture_open(struct frame_out *f, const char *path, struct nmw_err *e)
{
	struct nmw_outfile *file = f->state = calloc(1, sizeof *file);
	if (!file)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	file->fd = -1;
	return nmw_outfile_open(file, path, f->spec, true, e);
}

static int capture_start(struct frame_out *f, struct frame_in *in, struct nmw_err *e)
{
	(void)in;
	int rc = nmw_outfile_start(f->state, e);
	if (!rc)
		nmw_pcap_write_start(f->state);
	return rc;
}

static int capture_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		       struct nmw_err *e)
{
	nmw_pcap_write_packet(f->state, ts_ns, frame, len, 1, len);
	return file_result(f->state, e);
}

static int capture_flush(struct frame_out *f, struct nmw_err *e)
{
	nmw_outfile_flush(f->state);
	return file_result(f->state, e);
}

static int capture_close(struct frame_out *f, struct nmw_err *e)
{
	struct nmw_outfile *file = f->state;
	int rc = file->fd >= 0 && nmw_outfile_close(file) ? file_result(file, e) : 0;
	free(file);
	return rc;
}

static const struct frame_sink frames_to_pcap = {.scheme = "pcap",
						 .open = capture_open,
						 .start = capture_start,
						 .put = capture_put,
						 .flush = capture_flush,
						 .close = capture_close};

/* ---- nowhere -------------------------------------------------------------------------------- */

static int nowhere_open(struct frame_out *f, const char *arg, struct nmw_err *e)
{
	(void)f;
	return *arg ? nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "--out null:%s: null: is expected",
				  arg)
		    : 0;
}

static const struct frame_sink frames_to_nowhere = {
	.scheme = "null", .bare = true, .open = nowhere_open};

/* ---- all of them ---------------------------------------------------------------------------- */

static const struct frame_sink *const sinks[] = {&frames_to_pcap, &frames_to_if, &frames_to_udp,
						 &frames_to_dpdk, &frames_to_nowhere};

static const struct frame_sink *find(const char *spec, const char **arg)
{
	for (size_t i = 0; i < sizeof sinks / sizeof sinks[0]; i++)
		if (frame_end_is(spec, sinks[i]->scheme, sinks[i]->bare, arg))
			return sinks[i];
	return NULL;
}

int frame_out_open(struct frame_out *f, const char *spec, struct frame_conf *conf,
		   struct nmw_err *e)
{
	const char *arg;
	*f = (struct frame_out){.spec = spec, .conf = conf};
	f->ops = find(spec, &arg);
	if (!f->ops)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--out %s: not a sink of frames: pcap:FILE (- is stdout), "
				   "if:NAME, udp:, dpdk:DEV or null: is expected",
				   spec);
	return f->ops->open(f, arg, e);
}

int frame_out_check(struct frame_out *f, const struct frame_in *in, struct nmw_err *e)
{
	return f->ops->check ? f->ops->check(f, in, e) : 0;
}

int frame_out_start(struct frame_out *f, struct frame_in *in, struct nmw_err *e)
{
	return f->ops->start ? f->ops->start(f, in, e) : 0;
}

int frame_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		  struct nmw_err *e)
{
	int rc = f->ops->put ? f->ops->put(f, frame, len, ts_ns, e) : 0;
	if (rc)
		return rc;
	f->frames++;
	f->bytes += len;
	return 0;
}

int frame_out_flush(struct frame_out *f, struct nmw_err *e)
{
	return f->ops->flush ? f->ops->flush(f, e) : 0;
}

int frame_out_look(struct frame_out *f, struct nmw_err *e)
{
	return f->ops->look ? f->ops->look(f, e) : 0;
}

int frame_out_close(struct frame_out *f, struct nmw_err *e)
{
	int rc = f->ops && f->state ? f->ops->close(f, e) : 0;
	f->state = NULL;
	return rc;
}
