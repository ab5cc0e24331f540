/* ring.h: one producer, up to 16 consumers that each see every message, any number of taps.
 *
 * One file a ring, in the ring directory (nmw_shm_dir()).  Offsets are multiples of the page size
 * of the file's backing (2 MiB on hugetlbfs, 4 KiB elsewhere), so that each part gets its own
 * protection:
 *
 *     0            ctl_off           slots_off                frames_off              file_sz
 *     +------------+-----------------+------------------------+-----------------------+
 *     | header     | control         | slots                  | frames                |
 *     | geometry,  | sleepers' word, | slot_cnt x slot_sz     | payloads that do not  |
 *     | producer's | 16 consumer     |                        | fit a slot; NIC       |
 *     | lines      | lines           |                        | buffers               |
 *     +------------+-----------------+------------------------+-----------------------+
 *      consumer r-   consumer rw       consumer r-              consumer r-
 *      tap      r-   tap      r-       tap      r-              tap      r-
 *
 * Sequence numbers start at 1 and never wrap; message seq lies in slot seq & (slot_cnt - 1).  The
 * producer fills payload and descriptor, then stores seq with release: publish is one store, so a
 * kill -9 at any instruction leaves the ring valid.  A consumer reads in place and hands a burst
 * back by storing its cursor (= highest sequence number it is done with).
 *
 * Liveness: each end holds an OFD lock on its byte of the file; the kernel drops it at death.
 *
 * Trust: geometry is checked and copied at join, and later changes of the file are not believed. A
 * consumer checks offset and length of every descriptor before it follows it (nmw_cons_payload).
 *
 * Threads: a handle belongs to one thread.  Hot functions are inline, take bursts, and make no
 * system call.  man/nmw-ring.5 has the layout for stages written in other languages.
 */
#ifndef NMW_RING_RING_H
#define NMW_RING_RING_H

#include "base/clock.h"
#include "base/err.h"
#include "base/msg.h"
#include <stdbool.h>
#include <string.h>

#define NMW_RING_CONSUMERS    16u
#define NMW_RING_NAME_MAX     64u  /* bytes, with the NUL: letters digits . _ - */
#define NMW_RING_CONSUMER_MAX 32u  /* the same, of a consumer's name */
#define NMW_RING_SLOTS_MIN    2ull /* power of two */
#define NMW_RING_SLOTS_MAX    (1ull << 31)
#define NMW_RING_SLOTS_DEF    8192ull	   /* 1 MiB of 128-byte slots */
#define NMW_RING_FRAMES_DEF   (4ull << 20) /* bytes */
#define NMW_RING_AHEAD	      32u	   /* messages by which the producer asks for lines early */
#define NMW_RING_REST	      4u	   /* pauses of a consumer that has caught up */

enum nmw_pages { NMW_PAGES_AUTO, NMW_PAGES_HUGE, NMW_PAGES_NORMAL };

struct nmw_ring_spec {
	const char *name;     /* file name in the ring directory; NULL makes a private name */
	uint64_t slots;	      /* power of two, SLOTS_MIN..SLOTS_MAX; 0 = default */
	uint32_t slot_sz;     /* bytes: 64, 128, 256 .. 4096; 0 = NMW_SLOT_SZ */
	uint64_t frame_bytes; /* frame area; 0 = default */
	enum nmw_pages pages;
	unsigned
		min_consumers; /* nothing is published before that many have joined; 0 is allowed */
	bool group;	       /* open to the group: 0770 / 0660 instead of 0700 / 0600 */
	bool discard;	       /* replace a dead ring of the same name instead of resuming it */
	const char *tool;      /* written into the header for nmw-stat: "nmw-recv" */
};

/* State of a ring. */
enum nmw_ring_state {
	NMW_RING_LIVE = 0,    /* producer holds its lock */
	NMW_RING_CLOSED = 1,  /* producer said that no more will come */
	NMW_RING_DEAD = 2,    /* producer lock free, ring not closed: it died; may be back */
	NMW_RING_CORRUPT = 3, /* breaks its own rules, or put this consumer out: stop with exit 6 */
};

