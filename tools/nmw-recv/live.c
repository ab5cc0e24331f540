#include "live.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"

#define STARVED_NS (50ull * 1000) /* wait when the readers have every buffer */

int live_open(struct live *l, const struct recv_conf *conf, struct nmw_stage *st, uint32_t socks,
	      uint32_t buf_sz, struct nmw_err *e)
{
	struct nmw_io_spec spec = {.kind = (enum nmw_io_kind)conf->io,
				   .socks = socks,
				   .sqpoll = conf->sqpoll,
				   .busy_poll_us = (uint32_t)(conf->busy_poll_ns / 1000)};
	l->st = st;
	int rc = net_frames_init(&l->frames, &st->out, buf_sz, &spec, e);
	if (!rc)
		rc = nmw_io_open(&l->io, &spec, e);
	if (rc)
		return rc;
	if (nmw_io_why(&l->io)[0])
		nmw_log(NMW_LOG_WARN, "%s: using epoll", nmw_io_why(&l->io));
	net_frames_start(&l->frames, &l->io);
	return 0;
}

void live_close(struct live *l)
{
	nmw_io_close(&l->io);
	net_frames_fini(&l->frames);
}

/* A stream is worth a switch for many pieces only. */
static uint64_t patience(struct live *l, uint64_t now_ns, uint64_t longest_ns)
{
	struct nmw_wait *w = &l->st->wait;
	bool starved = net_frames_out(&l->frames);
	l->io.gather = starved ? 1 : nmw_io_stream(&l->io, l->last_n);
	if (w->mode == NMW_WAIT_SPIN || !longest_ns)
		return 0;
	if (starved)
		return nmw_least(longest_ns, STARVED_NS);
	if (l->io.gather > 1)
		return nmw_least(longest_ns, NMW_IO_STREAM_NS);
	if (!w->idle_since)
		w->idle_since = now_ns;
	if (nmw_io_polls_free(&l->io) && nmw_wait_spins(w, now_ns - w->idle_since))
		return 0;
	w->parks++;
	return longest_ns;
}

unsigned live_poll(struct live *l, struct nmw_io_event *ev, unsigned max, uint64_t now_ns,
		   uint64_t longest_ns)
{
	l->last_n = nmw_io_poll(&l->io, ev, max, patience(l, now_ns, longest_ns));
	if (!l->last_n && l->st->wait.mode == NMW_WAIT_SPIN)
		nmw_wait_turn_over(&l->st->wait);
	return l->last_n;
}

uint64_t live_time(uint64_t ts_ns)
{
	uint64_t real = nmw_clock_real();
	return real > ts_ns ? real : ts_ns;
}

void live_after(struct live *l, uint64_t now_ns)
{
	if (l->last_n) {
		nmw_wait_gap(&l->st->wait, now_ns);
		nmw_stage_busy(l->st);
	}
	net_frames_recycle(&l->frames);
	nmw_count(l->st->m, NMW_M_receive_stalls, l->io.stalls - l->stalls);
	nmw_count(l->st->m, NMW_M_socket_errors, l->io.net_errors - l->net_errors);
	l->stalls = l->io.stalls;
	l->net_errors = l->io.net_errors;
}
