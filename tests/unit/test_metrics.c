/* The counter block: what a reader sees of a live, an ended and a killed tool, and of files that
 * are not blocks. */
#include "stat/metrics.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof dir, "%s/nmw-metrics-XXXXXX", unit_shm());
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("NMW_DIR", dir, 1);
}

static void teardown(void)
{
	char cmd[sizeof dir + 16];
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	ck_assert_int_eq(system(cmd), 0);
}

struct seen {
	int n, alive, bad;
	struct nmw_metrics last;
	char path[512], why[NMW_ERR_MAX];
};

static int see(const struct nmw_metrics *m, bool alive, const char *path, const struct nmw_err *why,
	       void *arg)
{
	struct seen *s = arg;
	s->n++;
	s->alive += alive;
	s->bad += !m;
	if (m)
		s->last = *m;
	snprintf(s->path, sizeof s->path, "%s", path);
	snprintf(s->why, sizeof s->why, "%s", why->msg);
	return 0;
}

static struct seen seen;

static const struct seen *look(void)
{
	struct nmw_err e = NMW_ERR_INIT;
	memset(&seen, 0, sizeof seen);
	ck_assert_int_eq(nmw_metrics_each(see, &seen, &e), 0);
	return &seen;
}

static int files(void)
{
	int n = 0;
	DIR *d = opendir(dir);
	ck_assert_ptr_nonnull(d);
	for (struct dirent *x; (x = readdir(d));)
		n += strcmp(x->d_name, ".") && strcmp(x->d_name, "..");
	closedir(d);
	return n;
}

