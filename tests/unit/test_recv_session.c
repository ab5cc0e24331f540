// uses: tools/nmw-recv/session.c
/* Session ids of nmw-recv: who gets which, and that many cost no more than few. */
#include "../../tools/nmw-recv/session.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static struct nmw_metrics metrics;
static struct nmw_stage stage = {.m = &metrics};
static struct emit out = {.st = &stage};
static struct sessions t;
static unsigned written; /* control messages */

void emit_ctl(struct emit *e, uint64_t ts_ns, uint32_t session, const struct nmw_ctl *ctl)
{
	ck_assert_ptr_eq(e, &out);
	ck_assert(ts_ns && session && ctl->kind);
	written++;
}

static void begin(void)
{
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(sessions_init(&t, &out, &e), 0);
	written = 0;
}

static const struct endpoint host = {.addr = {10, 0, 0, 9}, .port = 9001, .family = 4};

static struct endpoint client(uint32_t n)
{
	return (struct endpoint){.addr = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n},
				 .port = 4000,
				 .family = 4};
}

static uint32_t login(uint32_t from, const char *account)
{
	const struct session_who who = {.client = client(from), .host = host, .account = account};
	return session_login(&t, 1, &who);
}

START_TEST(an_account_gets_its_id_back)
{
	begin();
	ck_assert_uint_eq(login(1, "ALPHA "), 1);
	ck_assert_uint_eq(login(2, "BRAVO "), 2);
	ck_assert_uint_eq(login(3, "ALPHA "), 3); /* the first is still there */
	session_end(&t, 1, 1, NMW_CTL_LOST);
	session_end(&t, 1, 1, NMW_CTL_LOST);
	session_end(&t, 1, 3, NMW_CTL_LOST);
	ck_assert_uint_eq(login(4, "CHARLY"), 4);
	ck_assert_uint_eq(login(5, "ALPHA "), 3);
	ck_assert_uint_eq(login(6, "ALPHA "), 1);
	ck_assert_uint_eq(login(7, "ALPHA "), 5);
	ck_assert_uint_eq(written, 9);
	sessions_fini(&t);
}
END_TEST

START_TEST(a_reserved_id_is_its_accounts)
{
	begin();
	memset(&metrics, 0, sizeof metrics);
	session_reserve(&t, 2, "BRAVO ", &host);
	session_reserve(&t, 1, "ALPHA ", &host);
	ck_assert_uint_eq(login(1, "BRAVO "), 2);
	ck_assert_uint_eq(login(2, "CHARLY"), 3);
	ck_assert_uint_eq(login(3, "ALPHA "), 1);
	session_end(&t, 1, 2, NMW_CTL_LOST);
	ck_assert_uint_eq(login(4, "BRAVO "), 2);
	ck_assert_uint_eq(metrics.counter[NMW_M_in_sessions], 3);
	sessions_fini(&t);
}
END_TEST

START_TEST(a_client_without_an_account_is_known_by_its_address)
{
	begin();
	struct endpoint c = client(1), other = client(2);
	ck_assert_uint_eq(session_of_client(&t, &c, &host), 0);
	ck_assert_uint_eq(login(1, NULL), 1);
	ck_assert_uint_eq(login(2, "ALPHA "), 2);
	ck_assert_uint_eq(session_of_client(&t, &c, &host), 1);
	ck_assert_uint_eq(session_of_client(&t, &other, &host), 0);
	session_end(&t, 1, 1, NMW_CTL_LOST);
	ck_assert_uint_eq(session_of_client(&t, &c, &host), 0);
	sessions_fini(&t);
}
END_TEST

/* As many as there can be: looked for one by one, the second turn takes 4e9 comparisons. */
START_TEST(every_login_among_many_is_found)
{
	begin();
	for (unsigned turn = 0; turn < 2; turn++) {
		for (uint32_t i = 1; i <= SESSIONS_MAX; i++) {
			char account[16];
			snprintf(account, sizeof account, "%06u", i);
			ck_assert_uint_eq(login(i, account), i);
		}
		for (uint32_t i = 1; i <= SESSIONS_MAX; i++)
			session_end(&t, 1, i, NMW_CTL_LOST);
	}
	ck_assert_uint_eq(login(1, "ZULU  "), 0); /* no more ids */
	sessions_fini(&t);
	begin();
	for (uint32_t i = 1; i <= SESSIONS_MAX; i++) {
		struct endpoint c = client(i);
		ck_assert_uint_eq(session_of_client(&t, &c, &host), 0);
		ck_assert_uint_eq(login(i, NULL), i);
	}
	sessions_fini(&t);
}
END_TEST

UNIT_MAIN("recv session", an_account_gets_its_id_back, a_reserved_id_is_its_accounts,
	  a_client_without_an_account_is_known_by_its_address, every_login_among_many_is_found)
