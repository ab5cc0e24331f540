/* unit.h: what every unit test shares: a main for one suite. CK_FORK=no and CK_RUN_CASE of Check
 * hold. */
#ifndef NMW_TESTS_UNIT_H
#define NMW_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/* Runs the tests, each in its own process; the exit status of main. */
static inline int unit_run(const char *name, const TTest *const *tests, size_t n)
{
	setenv("CK_DEFAULT_TIMEOUT", "120", 0); /* seconds: a loaded machine is no failure */
	Suite *s = suite_create(name);
	TCase *c = tcase_create(name);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define UNIT_MAIN(name, ...)                                                  \
	int main(void)                                                        \
	{                                                                     \
		const TTest *const tests[] = {__VA_ARGS__};                   \
		return unit_run(name, tests, sizeof tests / sizeof tests[0]); \
	}

#endif
