/* tool.h: what several benches need: a CPU of their own, numbers of a command line, and the core's
 * command of a message of wl.h. */
#ifndef NMW_BENCH_TOOL_H
#define NMW_BENCH_TOOL_H

#include "book/core.h"
#include "wl.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cpu < 0: the one that runs it now. */
static inline void bench_pin(const char *name, int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)(cpu < 0 ? sched_getcpu() : cpu), &set);
	if (sched_setaffinity(0, sizeof set, &set))
		perror(name);
}

/* Whether all of s is a number from lo to hi. */
static inline bool bench_number(const char *s, uint64_t lo, uint64_t hi, uint64_t *out)
{
	char *end;
	*out = strtoull(s, &end, 10);
	return end != s && !*end && *out >= lo && *out <= hi;
}

/* The message as a decoder would give it. What no message has stays as it is. */
static inline void bench_core_cmd(const struct wl_msg *m, struct nmw_core_cmd *k)
{
	static const struct {
		uint8_t op, flags;
	} form[WL_KINDS] = {[WL_ADD] = {NMW_CORE_ENTER, 0},
			    [WL_CANCEL] = {NMW_CORE_CANCEL, 0},
			    [WL_REPLACE] = {NMW_CORE_REPLACE, 0},
			    [WL_IOC] = {NMW_CORE_ENTER, NMW_CORE_IOC},
			    [WL_MARKET] = {NMW_CORE_ENTER, NMW_CORE_MARKET}};
	k->lo = m->id;
	k->new_lo = m->new_id;
	k->rank = m->seq + UINT64_C(1);
	k->px = (uint32_t)m->px;
	k->sides = (uint32_t)m->sym * 2 + m->side;
	k->qty = m->qty;
	memcpy(&k->op, &form[m->kind], sizeof form[0]);
}

#endif
