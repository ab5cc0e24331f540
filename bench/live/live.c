#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOLD_HEAD   20u
#define WARM_UP	    2000u	   /* orders that are not counted */
#define PATIENCE_NS 2000000000ull  /* after the last order */
#define FIRST_NS    10000000000ull /* for the first one's reply */

bool live_init(struct live *l)
{
	l->count = l->rate * l->seconds + WARM_UP;
	l->took = calloc(l->count, sizeof *l->took);
	l->late = calloc(l->count, sizeof *l->late);
	l->mold_next = 1;
	return l->took && l->late;
}

uint64_t live_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t ns32(uint64_t ns)
{
	return ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static uint64_t due_ns(const struct live *l, uint64_t i)
{
	return l->start_ns + i * 1000000000u / l->rate;
}

/* ---- orders --------------------------------------------------------------------------------- */

uint8_t *live_put(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	return p + bytes;
}

uint8_t *live_put_text(uint8_t *p, const char *s, unsigned bytes)
{
	size_t n = strlen(s);
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(i < n ? s[i] : ' ');
	return p + bytes;
}

uint8_t *live_put_order(uint8_t *p, uint64_t i)
{
	char token[24];
	snprintf(token, sizeof token, "%012llu", (unsigned long long)i);
	p = live_put_text(p, "O", 1);
	p = live_put_text(p, token, 14);
	p = live_put_text(p, i % 2 ? "S" : "B", 1);
	p = live_put(p, 100, 4);
	p = live_put_text(p, "AAPL", 8);
	p = live_put(p, 1500000, 4);
	p = live_put(p, 99998, 4);
	p = live_put_text(p, "", 4);
	p = live_put_text(p, "YAN", 3);
	p = live_put(p, 0, 4);
	return live_put_text(p, "N ", 2);
}

uint8_t *live_put_packet(struct live *l, uint8_t *p, uint64_t i)
{
	p = live_put_text(p, "LIVE", 10);
	p = live_put(p, l->mold_next++, 8);
	p = live_put(p, 1, 2);
	p = live_put(p, LIVE_ORDER, 2);
	return live_put_order(p, i);
}

/* ---- replies -------------------------------------------------------------------------------- */

uint32_t live_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

void live_message(struct live *l, const uint8_t *m, uint32_t n, uint64_t now)
{
	char token[13] = "";
	if (n < 23 || m[0] != (l->echo ? 'O' : 'A'))
		return;
	memcpy(token, m + (l->echo ? 1 : 9), 12);
	uint64_t i = strtoull(token, NULL, 10);
	if (i >= l->count || l->took[i])
		return;
	l->took[i] = ns32(now - due_ns(l, i));
	l->seen++;
}

void live_packet(struct live *l, const uint8_t *p, uint32_t n, uint64_t now)
{
	uint32_t at = MOLD_HEAD;
	for (; at + 2 <= n && at + 2 + live_be16(p + at) <= n; at += 2 + live_be16(p + at))
		live_message(l, p + at + 2, live_be16(p + at), now);
}

/* ---- figures -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Sorts v and prints its percentiles. */
static void print_one(const char *name, uint32_t *v, uint64_t n)
{
	qsort(v, n, sizeof *v, by_value);
	printf(", \"%s\": {\"p50\": %u, \"p99\": %u, \"p99.9\": %u, \"max\": %u}", name, v[n / 2],
	       v[n * 99 / 100], v[n * 999 / 1000], v[n - 1]);
}

static bool print(struct live *l)
{
	uint32_t *sent = calloc(l->count, sizeof *sent);
	uint64_t n = 0;
	for (uint64_t i = WARM_UP; sent && i < l->count; i++) {
		if (!l->took[i])
			continue;
		sent[n] = l->took[i] > l->late[i] ? l->took[i] - l->late[i] : 0;
		l->late[n] = l->late[i];
		l->took[n++] = l->took[i];
	}
	if (n) {
		printf("{\"orders\": %llu, \"answered\": %llu", (unsigned long long)l->sent,
		       (unsigned long long)l->seen);
		print_one("due", l->took, n);
		print_one("sent", sent, n);
		print_one("late", l->late, n);
		printf("}\n");
	}
	free(sent);
	return n;
}

/* ---- the run -------------------------------------------------------------------------------- */

static bool first(struct live *l, const struct live_ops *t)
{
	uint64_t end = live_clock() + FIRST_NS;
	l->start_ns = live_clock();
	t->send(t->arg, l->sent++);
	for (uint64_t now; !l->seen && (now = live_clock()) < end; t->take(t->arg))
		t->wait(t->arg, now + 1000000, now);
	return l->seen;
}

int live_run(struct live *l, const struct live_ops *t)
{
	uint64_t end = UINT64_MAX;
	if (!first(l, t)) {
		fprintf(stderr, "the first order is not answered\n");
		return 1;
	}
	l->start_ns = live_clock() + 1000000;
	for (uint64_t now = live_clock(); l->seen < l->count && now < end; now = live_clock()) {
		uint64_t due = l->sent < l->count ? due_ns(l, l->sent) : now + 1000000;
		if (now < due) {
			t->wait(t->arg, due, now);
		} else {
			l->late[l->sent] = ns32(live_clock() - due);
			t->send(t->arg, l->sent++);
			if (l->sent == l->count)
				end = now + PATIENCE_NS;
		}
		t->take(t->arg);
	}
	if (!print(l)) {
		fprintf(stderr, "no reply came\n");
		return 1;
	}
	return l->seen == l->count ? 0 : 1;
}
