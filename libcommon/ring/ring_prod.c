#include "ring/ring_file.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIVENESS_NS 50000000ull /* between two looks at the locks, ns */
#define TAKEOVER_MS 100u /* somebody removing a file holds its producer's lock for a moment */
#define JOIN_MS	    2000u
#define PRIVATE_MAX 100000u /* tries for a free private name */

/* ---- opening ------------------------------------------------------------------------------- */

static int check_spec(const struct nmw_ring_spec *s, struct nmw_err *e)
{
	uint64_t slots = s->slots ? s->slots : NMW_RING_SLOTS_DEF;
	uint32_t slot_sz = s->slot_sz ? s->slot_sz : NMW_SLOT_SZ;
	if (slots < NMW_RING_SLOTS_MIN || slots > NMW_RING_SLOTS_MAX || (slots & (slots - 1)))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "slots %llu: not a power of two from %llu to %llu",
				   (unsigned long long)slots, NMW_RING_SLOTS_MIN,
				   NMW_RING_SLOTS_MAX);
	if (slot_sz < NMW_LINE || slot_sz > NMW_RING_SLOT_SZ_MAX || (slot_sz & (slot_sz - 1)))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "slot size %u: not a power of two from %u to %u bytes", slot_sz,
				   NMW_LINE, NMW_RING_SLOT_SZ_MAX);
	if (s->frame_bytes > NMW_RING_FRAMES_MAX)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "frames %llu: more than %llu bytes",
				   (unsigned long long)s->frame_bytes, NMW_RING_FRAMES_MAX);
	if (s->min_consumers > NMW_RING_CONSUMERS)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "min consumers %u: more than %u",
				   s->min_consumers, NMW_RING_CONSUMERS);
	return s->name ? nmw_ring_name_check(s->name, e) : 0;
}

static void spec_geom(const struct nmw_ring_spec *s, struct nmw_ring_geom *g)
{
	memset(g, 0, sizeof *g);
	g->slot_cnt = s->slots ? s->slots : NMW_RING_SLOTS_DEF;
	g->slot_sz = s->slot_sz ? s->slot_sz : NMW_SLOT_SZ;
	g->frame_sz = s->frame_bytes ? s->frame_bytes : NMW_RING_FRAMES_DEF;
	g->flags = s->name ? 0 : NMW_RING_F_PRIVATE;
}

/* From now on a consumer that is about to sleep can make this process's earlier stores visible to
 * it, so that publishing needs no fence. */
static bool join_barrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

static void introduce(struct nmw_ring *r, const struct nmw_ring_spec *s)
{
	struct nmw_ring_producer *p = &r->hdr->p;
	memset(p->tool, 0, sizeof p->tool);
	if (s->tool)
		memcpy(p->tool, s->tool, strnlen(s->tool, sizeof p->tool - 1));
	p->pid = (uint32_t)getpid();
	p->started_ns = nmw_clock_real();
	__atomic_store_n(&p->membarrier, join_barrier(), __ATOMIC_RELAXED);
	__atomic_store_n(&p->closed, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&p->flaw, NMW_RING_WHOLE, __ATOMIC_RELEASE);
	r->min_consumers = s->min_consumers;
}

static void say_backing(struct nmw_ring *r, const char *why_not)
{
	char dir[NMW_RING_PATH_MAX];
	snprintf(dir, sizeof dir, "%s", r->path);
	*strrchr(dir, '/') = 0;
	uint64_t page = r->g.page_sz;
	snprintf(r->backing, sizeof r->backing, "on %.200s, %llu %s pages%s%.240s", dir,
		 (unsigned long long)(page >= 1u << 20 ? page >> 20 : page >> 10),
		 page >= 1u << 20 ? "MiB" : "KiB", why_not[0] ? ": " : "", why_not);
}

