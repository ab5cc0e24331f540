/* places.h: where each client's connection stands, to the byte, for a writer that comes after this
 * one was killed.
 *
 *   DIR/clients.DAY, mapped:  | head | row | row | ...      a row an account
 *   row:  account, protocol, session, login_seq, active, | place 0 | place 1 |
 *
 * A place says: when `bytes` had been written to the socket, what comes next is the rest of `head`,
 * then the account's log from message seq, byte skip, on.  It is written beside the active one and
 * made active by one store, so a kill at any instruction leaves one that was true.  How many bytes
 * were written since, the kernel knows of the socket; they are skipped.
 *
 * One thread.  A store costs a copy of 64 bytes.
 */
#ifndef NMW_SEND_PLACES_H
#define NMW_SEND_PLACES_H

#include "base/err.h"
#include <stdint.h>

#define PLACE_HEAD 36u /* bytes of the longest packet that is not of the log */

struct place {
	uint64_t bytes; /* written to the socket before */
	uint64_t seq;
	uint32_t skip;
	uint8_t head_at, head_len;
	uint8_t head[PLACE_HEAD];
	uint8_t pad[6];
};
_Static_assert(sizeof(struct place) == 64, "a cache line");

struct place_row {
	char account[10];
	char protocol[8];
	uint8_t active; /* which of the two */
	uint8_t pad;
	uint32_t session; /* 0: not connected */
	uint64_t login_seq;
	uint8_t pad1[32];
	struct place place[2];
};
_Static_assert(sizeof(struct place_row) == 192, "row of the places of clients");

struct places {
	struct places_head *head; /* NULL: there is no directory */
	struct place_row *row;
	uint32_t max;
	int fd;
};

/* dir NULL: no places are kept. */
int places_open(struct places *p, const char *dir, const char *day, uint32_t max,
		struct nmw_err *e);
void places_close(struct places *p);
/* The row of the account, made when it is not there; NULL: no places are kept, or no room. */
struct place_row *places_row(struct places *p, const char account[10], const char *protocol);

static inline const struct place *place_active(const struct place_row *r)
{
	return &r->place[r->active & 1];
}
void place_store(struct place_row *r, const struct place *now);

/* Bytes that were ever written to a TCP socket, by whatever program; a negative errno. */
int64_t place_written(int fd);

#endif
