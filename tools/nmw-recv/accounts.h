/* accounts.h: who may log in, from --accounts FILE.
 *
 *     {"accounts": [{"user": "ALICE", "password": "$y$j9T$...", "codec": "ouch42",
 *                    "cancel_on_disconnect": true, "rate": "10kpps", "outstanding": 1000,
 *                    "session": "DAY01"}]}
 *
 * Passwords stand there as crypt(3) hashes only; a file that others may read is refused.  Names and
 * passwords are not case-sensitive (SoupBinTCP 3.00, 2.2.1): both are looked at in upper case, so a
 * hash is one of the password in upper case, as `nmw-recv --hash-password` makes it.
 *
 * Read-only after load; check takes milliseconds of CPU by design, and may run in any thread.
 */
#ifndef NMW_RECV_ACCOUNTS_H
#define NMW_RECV_ACCOUNTS_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNTS_MAX 65536u
#define HASH_MAX     384u /* bytes of a crypt(3) hash, with the NUL */
#define USER_LEN     6u
#define PASSWORD_LEN 10u

struct account {
	char user[USER_LEN]; /* upper case, space padded */
	char session[10];    /* upper case, space padded; all spaces = any */
	uint8_t codec;	     /* enum nmw_codec_id */
	uint32_t number;     /* place in the file, from 1: the id of its session */
	bool cancel_on_disconnect;
	uint32_t up;	      /* the connection that is logged in, as the caller counts; 0 = none */
	uint32_t checking;    /* passwords for it that are being checked, by the caller */
	uint64_t interval_ns; /* between two messages at its rate; 0 = no limit */
	uint64_t outstanding; /* most messages that the slowest reader has yet to take; 0 = no limit
			       */
	const char *hash;
};

struct accounts {
	struct account *v; /* sorted by user */
	uint32_t n;
	char *hashes; /* HASH_MAX each */
};

int accounts_load(struct accounts *a, const char *path, struct nmw_err *e);
void accounts_free(struct accounts *a); /* safe on a zeroed one */
/* The account of that name (6 characters, any case, padded), or NULL. */
struct account *accounts_find(const struct accounts *a, const char user[USER_LEN]);
/* Whether the password (10 characters, padded) is that of the hash; compares in constant time.
 * work: accounts_work_size bytes of the calling thread. */
bool accounts_check(const char *hash, const char password[PASSWORD_LEN], void *work);
size_t accounts_work_size(void);
/* Reads a password from a line of stdin and prints its hash. */
int accounts_hash_password(struct nmw_err *e);

#endif
