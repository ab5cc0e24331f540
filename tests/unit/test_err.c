#include "base/err.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

START_TEST(starts_empty)
{
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(e.err, 0);
	ck_assert_int_eq(e.exit, NMW_EXIT_OK);
	ck_assert_str_eq(e.msg, "");
}
END_TEST

START_TEST(set_returns_the_number)
{
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(
		nmw_err_set(&e, -EPROTO, NMW_EXIT_PEER, "ring %s: version %d found", "a", 3),
		-EPROTO);
	ck_assert_int_eq(e.err, -EPROTO);
	ck_assert_int_eq(e.exit, NMW_EXIT_PEER);
	ck_assert_str_eq(e.msg, "ring a: version 3 found");
	ck_assert_int_eq(nmw_err_set(NULL, -ENOENT, NMW_EXIT_FAILED, "nobody listens"), -ENOENT);
}
END_TEST

START_TEST(prefixes)
{
	struct nmw_err e = NMW_ERR_INIT;
	nmw_err_set(&e, -EINVAL, NMW_EXIT_USAGE, "x: not a size");
	ck_assert_int_eq(nmw_err_prefix(&e, "--%s", "slots"), -EINVAL);
	ck_assert_str_eq(e.msg, "--slots: x: not a size");
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
}
END_TEST

START_TEST(long_messages_are_cut)
{
	struct nmw_err e = NMW_ERR_INIT;
	char big[2000];
	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	nmw_err_set(&e, -EIO, NMW_EXIT_FAILED, "%s", big);
	ck_assert_uint_eq(strlen(e.msg), NMW_ERR_MAX - 1);
	nmw_err_prefix(&e, "here");
	ck_assert_uint_eq(strlen(e.msg), NMW_ERR_MAX - 1);
	ck_assert(!strncmp(e.msg, "here: aaa", 9));
	nmw_err_prefix(&e, "%s", big);
	ck_assert_uint_eq(strlen(e.msg), NMW_ERR_MAX - 1);
}
END_TEST

/* One rule for every file that a user names. */
START_TEST(files_and_exit)
{
	ck_assert_int_eq(nmw_exit_of(ENOENT), NMW_EXIT_USAGE);
	ck_assert_int_eq(nmw_exit_of(-ENOENT), NMW_EXIT_USAGE);
	ck_assert_int_eq(nmw_exit_of(-EISDIR), NMW_EXIT_USAGE);
	ck_assert_int_eq(nmw_exit_of(-EACCES), NMW_EXIT_PERM);
	ck_assert_int_eq(nmw_exit_of(-ENOSPC), NMW_EXIT_RESOURCE);
	ck_assert_int_eq(nmw_exit_of(-EMFILE), NMW_EXIT_RESOURCE);
	ck_assert_int_eq(nmw_exit_of(-EIO), NMW_EXIT_FAILED);
}
END_TEST

UNIT_MAIN("err", starts_empty, set_returns_the_number, prefixes, long_messages_are_cut,
	  files_and_exit)
