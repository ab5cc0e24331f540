/* format.h: the bytes of a journal.  man/nmw-journal.5 states the same.
 *
 * A journal is a directory:
 *
 *   log.<n>    segments: records from number n on, in batches; preallocated, zero behind the last
 *   snap.<n>   snapshots: the state after record n
 *   lock       locked by the one writer
 *
 * n is 20 decimal digits, so that names sort as numbers.  A segment:
 *
 *   0      512         +64    +24+48+len     +24+48+len                 -8
 *   +------+-----------+------+--------------+--------------+--- - - ---+---------+---------+----
 *   | head | batch head|record|              |record        |  zero pad | trailer | batch   | 0 0
 *   +------+-----------+------+--------------+--------------+-----------+---------+---------+----
 *
 * A batch is what one write(2) wrote; it starts at a multiple of 64 bytes, so its head never
 * crosses a sector.  The trailer's last byte is not zero: a batch whose last byte is zero never was
 * whole.  Host byte order (x86-64: little-endian).
 *
 * Torn or damaged?  What was cut by a crash is at the end, misses its last bytes or whole sectors
 * (they are zero), and no later batch says that it was durable.  All else is damage.
 */
#ifndef NMW_JOURNAL_FORMAT_H
#define NMW_JOURNAL_FORMAT_H

#include "base/msg.h"
#include <stddef.h>
#include <stdint.h>

#define JN_SEG_MAGIC   0x314c4e524a574d4eull /* "NMWJRNL1" in memory */
#define JN_SNAP_MAGIC  0x31504e534a574d4eull /* "NMWJSNP1" */
#define JN_BATCH_MAGIC 0x5441424au	     /* "JBAT" */
#define JN_VERSION     1u
#define JN_TRAILER     0xA55A4C494154524Aull /* top byte not zero */
#define JN_MARK	       0xC35A4B52414D4E4Aull
#define JN_SECTOR      512u
#define JN_ALIGN       64u
#define JN_BATCH_MAX   (1u << 20) /* bytes of the largest batch */

struct jn_seg_head { /* at 0 of a segment */
	uint64_t magic;
	uint32_t version;
	uint32_t head_sz; /* 512: the first batch lies there */
	uint64_t conf_hash;
	uint64_t first; /* number of the first record */
	uint64_t seg_sz;
	uint64_t created_ns; /* CLOCK_REALTIME */
	char software[16];   /* version of the tools that wrote it */
	uint8_t pad[444];
	uint32_t crc; /* of the 508 bytes before */
};

#define JN_LAST_OF_SEGMENT 1u

struct jn_batch {
	uint32_t magic;
	uint32_t crc;	  /* of the 56 bytes behind */
	uint64_t first;	  /* number of its first record */
	uint32_t n;	  /* records */
	uint32_t bytes;	  /* head to trailer, a multiple of 64 */
	uint64_t durable; /* records up to this one were on disk before this was written */
	uint32_t flags;	  /* JN_* */
	uint32_t pad[5];
	uint64_t mark; /* JN_MARK: its last byte is not zero */
};

struct jn_rec {
	uint32_t crc;	/* of all behind it: 20 bytes, descriptor, payload */
	uint32_t len;	/* payload bytes */
	uint16_t kind;	/* enum nmw_journal_kind */
	uint16_t input; /* input it came from: index of an INPUT record */
	uint32_t pad;
	uint64_t number; /* 1, 2, 3 .. over all segments */
			 /* struct nmw_slot (48 bytes), payload, zeros to a multiple of 8 */
};

struct jn_snap_head { /* at 0 of a snapshot; the region lies at region_off */
	uint64_t magic;
	uint32_t version;
	uint32_t head_sz; /* 8192 */
	uint64_t conf_hash;
	uint64_t number; /* last record that is in the state */
	uint64_t region_sz;
	uint64_t region_off; /* 8192 */
	uint64_t created_ns;
	char software[16];
	uint32_t region_crc;
	uint32_t user_sz; /* bytes of the caller's own position, at 4096 */
	uint8_t pad[4016];
	uint8_t user[4092];
	uint32_t crc; /* of the 8188 bytes before */
};

#define JN_USER_MAX 4092u

_Static_assert(sizeof(struct jn_seg_head) == 512, "segment head is a sector");
_Static_assert(offsetof(struct jn_seg_head, crc) == 508, "crc at 508");
_Static_assert(sizeof(struct jn_batch) == 64, "batch head is 64 bytes");
_Static_assert(offsetof(struct jn_batch, mark) == 56, "mark at 56");
_Static_assert(sizeof(struct jn_rec) == 24, "record head is 24 bytes");
_Static_assert(offsetof(struct jn_rec, number) == 16, "number at 16");
_Static_assert(sizeof(struct jn_snap_head) == 8192, "snapshot head is 8192 bytes");
_Static_assert(offsetof(struct jn_snap_head, user) == 4096, "user at 4096");
_Static_assert(offsetof(struct jn_snap_head, crc) == 8188, "crc at 8188");

/* Bytes of a record in its batch. */
static inline uint32_t jn_rec_sz(uint32_t len)
{
	return (uint32_t)((sizeof(struct jn_rec) + NMW_DESC_SZ + len + 7u) & ~7u);
}

static inline uint32_t jn_align(uint32_t n)
{
	return (n + JN_ALIGN - 1) & ~(JN_ALIGN - 1);
}

#endif
