#include "book/session.h"

#include "base/bits.h"
#include <string.h>

static const char no_name[10] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};

static uint32_t table_size(uint32_t max)
{
	uint32_t n = 16;
	while (n < 2 * max)
		n *= 2;
	return n;
}

static size_t arrays_bytes(uint32_t max)
{
	return sizeof(struct nmw_sessions) +
	       (size_t)(max + 1) * (sizeof(struct nmw_session) + sizeof(struct nmw_account));
}

size_t nmw_sessions_footprint(uint32_t max)
{
	return arrays_bytes(max) + 2 * (size_t)table_size(max) * sizeof(uint16_t);
}

/* Accounts by their names: no more of them than half of the places. */
static uint16_t *names_of(struct nmw_sessions *t)
{
	return nmw_session_table(t) + t->mask + 1;
}

void nmw_sessions_init(struct nmw_sessions *t, uint32_t max)
{
	memset(t, 0, nmw_sessions_footprint(max));
	t->max = max;
	t->mask = table_size(max) - 1;
}

static uint32_t session_new(struct nmw_sessions *t, uint32_t id)
{
	if (t->count == t->max)
		return 0;
	uint32_t s = ++t->count;
	nmw_session_at(t, s)->id = id;
	uint32_t i = id & t->mask;
	while (nmw_session_table(t)[i])
		i = (i + 1) & t->mask;
	nmw_session_table(t)[i] = (uint16_t)s;
	return s;
}

/* A protocol that is not known yet fits any. */
static bool same_codec(uint8_t a, uint8_t b)
{
	return a == b || !a || !b;
}

static bool unnamed(const char name[10])
{
	return memcmp(name, no_name, sizeof(no_name)) == 0;
}

static uint32_t hash_of(const char name[10])
{
	uint64_t h = nmw_fnv(NMW_FNV_START, name, 10);
	return (uint32_t)(h ^ h >> 32);
}

/* The oldest account of a name whose protocol fits; 0: not there. */
static uint32_t account_find(struct nmw_sessions *t, const char name[10], uint8_t codec)
{
	const uint16_t *table = names_of(t);
	uint32_t found = 0;
	if (unnamed(name))
		return 0;
	for (uint32_t i = hash_of(name) & t->mask; table[i]; i = (i + 1) & t->mask) {
		const struct nmw_account *a = nmw_account_at(t, table[i]);
		if (same_codec(a->codec, codec) && memcmp(a->name, name, sizeof(a->name)) == 0 &&
		    (!found || table[i] < found))
			found = table[i];
	}
	return found;
}

static void account_name(struct nmw_sessions *t, uint32_t a, const char name[10])
{
	uint16_t *table = names_of(t);
	uint32_t i = hash_of(name) & t->mask;
	memcpy(nmw_account_at(t, a)->name, name, sizeof(nmw_account_at(t, a)->name));
	while (table[i])
		i = (i + 1) & t->mask;
	table[i] = (uint16_t)a;
}

static uint32_t account_new(struct nmw_sessions *t)
{
	if (t->accounts == t->max)
		return 0;
	memcpy(nmw_account_at(t, ++t->accounts)->name, no_name, sizeof(no_name));
	return t->accounts;
}

/* The account that a login of the session leads to; 0: one that is not there yet. A session that
 * began without a login gives its account the name, so that it keeps its orders; one that had a
 * login is another client's by now, as after a restart of the receiver, whose ids begin anew. */
static uint32_t account_for(struct nmw_sessions *t, const struct nmw_session *s,
			    const char name[10], uint8_t codec)
{
	const struct nmw_account *own = nmw_account_at(t, s->account);
	uint32_t i = account_find(t, name, codec);
	bool keeps = s->account && !s->said && same_codec(own->codec, codec) && unnamed(own->name);
	return !i && keeps ? s->account : i;
}

/* Puts the session under its account, which is made when it is not there. */
static bool account_bind(struct nmw_sessions *t, struct nmw_session *s, const char name[10],
			 uint8_t codec)
{
	uint32_t i = account_for(t, s, name, codec);
	if (!i && (i = account_new(t)) == 0)
		return false;
	if (!unnamed(name) && unnamed(nmw_account_at(t, i)->name))
		account_name(t, i, name);
	struct nmw_account *a = nmw_account_at(t, i);
	if (!a->codec)
		a->codec = codec;
	s->greeted = s->greeted && s->account == i;
	s->account = (uint16_t)i;
	s->codec = a->codec;
	return true;
}

bool nmw_session_moves(struct nmw_sessions *t, uint32_t i, const char account[10], uint8_t codec)
{
	const struct nmw_session *s = nmw_session_at(t, i);
	return s->up && account_for(t, s, account, codec) != s->account;
}

uint32_t nmw_session_login(struct nmw_sessions *t, uint32_t id, const char account[10],
			   uint8_t codec, bool cancel_on_disconnect)
{
	uint32_t i = nmw_session_find(t, id);
	if (!i && (i = session_new(t, id)) == 0)
		return 0;
	struct nmw_session *s = nmw_session_at(t, i);
	if (!account_bind(t, s, account, codec))
		return 0;
	if (!s->up)
		t->up++;
	s->up = true;
	s->cancel_on_disconnect = cancel_on_disconnect;
	nmw_session_make_ready(s);
	nmw_account_at(t, s->account)->latest = (uint16_t)i;
	return i;
}

void nmw_session_down(struct nmw_sessions *t, uint32_t i)
{
	struct nmw_session *s = nmw_session_at(t, i);
	if (s->up)
		t->up--;
	s->up = false;
	nmw_session_make_ready(s);
}

bool nmw_session_speaks(struct nmw_sessions *t, uint32_t i, uint8_t codec)
{
	struct nmw_session *s = nmw_session_at(t, i);
	struct nmw_account *a = nmw_account_at(t, s->account);
	if (!a->codec)
		a->codec = codec;
	s->codec = a->codec;
	nmw_session_make_ready(s);
	return s->codec == codec;
}
