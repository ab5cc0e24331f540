#include "stat/metrics.h"

#include "base/clock.h"
#include "ring/shm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

const struct nmw_metric_desc nmw_metric_descs[NMW_M_COUNT] = {
#define NMW_COUNTER(name, unit, help) [NMW_M_##name] = {#name, #unit, help, false},
#define NMW_GAUGE(name, unit, help)   [NMW_M_##name] = {#name, #unit, help, true},
#include "stat/metrics.def"
};

const struct nmw_metric_desc nmw_drop_descs[NMW_DROP_COUNT] = {
#define NMW_DROP(name, help) [NMW_DROP_##name] = {#name, "messages", help, false},
#include "stat/metrics.def"
};

const struct nmw_metric_desc nmw_hist_descs[NMW_H_COUNT] = {
#define NMW_HIST(name, help) [NMW_H_##name] = {#name, "", help, false},
#include "stat/metrics.def"
};

/* What the process itself must know of its block. It lies on a private page just before the block
 * (the block's address is all that callers keep), never in shared memory. */
#define OWN_PAGE 4096u
struct own {
	void *area; /* reserved addresses: spare, this page, the block */
	size_t area_sz;
	int fd; /* holds the lock; -1 = private memory */
	char path[OWN_PAGE - 64];
};
_Static_assert(sizeof(struct own) <= OWN_PAGE, "own data fits its page");

static struct own *own_of(struct nmw_metrics *m)
{
	return (struct own *)(void *)((char *)m - OWN_PAGE);
}

/* A file's pages may be 2 MiB ones, when NMW_DIR is on hugetlbfs. */
static size_t page_of(int fd)
{
	struct statfs s;
	if (fd < 0 || fstatfs(fd, &s) || s.f_bsize < (long)OWN_PAGE)
		return OWN_PAGE;
	return s.f_bsize >= (1 << 21) ? (size_t)s.f_bsize : OWN_PAGE;
}

/* Maps the block of fd (-1: private memory) with its own page before it. */
static struct nmw_metrics *block_map(int fd)
{
	size_t page = page_of(fd), map_sz = (sizeof(struct nmw_metrics) + page - 1) & ~(page - 1);
	size_t area_sz = map_sz + 2 * page;
	char *area = mmap(NULL, area_sz, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return NULL;
	char *at = (char *)(((uintptr_t)area + page + page - 1) & ~(uintptr_t)(page - 1));
	int rw = PROT_READ | PROT_WRITE, there = MAP_FIXED | MAP_POPULATE;
	int anon = MAP_PRIVATE | MAP_ANONYMOUS | there;
	void *own = mmap(at - OWN_PAGE, OWN_PAGE, rw, anon, -1, 0);
	void *block = mmap(at, map_sz, rw, fd < 0 ? anon : MAP_SHARED | there, fd, 0);
	if (own == MAP_FAILED || block == MAP_FAILED) {
		munmap(area, area_sz);
		return NULL;
	}
	*(struct own *)own = (struct own){.area = area, .area_sz = area_sz, .fd = fd};
	return block;
}

static void block_unmap(struct nmw_metrics *m)
{
	struct own o = *own_of(m);
	munmap(o.area, o.area_sz);
	if (o.fd >= 0)
		close(o.fd);
}

/* Makes the locked, sized file `tmp`. A file descriptor or a negative errno, with e or without. */
static int file_make(const char *tmp, bool group, struct nmw_err *e)
{
	unlink(tmp); /* of a dead process with our pid */
	int fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	size_t page = page_of(fd);
	off_t sz = (off_t)((sizeof(struct nmw_metrics) + page - 1) & ~(page - 1));
	int rc = nmw_shm_lock(fd, 0);
	if (!rc && group)
		rc = nmw_shm_share(fd, tmp, 0660, e);
	if (!rc)
		rc = -posix_fallocate(fd, 0, sz);
	if (rc) {
		unlink(tmp);
		close(fd);
		return rc;
	}
	return fd;
}

/* The finished block gets its name; that of a dead process with our pid makes way. */
static int file_publish(const char *tmp, const char *path)
{
	int rc = link(tmp, path) ? -errno : 0;
	if (rc == -EEXIST) {
		int old = open(path, O_RDONLY | O_CLOEXEC);
		bool busy = old >= 0 && nmw_shm_locked(old, 0) == 1;
		if (old >= 0)
			close(old);
		if (!busy)
			rc = rename(tmp, path) ? -errno : 0;
	}
	unlink(tmp);
	return rc;
}

static void block_fill(struct nmw_metrics *m, const char *tool, const char *instance)
{
	m->version = NMW_METRICS_VERSION;
	m->size = sizeof *m;
	m->n_counters = NMW_M_COUNT;
	m->n_drops = NMW_DROP_COUNT;
	m->n_hists = NMW_H_COUNT;
	m->hist_sz = sizeof(struct nmw_hist);
	snprintf(m->tool, sizeof m->tool, "%s", tool);
	snprintf(m->instance, sizeof m->instance, "%s", instance ? instance : "");
	m->pid = (uint32_t)getpid();
	m->state = NMW_TOOL_STARTING;
	m->started_ns = nmw_clock_real();
	m->heartbeat_ns = nmw_clock_mono();
	__atomic_store_n(&m->magic, NMW_METRICS_MAGIC, __ATOMIC_RELEASE);
}

/* "stat.<tool>.<pid>[.<instance>]"; what has no place in a file name becomes '_'. */
static void block_name(char *buf, size_t cap, const char *tool, const char *instance)
{
	const char *dot = instance && *instance ? "." : "";
	snprintf(buf, cap, "stat.%s.%d%s%.31s", tool, (int)getpid(), dot, instance ? instance : "");
	for (char *p = buf; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			*p = '_';
}

static int block_file(struct nmw_metrics **out, const char *tool, const char *instance, bool group,
		      struct nmw_err *e)
{
	const char *dir = nmw_shm_run_dir(group, e);
	if (!dir)
		return e && e->err ? e->err : -ENOENT;
	struct nmw_err why = NMW_ERR_INIT;
	char name[128], path[sizeof((struct own *)0)->path], tmp[sizeof path];
	block_name(name, sizeof name, tool, instance);
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);
	snprintf(tmp, sizeof tmp, "%s/.%s", dir, name);
	if (n < 0 || (size_t)n + 1 >= sizeof path)
		return nmw_err_set(e, -ENAMETOOLONG, NMW_EXIT_USAGE, "%s: path too long", dir);
	int fd = file_make(tmp, group, &why), rc = fd < 0 ? fd : 0;
	struct nmw_metrics *m = rc ? NULL : block_map(fd);
	if (!rc && !m) {
		rc = -ENOMEM;
		unlink(tmp);
		close(fd);
	}
	if (!rc) {
		block_fill(m, tool, instance);
		rc = file_publish(tmp, path);
		if (rc)
			block_unmap(m);
	}
	if (rc && why.err)
		return nmw_err_set(e, rc, why.exit, "%s", why.msg);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "%s: cannot make it: %s", path,
				   strerror(-rc));
	memcpy(own_of(m)->path, path, sizeof path);
	*out = m;
	return 0;
}