/* What a producer says of all that it published, when it closes. */
enum nmw_ring_flaw {
	NMW_RING_WHOLE = 0,
	NMW_RING_DAMAGED = 1, /* something was damaged, cut, missing or dropped: it bore that */
	NMW_RING_FAILED = 2,  /* it ended with an error: more should have come */
};

/* ---- producer ------------------------------------------------------------------------------ */

struct nmw_prod {
	uint8_t *slots;	     /* mapped slot area */
	uint64_t mask;	     /* slot_cnt - 1 */
	uint64_t next;	     /* next sequence number to publish */
	uint64_t limit;	     /* may publish while next < limit (slowest cursor + slot_cnt + 1) */
	uint64_t early;	     /* once next is there, publish raises the limit ahead of need */
	uint32_t slot_shift; /* log2 slot_sz */
	uint32_t inline_max; /* payload bytes that fit a slot */
	uint8_t *frames;     /* mapped frame area */
	uint64_t frame_sz;   /* its bytes */
	const uint32_t *sleepers; /* in shared memory; not 0: a consumer sleeps */
	struct nmw_ring *ring;	  /* cold part */
};

/* Creates the ring or, if one of that name is there whose producer died, resumes it with the same
 * geometry (p->next goes on after the last published message; 0 in the spec takes what is there,
 * anything else that differs is -EINVAL). A ring that was closed and that nobody has yet to read is
 * replaced; one that is still being read is resumed. -EEXIST: its producer lives. */
int nmw_prod_open(struct nmw_prod *p, const struct nmw_ring_spec *spec, struct nmw_err *e);
/* Says that no more will come. Consumers drain and end. The file stays until they have. */
void nmw_prod_close(struct nmw_prod *p);
/* Before it closes: what is wrong with all that was published. */
void nmw_prod_flaw(struct nmw_prod *p, enum nmw_ring_flaw flaw);
/* Gives up the handle; without close before, consumers see a death. Removes a closed ring's file
 * when no consumer is left, and any private ring's: so do not leave a private ring before its
 * consumer has joined (nmw_prod_consumers) or is known to be gone (nmw_handoff_alive_down). */
void nmw_prod_leave(struct nmw_prod *p);
const char *nmw_prod_name(const struct nmw_prod *p);
/* "on /dev/hugepages, 2 MiB pages" or what the fallback was and why; for the log. */
const char *nmw_prod_backing(const struct nmw_prod *p);

/* Where this end writes when it had its turn, and where the other end does: see struct
 * nmw_wait_order. NULL: it may not write there (a tap). */
struct nmw_ring_turns {
	uint64_t *own;
	const uint64_t *other;
	const uint64_t *next, *cursor; /* of the writer, and of the reader: NULL for a consumer */
};
struct nmw_ring_turns nmw_prod_turns(const struct nmw_prod *p); /* other: the first consumer's */

/* Slow path of room: reads the cursors. Evicts dead unnamed consumers now and then. */
unsigned nmw_prod_refresh(struct nmw_prod *p, unsigned want);

/* Raises the limit before it is hit, after publishing, where nobody waits for it. */
void nmw_prod_early(struct nmw_prod *p);

/* How many of `want` slots can be filled now (0 = full: backpressure). No system call. */
static inline unsigned nmw_prod_room(struct nmw_prod *p, unsigned want)
{
	uint64_t room = p->limit - p->next;
	if (__builtin_expect(room < want, 0))
		return nmw_prod_refresh(p, want);
	return want;
}

/* The i-th slot after the last published one; i < what nmw_prod_room said. */
static inline struct nmw_slot *nmw_prod_slot(struct nmw_prod *p, unsigned i)
{
	return (struct nmw_slot *)(void *)(p->slots + (((p->next + i) & p->mask) << p->slot_shift));
}

