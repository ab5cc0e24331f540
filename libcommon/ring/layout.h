/* layout.h: the bytes of a ring file.  man/nmw-ring.5 states the same for other languages, and
 * tests/unit/test_ring_layout.c pins it by figures.
 *
 * Who writes what: the geometry is written once, before the file gets its name.  The producer's
 * lines lie in the same page, which consumers and taps map read-only.  Only the control area is
 * writable by consumers, so whatever stands there may be wrong or hostile, and the producer checks
 * it.
 *
 *   header     0 geometry (128)   128 producer (64)   192 progress (64)
 *   control    0 sleepers (128)   128 + 128 i  consumer i (128), i = 0..15
 *   slots      slot_cnt x slot_sz, struct nmw_slot
 *   frames     bytes
 *
 * Host byte order.  Every shared word is a naturally aligned u32 or u64, read and written whole.
 */
#ifndef NMW_RING_LAYOUT_H
#define NMW_RING_LAYOUT_H

#include "ring/ring.h"
#include <stddef.h>
#include <stdint.h>

#define NMW_RING_MAGIC	 0x31474e4952574d4eull /* "NMWRING1" in memory */
#define NMW_RING_VERSION 1u
#define NMW_RING_SUFFIX	 ".ring"

#define NMW_RING_HDR_SZ	     256u	  /* bytes of struct nmw_ring_hdr */
#define NMW_RING_STRIDE	     128u	  /* bytes between consumer lines: two cache lines */
#define NMW_RING_CTL_SZ	     (17u * 128u) /* bytes of struct nmw_ring_ctl */
#define NMW_RING_FRAME_ALIGN 64u	  /* frames start on a cache line */
#define NMW_RING_FRAMES_MAX  (1ull << 40) /* bytes */
#define NMW_RING_SLOT_SZ_MAX 4096u	  /* bytes */
#define NMW_RING_PAGE_MAX    (1ull << 30) /* bytes */

/* Bytes of the file that are locked (OFD, exclusive); a lock says "I live". */
#define NMW_RING_LOCK_PRODUCER	  0u
#define NMW_RING_LOCK_CONSUMER(i) (1u + (i))
#define NMW_RING_LOCK_JOIN	  32u /* held while joining, leaving, removing */

/* geometry.flags */
#define NMW_RING_F_PRIVATE 1u /* of one pipeline; its file goes with it */

struct nmw_ring_geom {
	uint64_t magic;
	uint32_t version;
	uint32_t hdr_sz; /* bytes of the header: 256 */
	uint64_t file_sz;
	uint64_t ctl_off;
	uint64_t slots_off;
	uint64_t frames_off;
	uint64_t frame_sz;   /* bytes of the frame area */
	uint64_t slot_cnt;   /* power of two */
	uint32_t slot_sz;    /* bytes, power of two */
	uint32_t page_sz;    /* bytes of a page of the backing; every offset is a multiple */
	uint32_t flags;	     /* NMW_RING_F_* */
	uint32_t consumers;  /* 16 */
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint64_t pad[4];
	uint64_t check; /* FNV-1a of the 120 bytes before */
};

struct nmw_ring_producer {
	char tool[16];
	uint32_t pid;	      /* for people; liveness is the lock */
	uint32_t closed;      /* 1: no more will come */
	uint32_t membarrier;  /* 1: the producer takes part in the sleepers' barrier */
	uint32_t flaw;	      /* enum nmw_ring_flaw; stored before closed */
	uint64_t started_ns;  /* CLOCK_REALTIME of this producer */
	uint64_t resumes;     /* producers after the first */
	uint64_t evicted;     /* dead consumers whose cursor was released */
	uint64_t bad_cursors; /* consumers put out for a cursor that cannot be */
};

struct nmw_ring_progress {
	uint64_t claim;	      /* slots of messages below it may be being written */
	uint64_t published;   /* a sequence number that was published; exact once closed */
	uint64_t frame_floor; /* frames of messages up to it may be overwritten */
	char route[5][8];     /* names of the routes 1 to 5, NUL padded; see ring/route.h */
};

struct nmw_ring_hdr {
	struct nmw_ring_geom g;
	struct nmw_ring_producer p;
	struct nmw_ring_progress at;
};

enum nmw_line_state {
	NMW_LINE_FREE = 0,
	NMW_LINE_JOINING = 1, /* start not fixed yet; the producer holds still for it */
	NMW_LINE_UNNAMED = 2, /* released when its consumer dies */
	NMW_LINE_NAMED = 3,   /* kept when its consumer dies */
	NMW_LINE_EVICTED = 4, /* put out by the producer: its cursor was invalid: moved back, or
				 beyond what was published */
};

struct nmw_ring_line {
	uint64_t cursor;		  /* highest sequence number it is done with */
	uint32_t state;			  /* enum nmw_line_state */
	uint32_t pid;			  /* for people */
	char name[NMW_RING_CONSUMER_MAX]; /* NUL padded; empty = unnamed */
	uint64_t joined_ns;
	uint32_t route; /* that it takes beside what is for all; 0: it takes everything */
	uint32_t pad32;
	uint64_t pad[7];
	uint64_t turn; /* its last turn, if it spins on a CPU that others share: see wait.h */
};

struct nmw_ring_ctl {
	uint32_t sleepers; /* not 0: somebody sleeps on wake_seq */
	uint32_t wake_seq; /* futex word; the producer adds one a wake */
	uint64_t turn;	   /* the producer's last */
	uint32_t pad[28];
	struct nmw_ring_line line[NMW_RING_CONSUMERS];
};

_Static_assert(sizeof(struct nmw_ring_geom) == 128, "geometry is 128 bytes");
_Static_assert(offsetof(struct nmw_ring_geom, slot_cnt) == 56, "slot_cnt at 56");
_Static_assert(offsetof(struct nmw_ring_geom, slot_sz) == 64, "slot_sz at 64");
_Static_assert(offsetof(struct nmw_ring_geom, check) == 120, "check at 120");
_Static_assert(sizeof(struct nmw_ring_producer) == 64, "producer is one line");
_Static_assert(offsetof(struct nmw_ring_producer, flaw) == 28, "flaw at 128 + 28");
_Static_assert(sizeof(struct nmw_ring_progress) == 64, "progress is one line");
_Static_assert(offsetof(struct nmw_ring_hdr, p) == 128, "producer at 128");
_Static_assert(offsetof(struct nmw_ring_hdr, at) == 192, "progress at 192");
_Static_assert(sizeof(struct nmw_ring_hdr) == NMW_RING_HDR_SZ, "header is 256 bytes");
_Static_assert(offsetof(struct nmw_ring_line, turn) == 120, "a consumer's turn at 120");
_Static_assert(offsetof(struct nmw_ring_ctl, turn) == 8, "the producer's turn at 8");
_Static_assert(sizeof(struct nmw_ring_line) == NMW_RING_STRIDE, "consumer line is 128 bytes");
_Static_assert(offsetof(struct nmw_ring_line, route) == 56, "route at 56 of a line");
_Static_assert(offsetof(struct nmw_ring_ctl, line) == 128, "consumer lines at 128");
_Static_assert(sizeof(struct nmw_ring_ctl) == NMW_RING_CTL_SZ, "control is 17 x 128 bytes");

#endif