int nmw_metrics_open(struct nmw_metrics **out, const char *tool, const char *instance, bool group,
		     struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	if (e)
		*e = why;
	if (!block_file(out, tool, instance, group, &why))
		return 0;
	*out = block_map(-1);
	if (!*out)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "counters: no memory for %zu bytes", sizeof **out);
	block_fill(*out, tool, instance);
	nmw_err_set(e, why.err, why.exit,
		    "counters: %s: kept in private memory, nmw-stat cannot "
		    "show them",
		    why.msg);
	return 0;
}

void nmw_metrics_close(struct nmw_metrics *m)
{
	if (!m)
		return;
	m->state = NMW_TOOL_ENDED;
	if (own_of(m)->fd >= 0)
		unlink(own_of(m)->path);
	block_unmap(m);
}

uint64_t nmw_metrics_dropped(const struct nmw_metrics *m)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		sum += __atomic_load_n(&m->drop[i], __ATOMIC_RELAXED);
	return sum;
}

/* Appends to buf as snprintf would, *at counting also what did not fit. */
__attribute__((format(printf, 4, 5))) static void put(char *buf, int cap, int *at, const char *fmt,
						      ...)
{
	va_list ap;
	va_start(ap, fmt);
	int room = *at < cap ? cap - *at : 0;
	int n = vsnprintf(room ? buf + *at : NULL, (size_t)room, fmt, ap);
	va_end(ap);
	if (n > 0)
		*at += n;
}

const char *nmw_metrics_ns(uint64_t ns, char buf[16])
{
	if (ns < 1000)
		snprintf(buf, 16, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		snprintf(buf, 16, "%" PRIu64 ".%02uus", ns / 1000, (unsigned)(ns % 1000 / 10));
	else if (ns < NMW_NS_PER_S)
		snprintf(buf, 16, "%" PRIu64 ".%02ums", ns / 1000000,
			 (unsigned)(ns % 1000000 / 10000));
	else
		snprintf(buf, 16, "%" PRIu64 ".%02us", (uint64_t)(ns / NMW_NS_PER_S),
			 (unsigned)(ns % NMW_NS_PER_S / 10000000));
	return buf;
}

static void put_drops(const struct nmw_metrics *m, char *buf, int cap, int *at)
{
	const char *sep = " (";
	put(buf, cap, at, ", dropped %" PRIu64, nmw_metrics_dropped(m));
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++) {
		if (!m->drop[i])
			continue;
		put(buf, cap, at, "%s%s %" PRIu64, sep, nmw_drop_descs[i].name, m->drop[i]);
		sep = ", ";
	}
	if (sep[0] == ',')
		put(buf, cap, at, ")");
}

int nmw_metrics_line(const struct nmw_metrics *m, char *buf, int cap)
{
	static const struct {
		const char *name;
		uint32_t ppm;
	} q[] = {{"p50", 500000}, {"p99", 990000}, {"p99.9", 999000}, {"max", 1000000}};
	/* what went out, and not to all that it was for */
	static const enum nmw_counter_id missed[] = {NMW_M_route_unread, NMW_M_line_missed};
	int at = 0;
	char t[16];
	if (cap > 0)
		buf[0] = 0;
	put(buf, cap, &at, "in %" PRIu64 " messages, out %" PRIu64, m->counter[NMW_M_in_messages],
	    m->counter[NMW_M_out_messages]);
	put_drops(m, buf, cap, &at);
	for (unsigned i = 0; i < sizeof missed / sizeof missed[0]; i++)
		if (m->counter[missed[i]])
			put(buf, cap, &at, ", %s %" PRIu64, nmw_metric_descs[missed[i]].name,
			    m->counter[missed[i]]);
	const struct nmw_hist *h = &m->hist[NMW_H_ingress_ns];
	if (!h->count)
		return at;
	put(buf, cap, &at, ", latency");
	for (unsigned i = 0; i < sizeof q / sizeof q[0]; i++)
		put(buf, cap, &at, " %s %s", q[i].name,
		    nmw_metrics_ns(nmw_hist_quantile(h, q[i].ppm), t));
	return at;
}
