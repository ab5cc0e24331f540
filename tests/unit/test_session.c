/* Sessions, accounts and the tokens of the day. */
#include "book/session.h"
#include "book/session_tokens.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);
	ck_assert_ptr_nonnull(p);
	memset(p, 0, size);
	return p;
}

static uint32_t login(struct nmw_sessions *t, uint32_t id, const char *account, uint8_t codec)
{
	char name[11] = "          ";
	memcpy(name, account, strlen(account));
	return nmw_session_login(t, id, name, codec, false);
}

START_TEST(sessions_are_found_whatever_their_ids)
{
	enum { N = 1000 };
	struct nmw_sessions *t = zeroed(nmw_sessions_footprint(N));
	nmw_sessions_init(t, N);
	for (uint32_t i = 0; i < N; i++) /* as of ten inputs: the low bits are all the same */
		ck_assert_uint_eq(login(t, (i % 10) << 24 | (i / 10 + 1), "", NMW_CODEC_OUCH42),
				  i + 1);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_uint_eq(nmw_session_find(t, (i % 10) << 24 | (i / 10 + 1)), i + 1);
	ck_assert_uint_eq(nmw_session_find(t, 11u << 24 | 1), 0);
	ck_assert_uint_eq(nmw_session_find(t, 0), 0);
	ck_assert_uint_eq(login(t, 77u << 24, "", NMW_CODEC_OUCH42), 0); /* full */
	ck_assert_uint_eq(login(t, 1, "", NMW_CODEC_OUCH42), 1);	 /* again */
	ck_assert_uint_eq(t->up, N);
	nmw_session_down(t, 1);
	nmw_session_down(t, 1);
	ck_assert_uint_eq(t->up, N - 1);
	free(t);
}
END_TEST

START_TEST(accounts_are_a_name_and_a_protocol)
{
	struct nmw_sessions *t = zeroed(nmw_sessions_footprint(16));
	nmw_sessions_init(t, 16);
	login(t, 1, "A", NMW_CODEC_OUCH42);
	login(t, 2, "A", NMW_CODEC_OUCH42);
	login(t, 3, "A", NMW_CODEC_OUCH50);
	login(t, 4, "B", NMW_CODEC_OUCH42);
	login(t, 5, "", NMW_CODEC_OUCH42);
	login(t, 6, "", NMW_CODEC_OUCH42);
	static const uint16_t want[] = {0, 1, 1, 2, 3, 4, 5};
	for (uint32_t i = 1; i <= 6; i++)
		ck_assert_uint_eq(nmw_session_at(t, i)->account, want[i]);
	login(t, 5, "C", NMW_CODEC_OUCH42); /* names its own account */
	ck_assert_uint_eq(nmw_session_at(t, 5)->account, 4);
	login(t, 6, "B", NMW_CODEC_OUCH42); /* there is one already */
	ck_assert_uint_eq(nmw_session_at(t, 6)->account, 3);
	login(t, 5, "D", NMW_CODEC_OUCH42); /* another user */
	ck_assert_uint_eq(nmw_session_at(t, 5)->account, 6);
	login(t, 7, "C", NMW_CODEC_NONE); /* the protocol is not known yet */
	ck_assert_uint_eq(nmw_session_at(t, 7)->account, 4);
	ck_assert(!nmw_session_speaks(t, 7, NMW_CODEC_OUCH50));
	ck_assert(nmw_session_speaks(t, 7, NMW_CODEC_OUCH42));
	free(t);
}
END_TEST

/* A receiver that was started again gives its ids anew: to whom, only a login says. */
START_TEST(an_id_that_logs_in_again_is_another_client)
{
	struct nmw_sessions *t = zeroed(nmw_sessions_footprint(16));
	nmw_sessions_init(t, 16);
	uint32_t i = login(t, 1, "", NMW_CODEC_OUCH42), first = nmw_session_at(t, i)->account;
	nmw_session_at(t, i)->said = true;
	char blank[10], name[10];
	memset(blank, ' ', sizeof blank);
	memset(name, 'A', sizeof name);
	ck_assert(nmw_session_moves(t, i, blank, NMW_CODEC_OUCH42));
	ck_assert(nmw_session_moves(t, i, name, NMW_CODEC_OUCH42));
	ck_assert_uint_eq(login(t, 1, "", NMW_CODEC_OUCH42), i);
	uint32_t second = nmw_session_at(t, i)->account;
	ck_assert_uint_ne(second, first);
	login(t, 1, "B", NMW_CODEC_OUCH42);
	uint32_t named = nmw_session_at(t, i)->account;
	ck_assert(named != first && named != second);
	login(t, 1, "B", NMW_CODEC_OUCH42); /* the same user again */
	ck_assert_uint_eq(nmw_session_at(t, i)->account, named);
	login(t, 1, "", NMW_CODEC_OUCH42); /* and nobody inherits from a name */
	ck_assert_uint_ne(nmw_session_at(t, i)->account, named);
	free(t);
}
END_TEST

