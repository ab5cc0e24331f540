/* ring_file.h: a ring's file: made, opened, checked, mapped, removed.  Private to libcommon/ring
 * and its tests.
 *
 * The right to remove or replace the file of a name belongs to whoever holds the producer's lock of
 * the file that the name stands for; a name that is free is taken by a rename that replaces
 * nothing. So no two processes ever disagree about what a name means, and nobody sees half a ring.
 */
#ifndef NMW_RING_RING_FILE_H
#define NMW_RING_RING_FILE_H

#include "ring/layout.h"
#include "ring/route.h"
#include "ring/shm.h"

#define NMW_RING_PATH_MAX 4200u /* bytes of a path, with the NUL */

#define NMW_ARENA_MARKS 128u /* twice what the stretches of an area need */

/* All frames before position end belong to messages up to seq. */
struct nmw_arena_mark {
	uint64_t seq;
	uint64_t end;
};

/* The producer's book on the frame area; ring_arena.c draws it. */
struct nmw_arena {
	uint64_t base;		    /* position of offset 0 in the lap of head */
	uint64_t head;		    /* next position to give out */
	uint64_t tail;		    /* all before is free */
	uint64_t open;		    /* end of the last mark */
	uint64_t last;		    /* highest message that has a frame */
	uint64_t stretch;	    /* bytes after which a mark is set */
	uint64_t burst, burst_next; /* head when message burst_next became the next one */
	uint64_t marks, marks_end;  /* oldest mark, next one to set */
	struct nmw_arena_mark mark[NMW_ARENA_MARKS];
};

/* What the producer knows of who reads its routes; 0 stands for who takes all. */
struct nmw_ring_routes {
	unsigned n;
	uint64_t read[NMW_ROUTES + 1]; /* the highest message that one who takes it is done with */
	uint64_t unread[NMW_ROUTES + 1]; /* messages that went by */
	uint64_t last[NMW_ROUTES + 1];	 /* the last message of it below looked */
	uint64_t looked;
};

/* The cold part of a handle. */
struct nmw_ring {
	int fd;
	bool any_owner; /* may belong to another user: shared by a group, or only looked at */
	char name[NMW_RING_NAME_MAX];
	char path[NMW_RING_PATH_MAX];
	struct nmw_ring_geom g; /* checked copy; the file's is not read again */
	struct nmw_ring_hdr *hdr;
	struct nmw_ring_ctl *ctl;
	uint8_t *slots, *frames;
	/* producer */
	char backing[512];
	unsigned min_consumers;
	bool started, closed;
	uint64_t checked_ns; /* when liveness was last looked at */
	struct nmw_arena arena;
	struct nmw_ring_routes routes;
	/* consumer */
	unsigned route;
	unsigned idx; /* its line; NMW_RING_CONSUMERS for a tap */
	bool named, corrupt;
	uint64_t missed;   /* tap: since it was last asked */
	char after[32];	   /* consumer to follow, empty = none */
	int after_idx;	   /* its line, -1 = not seen yet */
	uint64_t after_at; /* its cursor when last read */
};

/* Letters, digits, '.', '_', '-'; not starting with '.'; NMW_RING_NAME_MAX with the NUL. */
int nmw_ring_name_check(const char *name, struct nmw_err *e);
void nmw_ring_path(char path[NMW_RING_PATH_MAX], const char *dir, const char *name);

/* Fills offsets and sizes from slot_cnt, slot_sz, frame_sz (rounded up), page_sz. */
void nmw_ring_geom_lay(struct nmw_ring_geom *g);
uint64_t nmw_ring_geom_sum(const struct nmw_ring_geom *g);
/* Is it a ring of this version that fits a file of file_sz bytes with pages of page_sz? */
int nmw_ring_geom_check(const struct nmw_ring_geom *g, uint64_t file_sz, uint64_t page_sz,
			const char *name, struct nmw_err *e);

/* Makes the file (held under the producer's lock, mapped) from r->g and gives it r->name in dir;
 * replace (NULL = none): the path of the ring that makes way, whose producer's lock the caller
 * holds. -EEXIST: the name is taken. */
int nmw_ring_file_create(struct nmw_ring *r, const char *dir, bool group, const char *replace,
			 struct nmw_err *e);
