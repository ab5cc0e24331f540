/* unit.h: what every unit test shares: a main for one suite. CK_FORK=no and CK_RUN_CASE of Check
 * hold. */
#ifndef NMW_TESTS_UNIT_H
#define NMW_TESTS_UNIT_H

#include <check.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define UNIT_PATH 512 /* bytes of a path */

/* Where a test makes its files, in memory if that can be. tests/run gives each test a folder of its
 * own and removes it, so that what a failed one leaves is gone. */
static inline const char *unit_shm(void)
{
	const char *own = getenv("NMW_TEST_SHM");
	if (own && *own)
		return own;
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

/* A number from the environment, so that a random run can be repeated or made longer. */
static inline uint64_t unit_env(const char *name, uint64_t def)
{
	const char *s = getenv(name);
	return s ? strtoull(s, NULL, 0) : def;
}

/* A path under TMPDIR, which tests/run makes for each test and removes with all that is in it. */
static inline void unit_path(char path[UNIT_PATH], const char *name)
{
	const char *dir = getenv("TMPDIR");
	int n = snprintf(path, UNIT_PATH, "%s/nmw-%s.%d", dir && *dir ? dir : "/tmp", name,
			 (int)getpid());
	if (n >= UNIT_PATH)
		abort();
}

/* Makes an empty file there; returns it open. */
static inline int unit_file(char path[UNIT_PATH], const char *name)
{
	unit_path(path, name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Runs the tests, each in its own process and between setup and teardown (NULL: none); the exit
 * status of main. */
static inline int unit_run_between(const char *name, SFun setup, SFun teardown,
				   const TTest *const *tests, size_t n)
{
	setenv("CK_DEFAULT_TIMEOUT", "120", 0); /* seconds: a loaded machine is no failure */
	Suite *s = suite_create(name);
	TCase *c = tcase_create(name);
	tcase_add_checked_fixture(c, setup, teardown);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int unit_run(const char *name, const TTest *const *tests, size_t n)
{
	return unit_run_between(name, NULL, NULL, tests, n);
}

#define UNIT_MAIN(name, ...)                                                  \
	int main(void)                                                        \
	{                                                                     \
		const TTest *const tests[] = {__VA_ARGS__};                   \
		return unit_run(name, tests, sizeof tests / sizeof tests[0]); \
	}

#endif
