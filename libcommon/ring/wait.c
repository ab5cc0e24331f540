#include "ring/wait.h"

#include "base/clock.h"

#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPIN_NS	     2000u     /* a message that comes soon is worth a busy CPU */
#define SPIN_LONG_NS 50000u    /* where CPUs are plenty */
#define CPUS_PLENTY  4	       /* one for each stage of the usual three, and one to spare */
#define STREAM_N     32u       /* messages that came during a short sleep: a stream */
#define FUTEX_NS     1000000u  /* idle that long: sleep until woken */
#define SLEEP_NS     10000000u /* of one sleep, so that housekeeping goes on */
#define NAP_FAR_NS   5000000u  /* longest sleep where nobody wakes */
#define GAP_MAX_NS   1000000u
#define SLICE_MIN    100000u /* ns; the kernel grants no shorter one */
#define GAP_TURNS    8u	     /* turns that the distance between turns is averaged over, about */
#define WRONG_WEIGHT 3u	     /* turns in the right order that make up for a wrong one */
#define WRONG_TURNS  96u     /* weighed: that is no chance */
#define PATIENCE_MAX 8u	     /* doublings of it, when changing the place does not help */
#define RECENT_NS    1000000 /* longer ago: it does not spin, or not now */
#define KEEP_NS	     10000u  /* the first stage looks for packets before the others look for work */
#define QUIET_NS     8000u   /* in which the others can have done nothing but look */
#define SWITCH_NS    1000u   /* a yield that took longer let somebody by */
#define PAUSES	     4u	     /* between two looks while spinning */

void nmw_wait_init(struct nmw_wait *w, enum nmw_wait_mode mode)
{
	cpu_set_t cpus;
	memset(w, 0, sizeof *w);
	w->mode = mode;
	w->sleep_ns = w->first_ns = NMW_WAIT_NAP_MIN;
	w->turn_msgs = NMW_WAIT_AHEAD;
	w->alone = sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) >= CPUS_PLENTY;
	w->spin_ns = w->alone ? SPIN_LONG_NS : SPIN_NS;
	/* the default slack of 50 us would turn 20 us into 70 */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

/* struct sched_attr of sched_setattr(2), as far as it is used: glibc has none. */
struct sched_slice {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns; /* of SCHED_OTHER: its slice, since Linux 6.12 */
	uint64_t deadline_ns, period_ns;
};
_Static_assert(sizeof(struct sched_slice) == 48, "SCHED_ATTR_SIZE_VER0");

static void set_slice(uint64_t ns)
{
	struct sched_slice a = {.size = sizeof a};
	if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) != 0 || a.policy != SCHED_OTHER)
		return;
	a.size = sizeof a;
	a.runtime_ns = ns;
	(void)syscall(SYS_sched_setattr, 0, &a, 0);
}

void nmw_wait_place(const struct nmw_wait *w, bool in, bool out)
{
	bool equal = w->mode == NMW_WAIT_SPIN;
	set_slice(SLICE_MIN * (equal || !out ? 1u : in ? 2u : 4u));
}

void nmw_wait_gap(struct nmw_wait *w, uint64_t now_ns)
{
	uint64_t gap = now_ns - w->turn_ns;
	w->turn_ns = now_ns;
	gap = gap < GAP_MAX_NS ? gap : GAP_MAX_NS;
	w->gap_ns = (w->gap_ns * (GAP_TURNS - 1) + gap) / GAP_TURNS;
}

void nmw_wait_turn(struct nmw_wait *w, uint64_t n, uint64_t slots)
{
	if (w->mode == NMW_WAIT_SPIN)
		return;
	nmw_wait_gap(w, nmw_clock_mono());
	if (n < STREAM_N)
		w->first_ns = NMW_WAIT_NAP_MIN;
	else if (n > slots / 4)
		w->first_ns /= 2;
	else if (n < slots / 8)
		w->first_ns *= 2;
	if (w->first_ns < NMW_WAIT_NAP_MIN)
		w->first_ns = NMW_WAIT_NAP_MIN;
	if (w->first_ns > NMW_WAIT_NAP_MAX)
		w->first_ns = NMW_WAIT_NAP_MAX;
}