START_TEST(replies_go_to_the_session_that_is_up)
{
	struct nmw_sessions *t = zeroed(nmw_sessions_footprint(4));
	nmw_sessions_init(t, 4);
	login(t, 1, "A", NMW_CODEC_OUCH42);
	login(t, 2, "A", NMW_CODEC_OUCH42);
	ck_assert_uint_eq(nmw_session_reply_to(t, 1, 1), 1);
	nmw_session_down(t, 1);
	ck_assert_uint_eq(nmw_session_reply_to(t, 1, 1), 2);
	nmw_session_down(t, 2); /* none is up: where it would be asked for */
	ck_assert_uint_eq(nmw_session_reply_to(t, 1, 1), 2);
	login(t, 2, "B", NMW_CODEC_OUCH42); /* another account's now */
	ck_assert_uint_eq(nmw_session_reply_to(t, 1, 1), 0);
	ck_assert_uint_eq(nmw_session_reply_to(t, 2, 1), 0);
	ck_assert_uint_eq(nmw_session_reply_to(t, 0, 0), 0);
	free(t);
}
END_TEST

START_TEST(accounts_are_limited)
{
	struct nmw_sessions *t = zeroed(nmw_sessions_footprint(2));
	nmw_sessions_init(t, 2);
	ck_assert_uint_eq(login(t, 1, "A", NMW_CODEC_OUCH42), 1);
	ck_assert_uint_eq(login(t, 2, "B", NMW_CODEC_OUCH42), 2);
	ck_assert_uint_eq(login(t, 2, "C", NMW_CODEC_OUCH42), 0);
	ck_assert_uint_eq(nmw_session_at(t, 2)->account, 2);
	free(t);
}
END_TEST

/* A day's logins, each under a name of its own: looked up one by one in a row they took 2e9
 * comparisons, some seconds. */
START_TEST(every_login_among_many_is_found)
{
	enum { N = 65534 };
	struct nmw_sessions *t = zeroed(nmw_sessions_footprint(N));
	nmw_sessions_init(t, N);
	for (uint32_t turn = 0; turn < 2; turn++)
		for (uint32_t i = 1; i <= N; i++) {
			char name[16];
			snprintf(name, sizeof(name), "U%u", i);
			ck_assert_uint_eq(login(t, i, name, NMW_CODEC_OUCH42), i);
			ck_assert_uint_eq(nmw_session_at(t, i)->account, i);
		}
	free(t);
}
END_TEST

static enum nmw_token_use use(struct nmw_tokens *t, struct nmw_key k)
{
	return nmw_tokens_use(t, k, nmw_number_of(k, true));
}

static struct nmw_key token(unsigned account, const char *format, unsigned i)
{
	char text[16];
	struct nmw_key k = {0, (uint64_t)account << 48};
	snprintf(text, sizeof(text), format, i);
	memcpy(&k.lo, text, 8);
	memcpy(&k.hi, text + 8, 6);
	return k;
}

/* n tokens that count by `step`. */
static void use_row(struct nmw_tokens *t, unsigned account, unsigned n, unsigned step,
		    enum nmw_token_use expected)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(use(t, token(account, "ORD%011u", i * step)), expected);
}

START_TEST(tokens_are_used_once)
{
	enum { N = 3000 };
	struct nmw_tokens *t = zeroed(nmw_tokens_footprint(N));
	nmw_tokens_init(t, N);
	for (uint64_t i = 0; i < N; i++)
		ck_assert_int_eq(use(t, (struct nmw_key){i % 100, 1 + i / 100}), NMW_TOKEN_NEW);
	for (uint64_t i = 0; i < N; i++)
		ck_assert_int_eq(use(t, (struct nmw_key){i % 100, 1 + i / 100}), NMW_TOKEN_USED);
	ck_assert_int_eq(use(t, (struct nmw_key){100, 1}), NMW_TOKEN_FULL);
	ck_assert_uint_eq(t->used, N);
	ck_assert_int_eq(use(t, token(1, "ORD%011u", 1)), NMW_TOKEN_NEW);
	ck_assert_int_eq(use(t, token(1, "ORD%011u", 1)), NMW_TOKEN_USED);
	free(t);
}
END_TEST