/* Huge pages when they were asked for or can be had, else normal ones; why keeps the reason. */
static int create_somewhere(struct nmw_ring *r, const struct nmw_ring_spec *s, const char *replace,
			    char *why, size_t why_cap, struct nmw_err *e)
{
	struct nmw_err first = NMW_ERR_INIT;
	const char *dir = nmw_shm_dir(s->pages, s->group, e);
	why[0] = 0;
	if (!dir)
		return e ? e->err : -EACCES;
	bool huge = nmw_shm_huge_page(dir) != 0;
	if (!huge && s->pages == NMW_PAGES_AUTO)
		nmw_shm_no_huge(why, why_cap);
	if (!huge || s->pages == NMW_PAGES_HUGE)
		return nmw_ring_file_create(r, dir, s->group, replace, e);
	int rc = nmw_ring_file_create(r, dir, s->group, replace, &first);
	if (rc == 0 || rc == -EEXIST || getenv("NMW_DIR")) {
		if (e)
			*e = first;
		return rc;
	}
	dir = nmw_shm_dir(NMW_PAGES_NORMAL, s->group, e);
	if (!dir)
		return e ? e->err : -EACCES;
	snprintf(why, why_cap, "%.200s", first.msg);
	spec_geom(s, &r->g);
	return nmw_ring_file_create(r, dir, s->group, replace, e);
}

static int create(struct nmw_ring *r, const struct nmw_ring_spec *s, const char *replace,
		  struct nmw_err *e)
{
	char why[240];
	spec_geom(s, &r->g);
	int rc = create_somewhere(r, s, replace, why, sizeof why, e);
	if (rc == 0)
		say_backing(r, why);
	return rc;
}

static int create_private(struct nmw_ring *r, const struct nmw_ring_spec *s, struct nmw_err *e)
{
	static unsigned serial;
	int rc = -EEXIST;
	for (unsigned i = 0; i < PRIVATE_MAX && rc == -EEXIST; i++) {
		unsigned n = __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED);
		snprintf(r->name, sizeof r->name, "%.30s-%d-%u", s->tool ? s->tool : "ring",
			 (int)getpid(), n);
		rc = create(r, s, NULL, e);
	}
	return rc;
}

static int differs(const struct nmw_ring *r, const struct nmw_ring_spec *s, struct nmw_err *e)
{
	const struct nmw_ring_geom *g = &r->g;
	struct nmw_ring_geom want;
	spec_geom(s, &want);
	want.page_sz = g->page_sz;
	nmw_ring_geom_lay(&want);
	if ((!s->slots || want.slot_cnt == g->slot_cnt) &&
	    (!s->slot_sz || want.slot_sz == g->slot_sz) &&
	    (!s->frame_bytes || want.frame_sz == g->frame_sz))
		return 0;
	return nmw_err_set(
		e, -EINVAL, NMW_EXIT_USAGE,
		"ring %s: %llu slots of %u bytes and %llu bytes of frames found, %llu of "
		"%u and %llu wanted: ask for what is there, or --discard",
		r->name, (unsigned long long)g->slot_cnt, g->slot_sz,
		(unsigned long long)g->frame_sz, (unsigned long long)want.slot_cnt, want.slot_sz,
		(unsigned long long)want.frame_sz);
}

static int resume_at(struct nmw_prod *p, struct nmw_ring *r, struct nmw_err *e)
{
	uint64_t last = nmw_ring_published(r);
	uint64_t claim = __atomic_load_n(&r->hdr->at.claim, __ATOMIC_ACQUIRE);
	uint64_t floor = __atomic_load_n(&r->hdr->at.frame_floor, __ATOMIC_ACQUIRE);
	if (claim <= last || claim > last + 1 + r->g.slot_cnt || floor > last)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				   "ring %s: corrupt: %llu messages published, %llu claimed: "
				   "--discard replaces it",
				   r->name, (unsigned long long)last, (unsigned long long)claim);
	p->next = last + 1;
	r->started = last > 0;
	r->hdr->p.resumes++;
	__atomic_store_n(&r->hdr->at.published, last, __ATOMIC_RELEASE);
	return 0;
}