/* Where to write a payload of len bytes for slot s: in the slot, or in a frame of the arena.  Sets
 * s->len and s->frame_off. NULL: len fits neither now (arena full: backpressure; publish what is
 * filled and try again; see nmw_prod_frame_max for never). The slots of a burst are filled in
 * order. Asking again for the first slot of a burst gives up all its frames; for a later one the
 * old frame stays in use until it is read. */
uint8_t *nmw_prod_frame(struct nmw_prod *p, struct nmw_slot *s, uint32_t len);
static inline uint8_t *nmw_prod_payload(struct nmw_prod *p, struct nmw_slot *s, uint32_t len)
{
	if (__builtin_expect(len > p->inline_max, 0))
		return nmw_prod_frame(p, s, len);
	s->len = (uint16_t)len;
	s->frame_off = NMW_INLINE;
	return s->payload;
}
/* Longest payload that a frame can ever hold. */
uint32_t nmw_prod_frame_max(const struct nmw_prod *p);

/* Wakes sleepers; called by publish when `sleepers` is set. */
void nmw_prod_wake(struct nmw_prod *p);
/* Prefetches a slot's line for writing. The consumer still caches it from the previous lap; taking
 * it early hides that transfer. */
static inline void nmw_ring_fetch(const uint8_t *line)
{
	__asm__ volatile("prefetchw %0" : : "m"(*line));
}

/* The slot behind s of the same piece. */
static inline struct nmw_slot *nmw_slot_after(const struct nmw_slot *s, uint32_t slot_shift)
{
	return (struct nmw_slot *)((uintptr_t)s + ((uintptr_t)1 << slot_shift));
}

/* Numbers the slots of messages next to end - 1 and asks for the lines of those ahead. */
void nmw_prod_number(const struct nmw_prod *p, uint64_t end);

/* The same of one message. */
static inline void nmw_prod_number_one(const struct nmw_prod *p, uint64_t seq)
{
	uint8_t *s = p->slots + ((seq & p->mask) << p->slot_shift);
	__atomic_store_n((uint64_t *)(void *)s, seq, __ATOMIC_RELEASE);
	if (seq + NMW_RING_AHEAD >= p->limit)
		return;
	s += (uint64_t)NMW_RING_AHEAD << p->slot_shift;
	nmw_ring_fetch(s);
	if (p->inline_max > NMW_LINE)
		nmw_ring_fetch(s + NMW_LINE);
}

/* Publishes the first n filled slots, in order: n stores and one relaxed load. */
static inline void nmw_prod_publish(struct nmw_prod *p, unsigned n)
{
	const uint64_t end = p->next + n;
	if (__builtin_expect(end > p->limit, 0))
		__builtin_trap();	 /* more than nmw_prod_room gave */
	if (__builtin_expect(n == 1, 1)) /* where the call would count */
		nmw_prod_number_one(p, p->next);
	else
		nmw_prod_number(p, end);
	p->next = end;
	/* the load must not be moved before the stores by the compiler; the processor may, and the
	 * barrier that a consumer makes before it sleeps takes care of that */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(p->sleepers, __ATOMIC_RELAXED) != 0, 0))
		nmw_prod_wake(p);
	if (__builtin_expect(end >= p->early, 0))
		nmw_prod_early(p);
}

/* min_consumers have joined: publishing has begun. */
bool nmw_prod_started(const struct nmw_prod *p);

/* Lowest cursor of all consumers: every message <= it is done with (for producers that own the
 * frames they refer to). */
uint64_t nmw_prod_released(struct nmw_prod *p);
/* The last message that any consumer has given back, one that left or died included; 0 = none. */
uint64_t nmw_prod_taken(const struct nmw_prod *p);
/* Consumers whose cursors hold the producer back, and how many of those are not alive (NULL: do not
 * tell). System calls: for housekeeping. Also releases dead unnamed ones. */
