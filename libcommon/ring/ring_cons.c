#include "ring/ring_file.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JOIN_MS		    2000u      /* another one joins or leaves */
#define SLEEP_MAX_NS	    100000000u /* a producer that dies wakes nobody */
#define SLEEP_NO_BARRIER_NS 1000000u   /* without the barrier a wake may be missed */
#define SLEEP_FOLLOW_NS                                                          \
	200000u /* the one that is followed wakes nobody; nor can a tap be woken \
		 */

/* ---- joining ------------------------------------------------------------------------------- */

static struct nmw_ring_line *line_of(const struct nmw_ring *r)
{
	return &r->ctl->line[r->idx];
}

static bool line_named(const struct nmw_ring_line *l, const char *name)
{
	char want[sizeof l->name] = {0};
	memcpy(want, name, strnlen(name, sizeof want - 1));
	return memcmp(want, l->name, sizeof want) == 0;
}

static int find_name(const struct nmw_ring *r, const char *name)
{
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		const struct nmw_ring_line *l = &r->ctl->line[i];
		uint32_t state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
		if (state != NMW_LINE_FREE && state != NMW_LINE_EVICTED && line_named(l, name))
			return (int)i;
	}
	return -1;
}

/* The line that a consumer of that name has left and nobody has taken since. */
static int find_left(const struct nmw_ring *r, const char *name)
{
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		const struct nmw_ring_line *l = &r->ctl->line[i];
		if (__atomic_load_n(&l->state, __ATOMIC_ACQUIRE) == NMW_LINE_FREE &&
		    line_named(l, name))
			return (int)i;
	}
	return -1;
}

/* A line that nobody has, under its lock. Lines that keep the last cursor of a named consumer, for
 * those who follow it, come last. */
static int find_free(const struct nmw_ring *r, const char *name)
{
	int left = name ? find_left(r, name) : -1;
	if (left >= 0 && nmw_shm_lock(r->fd, NMW_RING_LOCK_CONSUMER((unsigned)left)) == 0)
		return left;
	for (unsigned k = 0; k < 2 * NMW_RING_CONSUMERS; k++) {
		unsigned i = k % NMW_RING_CONSUMERS;
		const struct nmw_ring_line *l = &r->ctl->line[i];
		if (__atomic_load_n(&l->state, __ATOMIC_ACQUIRE) == NMW_LINE_NAMED ||
		    (l->name[0] != 0) != (k >= NMW_RING_CONSUMERS))
			continue;
		if (nmw_shm_lock(r->fd, NMW_RING_LOCK_CONSUMER(i)) == 0)
			return (int)i;
	}
	return -1;
}

/* Fixes where a new consumer starts. Its line, with a cursor that may be too low, stands before the
 * producer's claim is read; a producer that raises the claim reads the lines after that. Whoever
 * comes second sees the other, so nothing from the start on is overwritten. */
static void take_line(struct nmw_ring *r, const char *name)
{
	const uint32_t route = r->route;
	struct nmw_ring_line *l = line_of(r);
	__atomic_store_n(&l->state, NMW_LINE_FREE, __ATOMIC_RELEASE);
	memset(l->name, 0, sizeof l->name);
	__atomic_store_n(&l->cursor, 0, __ATOMIC_RELEASE); /* which is not of the new route */
	__atomic_store_n(&l->route, route, __ATOMIC_RELEASE);
	if (name)
		memcpy(l->name, name, strnlen(name, sizeof l->name - 1));
	__atomic_store_n(&l->cursor, nmw_ring_oldest(r) - 1, __ATOMIC_RELEASE);
	__atomic_exchange_n(&l->state, NMW_LINE_JOINING, __ATOMIC_SEQ_CST);
	__atomic_store_n(&l->cursor, nmw_ring_oldest(r) - 1, __ATOMIC_RELEASE);
	__atomic_store_n(&l->state, name ? NMW_LINE_NAMED : NMW_LINE_UNNAMED, __ATOMIC_RELEASE);
}

/* What stands at message seq's slot: 1 that message, 0 what must stand there before it is
 * published, -1 neither. */
static int slot_holds(const struct nmw_ring *r, uint64_t seq)
{
	uint64_t cnt = r->g.slot_cnt;
	uint64_t before = seq > cnt ? seq - cnt : 0;
	uint64_t found = __atomic_load_n(&nmw_ring_slot(r, seq)->seq, __ATOMIC_ACQUIRE);
	if (found == seq)
		return 1;
	return found == before ? 0 : -1;
}

