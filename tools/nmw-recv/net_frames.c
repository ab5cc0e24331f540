#include "net_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFS_MIN 16u

int net_frames_init(struct net_frames *f, struct nmw_prod *prod, uint32_t sz,
		    struct nmw_io_spec *spec, struct nmw_err *e)
{
	uint64_t cnt = prod->frame_sz / 4 * 3 / sz;
	cnt = cnt < NMW_IO_BUFS_MAX ? cnt : NMW_IO_BUFS_MAX;
	*f = (struct net_frames){.prod = prod, .sz = sz, .cnt = (uint32_t)cnt};
	if (cnt < BUFS_MIN)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--frames: %llu bytes hold %llu receive buffers of %u bytes, at "
				   "least %u are needed: --frames 1M",
				   (unsigned long long)prod->frame_sz, (unsigned long long)cnt, sz,
				   BUFS_MIN);
	f->buf = calloc(cnt, sizeof *f->buf);
	f->last = calloc(cnt, sizeof *f->last);
	if (!f->buf || !f->last) {
		net_frames_fini(f);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	}
	f->off = nmw_prod_frames_take(prod, cnt * sz);
	spec->bufs = prod->frames + f->off;
	spec->buf_sz = sz;
	spec->buf_cnt = f->cnt;
	return 0;
}

static void give_all(struct net_frames *f)
{
	for (uint32_t i = 0; i < f->cnt; i++)
		nmw_io_give(f->io, i);
	f->not_before = 0;
}

void net_frames_start(struct net_frames *f, struct nmw_io *io)
{
	f->io = io;
	f->not_before = f->prod->next - 1;
	if (f->not_before == 0 || nmw_prod_frames_reclaim(f->prod, f->not_before) >= f->not_before)
		give_all(f);
}

void net_frames_fini(struct net_frames *f)
{
	free(f->buf);
	free(f->last);
	f->buf = NULL;
	f->last = NULL;
}

void net_frames_wipe(struct net_frames *f, const uint8_t *p, uint32_t len)
{
	explicit_bzero(f->prod->frames + net_frames_off(f, p), len);
}

void net_frames_done(struct net_frames *f, uint32_t buf, uint64_t last)
{
	if (last == 0) {
		nmw_io_give(f->io, buf);
		return;
	}
	uint32_t i = f->at + f->n++;
	i = i < f->cnt ? i : i - f->cnt;
	f->buf[i] = buf;
	f->last[i] = last;
}

void net_frames_recycle(struct net_frames *f)
{
	if (f->not_before) {
		if (nmw_prod_frames_reclaim(f->prod, f->not_before) >= f->not_before)
			give_all(f);
		return;
	}
	if (f->n < f->cnt / 2)
		return;
	uint32_t newest = f->at + f->n - 1;
	newest = newest < f->cnt ? newest : newest - f->cnt;
	uint64_t free_to = nmw_prod_frames_reclaim(f->prod, f->last[newest]);
	while (f->n > 0 && f->last[f->at] <= free_to) {
		nmw_io_give(f->io, f->buf[f->at]);
		f->at = f->at + 1 < f->cnt ? f->at + 1 : 0;
		f->n--;
	}
}