static void pause_some(void)
{
	for (unsigned i = 0; i < PAUSES; i++)
		nmw_clock_pause();
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* A turn: the time, below it one bit that its reader answers by changing its own place whenever it
 * turns over, and the CPU, for who runs on another one takes no turns with us. */
#define TURN_CPU UINT64_C(0x7f)
#define TURN_ASK UINT64_C(0x80)

static uint64_t turn_at(uint64_t now_ns)
{
	return now_ns << 8 | ((unsigned)sched_getcpu() & TURN_CPU);
}

static uint64_t seen(const uint64_t *turn)
{
	return turn ? __atomic_load_n(turn, __ATOMIC_RELAXED) : 0;
}

/* One that spins on our CPU too. */
static bool takes_turns(uint64_t turn, uint64_t now)
{
	return ((turn ^ now) & TURN_CPU) == 0 && now - turn < (uint64_t)RECENT_NS << 8;
}

/* Between two turns of ours the reader should have had one, and then the writer. */
static bool in_wrong_order(const struct nmw_wait_order *o, uint64_t now)
{
	uint64_t writer = seen(o->in.other), reader = seen(o->out.other);
	return takes_turns(writer, now) && takes_turns(reader, now) &&
	       !(o->last < reader && reader < writer);
}

/* A yield moves us behind the others by a slice, so one of another length changes where we come:
 * where to cannot be said beforehand, so another one each time. */
static void change_place(struct nmw_wait_order *o)
{
	set_slice(SLICE_MIN / 16 * (17 + 7 * o->places++ % 15));
	sched_yield();
	set_slice(SLICE_MIN);
}

/* Where the two others stand in one place there is none between them: then the reader has to go. */
static void change_order(struct nmw_wait_order *o)
{
	if (o->changes++ % 2)
		o->ask ^= TURN_ASK;
	else
		change_place(o);
	o->wrong = 0;
	o->patience += o->patience < PATIENCE_MAX;
}

/* The order was wrong for long enough. */
static bool judge_order(struct nmw_wait_order *o, uint64_t now)
{
	if (in_wrong_order(o, now)) {
		o->wrong += WRONG_WEIGHT;
	} else if (o->wrong) {
		o->wrong--;
		o->patience = o->wrong ? o->patience : 0;
	}
	return o->wrong >= WRONG_TURNS << o->patience;
}

static bool is_asked(struct nmw_wait_order *o, uint64_t now)
{
	uint64_t writer = seen(o->in.other);
	bool asked = o->last && (writer & TURN_ASK) != o->asked;
	o->asked = writer & TURN_ASK;
	return asked && takes_turns(writer, now);
}

static void note_turn(struct nmw_wait_order *o, uint64_t now_ns)
{
	uint64_t now = turn_at(now_ns);
	bool wrong = judge_order(o, now), asked = is_asked(o, now);
	if (o->in.own)
		__atomic_store_n(o->in.own, now, __ATOMIC_RELAXED);
	if (o->out.own)
		__atomic_store_n(o->out.own, now | o->ask, __ATOMIC_RELAXED);
	o->last = now;
	if (wrong)
		change_order(o);
	if (asked)
		change_place(o);
}

static bool is_first(const struct nmw_wait_order *o)
{
	return o->out.own && !o->in.own;
}

/* What the others do begins with the first stage: while that has passed nothing on, its reader has
 * all, and they had next to nothing to do when it let them by, it goes on looking, for a turn of
 * each takes longer than that. */
static bool keeps_turn(const struct nmw_wait *w)
{
	const struct nmw_wait_order *o = &w->order;
	return is_first(o) && !w->ahead && o->quiet && seen(o->out.cursor) + 1 >= *o->out.next &&
	       nmw_clock_mono() - o->back_ns < KEEP_NS;
}

void nmw_wait_turn_over(struct nmw_wait *w)
{
	w->spins++;
	if (w->alone || keeps_turn(w)) {
		nmw_clock_pause();
		return;
	}
	w->ahead = 0;
	uint64_t from = nmw_clock_mono();
	note_turn(&w->order, from);
	sched_yield();
	if (!is_first(&w->order))
		return;
	w->order.back_ns = nmw_clock_mono();
	w->order.quiet = w->order.back_ns - from < QUIET_NS;
}

void nmw_wait_let_by(struct nmw_wait *w)
{
	uint64_t from = nmw_clock_mono();
	nmw_wait_turn_over(w);
	if (nmw_clock_mono() - from >= SWITCH_NS)
		w->turn_msgs = NMW_WAIT_AHEAD;
	else if (w->turn_msgs < NMW_WAIT_AHEAD_MAX)
		w->turn_msgs *= 2;
}

static void nap(struct nmw_wait *w, uint64_t ns)
{
	struct timespec t = {0, (long)ns};
	w->parks++;
	nanosleep(&t, NULL);
}

/* 20 us, doubling to 200; where no ring can wake us, longer the longer it lasts: a sixteenth of the
 * idle time adds little to it. */
static void nap_longer(struct nmw_wait *w, uint64_t idle)
{
	uint64_t max = idle / 16 > NMW_WAIT_NAP_MAX ? idle / 16 : NMW_WAIT_NAP_MAX;
	max = max < NAP_FAR_NS ? max : NAP_FAR_NS;
	max = w->longest_ns && max > w->longest_ns ? w->longest_ns : max;
	nap(w, w->sleep_ns < max ? w->sleep_ns : max);
	w->sleep_ns = 2 * w->sleep_ns < max ? 2 * w->sleep_ns : max;
}

uint64_t nmw_wait_idle(struct nmw_wait *w, struct nmw_cons *c)
{
	if (w->mode == NMW_WAIT_SPIN) {
		nmw_wait_turn_over(w);
		if (w->spins % 64)
			return 0;
	}
	uint64_t now = nmw_clock_mono();
	if (w->idle_since == 0) {
		w->idle_since = now;
		w->sleep_ns = w->first_ns;
	}
	uint64_t idle = now - w->idle_since;
	if (w->mode == NMW_WAIT_SPIN)
		return idle;
	if (nmw_wait_spins(w, idle)) {
		w->spins++;
		pause_some();
	} else if (c && (w->mode == NMW_WAIT_PARK || idle >= FUTEX_NS || nmw_wait_sparse(w))) {
		w->parks++;
		nmw_cons_sleep(c, w->longest_ns ? w->longest_ns : SLEEP_NS);
	} else {
		nap_longer(w, idle);
	}
	return idle;
}