static int broken(const struct nmw_ring *r, uint64_t at, struct nmw_err *e)
{
	return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
			   "ring %s: corrupt at message %llu: remove it and restart the producer",
			   r->name, (unsigned long long)at);
}

static bool holds_other_route(const struct nmw_ring *r, int i)
{
	const struct nmw_ring_line *l = &r->ctl->line[i];
	return __atomic_load_n(&l->state, __ATOMIC_ACQUIRE) == NMW_LINE_NAMED &&
	       l->route != r->route;
}

static int join_line(struct nmw_ring *r, const struct nmw_cons_spec *s, struct nmw_err *e)
{
	int i = s->name ? find_name(r, s->name) : -1;
	bool back = i >= 0;
	if (back && nmw_shm_lock(r->fd, NMW_RING_LOCK_CONSUMER((unsigned)i)) != 0)
		return nmw_err_set(e, -EBUSY, NMW_EXIT_PEER,
				   "ring %s: consumer %s is running (pid %u): take another name",
				   r->name, s->name, r->ctl->line[i].pid);
	if (back && holds_other_route(r, i))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "ring %s: consumer %s takes route %u, route %u found (0: all): "
				   "what it has not read of the other one is passed over: take "
				   "another name",
				   r->name, s->name, r->ctl->line[i].route, r->route);
	if (!back)
		i = find_free(r, s->name);
	if (i < 0)
		return nmw_err_set(
			e, -EUSERS, NMW_EXIT_RESOURCE,
			"ring %s: %u consumers are there, no more are possible: stop one", r->name,
			NMW_RING_CONSUMERS);
	r->idx = (unsigned)i;
	r->named = s->name != NULL;
	if (!back || __atomic_load_n(&line_of(r)->state, __ATOMIC_ACQUIRE) != NMW_LINE_NAMED)
		take_line(r, s->name);
	line_of(r)->pid = (uint32_t)getpid();
	line_of(r)->joined_ns = nmw_clock_real();
	return 0;
}

static void set_start(struct nmw_cons *c, struct nmw_ring *r, bool tap)
{
	c->next = tap ? nmw_ring_oldest(r) : line_of(r)->cursor + 1;
	c->cursor = tap ? NULL : &line_of(r)->cursor;
	c->slots = r->slots;
	c->guess = r->slots;
	c->mask = r->g.slot_cnt - 1;
	c->slot_shift = (uint32_t)__builtin_ctz(r->g.slot_sz);
	c->slot_room = r->g.slot_sz - NMW_DESC_SZ;
	c->frames = r->frames;
	c->frame_sz = r->g.frame_sz;
	c->special = tap || r->after[0];
	c->ring = r;
}

/* -ESTALE: the name stands for another file by now. */
static int join_locked(struct nmw_cons *c, struct nmw_ring *r, const struct nmw_cons_spec *s,
		       struct nmw_err *e)
{
	if (!nmw_ring_file_current(r))
		return -ESTALE;
	int rc = join_line(r, s, e);
	if (rc != 0)
		return rc;
	set_start(c, r, false);
	if (slot_holds(r, c->next) < 0)
		return broken(r, c->next, e);
	return 0;
}

static int join_file(struct nmw_cons *c, struct nmw_ring *r, const struct nmw_cons_spec *s,
		     struct nmw_err *e)
{
	int rc = nmw_ring_file_open(r, s->tap ? O_RDONLY : O_RDWR, e);
	if (rc == 0)
		rc = nmw_ring_file_map(r, false, s->tap, e);
	if (rc == 0 && s->route)
		rc = nmw_ring_route_find(r, s->route, e);
	if (rc < 0)
		return rc;
	r->route = (unsigned)rc;
	if (s->tap) {
		set_start(c, r, true);
		return 0;
	}
	rc = nmw_ring_file_lock(r, NMW_RING_LOCK_JOIN, JOIN_MS);
	if (rc != 0)
		return nmw_err_set(e, rc, NMW_EXIT_PEER,
				   "ring %s: lock for joining: %s: another consumer hangs in it",
				   r->name, strerror(-rc));
	rc = join_locked(c, r, s, e);
	nmw_shm_unlock(r->fd, NMW_RING_LOCK_JOIN);
	return rc;
}

static int check_spec(const struct nmw_cons_spec *s, struct nmw_err *e)
{
	const char *names[2] = {s->name, s->after};
	struct nmw_err why = NMW_ERR_INIT;
	for (unsigned i = 0; i < 2; i++)
		if (names[i] && nmw_parse_name(names[i], NMW_RING_CONSUMER_MAX - 1, &why))
			return nmw_err_set(e, why.err, why.exit, "consumer %s", why.msg);
	if (s->name && s->after && strcmp(s->name, s->after) == 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "consumer %s: cannot follow itself",
				   s->name);
	return nmw_ring_name_check(s->ring, e);
}

