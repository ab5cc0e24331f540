/* metrics.h: a tool's counters and histograms in a small shared-memory block.
 *
 * One block a tool, a file <run dir>/stat.<tool>.<pid>[.<instance>], mapped read-write by the tool
 * (one writer, one thread) and read-only by nmw-stat, which needs no help from the tool, dead or
 * alive (an OFD lock on byte 0 says which).  If the file cannot be made, the block is private
 * memory and the tool says so and goes on.
 *
 * Counters are plain u64, written with relaxed stores by one thread; a drop needs a reason from
 * metrics.def, or it does not compile.
 */
#ifndef NMW_STAT_METRICS_H
#define NMW_STAT_METRICS_H

#include "base/err.h"
#include "base/hist.h"
#include <stdbool.h>
#include <stdint.h>

enum nmw_counter_id {
#define NMW_COUNTER(name, unit, help) NMW_M_##name,
#define NMW_GAUGE(name, unit, help)   NMW_M_##name,
#include "stat/metrics.def"
	NMW_M_COUNT
};

enum nmw_drop_id {
#define NMW_DROP(name, help) NMW_DROP_##name,
#include "stat/metrics.def"
	NMW_DROP_COUNT
};

enum nmw_hist_id {
#define NMW_HIST(name, help) NMW_H_##name,
#include "stat/metrics.def"
	NMW_H_COUNT
};

struct nmw_metric_desc {
	const char *name, *unit, *help;
	bool gauge;
};
extern const struct nmw_metric_desc nmw_metric_descs[NMW_M_COUNT];
extern const struct nmw_metric_desc nmw_drop_descs[NMW_DROP_COUNT];
extern const struct nmw_metric_desc nmw_hist_descs[NMW_H_COUNT];

#define NMW_METRICS_MAGIC	 0x314d57514d4e0001ull
#define NMW_METRICS_VERSION	 1u
#define NMW_METRICS_RINGS	 17u /* 16 inputs and the output */
#define NMW_METRICS_INSTANCE_MAX 32u /* bytes of the name of an instance, with the NUL */

struct nmw_metrics {
	uint64_t magic; /* stored last */
	uint32_t version, size;
	uint32_t n_counters, n_drops, n_hists,
		hist_sz; /* layout of the writer, checked by the reader */
	char tool[16], instance[NMW_METRICS_INSTANCE_MAX];
	uint32_t pid, state;   /* state: enum nmw_tool_state */
	uint64_t started_ns;   /* CLOCK_REALTIME */
	uint64_t heartbeat_ns; /* CLOCK_MONOTONIC of the last housekeeping */
	char in_ring[NMW_METRICS_RINGS - 1][64], out_ring[64];
	uint64_t counter[NMW_M_COUNT];
	uint64_t drop[NMW_DROP_COUNT];
	struct nmw_hist hist[NMW_H_COUNT];
};

enum nmw_tool_state { NMW_TOOL_STARTING, NMW_TOOL_RUNNING, NMW_TOOL_DRAINING, NMW_TOOL_ENDED };

/* Makes the block. 0; when no file could be made the block is private memory, which nmw-stat cannot
 * see: still 0, with the reason in e (e->err is not 0 then): say it and go on. -ENOMEM: no block.
 */
int nmw_metrics_open(struct nmw_metrics **out, const char *tool, const char *instance, bool group,
		     struct nmw_err *e);
/* Unlinks the file (the final figures were printed) and unmaps. */
void nmw_metrics_close(struct nmw_metrics *m);

static inline void nmw_count(struct nmw_metrics *m, enum nmw_counter_id id, uint64_t n)
{
	__atomic_store_n(&m->counter[id], m->counter[id] + n, __ATOMIC_RELAXED);
}
static inline void nmw_gauge(struct nmw_metrics *m, enum nmw_counter_id id, uint64_t v)
{
	__atomic_store_n(&m->counter[id], v, __ATOMIC_RELAXED);
}
static inline void nmw_drop(struct nmw_metrics *m, enum nmw_drop_id why, uint64_t n)
{
	__atomic_store_n(&m->drop[why], m->drop[why] + n, __ATOMIC_RELAXED);
}
uint64_t nmw_metrics_dropped(const struct nmw_metrics *m);
/* One line for people: what came in, what went out, what was dropped and why, latency. Returns its
 * length as snprintf does. */
int nmw_metrics_line(const struct nmw_metrics *m, char *buf, int cap);
/* A time for people, at most 9 characters in its four units: 999ns 1.23us 45.67ms 8.90s. */
const char *nmw_metrics_ns(uint64_t ns, char buf[16]);

/* ---- reader side (nmw-stat) ------------------------------------------------------------------
 * A block is read into a private copy and checked: magic, version, sizes, state, NUL-terminated
 * names. The file itself is never mapped, so that no writer can make a reader fault. */

/* Reads the block in the file `path`; *alive from its lock. -EPROTO: not a block, or of another
 * version (exit 6), else a negative errno of open or read. */
int nmw_metrics_read(const char *path, struct nmw_metrics *out, bool *alive, struct nmw_err *e);
/* Calls fn for each block file of every ring directory, sorted by name; stops when fn returns not
 * 0, and returns that. m is NULL for a file that cannot be read (why->msg says what it is). */
int nmw_metrics_each(int (*fn)(const struct nmw_metrics *m, bool alive, const char *path,
			       const struct nmw_err *why, void *arg),
		     void *arg, struct nmw_err *e);
/* Removes the block files whose tools are dead and calls fn (may be NULL) with each one's path,
 * kept NULL, and with each file's that is no block and stays, the reason in kept.  Returns how many
 * were removed, or a negative errno. */
int nmw_metrics_reap(bool dry_run,
		     void (*fn)(const char *path, const struct nmw_err *kept, void *arg), void *arg,
		     struct nmw_err *e);

#endif