/* Maps a ring to look at; freed by nmw_ring_file_free. NULL: e says why. */
struct nmw_ring *nmw_ring_look(const char *name, struct nmw_err *e);
/* Opens the file of r->name in the first directory that has it and checks it; flags O_RDWR or
 * O_RDONLY. -ENOENT: none. Not mapped yet. */
int nmw_ring_file_open(struct nmw_ring *r, int flags, struct nmw_err *e);
/* Maps each part with its own protection: producer all rw; consumer control rw, the rest r-; tap
 * all r-. */
int nmw_ring_file_map(struct nmw_ring *r, bool producer, bool tap, struct nmw_err *e);
/* Unmaps, closes (which drops the locks), frees. */
void nmw_ring_file_free(struct nmw_ring *r);
/* Does the name still stand for this file? */
bool nmw_ring_file_current(const struct nmw_ring *r);
/* Takes the lock, trying for up to wait_ms. 0, -EAGAIN or -errno. */
int nmw_ring_file_lock(const struct nmw_ring *r, uint64_t byte, unsigned wait_ms);
/* Removes the file; the caller holds the producer's lock. */
void nmw_ring_file_unlink(const struct nmw_ring *r);

/* The slot of message seq. */
static inline struct nmw_slot *nmw_ring_slot(const struct nmw_ring *r, uint64_t seq)
{
	return (struct nmw_slot *)(void *)(r->slots + (seq & (r->g.slot_cnt - 1)) * r->g.slot_sz);
}
/* Last published message: from the hint forward while sequence numbers match. */
uint64_t nmw_ring_published(const struct nmw_ring *r);
/* Oldest message whose slot and frame cannot be being overwritten. */
static inline uint64_t nmw_ring_oldest(const struct nmw_ring *r)
{
	uint64_t claim = __atomic_load_n(&r->hdr->at.claim, __ATOMIC_SEQ_CST);
	uint64_t floor = __atomic_load_n(&r->hdr->at.frame_floor, __ATOMIC_SEQ_CST);
	uint64_t slot = claim > r->g.slot_cnt ? claim - r->g.slot_cnt : 1;
	return slot > floor ? slot : floor + 1;
}
/* What a closed ring's producer said of it; what stands there may be anything. */
static inline enum nmw_ring_flaw nmw_ring_flaw_of(const struct nmw_ring *r)
{
	uint32_t flaw = __atomic_load_n(&r->hdr->p.flaw, __ATOMIC_ACQUIRE);
	return flaw < NMW_RING_FAILED ? (enum nmw_ring_flaw)flaw : NMW_RING_FAILED;
}
/* Whether a line in this state holds the producer back. */
static inline bool nmw_ring_line_counts(uint32_t state)
{
	return state == NMW_LINE_JOINING || state == NMW_LINE_UNNAMED || state == NMW_LINE_NAMED;
}
/* Removes a ring that nobody needs: closed and read to the end by all that are named, or private
 * without anybody alive. The caller holds the join lock and not the producer's. */
void nmw_ring_file_remove_unneeded(struct nmw_ring *r);
/* Removes what killed processes left: half-made files, and private rings of which nobody lives. */
void nmw_ring_sweep(void);
/* Counts the lines whose messages still matter: alive, or (not private) named and behind. */
unsigned nmw_ring_needed_by(const struct nmw_ring *r);

/* Releases the cursors of consumers that died and will not be back, at most every 50 ms. */
void nmw_prod_look_after(struct nmw_prod *p);

/* The number of a route; -ESRCH. */
int nmw_ring_route_find(const struct nmw_ring *r, const char *name, struct nmw_err *e);
/* How far routes are read: before slots are claimed. */
void nmw_prod_look_at_routes(struct nmw_prod *p);
/* Messages from, and before end, make way. */
void nmw_prod_pass_routes(struct nmw_prod *p, uint64_t from, uint64_t end);
/* The last messages: of routes that nobody takes any more. */
void nmw_prod_end_routes(struct nmw_prod *p);

/* Takes up the frames that messages hold which somebody has to read or may still join at. A frame
 * that does not follow the one before (frames of the producer's own, which it does not take from
 * the arena) closes the arena until all of them are done with. */
void nmw_arena_rebuild(struct nmw_prod *p);
/* Gives up frames ahead of need. */
void nmw_arena_early(struct nmw_prod *p);

int nmw_ring_futex_wait(const uint32_t *word, uint32_t val, uint64_t timeout_ns);
void nmw_ring_futex_wake(uint32_t *word);

#endif
