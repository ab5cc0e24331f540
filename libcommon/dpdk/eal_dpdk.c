#include "base/log.h"
#include "dpdk/dpdk.h"
#include "dpdk/dpdk_impl.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 64
#define OURS_MAX    1024u /* bytes of the options that are ours, beside a card's */
#define LCORES_MAX  512u  /* bytes of a list of CPUs */
#define LOG_LINE    400u
#define MEMORY_DEF  64u /* MiB that EAL takes without hugepages */
#define EARLY_LOG   16384u
#define HUGE_DIR    "/sys/kernel/mm/hugepages"

static bool running;
static bool in_files; /* EAL keeps its memory in files */

/* ---- DPDK's log ------------------------------------------------------------------------------ */

static char line[LOG_LINE], error[LOG_LINE];
static size_t line_at;
static char early[EARLY_LOG]; /* lines while stderr is closed to EAL */
static size_t early_at;
static bool is_early;

static void line_done(void)
{
	line[line_at] = 0;
	line_at = 0;
	if (!line[0])
		return;
	bool bad = rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR;
	if (bad && !error[0])
		memcpy(error, line, sizeof error);
	if (is_early && early_at < sizeof early)
		early_at +=
			(size_t)snprintf(early + early_at, sizeof early - early_at, "%s\n", line);
	else if (!is_early)
		nmw_log(NMW_LOG_DEBUG, "%s", line);
}

static void log_early(void)
{
	char *save = NULL;
	early[sizeof early - 1] = 0;
	for (char *l = strtok_r(early, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		nmw_log(NMW_LOG_DEBUG, "%s", l);
}

/* A FILE's write: DPDK writes a line at a time, or parts of one. */
static ssize_t take_text(void *cookie, const char *text, size_t n)
{
	(void)cookie;
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n')
			line_done();
		else if (line_at < sizeof line - 1)
			line[line_at++] = text[i];
	return (ssize_t)n;
}

static void take_log(void)
{
	static const cookie_io_functions_t io = {.write = take_text};
	FILE *f = fopencookie(NULL, "w", io);
	if (!f)
		return;
	setvbuf(f, NULL, _IONBF, 0);
	rte_openlog_stream(f);
}

void nmw_dpdk_errors_forget(void)
{
	error[0] = 0;
}

const char *nmw_dpdk_error(void)
{
	return error;
}

int nmw_dpdk_fail(struct nmw_err *e, int err, enum nmw_exit exit, const char *fmt, ...)
{
	char text[NMW_ERR_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (error[0])
		return nmw_err_set(e, err, exit, "%s (DPDK: %.200s)", text, error);
	return nmw_err_set(e, err, exit, "%s", text);
}

/* ---- hugepages ------------------------------------------------------------------------------- */

static unsigned long read_number(const char *dir, const char *file)
{
	char path[300], text[32] = "";
	snprintf(path, sizeof path, HUGE_DIR "/%.100s/%.100s", dir, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	return n > 0 ? strtoul(text, NULL, 10) : 0;
}

/* Hugepages of all sizes that are free, and how many there are. */
static unsigned long free_hugepages(unsigned long *all)
{
	unsigned long n = 0;
	*all = 0;
	DIR *d = opendir(HUGE_DIR);
	for (const struct dirent *f; d && (f = readdir(d));)
		if (f->d_name[0] != '.') {
			n += read_number(f->d_name, "free_hugepages");
			*all += read_number(f->d_name, "nr_hugepages");
		}
	if (d)
		closedir(d);
	return n;
}

static int check_hugepages(struct nmw_err *e)
{
	unsigned long all;
	if (free_hugepages(&all))
		return 0;
	if (all)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "hugepages: all %lu are in use, DPDK needs some: sysctl "
				   "vm.nr_hugepages=%lu, or go without by -- --no-huge",
				   all, all + 256);
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
			   "hugepages: none, DPDK needs some: sysctl vm.nr_hugepages=256, or go "
			   "without by -- --no-huge");
}

/* ---- options --------------------------------------------------------------------------------- */

struct options {
	char *v[OPTIONS_MAX + 1];
	int n;
	char text[NMW_DPDK_ARGS + OURS_MAX]; /* of those that are ours */
	size_t used;
};

static bool given(char *const *more, unsigned n, const char *name)
{
	size_t len = strlen(name);
	for (unsigned i = 0; i < n; i++)
		if (!strncmp(more[i], name, len) &&
		    (!more[i][len] || more[i][len] == '=' || name[1] != '-'))
			return true;
	return false;
}

static void add(struct options *o, const char *text)
{
	size_t len = strlen(text) + 1;
	assert(o->n < OPTIONS_MAX && len <= sizeof o->text - o->used);
	o->v[o->n++] = memcpy(o->text + o->used, text, len);
	o->used += len;
}

/* One lcore on all CPUs that this thread may use: EAL pins nothing. */
static void one_lcore(struct options *o)
{
	cpu_set_t set;
	char text[LCORES_MAX];
	size_t at = 0;
	if (sched_getaffinity(0, sizeof set, &set))
		return;
	at += (size_t)snprintf(text, sizeof text, "--lcores=0@(");
	for (size_t i = 0; i < CPU_SETSIZE && at < sizeof text - 16; i++) {
		size_t from = i;
		if (!CPU_ISSET(i, &set))
			continue;
		while (i + 1 < CPU_SETSIZE && CPU_ISSET(i + 1, &set))
			i++;
		at += (size_t)snprintf(text + at, sizeof text - at,
				       text[at - 1] == '(' ? "%zu-%zu" : ",%zu-%zu", from, i);
	}
	snprintf(text + at, sizeof text - at, ")");
	add(o, text);
}

/* EAL without hugepages has 64 MiB, once: what is asked for comes on top of what drivers take. */
static void memory(struct options *o, uint64_t pools, char *const *more, unsigned n)
{
	char text[32];
	if (!pools || !given(more, n, "--no-huge") || given(more, n, "-m") ||
	    given(more, n, "--socket-mem"))
		return;
	snprintf(text, sizeof text, "-m%llu", (unsigned long long)(MEMORY_DEF + (pools >> 20) + 1));
	add(o, text);
}

static void fill(struct options *o, const struct nmw_dpdk_dev *dev, char *const *more, unsigned n,
		 uint64_t pools)
{
	char prefix[40];
	*o = (struct options){.n = 0};
	add(o, "nmw");
	snprintf(prefix, sizeof prefix, "--file-prefix=nmw-%d", (int)getpid());
	if (!given(more, n, "--file-prefix"))
		add(o, prefix);
	in_files = given(more, n, "--huge-dir") || given(more, n, "--proc-type");
	bool legacy = given(more, n, "--no-huge") || given(more, n, "--legacy-mem");
	if (!in_files && !given(more, n, "--in-memory"))
		add(o, legacy ? "--no-shconf" : "--in-memory");
	add(o, "--no-telemetry");
	if (!dev->pci && !given(more, n, "--no-pci") && !given(more, n, "-a") &&
	    !given(more, n, "--allow"))
		add(o, "--no-pci");
	if (dev->pci && !given(more, n, "-a") && !given(more, n, "--allow")) {
		char allow[NMW_DPDK_ARGS + 16];
		snprintf(allow, sizeof allow, "--allow=%s", dev->args);
		add(o, allow);
	}
	if (!dev->pci && !given(more, n, "--iova-mode"))
		add(o, "--iova-mode=va");
	if (!given(more, n, "--lcores") && !given(more, n, "-l") && !given(more, n, "-c"))
		one_lcore(o);
	memory(o, pools, more, n);
	for (unsigned i = 0; i < n && o->n < OPTIONS_MAX; i++)
		o->v[o->n++] = more[i];
}

/* Sends fd to nowhere; what it was, for open_again. */
static int shut(int fd)
{
	int was = dup(fd), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nowhere >= 0 && nowhere != fd) {
		dup2(nowhere, fd);
		close(nowhere);
	}
	return was;
}

static void open_again(int fd, int was)
{
	if (was < 0) {
		close(fd);
		return;
	}
	dup2(was, fd);
	close(was);
}

/* What EAL itself says to stdout (how it is used) is no data, and what it says to stderr is in its
 * log, too. *left: the first word that it did not take, or NULL. */
static int init_quietly(const struct options *o, const char **left)
{
	char *v[OPTIONS_MAX + 1];
	sigset_t all, was;
	memcpy(v, o->v, sizeof v); /* EAL permutes them */
	fflush(stdout);
	int out = shut(STDOUT_FILENO), err = shut(STDERR_FILENO);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &was); /* its threads leave signals to ours */
	is_early = true;
	int rc = rte_eal_init(o->n, v);
	is_early = false;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	fflush(stdout);
	open_again(STDOUT_FILENO, out);
	open_again(STDERR_FILENO, err);
	log_early();
	*left = rc >= 0 && rc < o->n - 1 ? v[rc + 1] : NULL;
	return rc;
}

