/* json.h: results as JSON lines, one object each: bench, case, metric, value, unit, and the peer it
 * stands beside (NULL: ours). */
#ifndef NMW_BENCH_JSON_H
#define NMW_BENCH_JSON_H

/* NULL or no call: nothing is written. 0, or -1 with the reason on stderr. */
int bench_json_open(const char *path);
void bench_json(const char *bench, const char *name, const char *metric, double value,
		const char *unit, const char *peer);

#endif