/* Numbers far apart use the blocks up; the rest is kept whole. */
START_TEST(numbers_are_used_once)
{
	enum { N = 4000 };
	struct nmw_tokens *t = zeroed(nmw_tokens_footprint(N));
	nmw_tokens_init(t, N);
	for (unsigned turn = 0; turn < 2; turn++)
		for (unsigned i = 0; i < N; i++) {
			const char *format = i & 1 ? "ORD%011u" : "ord%011u";
			struct nmw_key k = token(1 + i % 3, format, i * 24593);
			ck_assert_int_eq(use(t, k), turn ? NMW_TOKEN_USED : NMW_TOKEN_NEW);
		}
	ck_assert_uint_eq(t->blocks, N / 8);
	ck_assert_uint_eq(t->used, N - N / 8);
	use_row(t, 4, N / 8, 128, NMW_TOKEN_NEW);
	ck_assert_int_eq(use(t, token(5, "ORD%011u", 0)), NMW_TOKEN_FULL);
	free(t);
}
END_TEST

/* Sixteen times as many as others, and then as many again. */
START_TEST(tokens_that_count_share_lines)
{
	enum { N = 10000 };
	struct nmw_tokens *t = zeroed(nmw_tokens_footprint(N));
	nmw_tokens_init(t, N);
	use_row(t, 7, 17 * N, 1, NMW_TOKEN_NEW);
	ck_assert_uint_eq(t->blocks, N / 8);
	ck_assert_uint_eq(t->used, N);
	use_row(t, 7, 17 * N, 1, NMW_TOKEN_USED);
	ck_assert_int_eq(use(t, token(7, "ORD%011u", 17 * N)), NMW_TOKEN_FULL);
	free(t);
}
END_TEST

/* Accounts that count next to each other, each in strides, as many blocks as there may be. */
START_TEST(blocks_stay_near_their_places)
{
	enum { ACCOUNTS = 8, EACH = 1000, N = ACCOUNTS * EACH * 8 };
	struct nmw_tokens *t = zeroed(nmw_tokens_footprint(N));
	nmw_tokens_init(t, N);
	uint32_t far = 0, all = 0;
	for (unsigned i = 0; i < EACH; i++)
		for (unsigned a = 1; a <= ACCOUNTS; a++)
			use(t, token(a, "ORD%011u", i * 128 + a));
	ck_assert_uint_eq(t->blocks, ACCOUNTS * EACH);
	for (uint32_t i = 0; i <= t->block_mask; i++) {
		const struct nmw_token_block *b = nmw_tokens_block(t, i);
		if (!b->block)
			continue;
		struct nmw_number n = {b->scope, (b->block - 1) * 128, true};
		uint32_t away = (i - nmw_tokens_block_home(t, n)) & t->block_mask;
		far = away > far ? away : far;
		all += away;
	}
	ck_assert_uint_lt(far, 64);
	ck_assert_uint_lt(all, 2 * ACCOUNTS * EACH);
	free(t);
}
END_TEST

START_TEST(digits_are_numbers)
{
	ck_assert(nmw_number_of(token(1, "ORDER %08u", 12345678), true).is);
	ck_assert_uint_eq(nmw_number_of(token(1, "ORDER %08u", 12345678), true).number, 12345678);
	ck_assert(!nmw_number_of(token(1, "%-14u", 12345678), true).is);
	for (unsigned at = 6; at < 14; at++)
		for (unsigned c = 0; c < 256; c++) {
			struct nmw_key k = token(1, "ORDER %08u", 12345678);
			memcpy((char *)&k + at, &c, 1);
			ck_assert_int_eq(nmw_number_of(k, true).is, c >= '0' && c <= '9');
		}
}
END_TEST

UNIT_MAIN("session", sessions_are_found_whatever_their_ids, accounts_are_a_name_and_a_protocol,
	  an_id_that_logs_in_again_is_another_client, replies_go_to_the_session_that_is_up,
	  accounts_are_limited, every_login_among_many_is_found, tokens_are_used_once,
	  numbers_are_used_once, tokens_that_count_share_lines, blocks_stay_near_their_places,
	  digits_are_numbers)
