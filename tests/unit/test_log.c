#include "base/log.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int sink = -1, saved;

static void catch_stderr(void)
{
	sink = memfd_create("stderr", 0);
	saved = dup(STDERR_FILENO);
	dup2(sink, STDERR_FILENO);
}

static const char *caught(void)
{
	static char text[8192];
	dup2(saved, STDERR_FILENO);
	ssize_t n = pread(sink, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

START_TEST(text)
{
	nmw_log_init("nmw-x", NMW_LOG_INFO, NMW_LOG_TEXT);
	catch_stderr();
	nmw_log(NMW_LOG_INFO, "ring %s: made", "a");
	nmw_log(NMW_LOG_WARN, "odd");
	nmw_log(NMW_LOG_DEBUG, "not shown");
	ck_assert_str_eq(caught(), "nmw-x: ring a: made\nnmw-x: warning: odd\n");
}
END_TEST

/* Names out of files and rings end on terminals. */
START_TEST(no_control_characters)
{
	nmw_log_init("nmw-x", NMW_LOG_INFO, NMW_LOG_TEXT);
	catch_stderr();
	nmw_log(NMW_LOG_INFO, "file a\033[31m\r\nb\x7f \xc3\xa9");
	ck_assert_str_eq(caught(), "nmw-x: file a?[31m??b? \xc3\xa9\n");
}
END_TEST

START_TEST(errors_once_with_their_status)
{
	struct nmw_err e = NMW_ERR_INIT;
	nmw_err_set(&e, -EPROTO, NMW_EXIT_PEER, "ring a: version 3 found, 4 expected");
	nmw_log_init("nmw-x", NMW_LOG_ERROR, NMW_LOG_TEXT);
	catch_stderr();
	int status = nmw_log_err(&e);
	ck_assert_str_eq(caught(), "nmw-x: ring a: version 3 found, 4 expected\n");
	ck_assert_int_eq(status, 6);
}
END_TEST

START_TEST(an_error_without_words_has_its_number)
{
	struct nmw_err e = {.err = -ENOSPC, .exit = NMW_EXIT_RESOURCE};
	nmw_log_init("nmw-x", NMW_LOG_ERROR, NMW_LOG_TEXT);
	catch_stderr();
	nmw_log_err(&e);
	ck_assert_str_eq(caught(), "nmw-x: No space left on device\n");
}
END_TEST

START_TEST(json)
{
	struct nmw_err e = NMW_ERR_INIT;
	nmw_err_set(&e, -EINVAL, NMW_EXIT_USAGE, "\"a\"\t\xff\xc3\xa9: no");
	nmw_log_init("nmw-x", NMW_LOG_INFO, NMW_LOG_JSON);
	catch_stderr();
	nmw_log_err(&e);
	const char *line = caught();
	unsigned y, us;
	ck_assert_int_eq(sscanf(line, "{\"ts\":\"%4u-%*2u-%*2uT%*2u:%*2u:%*2u.%6uZ\"", &y, &us), 2);
	const char *rest = strstr(line, ",\"level\"");
	ck_assert_ptr_nonnull(rest);
	ck_assert_str_eq(rest, ",\"level\":\"error\",\"tool\":\"nmw-x\",\"msg\":\"\\\"a\\\"\\t?\xc3"
			       "\xa9: no\",\"exit\":2}\n");
}
END_TEST

/* The longest message, every byte of which grows sixfold, still makes one whole JSON line. */
START_TEST(long_json_stays_valid)
{
	char big[NMW_ERR_MAX];
	memset(big, 1, sizeof big - 1);
	big[sizeof big - 1] = '\0';
	nmw_log_init("nmw-x", NMW_LOG_INFO, NMW_LOG_JSON);
	catch_stderr();
	nmw_log(NMW_LOG_INFO, "%s", big);
	const char *line = caught();
	size_t n = strlen(line);
	ck_assert_str_eq(line + n - 9, "\\u0001\"}\n");
	ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
}
END_TEST

START_TEST(long_text_is_one_line)
{
	char big[4000];
	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	nmw_log_init("nmw-x", NMW_LOG_INFO, NMW_LOG_TEXT);
	catch_stderr();
	nmw_log(NMW_LOG_INFO, "%s", big);
	const char *line = caught();
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
}
END_TEST

START_TEST(repeats_are_held_back)
{
	struct nmw_log_limit l = {0};
	nmw_log_init("nmw-x", NMW_LOG_INFO, NMW_LOG_TEXT);
	catch_stderr();
	for (int i = 0; i < 100; i++)
		nmw_log_limited(&l, NMW_LOG_WARN, "gap");
	l.next_ns = 0; /* a second later */
	nmw_log_limited(&l, NMW_LOG_WARN, "gap");
	ck_assert_str_eq(caught(), "nmw-x: warning: gap\nnmw-x: warning: gap (99 more of these)\n");
}
END_TEST

START_TEST(no_progress_line_off_a_terminal)
{
	nmw_log_init("nmw-x", NMW_LOG_INFO, NMW_LOG_TEXT);
	catch_stderr();
	nmw_log_progress("%d %%", 50);
	nmw_log_progress(NULL);
	ck_assert_str_eq(caught(), "");
}
END_TEST

UNIT_MAIN("log", text, no_control_characters, errors_once_with_their_status,
	  an_error_without_words_has_its_number, json, long_json_stays_valid, long_text_is_one_line,
	  repeats_are_held_back, no_progress_line_off_a_terminal)