START_TEST(test_live)
{
	struct nmw_metrics *m;
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(nmw_metrics_open(&m, "nmw-recv", "a", false, &e), 0);
	ck_assert_msg(e.err == 0, "%s", e.msg);
	nmw_count(m, NMW_M_in_messages, 10);
	nmw_count(m, NMW_M_out_messages, 7);
	nmw_gauge(m, NMW_M_symbols, 3);
	nmw_drop(m, NMW_DROP_ring_full, 2);
	nmw_drop(m, NMW_DROP_codec, 1);
	nmw_hist_record(&m->hist[NMW_H_ingress_ns], 1500);
	const struct seen *s = look();
	ck_assert_int_eq(s->n, 1);
	ck_assert_int_eq(s->alive, 1);
	ck_assert_str_eq(s->last.tool, "nmw-recv");
	ck_assert_str_eq(s->last.instance, "a");
	ck_assert_uint_eq(s->last.pid, (unsigned)getpid());
	ck_assert_uint_eq(s->last.counter[NMW_M_in_messages], 10);
	ck_assert_uint_eq(s->last.counter[NMW_M_symbols], 3);
	ck_assert_uint_eq(nmw_metrics_dropped(&s->last), 3);
	struct stat st;
	ck_assert_int_eq(stat(s->path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	char want[64];
	snprintf(want, sizeof want, "stat.nmw-recv.%d.a", (int)getpid());
	ck_assert_str_eq(strrchr(s->path, '/') + 1, want);
	ck_assert_int_eq(nmw_metrics_reap(false, NULL, NULL, &e), 0);
	nmw_metrics_close(m);
	ck_assert_int_eq(files(), 0);
	ck_assert_int_eq(look()->n, 0);
}
END_TEST

static pid_t tool_start(void)
{
	int ready[2];
	char c;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (!pid) {
		struct nmw_metrics *m;
		if (nmw_metrics_open(&m, "nmw-match", NULL, false, NULL))
			_exit(1);
		nmw_count(m, NMW_M_in_messages, 5);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

START_TEST(test_killed)
{
	pid_t pid = tool_start();
	ck_assert_int_eq(look()->alive, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	const struct seen *s = look();
	ck_assert_int_eq(s->n, 1);
	ck_assert_int_eq(s->alive, 0);
	ck_assert_uint_eq(s->last.counter[NMW_M_in_messages], 5);
	ck_assert_int_eq(nmw_metrics_reap(true, NULL, NULL, NULL), 1);
	ck_assert_int_eq(files(), 1);
	ck_assert_int_eq(nmw_metrics_reap(false, NULL, NULL, NULL), 1);
	ck_assert_int_eq(files(), 0);
}
END_TEST

/* A name with a slash must not leave the directory; one that is taken ends in private memory. */
START_TEST(test_names)
{
	struct nmw_metrics *m, *again;
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(nmw_metrics_open(&m, "nmw-recv", "../x y", false, &e), 0);
	ck_assert_int_eq(e.err, 0);
	ck_assert_ptr_nonnull(strstr(look()->path, ".._x_y"));
	ck_assert_int_eq(nmw_metrics_open(&again, "nmw-recv", "../x y", false, &e), 0);
	ck_assert_int_ne(e.err, 0);
	ck_assert_int_eq(look()->n, 1);
	nmw_count(again, NMW_M_in_messages, 1);
	nmw_metrics_close(again);
	ck_assert_int_eq(look()->n, 1);
	nmw_metrics_close(m);
	ck_assert_int_eq(files(), 0);
}
END_TEST

START_TEST(test_no_directory)
{
	struct nmw_metrics *m;
	struct nmw_err e = NMW_ERR_INIT;
	setenv("NMW_DIR", "/proc/nmw-none", 1);
	ck_assert_int_eq(nmw_metrics_open(&m, "nmw-recv", NULL, false, &e), 0);
	ck_assert_int_ne(e.err, 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "private memory"));
	nmw_count(m, NMW_M_in_messages, 1);
	ck_assert_uint_eq(m->counter[NMW_M_in_messages], 1);
	nmw_metrics_close(m);
}
END_TEST

static void put_file(const char *name, const void *p, size_t n)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
}

START_TEST(test_not_blocks)
{
	static struct nmw_metrics m;
	put_file("stat.junk.1", "junk", 4);
	ck_assert_int_eq(look()->bad, 1);
	ck_assert_ptr_nonnull(strstr(look()->why, "not a counter block"));
	m = (struct nmw_metrics){.magic = NMW_METRICS_MAGIC, .version = NMW_METRICS_VERSION + 1};
	put_file("stat.junk.1", &m, sizeof m);
	ck_assert_ptr_nonnull(strstr(look()->why, "another version"));
	m = (struct nmw_metrics){.magic = NMW_METRICS_MAGIC,
				 .version = NMW_METRICS_VERSION,
				 .size = sizeof m,
				 .n_counters = NMW_M_COUNT,
				 .n_drops = NMW_DROP_COUNT,
				 .n_hists = NMW_H_COUNT,
				 .hist_sz = sizeof(struct nmw_hist)};
	put_file("stat.junk.1", &m, sizeof m);
	ck_assert_int_eq(look()->bad, 0);
	memset(m.tool, 'x', sizeof m.tool); /* no NUL */
	put_file("stat.junk.1", &m, sizeof m);
	ck_assert_ptr_nonnull(strstr(look()->why, "corrupt"));
	strcpy(m.tool, "a\033[2J"); /* would reach the terminal */
	put_file("stat.junk.1", &m, sizeof m);
	ck_assert_ptr_nonnull(strstr(look()->why, "corrupt"));
	put_file("other", &m, sizeof m);
	ck_assert_int_eq(look()->n, 1);
}
END_TEST

/* A directory may hold files of the user's: only names that a block can have are looked at. */
START_TEST(test_other_files)
{
	static const char *const other[] = {"stat.txt",		"stat.",     "stat.a.b",
					    "stat..1",		"stat.c",    "stat.a.1x",
					    "stat.a\033[31m.1", ".stat.log", "mystat.a.1"};
	const int n = sizeof other / sizeof *other;
	struct nmw_err e = NMW_ERR_INIT;
	for (int i = 0; i < n; i++)
		put_file(other[i], "text", 4);
	put_file("stat.a.1", "junk", 4);
	put_file("stat.a-b.12.c.d", "junk", 4);
	ck_assert_int_eq(look()->bad, 2);
	ck_assert_int_eq(nmw_metrics_reap(false, NULL, NULL, &e), 0); /* not ours either */
	ck_assert_int_eq(files(), n + 2);
}
END_TEST

START_TEST(test_line)
{
	struct nmw_metrics *m;
	char line[512], small[10];
	ck_assert_int_eq(nmw_metrics_open(&m, "nmw-recv", NULL, false, NULL), 0);
	nmw_metrics_line(m, line, sizeof line);
	ck_assert_str_eq(line, "in 0 messages, out 0, dropped 0");
	nmw_count(m, NMW_M_in_messages, 12);
	nmw_count(m, NMW_M_out_messages, 9);
	nmw_drop(m, NMW_DROP_duplicate, 2);
	nmw_drop(m, NMW_DROP_bad_udp, 1);
	int n = nmw_metrics_line(m, line, sizeof line);
	ck_assert_str_eq(line, "in 12 messages, out 9, dropped 3 (bad_udp 1, duplicate 2)");
	ck_assert_int_eq(n, (int)strlen(line));
	ck_assert_int_eq(nmw_metrics_line(m, small, sizeof small), n);
	ck_assert_str_eq(small, "in 12 mes");
	nmw_hist_record(&m->hist[NMW_H_ingress_ns], 1000);
	nmw_metrics_line(m, line, sizeof line);
	ck_assert_msg(strstr(line, "latency p50 1.00us p99 1.00us") != NULL, "%s", line);
	nmw_metrics_close(m);
}
END_TEST

START_TEST(test_ns)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} t[] = {{0, "0ns"},	       {999, "999ns"},	     {1000, "1.00us"},
		 {1239, "1.23us"},     {999999, "999.99us"}, {45670000, "45.67ms"},
		 {8900000000, "8.90s"}};
	char buf[16];
	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++)
		ck_assert_str_eq(nmw_metrics_ns(t[i].ns, buf), t[i].want);
}
END_TEST

/* Readers of another process rely on these figures. */
START_TEST(test_layout)
{
	ck_assert_uint_eq(offsetof(struct nmw_metrics, magic), 0);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, version), 8);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, size), 12);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, n_counters), 16);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, tool), 32);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, pid), 80);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, started_ns), 88);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, in_ring), 104);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, out_ring), 104 + 16 * 64);
	ck_assert_uint_eq(offsetof(struct nmw_metrics, counter), 104 + 17 * 64);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {test_live,	 test_killed,	   test_names,
				      test_no_directory, test_other_files, test_not_blocks,
				      test_line,	 test_ns,	   test_layout};
	return unit_run_between("metrics", setup, teardown, tests, sizeof tests / sizeof tests[0]);
}
