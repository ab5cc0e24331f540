/* session.h: sessions and the accounts that they belong to.
 *
 * A session is a connection of the input (its id is the stage's, any u32 but 0); an account is a
 * user name together with a protocol, and the scope of order ids: a client that comes back under
 * the same name finds its orders.  A session without a name is an account of its own, and who comes
 * under its id later, with a login, is somebody else.  Replies go
 * to the session that entered the order while it is up, else to the account's latest.
 *
 * No allocation; lies in the engine's region. Index 0 is "none" for both.
 */
#ifndef NMW_BOOK_SESSION_H
#define NMW_BOOK_SESSION_H

#include "base/msg.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct nmw_session {
	uint32_t id;	  /* the stage's */
	uint16_t account; /* index */
	uint8_t codec;	  /* enum nmw_codec_id; 0 = not yet known */
	bool up;
	bool cancel_on_disconnect;
	bool greeted; /* start of day was sent */
	bool loose;   /* orders of it may stand in no list */
	bool said;    /* a login said whose it is; else it began with a message */
	uint8_t pad[4];
	uint32_t first, last; /* its orders, oldest first, while cancel_on_disconnect */
	uint64_t ready;	      /* the descriptor of an order that it can be taken from as it is, see
			       * nmw_session_tag; 0: not up, not greeted, protocol not known */
};
_Static_assert(sizeof(struct nmw_session) == 32, "two a cache line");

struct nmw_account {
	char name[10]; /* space padded; all spaces = no name */
	uint8_t codec;
	uint8_t pad;
	uint16_t latest; /* session that logged in last */
	uint16_t pad1;
	uint32_t last_urn; /* OUCH 5.0: highest user reference number used */
	uint8_t pad2[12];
};
_Static_assert(sizeof(struct nmw_account) == 32, "two a cache line");

struct nmw_sessions {
	uint32_t max, count, accounts, up;
	uint32_t mask; /* of the tables */
	uint32_t pad[11];
	/* then: max + 1 sessions, max + 1 accounts, tables of u16 by id and by name */
};

#define NMW_SESSION_TAG UINT64_C(0xFFFF0000FFFFFFFF)

/* The end of a descriptor but for the length: session, channel, codec. */
static inline uint64_t nmw_session_tag(uint32_t id, uint8_t channel, uint8_t codec)
{
	return id | (uint64_t)channel << 48 | (uint64_t)codec << 56;
}
static inline uint64_t nmw_session_tag_of(const struct nmw_slot *s)
{
	uint64_t end;
	memcpy(&end, &s->session, sizeof(end));
	return end & NMW_SESSION_TAG;
}
/* After a change of what it depends on. */
static inline void nmw_session_make_ready(struct nmw_session *s)
{
	bool ouch = s->codec == NMW_CODEC_OUCH42 || s->codec == NMW_CODEC_OUCH50;
	s->ready = s->up && s->greeted && ouch ? nmw_session_tag(s->id, NMW_CH_ORDER, s->codec) : 0;
}

size_t nmw_sessions_footprint(uint32_t max);
void nmw_sessions_init(struct nmw_sessions *t, uint32_t max);

static inline struct nmw_session *nmw_session_at(struct nmw_sessions *t, uint32_t i)
{
	return (struct nmw_session *)(void *)(t + 1) + i;
}
static inline struct nmw_account *nmw_account_at(struct nmw_sessions *t, uint32_t i)
{
	return (struct nmw_account *)(void *)(nmw_session_at(t, t->max + 1)) + i;
}

static inline uint16_t *nmw_session_table(struct nmw_sessions *t)
{
	return (uint16_t *)(void *)nmw_account_at(t, t->max + 1);
}

/* Index of the session with that id, 0 = not there. Ids are dense and small as a rule, so that they
 * are their own hash. */
static inline uint32_t nmw_session_find(struct nmw_sessions *t, uint32_t id)
{
	const uint16_t *table = nmw_session_table(t);
	for (uint32_t i = id & t->mask; table[i]; i = (i + 1) & t->mask)
		if (nmw_session_at(t, table[i])->id == id)
			return table[i];
	return 0;
}

/* Whether a login would put a session that is up under another account: it must go down before. */
bool nmw_session_moves(struct nmw_sessions *t, uint32_t i, const char account[10], uint8_t codec);
/* The only one that may be ready for an order with that tag, mostly. table, mask: of the sessions.
 */
static inline uint32_t nmw_session_guess(const uint16_t *table, uint32_t mask, uint64_t tag)
{
	return table[(uint32_t)tag & mask];
}
/* Opens a session, or opens it again. 0: the table is full. */
uint32_t nmw_session_login(struct nmw_sessions *t, uint32_t id, const char account[10],
			   uint8_t codec, bool cancel_on_disconnect);
void nmw_session_down(struct nmw_sessions *t, uint32_t i);
/* Fixes the protocol of a session that had none. False: it speaks another. */
bool nmw_session_speaks(struct nmw_sessions *t, uint32_t i, uint8_t codec);
/* Where replies about an order of that account go, which session i entered: to it while it is up
 * and still the account's, else to the account's latest. 0: nobody. */
static inline uint32_t nmw_session_reply_to(struct nmw_sessions *t, uint32_t i, uint32_t account)
{
	const struct nmw_session *s = nmw_session_at(t, i);
	if (__builtin_expect(s->up && s->account == account, 1))
		return i;
	uint32_t latest = nmw_account_at(t, account)->latest;
	return nmw_session_at(t, latest)->account == account ? latest : 0;
}

#endif