unsigned nmw_prod_consumers(struct nmw_prod *p, unsigned *dead);
/* Consumers that died without leaving and were put out. */
uint64_t nmw_prod_evicted(const struct nmw_prod *p);

/* ---- consumer ------------------------------------------------------------------------------ */

struct nmw_cons {
	const uint8_t *slots;
	uint64_t mask;
	uint64_t next; /* next sequence number to read */
	uint32_t slot_shift;
	uint32_t slot_room; /* payload bytes of a slot */
	const uint8_t *frames;
	uint64_t frame_sz;
	uint64_t *cursor;     /* in shared memory; NULL for a tap */
	const uint8_t *guess; /* where the next frame probably lies; any mapped address */
	uint32_t guess_more;  /* bytes behind it of another line to fetch; 0 = none */
	uint32_t rest;	      /* pauses before the next look: the last burst reached the producer */
	bool special;	      /* a tap, or one that follows another */
	struct nmw_ring *ring;
};

struct nmw_cons_spec {
	const char *ring;  /* name in the ring directory */
	const char *name;  /* named consumer: its cursor is kept while it is away; NULL = unnamed */
	const char *after; /* never passes the cursor of this named consumer; NULL = none */
	const char *route; /* takes its messages and those for all (ring/route.h); NULL = all */
	bool tap; /* read-only, no cursor, may be overrun: nmw_cons_ready skips and counts */
	bool group;
};

/* -ENOENT: no such ring (yet); -ESRCH: it has no such route; -EPROTO with exit 6: not a ring, other
 * version, corrupt; -EBUSY: a consumer of that name lives; -EUSERS: 16 consumers are there. A first
 * consumer starts at the oldest message that is still there, a named one where it was. */
int nmw_cons_join(struct nmw_cons *c, const struct nmw_cons_spec *spec, struct nmw_err *e);
/* Leaves for good: a named consumer's cursor is given up as well when `forget`. */
void nmw_cons_leave(struct nmw_cons *c, bool forget);

struct nmw_ring_turns nmw_cons_turns(const struct nmw_cons *c);

static inline const struct nmw_slot *nmw_cons_slot(const struct nmw_cons *c, unsigned i)
{
	return (const struct nmw_slot *)(const void *)(c->slots + (((c->next + i) & c->mask)
								   << c->slot_shift));
}

unsigned nmw_cons_ready_special(struct nmw_cons *c, unsigned max);

/* Fetches a slot's second line, so that those of a burst are under way together. Unconditional:
 * testing `len` would wait for the first line, the very latency this hides. */
static inline void nmw_cons_fetch(const struct nmw_cons *c, const struct nmw_slot *s)
{
	if (c->slot_room > NMW_LINE)
		__builtin_prefetch((const uint8_t *)s + NMW_LINE);
}

/* How many of the slots from the i-th on, which lie in one piece, hold their messages. */
static inline unsigned nmw_cons_run(const struct nmw_cons *c, unsigned i, unsigned max)
{
	const struct nmw_slot *s = nmw_cons_slot(c, i);
	uint64_t seq = c->next + i;
	unsigned n = 0;
	while (n < max && __atomic_load_n(&s->seq, __ATOMIC_ACQUIRE) == seq + n) {
		nmw_cons_fetch(c, s);
		s = nmw_slot_after(s, c->slot_shift);
		n++;
	}
	return n;
}

/* A ring never has more, whatever stands in it: slots that are numbered anew while they are read
 * would be followed past the ring's end. */
static inline unsigned nmw_cons_at_most(const struct nmw_cons *c, unsigned max)
{
	return max <= c->mask ? max : (unsigned)(c->mask + 1);
}

