/* session_log.h: what was said to each account, so that a client that comes back misses nothing.
 *
 * SoupBinTCP numbers the sequenced messages of a session from 1 and lets a client ask for any of
 * them again.  The log holds them, whether anybody is connected or not; what goes to a socket is
 * read from here and nowhere else, so that a replay and the live stream are the same thing.
 *
 *   arena (memory, of all accounts together; the oldest message gives way)
 *       tail                                            head
 *        |account, seq, len|'S' packet|account, seq, ...|
 *             each linked to the one before and after it of its account
 *
 *   DIR/ACCOUNT.PROTOCOL.DAY (with a directory; append only, a file an account and day)
 *        0                64
 *        | head           | crc, len, ring_seq, ts_ns, message | crc, ...
 *
 * With a directory a message that left memory is read from its file, and a log that is opened again
 * goes on: what a crash cut off at the end of a file is taken away, and messages that come from the
 * ring a second time are known by their place in it and not taken twice.  Data is handed to the
 * kernel with flush, not forced to the disk: it survives this program, not the machine.
 *
 * One thread.  Memory: the arena at open, 4 KiB an account when it is first seen.  append costs a
 * copy; read costs a copy, and a step for each message between the cursor's and the nearer end of
 * the account's messages when the cursor is new.
 */
#ifndef NMW_JOURNAL_SESSION_LOG_H
#define NMW_JOURNAL_SESSION_LOG_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_SESSION_LOG_MIN (1ull << 20) /* bytes of the smallest arena */

struct nmw_session_log;

struct nmw_session_log_conf {
	uint64_t memory;   /* bytes of the arena, SESSION_LOG_MIN or more */
	uint32_t accounts; /* most accounts */
	const char *dir;   /* NULL: memory only; kept */
	const char *day;   /* "20261122": in file names: another day begins at 1; copied */
	char name[10];	   /* session name of accounts that bring none, space padded */
};

int nmw_session_log_open(struct nmw_session_log **out, const struct nmw_session_log_conf *c,
			 struct nmw_err *e);
/* Writes out what is pending, closes. NULL is allowed. */
void nmw_session_log_close(struct nmw_session_log *l);

/* Index of the account (10 characters, space padded, of one protocol: "ouch42"), opened when it is
 * new.  name: session name, or NULL; a file of another name is moved aside and the numbers begin
 * at 1.  -ENOSPC: `accounts` are there. */
int nmw_session_log_account(struct nmw_session_log *l, const char account[10], const char *protocol,
			    const char *name, struct nmw_err *e);
const char *nmw_session_log_name(const struct nmw_session_log *l, int account); /* 10 characters */
/* Sequence number of the next message to come; of the oldest that can still be read. */
uint64_t nmw_session_log_next(const struct nmw_session_log *l, int account);
uint64_t nmw_session_log_oldest(const struct nmw_session_log *l, int account);

/* Bytes of the packets that were appended since the log was opened. */
uint64_t nmw_session_log_bytes(const struct nmw_session_log *l, int account);

/* Accounts of the day are read from the directory at open, so that replies find them before their
 * clients are back: index 0..accounts-1; the session id that an account had last, 0 = none. */
uint32_t nmw_session_log_accounts(const struct nmw_session_log *l);
uint32_t nmw_session_log_session(const struct nmw_session_log *l, int account);
void nmw_session_log_bind(struct nmw_session_log *l, int account, uint32_t session);
const char *nmw_session_log_of(const struct nmw_session_log *l, int account); /* 10 characters */
const char *nmw_session_log_protocol(const struct nmw_session_log *l, int account);

/* Takes a message of up to 65,534 bytes; ring_seq and ts_ns say where it comes from.  True: it is
 * the account's next; false: the log has had it already, before a restart. */
bool nmw_session_log_append(struct nmw_session_log *l, int account, uint64_t ring_seq,
			    uint64_t ts_ns, const uint8_t *msg, uint32_t len);
/* Hands what was appended to the files. 0; or a negative errno, from then on always: nothing more
 * is written, and what came since the last 0 must not be sent to anybody, because a log that is
 * opened again gives its numbers to other messages. */
int nmw_session_log_flush(struct nmw_session_log *l, struct nmw_err *e);

/* A place in the stream of an account: `skip` bytes of message seq are behind it. */
struct nmw_session_cursor {
	uint64_t seq;
	uint32_t skip;
	uint32_t first_left;	    /* bytes of message seq in what was read last */
	uint64_t at, next_at;	    /* hints: where seq, and what follows the last read, lies */
	uint64_t file_at, file_seq; /* hint: a record of the file, and its number */
};
void nmw_session_cursor_set(struct nmw_session_cursor *c, uint64_t seq);
/* Copies SoupBinTCP 'S' packets from the cursor on, up to message `end` (not with it) and cap bytes
 * (65,537 or more), all of them whole but the first, which lacks `skip` bytes.  Returns the bytes;
 * 0 = there is nothing; -ENODATA: message seq is gone. */
int nmw_session_log_read(struct nmw_session_log *l, int account, struct nmw_session_cursor *c,
			 uint64_t end, uint8_t *buf, uint32_t cap);
/* Of the len bytes that read gave last, the first n were sent: how many messages that completed. */
uint32_t nmw_session_cursor_advance(struct nmw_session_cursor *c, const uint8_t *buf, uint32_t len,
				    uint32_t n);

struct nmw_session_log_stat {
	uint32_t accounts;
	uint64_t torn_bytes; /* cut off the ends of files at open */
	uint64_t evicted;    /* messages that left memory */
	uint64_t duplicates;
};
const struct nmw_session_log_stat *nmw_session_log_stat(const struct nmw_session_log *l);

#endif