static int left_over(const char *word, struct nmw_err *e)
{
	rte_eal_cleanup();
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%.64s: behind --: options of EAL's are expected, as in -- --no-huge: "
			   "dpdk-testpmd --help lists them",
			   word);
}

static int init_error(struct nmw_err *e)
{
	int err = rte_errno;
	if (err == EACCES || err == EPERM)
		return nmw_dpdk_fail(e, -err, NMW_EXIT_PERM,
				     "DPDK does not start: not permitted: run it as root, or "
				     "without hugepages by -- --no-huge");
	if (err == EINVAL)
		return nmw_dpdk_fail(
			e, -err, NMW_EXIT_USAGE,
			"DPDK does not start: an option behind -- is not one of EAL's, "
			"or has a wrong value: dpdk-testpmd --help lists them");
	return nmw_dpdk_fail(e, err ? -err : -EIO, NMW_EXIT_RESOURCE,
			     "DPDK does not start: %s: see nmw-stat doctor",
			     err ? strerror(err) : "no reason given");
}

int nmw_dpdk_eal_start(const struct nmw_dpdk_dev *dev, char *const *more, unsigned n,
		       uint64_t pools, struct nmw_err *e)
{
	struct options o;
	const char *left;
	if (running)
		return 0;
	if (n > OPTIONS_MAX / 2)
		return nmw_err_set(e, -E2BIG, NMW_EXIT_USAGE, "more than %d options behind --",
				   OPTIONS_MAX / 2);
	if (given(more, n, "-h") || given(more, n, "--help"))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "help behind --: dpdk-testpmd --help lists EAL's options");
	int rc = given(more, n, "--no-huge") ? 0 : check_hugepages(e);
	if (rc)
		return rc;
	take_log();
	nmw_dpdk_errors_forget();
	fill(&o, dev, more, n, pools);
	rc = init_quietly(&o, &left) < 0 ? init_error(e) : 0;
	if (!rc && left)
		rc = left_over(left, e);
	running = !rc;
	return rc;
}

/* rte_eal_cleanup takes the memory away from under EAL's thread for interrupts, which may just be
 * going through its list again as a port was closed (22.11: it faults). Ports are closed, and the
 * rest goes with the process; only what was to be in files is for EAL to remove. */
void nmw_dpdk_eal_stop(void)
{
	if (running && in_files)
		rte_eal_cleanup();
	else if (running)
		rmdir(rte_eal_get_runtime_dir()); /* with its files, if it has any, it stays */
	running = false;
}