static void fill_handle(struct nmw_prod *p, struct nmw_ring *r)
{
	p->slots = r->slots;
	p->mask = r->g.slot_cnt - 1;
	p->limit = p->next;
	p->early = UINT64_MAX;
	p->slot_shift = (uint32_t)__builtin_ctz(r->g.slot_sz);
	p->inline_max = r->g.slot_sz - NMW_DESC_SZ;
	p->frames = r->frames;
	p->frame_sz = r->g.frame_sz;
	p->sleepers = &r->ctl->sleepers;
	p->ring = r;
}

/* The ring that is there now makes way: whoever still reads it drains it and ends. */
static void retire(struct nmw_ring *old)
{
	__atomic_store_n(&old->hdr->at.published, nmw_ring_published(old), __ATOMIC_RELEASE);
	__atomic_store_n(&old->hdr->p.closed, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&old->ctl->wake_seq, 1, __ATOMIC_RELEASE);
	nmw_ring_futex_wake(&old->ctl->wake_seq);
}

/* A new ring in place of old, whose producer's lock we hold. The new file is there before the old
 * one is given up: when there is no room for both, the old one is as it was. In another directory
 * (other pages) a reader that comes in between may find the old ring: it drains it and ends. */
static int replace(struct nmw_ring **rp, const struct nmw_ring_spec *s, bool readable,
		   struct nmw_err *e)
{
	struct nmw_ring *old = *rp;
	struct nmw_ring *r = calloc(1, sizeof *r);
	if (!r)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "ring %s: no memory", s->name);
	r->fd = -1;
	snprintf(r->name, sizeof r->name, "%s", s->name);
	int rc = create(r, s, old->path, e);
	if (rc != 0) {
		nmw_ring_file_free(r);
		return rc;
	}
	if (readable)
		retire(old);
	if (strcmp(r->path, old->path) != 0)
		nmw_ring_file_unlink(old);
	nmw_ring_file_free(old);
	*rp = r;
	return 0;
}

static int taken(const struct nmw_ring *r, struct nmw_err *e)
{
	return nmw_err_set(e, -EEXIST, NMW_EXIT_PEER,
			   "ring %s: another producer writes to it: stop that one or take another "
			   "name",
			   r->name);
}

/* Takes over the file that open found: resume it, or put a new ring in its place. A broken one is
 * only replaced when that was asked for. -EAGAIN: it went away meanwhile. */
static int take_over(struct nmw_prod *p, struct nmw_ring **rp, const struct nmw_ring_spec *s,
		     int bad, struct nmw_err *e)
{
	struct nmw_ring *r = *rp;
	int rc = nmw_ring_file_lock(r, NMW_RING_LOCK_PRODUCER, TAKEOVER_MS);
	if (rc == -EAGAIN)
		return nmw_ring_file_current(r) ? taken(r, e) : -EAGAIN;
	if (rc != 0)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "ring %s: lock: %s", r->name,
				   strerror(-rc));
	if (!nmw_ring_file_current(r))
		return -EAGAIN;
	if (bad)
		return s->discard ? replace(rp, s, false, e) : bad;
	rc = nmw_ring_file_map(r, true, false, e);
	if (rc != 0)
		return rc;
	bool done = __atomic_load_n(&r->hdr->p.closed, __ATOMIC_ACQUIRE) != 0 &&
		    nmw_ring_needed_by(r) == 0;
	if (s->discard || done)
		return replace(rp, s, true, e);
	rc = differs(r, s, e);
	if (rc == 0)
		rc = resume_at(p, r, e);
	if (rc == 0)
		say_backing(r, "resumed");
	return rc;
}

static int open_named(struct nmw_prod *p, struct nmw_ring **rp, const struct nmw_ring_spec *s,
		      struct nmw_err *e)
{
	struct nmw_ring *r = *rp;
	for (unsigned tries = 0; tries < 1000; tries++) {
		struct nmw_err found = NMW_ERR_INIT;
		snprintf(r->name, sizeof r->name, "%s", s->name);
		int rc = nmw_ring_file_open(r, O_RDWR, &found);
		if (rc == -ENOENT) {
			rc = create(r, s, NULL, e);
			if (rc != -EEXIST && rc != -ENOENT)
				return rc;
			continue;
		}
		if (e)
			*e = found;
		if (rc != 0 && r->fd < 0)
			return rc;
		rc = take_over(p, rp, s, rc, e);
		if (rc != -EAGAIN)
			return rc;
		close(r->fd);
		r->fd = -1;
	}
	return taken(r, e);
}