/* Number of messages (up to max) that can be read now, starting at c->next. Pure loads. */
static inline unsigned nmw_cons_ready(struct nmw_cons *c, unsigned max)
{
	if (__builtin_expect(c->special, 0))
		return nmw_cons_ready_special(c, max);
	/* a consumer that reached the producer in a stream stays off the lines that are being
	 * written for a moment; one that takes message by message is in a hurry */
	for (uint32_t i = c->rest; i > 0; i--)
		nmw_clock_pause();
	uint64_t piece = c->mask + 1 - (c->next & c->mask);
	unsigned first = piece < max ? (unsigned)piece : max;
	__builtin_prefetch(c->guess);
	__builtin_prefetch(c->guess + c->guess_more);
	unsigned n = nmw_cons_run(c, 0, first);
	if (__builtin_expect(n == piece && n < max, 0))
		n += nmw_cons_run(c, n, nmw_cons_at_most(c, max) - n);
	c->rest = n > 1 && n < max ? NMW_RING_REST : 0;
	return n;
}

/* Payload of a slot, checked against the file: NULL if offset or length do not lie in it (a corrupt
 * or hostile ring: stop with exit 6). len is the one that was checked. */
static inline const uint8_t *nmw_cons_payload(const struct nmw_cons *c, const struct nmw_slot *s,
					      uint32_t *len)
{
	/* read once: another program may write there between the check and the use */
	uint32_t n = __atomic_load_n(&s->len, __ATOMIC_RELAXED);
	uint64_t off = __atomic_load_n(&s->frame_off, __ATOMIC_RELAXED);
	*len = n;
	if (__builtin_expect(off == NMW_INLINE, 1))
		return n <= c->slot_room ? s->payload : NULL;
	return off <= c->frame_sz && n <= c->frame_sz - off ? c->frames + off : NULL;
}

/* Copies the descriptor of message i and checks the copy; *payload and *len are of that copy, so
 * that nothing written to the ring meanwhile comes between check and use. False: they do not lie in
 * the ring; the copy says what was found. Payload bytes themselves stay the ring's. */
static inline bool nmw_cons_take(const struct nmw_cons *c, unsigned i, struct nmw_slot *desc,
				 const uint8_t **payload, uint32_t *len)
{
	const struct nmw_slot *s = nmw_cons_slot(c, i);
	memcpy(desc, s, NMW_DESC_SZ);
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* the copy is not read from the ring again */
	desc->codec &= 0x0F;			 /* without the route */
	*payload = nmw_cons_payload(c, desc, len);
	if (*payload && desc->frame_off == NMW_INLINE)
		*payload = s->payload;
	return *payload;
}

/* The lines beside the slot's first that the next message will be read from, so that they are
 * fetched with it and not after it: after a message in the slot, the slot's second line; after one
 * in a frame, the bytes behind that frame. A guess that is wrong costs nothing but a line. */
static inline void nmw_cons_guess(struct nmw_cons *c, const struct nmw_slot *last,
				  const struct nmw_slot *next)
{
	uint64_t end = (last->frame_off + last->len + NMW_LINE - 1) & ~(uint64_t)(NMW_LINE - 1);
	if (last->frame_off == NMW_INLINE || end >= c->frame_sz)
		c->guess = (const uint8_t *)next + (c->slot_room > NMW_LINE ? NMW_LINE : 0);
	else
		c->guess = c->frames + end;
	c->guess_more = last->frame_off != NMW_INLINE && last->len > NMW_LINE ? NMW_LINE : 0;
}

/* Hands the first n messages back; the producer may overwrite them. */
static inline void nmw_cons_release(struct nmw_cons *c, unsigned n)
{
	if (n > 0)
		nmw_cons_guess(c, nmw_cons_slot(c, n - 1), nmw_cons_slot(c, n));
	c->next += n;
	if (c->cursor)
		__atomic_store_n(c->cursor, c->next - 1, __ATOMIC_RELEASE);
}

