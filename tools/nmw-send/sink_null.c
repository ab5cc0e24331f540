/* null: counts, for measuring what is before it. */
#include "sink.h"

#include <errno.h>

static int null_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	(void)conf;
	if (*arg)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: takes nothing after null:", k->spec);
	return 0;
}

static void null_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
{
	k->count.out_messages += n;
	for (unsigned i = 0; i < n; i++)
		k->count.out_bytes += m[i]->len;
}

static void null_count(struct sink *k, unsigned n, uint64_t bytes)
{
	k->count.in_messages += n;
	k->count.in_bytes += bytes;
	k->count.out_messages += n;
	k->count.out_bytes += bytes;
}

static void null_flush(struct sink *k, uint64_t idle_ns)
{
	(void)k;
	(void)idle_ns;
}

static void null_close(struct sink *k, bool clean)
{
	(void)k;
	(void)clean;
}

const struct sink_ops sink_null = {.name = "null",
				   .channels = SINK_CHANNELS_ALL,
				   .open = null_open,
				   .send = null_send,
				   .count = null_count,
				   .flush = null_flush,
				   .close = null_close};