int nmw_prod_open(struct nmw_prod *p, const struct nmw_ring_spec *spec, struct nmw_err *e)
{
	memset(p, 0, sizeof *p);
	int rc = check_spec(spec, e);
	if (rc != 0)
		return rc;
	struct nmw_ring *r = calloc(1, sizeof *r);
	if (!r)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "ring: no memory");
	r->fd = -1;
	r->any_owner = spec->group;
	p->next = 1;
	nmw_ring_sweep();
	rc = spec->name ? open_named(p, &r, spec, e) : create_private(r, spec, e);
	if (rc == 0) {
		fill_handle(p, r);
		nmw_arena_rebuild(p);
	}
	if (rc != 0) {
		nmw_ring_file_free(r);
		memset(p, 0, sizeof *p);
		return rc;
	}
	introduce(r, spec);
	if (e)
		*e = (struct nmw_err)NMW_ERR_INIT;
	return 0;
}

/* ---- cursors ------------------------------------------------------------------------------- */

static bool counts(const struct nmw_ring *r, unsigned i, uint32_t *state)
{
	*state = __atomic_load_n(&r->ctl->line[i].state, __ATOMIC_SEQ_CST);
	return nmw_ring_line_counts(*state);
}

/* Puts a consumer out whose cursor cannot be: it moved it back, or past what there is. */
static void put_out(struct nmw_ring *r, unsigned i)
{
	__atomic_store_n(&r->ctl->line[i].state, NMW_LINE_EVICTED, __ATOMIC_RELEASE);
	__atomic_store_n(&r->hdr->p.bad_cursors, r->hdr->p.bad_cursors + 1, __ATOMIC_RELAXED);
}

/* The lowest cursor; next - 1 when there is no consumer. What a consumer writes is not trusted: a
 * cursor at or past next, or one below what it had given back, ends its membership. One that is
 * joining holds the producer where it stands. */
static uint64_t lowest_cursor(struct nmw_prod *p)
{
	struct nmw_ring *r = p->ring;
	uint64_t low = p->next - 1;
	uint64_t held = p->limit > r->g.slot_cnt ? p->limit - r->g.slot_cnt - 1 : 0;
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		uint32_t state;
		if (!counts(r, i, &state))
			continue;
		uint64_t at = __atomic_load_n(&r->ctl->line[i].cursor, __ATOMIC_ACQUIRE);
		if (state == NMW_LINE_JOINING)
			at = at < held ? held : at;
		else if (at < held || at >= p->next) {
			put_out(r, i);
			continue;
		}
		low = at < low ? at : low;
	}
	return low;
}

/* A named consumer of a ring that will live on may come back to its cursor. */
static bool kept(const struct nmw_ring *r, uint32_t state)
{
	return state == NMW_LINE_NAMED && !(r->g.flags & NMW_RING_F_PRIVATE);
}

/* Releases the cursors of consumers that died and will not be back, at most every 50 ms. */
void nmw_prod_look_after(struct nmw_prod *p)
{
	struct nmw_ring *r = p->ring;
	uint64_t now = nmw_clock_mono();
	if (now - r->checked_ns < LIVENESS_NS)
		return;
	r->checked_ns = now;
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		struct nmw_ring_line *l = &r->ctl->line[i];
		uint32_t state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
		if (state == NMW_LINE_FREE || kept(r, state))
			continue;
		if (nmw_shm_lock(r->fd, NMW_RING_LOCK_CONSUMER(i)) != 0)
			continue;
		state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
		if (state != NMW_LINE_FREE && !kept(r, state)) {
			__atomic_store_n(&l->state, NMW_LINE_FREE, __ATOMIC_RELEASE);
			r->hdr->p.evicted += state != NMW_LINE_EVICTED;
		}
		nmw_shm_unlock(r->fd, NMW_RING_LOCK_CONSUMER(i));
	}
}