static struct nmw_ring *new_handle(const struct nmw_cons_spec *s)
{
	struct nmw_ring *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->fd = -1;
	r->idx = NMW_RING_CONSUMERS;
	r->any_owner = s->group || s->tap;
	r->after_idx = -1;
	snprintf(r->name, sizeof r->name, "%s", s->ring);
	snprintf(r->after, sizeof r->after, "%s", s->after ? s->after : "");
	return r;
}

int nmw_cons_join(struct nmw_cons *c, const struct nmw_cons_spec *spec, struct nmw_err *e)
{
	memset(c, 0, sizeof *c);
	int rc = check_spec(spec, e);
	for (unsigned tries = 0; rc == 0 && tries < 100; tries++) {
		struct nmw_ring *r = new_handle(spec);
		if (!r)
			return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "ring %s: no memory",
					   spec->ring);
		rc = join_file(c, r, spec, e);
		if (rc == 0)
			return 0;
		nmw_ring_file_free(r);
		memset(c, 0, sizeof *c);
		rc = rc == -ESTALE ? 0 : rc;
	}
	return rc ? rc
		  : nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				"ring %s: replaced again and again while joining", spec->ring);
}

void nmw_cons_leave(struct nmw_cons *c, bool forget)
{
	struct nmw_ring *r = c->ring;
	if (!r)
		return;
	if (c->cursor) {
		bool alone = nmw_ring_file_lock(r, NMW_RING_LOCK_JOIN, JOIN_MS) == 0;
		if (!r->named || forget)
			__atomic_store_n(&line_of(r)->state, NMW_LINE_FREE, __ATOMIC_RELEASE);
		nmw_shm_unlock(r->fd, NMW_RING_LOCK_CONSUMER(r->idx));
		if (alone) /* else the file is left to a sweep, or to the name's next producer */
			nmw_ring_file_remove_unneeded(r);
	}
	nmw_ring_file_free(r);
	memset(c, 0, sizeof *c);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The last message that the consumer to follow is done with. While it has not been seen, nothing
 * may pass; when it has left, its last cursor stands. */
static uint64_t followed(struct nmw_ring *r)
{
	if (r->after_idx < 0)
		r->after_idx = find_name(r, r->after);
	if (r->after_idx < 0)
		r->after_idx = find_left(r, r->after);
	if (r->after_idx < 0)
		return r->after_at;
	const struct nmw_ring_line *l = &r->ctl->line[r->after_idx];
	if (__atomic_load_n(&l->state, __ATOMIC_ACQUIRE) == NMW_LINE_JOINING)
		return r->after_at;
	if (!line_named(l, r->after)) {
		r->after_idx = -1;
		return r->after_at;
	}
	uint64_t at = __atomic_load_n(&l->cursor, __ATOMIC_ACQUIRE);
	if (at > r->after_at)
		r->after_at = at;
	return r->after_at;
}

static bool line_alive(const struct nmw_ring *r, int i)
{
	return nmw_shm_locked(r->fd, NMW_RING_LOCK_CONSUMER((unsigned)i)) != 0;
}

const char *nmw_cons_awaited(const struct nmw_cons *c)
{
	struct nmw_ring *r = c->ring;
	if (!r->after[0])
		return NULL;
	bool may_go_on = followed(r) >= c->next;
	if (r->after_idx < 0)
		return r->after;
	return may_go_on || line_alive(r, r->after_idx) ? NULL : r->after;
}

/* A tap that the producer has caught up with goes on at the oldest message that is whole. */
static void catch_up(struct nmw_cons *c)
{
	/* what was read before must have been read before the claim is: x86 keeps the order of
	 * loads, the compiler is told to */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	uint64_t oldest = nmw_ring_oldest(c->ring);
	if (oldest <= c->next)
		return;
	c->ring->missed += oldest - c->next;
	c->next = oldest;
}

unsigned nmw_cons_ready_special(struct nmw_cons *c, unsigned max)
{
	struct nmw_ring *r = c->ring;
	if (!c->cursor)
		catch_up(c);
	if (r->after[0]) {
		if (r->after_at < c->next - 1 + max)
			followed(r);
		uint64_t room = r->after_at >= c->next ? r->after_at - c->next + 1 : 0;
		max = room < max ? (unsigned)room : max;
	}
	unsigned n = 0;
	max = nmw_cons_at_most(c, max);
	while (n < max &&
	       __atomic_load_n(&nmw_cons_slot(c, n)->seq, __ATOMIC_ACQUIRE) == c->next + n)
		n++;
	return n;
}

uint64_t nmw_cons_missed(struct nmw_cons *c)
{
	if (c->cursor)
		return 0;
	catch_up(c);
	uint64_t n = c->ring->missed;
	c->ring->missed = 0;
	return n;
}

/* Does the ring keep its rules where this consumer stands? What was published before `published`
 * was stored must be in its slot. */
static bool sound(struct nmw_cons *c)
{
	struct nmw_ring *r = c->ring;
	uint64_t published = __atomic_load_n(&r->hdr->at.published, __ATOMIC_ACQUIRE);
	if (!c->cursor) {
		catch_up(c);
		return true;
	}
	if (__atomic_load_n(&line_of(r)->state, __ATOMIC_RELAXED) !=
	    (r->named ? NMW_LINE_NAMED : NMW_LINE_UNNAMED))
		return false;
	int holds = slot_holds(r, c->next);
	return holds > 0 || (holds == 0 && published < c->next);
}

/* The ring is closed, but the one that is followed has not read it all: it will, or it is gone, and
 * may come back. */
static enum nmw_ring_state held_back(struct nmw_ring *r)
{
	int i = find_name(r, r->after);
	return i >= 0 && line_alive(r, i) ? NMW_RING_LIVE : NMW_RING_DEAD;
}

enum nmw_ring_state nmw_cons_state(struct nmw_cons *c)
{
	struct nmw_ring *r = c->ring;
	uint32_t closed = __atomic_load_n(&r->hdr->p.closed, __ATOMIC_ACQUIRE);
	r->corrupt = r->corrupt || closed > 1 || !sound(c);
	if (r->corrupt)
		return NMW_RING_CORRUPT;
	if (closed && r->after[0] &&
	    c->next <= __atomic_load_n(&r->hdr->at.published, __ATOMIC_ACQUIRE))
		return held_back(r);
	if (closed)
		return NMW_RING_CLOSED;
	if (nmw_shm_locked(r->fd, NMW_RING_LOCK_PRODUCER) != 0)
		return NMW_RING_LIVE;
	/* it may have closed and left between the two looks */
	closed = __atomic_load_n(&r->hdr->p.closed, __ATOMIC_ACQUIRE);
	return closed ? NMW_RING_CLOSED : NMW_RING_DEAD;
}

enum nmw_ring_flaw nmw_cons_flaw(const struct nmw_cons *c)
{
	return nmw_ring_flaw_of(c->ring);
}

const char *nmw_cons_name(const struct nmw_cons *c)
{
	return c->ring->name;
}

/* Makes the flag visible to the producer, and the producer's earlier stores to us, without a fence
 * on its side. false: cannot be had. */
static bool barrier(const struct nmw_ring *r)
{
	return __atomic_load_n(&r->hdr->p.membarrier, __ATOMIC_RELAXED) &&
	       syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

struct nmw_ring_turns nmw_cons_turns(const struct nmw_cons *c)
{
	struct nmw_ring_ctl *ctl = c->ring->ctl;
	if (!c->cursor)
		return (struct nmw_ring_turns){0};
	return (struct nmw_ring_turns){.own = &ctl->line[c->ring->idx].turn, .other = &ctl->turn};
}

static void nap(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / NMW_NS_PER_S), (long)(ns % NMW_NS_PER_S)};
	nanosleep(&t, NULL);
}

void nmw_cons_sleep(struct nmw_cons *c, uint64_t timeout_ns)
{
	struct nmw_ring_ctl *ctl = c->ring->ctl;
	if (c->special) {
		if (nmw_cons_ready(c, 1) == 0)
			nap(nmw_least(timeout_ns, SLEEP_FOLLOW_NS));
		return;
	}
	uint32_t seq = __atomic_load_n(&ctl->wake_seq, __ATOMIC_ACQUIRE);
	__atomic_store_n(&ctl->sleepers, 1, __ATOMIC_SEQ_CST);
	uint64_t max = barrier(c->ring) ? SLEEP_MAX_NS : SLEEP_NO_BARRIER_NS;
	if (nmw_cons_ready(c, 1) > 0 ||
	    __atomic_load_n(&c->ring->hdr->p.closed, __ATOMIC_ACQUIRE) != 0)
		return;
	nmw_ring_futex_wait(&ctl->wake_seq, seq, nmw_least(timeout_ns, max));
}
