/* --accounts FILE, and passwords. */
// uses: tools/nmw-recv/accounts.c
// uses: tools/nmw-recv/login_worker.c
#include "base/msg.h"
#include "tools/nmw-recv/login_worker.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* of SECRET; made with the crypt(3) of another program */
#define HASH                                                                                      \
	"$6$rounds=1000$abcdefgh$6vY8sDqPj8m9aUrkJk/Jrnxpr5rVmisMSRFfiHFn82kFOfrK1O6ooAzPWLmNr0." \
	"Z6Vf1/Yin2hlq0avD28CTz."

static char path[64];
static struct accounts a;
static struct nmw_err err;

static int load(const char *text)
{
	snprintf(path, sizeof path, "/tmp/nmw-accounts-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	err = (struct nmw_err)NMW_ERR_INIT;
	int rc = accounts_load(&a, path, &err);
	unlink(path);
	return rc;
}

START_TEST(all_keys)
{
	ck_assert_int_eq(load("{\"accounts\": [{\"user\": \"zoe\", \"password\": \"" HASH "\"},"
			      "{\"user\": \"ALICE\", \"password\": \"" HASH
			      "\", \"codec\": \"ouch50\","
			      " \"cancel_on_disconnect\": true, \"rate\": \"10kpps\","
			      " \"outstanding\": 1000, \"session\": \"day01\"}]}"),
			 0);
	ck_assert_uint_eq(a.n, 2);
	const struct account *z = accounts_find(&a, "Zoe   "), *l = accounts_find(&a, "alice ");
	ck_assert_ptr_null(accounts_find(&a, "ALIC  "));
	ck_assert_ptr_null(accounts_find(&a, "      "));
	ck_assert_ptr_nonnull(z);
	ck_assert_mem_eq(z->user, "ZOE   ", 6);
	ck_assert_mem_eq(z->session, "          ", 10);
	ck_assert_uint_eq(z->codec, NMW_CODEC_OUCH42);
	ck_assert(!z->cancel_on_disconnect && !z->interval_ns && !z->outstanding);
	ck_assert_ptr_nonnull(l);
	ck_assert_mem_eq(l->session, "DAY01     ", 10);
	ck_assert_uint_eq(l->codec, NMW_CODEC_OUCH50);
	ck_assert(l->cancel_on_disconnect);
	ck_assert_uint_eq(l->interval_ns, 100000);
	ck_assert_uint_eq(l->outstanding, 1000);
	accounts_free(&a);
	accounts_free(&a);
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		const char *text, *says;
	} row[] = {
		{"{}", "accounts"},
		{"{\"accounts\": []}", "0 accounts"},
		{"{\"accounts\": [{}]}", "accounts[0].user"},
		{"{\"accounts\": [{\"user\": \"A\"}]}", "accounts[0].password: missing"},
		{"{\"accounts\": [{\"user\": \"A\", \"password\": \"secret\"}]}", "not a strong"},
		{"{\"accounts\": [{\"user\": \"A\", \"password\": \"ab1HZ.BUVgUDA\"}]}",
		 "not a strong"},
		{"{\"accounts\": [{\"user\": \"A\", \"password\": \"$1$abc$fR0cmDT\"}]}",
		 "not a strong"},
		{"{\"accounts\": [{\"user\": \"ABCDEFG\", \"password\": \"" HASH "\"}]}",
		 "at most 6"},
		{"{\"accounts\": [{\"user\": \"A B\", \"password\": \"" HASH "\"}]}", "letters"},
		{"{\"accounts\": [{\"user\": \"A\", \"password\": \"" HASH "\"},"
		 "{\"user\": \"a\", \"password\": \"" HASH "\"}]}",
		 "twice"},
		{"{\"accounts\": [{\"user\": \"A\", \"password\": \"" HASH
		 "\", \"rate\": \"10\"}]}",
		 "rate"},
		{"{\"accounts\": [{\"user\": \"A\", \"password\": \"" HASH
		 "\", \"codec\": \"fix\"}]}",
		 "codec"},
		{"{\"accounts\": [{\"user\": \"A\", \"password\": \"" HASH
		 "\", \"outstanding\": 0}]}",
		 "outstanding"},
		{"{\"accounts\": [{\"user\": \"A\", \"pasword\": \"" HASH "\"}]}", "password"},
	};
	for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
		ck_assert_msg(load(row[i].text) < 0, "row %u was taken", i);
		ck_assert_msg(strstr(err.msg, row[i].says) != NULL, "row %u: %s", i, err.msg);
		ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
		/* what may be a password is not shown */
		ck_assert_ptr_null(strstr(err.msg, "secret"));
	}
}
END_TEST

#define X43 "bK7qRWMidOzoil2LIx3KAr2bW9t44bLhUoMJLXsegu/"

