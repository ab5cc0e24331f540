/* The exit codes are part of every man page and of other people's scripts: their numbers stay. */
#include "base/exit_codes.h"
#include "unit.h"

START_TEST(numbers_stay)
{
	ck_assert_int_eq(NMW_EXIT_OK, 0);
	ck_assert_int_eq(NMW_EXIT_FAILED, 1);
	ck_assert_int_eq(NMW_EXIT_USAGE, 2);
	ck_assert_int_eq(NMW_EXIT_DATA, 3);
	ck_assert_int_eq(NMW_EXIT_PERM, 4);
	ck_assert_int_eq(NMW_EXIT_RESOURCE, 5);
	ck_assert_int_eq(NMW_EXIT_PEER, 6);
	ck_assert_int_eq(NMW_EXIT_LOSS, 7);
}
END_TEST

UNIT_MAIN("exit", numbers_stay)
