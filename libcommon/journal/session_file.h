/* session_file.h: the file of one account; private to session_log.c.
 *
 * Append only.  Each record's checksum covers its number, so that a file with a hole in it ends at
 * the hole.  An index of 512 places, whose stride doubles when it is full, finds a record with at
 * most `stride` steps, whatever the size of the file.
 */
#ifndef NMW_JOURNAL_SESSION_FILE_H
#define NMW_JOURNAL_SESSION_FILE_H

#include "base/err.h"
#include <stdint.h>

#define SESSION_INDEX 512u

struct session_head {
	char magic[8]; /* "NMWSLOG1" */
	uint32_t crc;  /* of what follows */
	char account[10], name[10];
	char protocol[16];
	uint32_t session; /* id of the session that was its last */
	uint8_t pad[12];
};
_Static_assert(sizeof(struct session_head) == 64, "head of a session log file");

struct session_record {
	uint32_t crc; /* of the record's number, the rest of this, and the message */
	uint16_t len;
	uint16_t pad;
	uint64_t ring_seq, ts_ns;
};
_Static_assert(sizeof(struct session_record) == 24, "record of a session log file");

struct session_file {
	int fd; /* -1: none */
	uint64_t size;
	uint64_t next; /* number of the next record, from 1 */
	uint64_t last_ring_seq, last_ts_ns;
	uint64_t torn; /* bytes that were cut off at open */
	uint32_t stride, entries;
	uint64_t *index; /* index[i]: offset of record 1 + i * stride */
};

/* Opens or makes the file and reads it through.  head says what it must be of, and is what it is of
 * then: a name that is all spaces becomes that of the file, or `fallback` when it is new.  A file
 * of another name is moved to PATH.NAME.n. */
int session_file_open(struct session_file *f, const char *path, const char fallback[10],
		      struct session_head *head, struct nmw_err *e);
void session_file_close(struct session_file *f);
/* Reads the head of a file: 0, or -EBADMSG and other negative errnos: it is none of ours. */
int session_file_peek(const char *path, struct session_head *head);
/* Notes the session id in the head. */
void session_file_bind(struct session_file *f, uint32_t session);
/* The checksum of record number seq; msg: rec->len bytes. */
uint32_t session_record_crc(const struct session_record *rec, uint64_t seq, const uint8_t *msg);
/* The next record begins at offset `at` bytes behind the end of the file as it is. */
void session_file_note(struct session_file *f, uint64_t at);
/* Appends n bytes, whole records that were noted. A negative errno: the file is cut back. */
int session_file_append(struct session_file *f, const void *buf, uint32_t n);
/* The nearest indexed record at or before seq: its offset, and its number in *at. */
uint64_t session_file_near(const struct session_file *f, uint64_t seq, uint64_t *at);

#endif
