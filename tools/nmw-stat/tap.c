/* tap: reads a ring without a cursor, so that its producer neither waits for the tap nor knows of
 * it.  Who is too slow is overrun: then messages are missed, and counted.
 *
 * A burst is copied first; the copies count only if the ring still held them afterwards.
 */
#include "tap.h"
#include "command.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BURST	     64u
#define COPY_SZ	     ((NMW_DESC_SZ + NMW_MSG_MAX + 63u) & ~63u)
#define SLEEP_MIN_NS (50ull * 1000)
#define SLEEP_MAX_NS (2ull * 1000 * 1000) /* a ring of 8192 slots fills in 8 ms at 1 Mpps */
#define JOIN_NS	     (2ull * 1000 * 1000)
#define STATE_NS     (20ull * 1000 * 1000) /* between two looks at whether the producer lives */

struct tap {
	struct nmw_cons cons;
	const char *ring;
	struct tap_out out;
	uint8_t *copies; /* of a burst: descriptor and payload, COPY_SZ apart */
	uint32_t len[BURST];
	bool wild[BURST]; /* its payload does not lie in the ring */
	uint64_t limit;	  /* 0 = no end */
	uint64_t seen, missed, refused;
	uint64_t sleep_ns, state_at;
	bool late; /* joined a ring that had begun to overwrite: what goes before the first message
		    * is not missed, the tap had not begun */
	bool dead; /* its producer died; said once */
};

static void pause_ns(uint64_t ns)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

int tap_join(struct nmw_cons *c, const char *ring, bool tap, uint64_t wait_ns, struct nmw_err *e)
{
	const struct nmw_cons_spec spec = {.ring = ring, .tap = tap};
	uint64_t start = nmw_clock_mono();
	for (;;) {
		int rc = nmw_cons_join(c, &spec, e);
		if (rc == 0)
			*e = (struct nmw_err)NMW_ERR_INIT; /* of the tries before */
		if (rc != -ENOENT)
			return rc;
		if (command_stops() || nmw_clock_mono() - start >= wait_ns)
			return nmw_err_set(e, -ENOENT, NMW_EXIT_PEER,
					   "ring %s: not there: `nmw-stat list` shows those that "
					   "are; --wait 10s waits for it",
					   ring);
		pause_ns(JOIN_NS);
	}
}

static bool give_up(void *arg)
{
	(void)arg;
	return command_stops() > 1;
}

static int open_out(struct tap *t, const struct command_opts *o, struct nmw_err *e)
{
	bool json = o->jsonl || o->json;
	if (o->text && json)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "--text and --jsonl: choose one");
	if (o->prometheus)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "tap: has no Prometheus form");
	int rc = o->text || json ? tap_out_lines(&t->out, json, e) : tap_out_pcap(&t->out, e);
	t->out.file.give_up = give_up;
	return rc;
}

/* ---- reading -------------------------------------------------------------------------------- */

static struct nmw_slot *copy_of(struct tap *t, unsigned i)
{
	return (struct nmw_slot *)(void *)(t->copies + (size_t)i * COPY_SZ);
}

static void copy(struct tap *t, unsigned i)
{
	struct nmw_slot *s = copy_of(t, i);
	const uint8_t *p;
	t->wild[i] = !nmw_cons_take(&t->cons, i, s, &p, &t->len[i]);
	if (!t->wild[i])
		memcpy(s->payload, p, t->len[i]);
}

static void note_missed(struct tap *t, uint64_t n)
{
	static struct nmw_log_limit limit;
	if (t->late && !t->seen)
		return;
	t->missed += n;
	nmw_log_limited(&limit, NMW_LOG_WARN,
			"ring %s: overrun: %" PRIu64 " messages missed, %" PRIu64 " in all: a "
			"larger ring (--slots) gives a tap more time",
			t->ring, n, t->missed);
}

static int put(struct tap *t, unsigned i, struct nmw_err *e)
{
	const struct nmw_slot *s = copy_of(t, i);
	if (t->wild[i])
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				   "ring %s: message %" PRIu64 ": %u bytes at %" PRIu64
				   " do not lie in the ring: it is corrupt: restart its producer "
				   "with --discard",
				   t->ring, s->seq, s->len, s->frame_off);
	t->refused += !t->out.put(&t->out, s, s->payload, t->len[i]);
	t->seen++;
	return t->out.file.err.err;
}

static int take_burst(struct tap *t, unsigned n, struct nmw_err *e)
{
	int rc = 0;
	for (unsigned i = 0; i < n; i++)
		copy(t, i);
	uint64_t missed = nmw_cons_missed(&t->cons);
	if (missed) { /* the copies may be torn */
		note_missed(t, missed);
		return 0;
	}
	for (unsigned i = 0; i < n && !rc; i++)
		rc = put(t, i, e);
	nmw_cons_release(&t->cons, n);
	t->sleep_ns = SLEEP_MIN_NS;
	t->dead = false;
	return rc;
}