/* min_consumers holds the first message back, not later ones. */
static bool may_start(struct nmw_prod *p)
{
	struct nmw_ring *r = p->ring;
	unsigned n = 0;
	for (unsigned i = 0; i < NMW_RING_CONSUMERS && !r->started; i++) {
		uint32_t state;
		n += counts(r, i, &state) && state != NMW_LINE_JOINING;
	}
	r->started = r->started || n >= r->min_consumers;
	return r->started;
}

bool nmw_prod_started(const struct nmw_prod *p)
{
	return p->ring->started;
}

static uint64_t limit_for(struct nmw_prod *p, unsigned want)
{
	uint64_t cnt = p->mask + 1;
	uint64_t ahead = cnt / 2 > want ? cnt / 2 : want;
	uint64_t most = p->next + (ahead < cnt ? ahead : cnt);
	uint64_t limit = lowest_cursor(p) + cnt + 1;
	return limit < most ? limit : most;
}

/* Half a ring at a time is claimed, so that a tap or a late consumer always finds the other half.
 * The claim is stored before the cursors are read for good, and a consumer that joins stores its
 * line before it reads the claim: one of the two sees the other (all four are sequentially
 * consistent). */
static void advance(struct nmw_prod *p, unsigned want)
{
	struct nmw_ring_progress *at = &p->ring->hdr->at;
	uint64_t limit = limit_for(p, want), cnt = p->mask + 1;
	if (limit <= p->limit)
		return;
	if (p->ring->routes.n)
		nmw_prod_look_at_routes(p);
	__atomic_store_n(&at->published, p->next - 1, __ATOMIC_RELEASE);
	if (limit > at->claim)
		__atomic_exchange_n(&at->claim, limit, __ATOMIC_SEQ_CST);
	uint64_t sure = limit_for(p, want);
	sure = sure < limit ? sure : limit;
	if (sure <= p->limit)
		return;
	if (p->ring->routes.n && sure > cnt)
		nmw_prod_pass_routes(p, p->limit > cnt ? p->limit - cnt : 1, sure - cnt);
	p->limit = sure;
}

unsigned nmw_prod_refresh(struct nmw_prod *p, unsigned want)
{
	if (may_start(p))
		advance(p, want);
	uint64_t room = p->limit - p->next;
	/* with less than a quarter gained the consumers are behind: looking early would only take
	 * their lines from them */
	p->early = room > (p->mask + 1) / 4 ? p->limit - (p->mask + 1) / 4 : UINT64_MAX;
	if (room == 0)
		nmw_prod_look_after(p);
	return room < want ? (unsigned)room : want;
}

void nmw_prod_early(struct nmw_prod *p)
{
	nmw_prod_refresh(p, 1);
	nmw_arena_early(p);
}

uint64_t nmw_prod_released(struct nmw_prod *p)
{
	return lowest_cursor(p);
}

uint64_t nmw_prod_taken(const struct nmw_prod *p)
{
	uint64_t high = 0;
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		uint64_t at = __atomic_load_n(&p->ring->ctl->line[i].cursor, __ATOMIC_ACQUIRE);
		if (at > high && at < p->next) /* what a consumer writes is not trusted */
			high = at;
	}
	return high;
}

uint64_t nmw_prod_evicted(const struct nmw_prod *p)
{
	return p->ring->hdr->p.evicted;
}

unsigned nmw_prod_consumers(struct nmw_prod *p, unsigned *dead)
{
	unsigned n = 0, gone = 0;
	nmw_prod_look_after(p);
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		uint32_t state;
		if (!counts(p->ring, i, &state))
			continue;
		n++;
		gone += nmw_shm_locked(p->ring->fd, NMW_RING_LOCK_CONSUMER(i)) == 0;
	}
	if (dead)
		*dead = gone;
	return n;
}