/* Cut off, or so costly that a login would take minutes. */
START_TEST(hashes)
{
	static const struct {
		const char *hash, *says; /* NULL: it is taken */
	} row[] = {
		{"$y$j9T$xx", "not a whole"},
		{"$y$j9T$" X43, "not a whole"},
		{"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" X43 "x", "not a whole"},
		{"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" X43, NULL},
		{"$y$jDT$F5Jx5fExrKuPp53xLKQ..1$" X43, NULL},
		{"$y$jET$F5Jx5fExrKuPp53xLKQ..1$" X43, "too long"},
		{"$y$j9TzzA$F5Jx5fExrKuPp53xLKQ..1$" X43, "too long"},
		{"$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$" X43, NULL},
		{"$7$CU..../....HXlONmV6ZlihDVpLkjVJP0$" X43, NULL},
		{"$7$GU..../....HXlONmV6ZlihDVpLkjVJP0$" X43, "too long"},
		{"$5$abcdefgh$" X43, "not a strong"},
		{"$6$abcdefgh$" X43 X43, NULL},
		{"$6$abcdefgh$" X43, "not a whole"},
		{"$6$rounds=1000000$abcdefgh$" X43 X43, NULL},
		{"$6$rounds=1000001$abcdefgh$" X43 X43, "too long"},
		{"$6$rounds=999999999$abcdefgh$" X43 X43, "too long"},
		{"$6$rounds=999999999$", "not a whole"},
		{"$2b$05$abcdefghijklmnopqrstuuvMGV49RoHRuhq5TegGVmzBORBHFqaU6", NULL},
		{"$2b$15$abcdefghijklmnopqrstuuvMGV49RoHRuhq5TegGVmzBORBHFqaU6", "too long"},
		{"$2b$05$abcdefghijklmnopqrstuuvMGV49RoHRuhq5TegGVmzBO", "not a whole"},
	};
	for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
		char text[512];
		snprintf(text, sizeof text,
			 "{\"accounts\": [{\"user\": \"A\", \"password\": \"%s\"}]}", row[i].hash);
		int rc = load(text);
		ck_assert_msg((rc == 0) == !row[i].says, "%s: %s", row[i].hash, err.msg);
		ck_assert_msg(rc == 0 || strstr(err.msg, row[i].says) != NULL, "%s: %s",
			      row[i].hash, err.msg);
		accounts_free(&a);
	}
}
END_TEST

START_TEST(mode)
{
	snprintf(path, sizeof path, "/tmp/nmw-accounts-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0644), 0);
	close(fd);
	ck_assert_int_eq(accounts_load(&a, path, &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "chmod 600"));
	unlink(path);
}
END_TEST

START_TEST(passwords)
{
	void *work = malloc(accounts_work_size());
	ck_assert(accounts_check(HASH, "SECRET    ", work));
	ck_assert(accounts_check(HASH, "secret    ", work));
	ck_assert(!accounts_check(HASH, "SECRETX   ", work));
	ck_assert(!accounts_check(HASH, "SECRE     ", work));
	ck_assert(!accounts_check(HASH, "          ", work));
	ck_assert(!accounts_check("nonsense", "SECRET    ", work));
	ck_assert(!accounts_check("", "SECRET    ", work));
	free(work);
}
END_TEST

static struct login_answer wait_answer(struct login_worker *w)
{
	struct login_answer got = {.who = 0};
	struct pollfd p = {.fd = login_worker_fd(w), .events = POLLIN};
	for (unsigned i = 0; i < 1000; i++) {
		if (login_worker_answer(w, &got))
			return got;
		poll(&p, 1, 10);
	}
	ck_abort_msg("no answer in 10 s");
	return got;
}

START_TEST(worker)
{
	ck_assert_int_eq(load("{\"accounts\": [{\"user\": \"A\", \"password\": \"" HASH "\"},"
			      "{\"user\": \"B\", \"password\": \"" HASH "\"}]}"),
			 0);
	struct login_worker *w = login_worker_start(a.n, &err);
	ck_assert_ptr_nonnull(w);
	for (uint32_t round = 0; round < 10; round++) {
		ck_assert(login_worker_ask(w, 1, round, &a.v[0], "SECRET    "));
		ck_assert(login_worker_ask(w, 2, round, &a.v[0], "GUESS     "));
		ck_assert(!login_worker_ask(w, 3, round, &a.v[0], "SECRET    "));
		ck_assert(login_worker_ask(w, 4, round, &a.v[1], "secret    "));
		for (uint32_t i = 0; i < 3; i++) {
			struct login_answer got = wait_answer(w);
			ck_assert_uint_eq(got.who, i < 2 ? i + 1 : 4);
			ck_assert_uint_eq(got.which, round);
			ck_assert_ptr_eq(got.account, &a.v[i < 2 ? 0 : 1]);
			ck_assert(got.ok == (i != 1));
		}
		ck_assert_uint_eq(a.v[0].checking + a.v[1].checking, 0);
	}
	ck_assert(login_worker_ask(w, 1, 0, &a.v[0], "SECRET    "));
	login_worker_stop(w); /* with a question in it */
	login_worker_stop(NULL);
	accounts_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("recv accounts");
	TCase *t = tcase_create("all");
	tcase_add_test(t, all_keys);
	tcase_add_test(t, refuses);
	tcase_add_test(t, hashes);
	tcase_add_test(t, mode);
	tcase_add_test(t, passwords);
	tcase_add_test(t, worker);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