/* A dead producer may come back to its ring, as long as the ring is there. */
static int producer_dead(struct tap *t, struct nmw_err *e)
{
	struct nmw_ring_info i;
	if (!t->dead)
		nmw_log(NMW_LOG_WARN, "ring %s: its producer died: waiting for it to come back",
			t->ring);
	t->dead = true;
	if (nmw_ring_inspect(t->ring, &i, NULL) == 0 && !i.private_ring)
		return 0;
	return nmw_err_set(e, -ECONNRESET, NMW_EXIT_PEER, "ring %s: its producer died", t->ring);
}

/* What more should have come is not in the capture: it gets no end. */
static int closed(const struct tap *t, struct nmw_err *e)
{
	if (nmw_cons_flaw(&t->cons) != NMW_RING_FAILED)
		return 1;
	return nmw_err_set(e, -ECONNRESET, NMW_EXIT_PEER,
			   "ring %s: its producer ended with an error: what it had published was "
			   "taken: look at its error",
			   t->ring);
}

/* 1 = the ring has ended, 0 = go on, or a negative errno. */
static int look_at_ring(struct tap *t, struct nmw_err *e)
{
	enum nmw_ring_state state = nmw_cons_state(&t->cons);
	if (nmw_cons_ready(&t->cons, 1)) /* asked after the state: nothing is missed */
		return 0;
	switch (state) {
	case NMW_RING_LIVE:
		return 0;
	case NMW_RING_CLOSED:
		return closed(t, e);
	case NMW_RING_DEAD:
		return producer_dead(t, e);
	case NMW_RING_CORRUPT:
		break;
	}
	return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
			   "ring %s: corrupt: restart its producer with --discard", t->ring);
}

static int idle(struct tap *t, struct nmw_err *e)
{
	t->out.flush(&t->out, false);
	int rc = t->out.file.err.err;
	uint64_t now = nmw_clock_mono();
	if (!rc && now - t->state_at >= STATE_NS) {
		t->state_at = now;
		rc = look_at_ring(t, e);
	}
	if (rc)
		return rc;
	pause_ns(t->sleep_ns);
	t->sleep_ns = t->sleep_ns * 2 < SLEEP_MAX_NS ? t->sleep_ns * 2 : SLEEP_MAX_NS;
	return 0;
}

static int follow(struct tap *t, struct nmw_err *e)
{
	int rc = 0;
	while (!rc && !command_stops() && (!t->limit || t->seen < t->limit)) {
		uint64_t left = t->limit ? t->limit - t->seen : BURST;
		unsigned n = nmw_cons_ready(&t->cons, left < BURST ? (unsigned)left : BURST);
		uint64_t missed = nmw_cons_missed(&t->cons);
		if (missed)
			note_missed(t, missed);
		else
			rc = n ? take_burst(t, n, e) : idle(t, e);
	}
	t->out.flush(&t->out, rc == 1);
	return rc < 0 ? rc : 0;
}

/* Who reads stdout and stops is no error; what was missed is a loss. */
static int report(const struct tap *t, int rc, struct nmw_err *e)
{
	nmw_log(NMW_LOG_INFO,
		"ring %s: %" PRIu64 " messages, %" PRIu64 " missed, %" PRIu64
		" that this form cannot carry",
		t->ring, t->seen, t->missed, t->refused);
	if (rc < 0 && e->err)
		return rc;
	const struct nmw_err *out = &t->out.file.err;
	if (out->err == -EINTR)
		return nmw_err_set(e, out->err, NMW_EXIT_LOSS,
				   "stopped at once by a second signal: the output may be cut");
	if (out->err && out->err != -EPIPE)
		*e = *out;
	if (out->err)
		return out->err;
	return t->missed ? NMW_EXIT_LOSS : 0;
}

int command_tap(const struct command_args *a, struct nmw_err *e)
{
	struct tap t = {.ring = a->argv[0], .limit = a->o->count, .sleep_ns = SLEEP_MIN_NS};
	int rc = open_out(&t, a->o, e);
	if (rc)
		return rc;
	t.copies = malloc((size_t)BURST * COPY_SZ);
	rc = t.copies ? tap_join(&t.cons, t.ring, true, a->o->wait_ns, e)
		      : nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	if (!rc) { /* nothing is written for a ring that is not there */
		t.late = t.cons.next > 1;
		t.out.start(&t.out);
		rc = report(&t, follow(&t, e), e);
		nmw_cons_leave(&t.cons, false);
	}
	free(t.copies);
	t.out.close(&t.out);
	return rc;
}