/* Goes on behind the first n messages without handing them back: nmw_cons_done does later. */
static inline void nmw_cons_keep(struct nmw_cons *c, unsigned n)
{
	if (n > 0)
		nmw_cons_guess(c, nmw_cons_slot(c, n - 1), nmw_cons_slot(c, n));
	c->next += n;
}

/* Hands back what was kept, up to message seq. */
static inline void nmw_cons_done(struct nmw_cons *c, uint64_t seq)
{
	__atomic_store_n(c->cursor, seq, __ATOMIC_RELEASE);
}

/* A tap that was overrun: how many messages it missed since the last call (and it skips ahead). A
 * tap copies what it wants of a burst, then asks: 0 = the copy is good, release the burst; else the
 * copy may be torn, drop it, do not release, and ask nmw_cons_ready again. */
uint64_t nmw_cons_missed(struct nmw_cons *c);
/* LIVE, CLOSED, DEAD or CORRUPT; one fcntl: call it when idle. CLOSED with nothing ready after it
 * was seen = drained. For one that follows another, a closed ring is LIVE until that one has read
 * it all, and DEAD when that one is not there (it may come back). */
enum nmw_ring_state nmw_cons_state(struct nmw_cons *c);
const char *nmw_cons_name(const struct nmw_cons *c);
/* The named consumer that this one waits for, while that one is not there: never was, left, or
 * died; else NULL. One fcntl: call it when idle. */
const char *nmw_cons_awaited(const struct nmw_cons *c);
/* What the producer of a closed ring said of it. */
enum nmw_ring_flaw nmw_cons_flaw(const struct nmw_cons *c);
/* Sleeps until the ring has a message at c->next or timeout_ns is over; costs the producer nothing
 * until somebody sleeps (membarrier + futex). */
void nmw_cons_sleep(struct nmw_cons *c, uint64_t timeout_ns);

/* ---- looking at a ring without joining it (nmw-stat) ---------------------------------------- */

struct nmw_ring_info {
	char name[NMW_RING_NAME_MAX];
	char tool[16];
	uint32_t version;
	uint64_t slots, frame_bytes, file_bytes;
	uint32_t slot_sz, page_sz;
	bool private_ring;
	enum nmw_ring_state state;
	enum nmw_ring_flaw flaw; /* of a closed one */
	uint64_t created_ns;   /* CLOCK_REALTIME; tells a ring from a later one of the same name */
	uint32_t producer_pid; /* for people only; liveness is the lock */
	uint64_t published;    /* last sequence number */
	unsigned routes;
	char route[5][9]; /* their names (ring/route.h) */
	unsigned consumers;
	struct {
		char name[32];
		char route[9]; /* that it takes; "" = all, "?" = none that there is */
		uint64_t cursor;
		uint32_t pid;
		bool alive, named;
	} consumer[NMW_RING_CONSUMERS];
};

int nmw_ring_inspect(const char *name, struct nmw_ring_info *out, struct nmw_err *e);
/* Calls fn with the name of every ring file of the ring directories, readable or not, until it
 * returns other than 0, and returns that. The names are listed before, so fn may remove files.
 * -errno when a directory cannot be read. */
int nmw_ring_each(int (*fn)(const char *name, void *arg), void *arg, struct nmw_err *e);
/* Removes rings whose ends are all dead. Returns how many, or a negative errno. A file that is no
 * ring, or of another version, stays. */
int nmw_ring_reap(bool closed_only, struct nmw_err *e);
/* The same, told ring by ring: fn is called for each that was removed (dry_run: that would be) with
 * what it was, kept NULL, and for each file that stays because it cannot be removed or is no ring
 * of this version, with the reason in kept. */
typedef void (*nmw_ring_reap_fn)(const char *name, const struct nmw_ring_info *was,
				 const struct nmw_err *kept, void *arg);
int nmw_ring_reap_each(bool dry_run, nmw_ring_reap_fn fn, void *arg, struct nmw_err *e);

#endif
