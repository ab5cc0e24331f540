/* Instructions a message, counted by callgrind: one process puts batches and takes them in turn,
 * and one side at a time is counted.  A clock cannot tell so small a difference on a shared
 * machine. */
#include "ring_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 65536u

__attribute__((noinline)) static unsigned count_put(const struct bench_cand *c, void *out)
{
	return c->ops->put(out, c);
}

__attribute__((noinline)) static unsigned count_take(const struct bench_cand *c, void *in)
{
	uint64_t sum = 0;
	unsigned n = c->ops->take(in, c, &sum);
	bench_sh->sum += sum;
	return n;
}

void bench_count_run(const struct bench_cand *c)
{
	void *out = c->ops->open_out(c, 0), *in = c->ops->open_in(c, 0);
	uint64_t sent = 0, got = 0;
	while (got < MESSAGES) {
		if (sent < MESSAGES)
			sent += count_put(c, out);
		got += count_take(c, in);
	}
	c->ops->close_in(c, in);
	c->ops->close_out(out);
}

/* Instructions a message while function is running; below 0: no valgrind. */
static double counted(const char *self, const struct bench_cand *c, const char *function)
{
	char cmd[1024], line[256];
	unsigned long long n = 0;
	snprintf(cmd, sizeof cmd,
		 "valgrind --tool=callgrind --callgrind-out-file=/dev/null "
		 "--toggle-collect=%s '%s' --count '%s' '%s' 2>&1",
		 function, self, c->peer, c->name);
	FILE *f = popen(cmd, "r");
	while (f && fgets(line, sizeof line, f)) {
		const char *at = strstr(line, "Collected : ");
		if (at)
			n = strtoull(at + strlen("Collected : "), NULL, 10);
	}
	if (!f || pclose(f) != 0 || n == 0)
		return -1;
	return (double)n / MESSAGES;
}

void bench_count(struct bench_out *out, const char *self, const struct bench_cand *const *cand,
		 unsigned n)
{
	if (system("valgrind --version >/dev/null 2>&1") != 0) {
		printf("\nInstructions a message: not counted, valgrind is not there\n");
		return;
	}
	printf("\nInstructions a message (callgrind), with writing and reading it\n"
	       "   %-10s %-42s %8s %8s\n",
	       "", "", "producer", "consumer");
	for (unsigned i = 0; i < n; i++) {
		const struct bench_cand *c = cand[i];
		double put = counted(self, c, "count_put"), take = counted(self, c, "count_take");
		if (put < 0 || take < 0)
			bench_stop_with("callgrind fails");
		printf("   %-10s %-42s %8.1f %8.1f\n", c->peer, c->name, put, take);
		bench_figure(out, c, c->name, "producer_instructions", put, "instructions", '-');
		bench_figure(out, c, c->name, "consumer_instructions", take, "instructions", '-');
	}
}