/* ---- publishing ---------------------------------------------------------------------------- */

/* The slots from seq up to end lie in one piece. Lines ahead are asked for where they may be
 * written already; what is asked for past the end of the ring is some line that nobody needs. */
static inline __attribute__((always_inline)) void
number_piece(uint8_t *s, uint32_t shift, uint64_t seq, uint64_t end, bool ask, bool two_lines)
{
	const uint64_t ahead = (uint64_t)NMW_RING_AHEAD << shift;
	for (; seq != end; seq++, s += 1ull << shift) {
		__atomic_store_n((uint64_t *)(void *)s, seq, __ATOMIC_RELEASE);
		if (ask)
			nmw_ring_fetch(s + ahead);
		if (ask && two_lines)
			nmw_ring_fetch(s + ahead + NMW_LINE);
	}
}

void nmw_prod_number(const struct nmw_prod *p, uint64_t end)
{
	const uint64_t mask = p->mask, limit = p->limit;
	const uint32_t shift = p->slot_shift;
	for (uint64_t seq = p->next, stop; seq != end; seq = stop) {
		uint8_t *s = p->slots + ((seq & mask) << shift);
		stop = end <= (seq | mask) + 1 ? end : (seq | mask) + 1;
		if (stop + NMW_RING_AHEAD > limit)
			number_piece(s, shift, seq, stop, false, false);
		else if (p->inline_max > NMW_LINE)
			number_piece(s, shift, seq, stop, true, true);
		else
			number_piece(s, shift, seq, stop, true, false);
	}
}

/* ---- the end ------------------------------------------------------------------------------- */

void nmw_prod_wake(struct nmw_prod *p)
{
	struct nmw_ring_ctl *c = p->ring->ctl;
	__atomic_store_n(&c->sleepers, 0, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->wake_seq, 1, __ATOMIC_SEQ_CST);
	nmw_ring_futex_wake(&c->wake_seq);
}

void nmw_prod_flaw(struct nmw_prod *p, enum nmw_ring_flaw flaw)
{
	__atomic_store_n(&p->ring->hdr->p.flaw, flaw, __ATOMIC_RELEASE);
}

void nmw_prod_close(struct nmw_prod *p)
{
	if (!p->ring || p->ring->closed)
		return;
	p->ring->closed = true;
	if (p->ring->routes.n)
		nmw_prod_end_routes(p);
	__atomic_store_n(&p->ring->hdr->at.published, p->next - 1, __ATOMIC_RELEASE);
	__atomic_store_n(&p->ring->hdr->p.closed, 1, __ATOMIC_RELEASE);
	nmw_prod_wake(p);
}

void nmw_prod_leave(struct nmw_prod *p)
{
	struct nmw_ring *r = p->ring;
	if (!r)
		return;
	__atomic_store_n(&r->hdr->at.published, p->next - 1, __ATOMIC_RELEASE);
	/* a consumer that leaves at the same time does the same under this lock: one of the two
	 * finds that nobody is left. Without the lock the file is left to a sweep, or to
	 * the name's next producer. */
	bool alone = nmw_ring_file_lock(r, NMW_RING_LOCK_JOIN, JOIN_MS) == 0;
	bool unneeded =
		(r->g.flags & NMW_RING_F_PRIVATE) || (r->closed && nmw_ring_needed_by(r) == 0);
	if (alone && unneeded)
		nmw_ring_file_unlink(r);
	nmw_ring_file_free(r);
	memset(p, 0, sizeof *p);
}

struct nmw_ring_turns nmw_prod_turns(const struct nmw_prod *p)
{
	struct nmw_ring_ctl *ctl = p->ring->ctl;
	return (struct nmw_ring_turns){&ctl->turn, &ctl->line[0].turn, &p->next,
				       &ctl->line[0].cursor};
}

const char *nmw_prod_name(const struct nmw_prod *p)
{
	return p->ring->name;
}

const char *nmw_prod_backing(const struct nmw_prod *p)
{
	return p->ring->backing;
}
