/* ring_fixture.h: a private ring directory for each test, and short words for rings. */
#ifndef NMW_TESTS_RING_FIXTURE_H
#define NMW_TESTS_RING_FIXTURE_H

#include "base/err.h"
#include "ring/ring_file.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char fx_dir[64];
static struct nmw_err fx_err;

/* Before and after each test (checked fixtures). */
static void fx_setup(void)
{
	snprintf(fx_dir, sizeof fx_dir, "%s/nmw-ring-test-XXXXXX", unit_shm());
	ck_assert_ptr_nonnull(mkdtemp(fx_dir));
	setenv("NMW_DIR", fx_dir, 1);
	fx_err = (struct nmw_err)NMW_ERR_INIT;
}

/* Files in the ring directory, hidden ones too. */
static inline unsigned fx_files(void)
{
	unsigned n = 0;
	DIR *d = opendir(fx_dir);
	for (struct dirent *f; d && (f = readdir(d));)
		n += strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0;
	if (d)
		closedir(d);
	return n;
}

static void fx_teardown(void)
{
	DIR *d = opendir(fx_dir);
	char path[400];
	for (struct dirent *f; d && (f = readdir(d));) {
		snprintf(path, sizeof path, "%s/%s", fx_dir, f->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(fx_dir);
}

static inline struct nmw_prod fx_prod(struct nmw_ring_spec s)
{
	struct nmw_prod p;
	int rc = nmw_prod_open(&p, &s, &fx_err);
	ck_assert_msg(rc == 0, "open %s: %s", s.name ? s.name : "-", fx_err.msg);
	return p;
}

static inline struct nmw_cons fx_join(struct nmw_cons_spec s)
{
	struct nmw_cons c;
	int rc = nmw_cons_join(&c, &s, &fx_err);
	ck_assert_msg(rc == 0, "join %s: %s", s.ring, fx_err.msg);
	return c;
}

/* Message seq has a length and bytes that follow from seq and step alone. */
static inline uint32_t fx_len(uint64_t seq, uint32_t step)
{
	return (uint32_t)(seq * step % 301);
}

/* Publishes up to n messages; returns how many there was room for. */
static inline unsigned fx_put(struct nmw_prod *p, unsigned n, uint32_t step)
{
	unsigned done = 0;
	while (done < n && nmw_prod_room(p, 1) == 1) {
		struct nmw_slot *s = nmw_prod_slot(p, 0);
		uint32_t len = fx_len(p->next, step);
		uint8_t *to = nmw_prod_payload(p, s, len);
		if (!to)
			break;
		memset(to, (int)(p->next & 0xff), len);
		s->ts_ns = p->next * 3;
		nmw_prod_publish(p, 1);
		done++;
	}
	return done;
}

/* n bytes of one value. Plain comparisons: each ck_assert writes to a file of Check's. */
static inline bool fx_all(const uint8_t *at, uint32_t n, uint64_t value)
{
	uint32_t k = 0;
	while (k < n && at[k] == (value & 0xff))
		k++;
	return k == n;
}

static inline void fx_check(const struct nmw_cons *c, unsigned i, uint32_t step)
{
	const struct nmw_slot *s = nmw_cons_slot(c, i);
	uint64_t seq = c->next + i;
	uint32_t len;
	const uint8_t *at = nmw_cons_payload(c, s, &len);
	if (s->seq != seq || s->ts_ns != seq * 3 || len != fx_len(seq, step) || !at ||
	    !fx_all(at, len, seq))
		ck_abort_msg("message %llu is not what was put", (unsigned long long)seq);
}

/* Reads and checks up to n messages, in bursts of 7; returns how many there were. */
static inline unsigned fx_get(struct nmw_cons *c, unsigned n, uint32_t step)
{
	unsigned done = 0;
	while (done < n) {
		unsigned m = nmw_cons_ready(c, n - done < 7 ? n - done : 7);
		if (m == 0)
			break;
		for (unsigned i = 0; i < m; i++)
			fx_check(c, i, step);
		nmw_cons_release(c, m);
		done += m;
	}
	return done;
}

static inline void fx_nap_ms(unsigned ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
	nanosleep(&t, NULL);
}

/* Ends a handle as kill -9 would: the kernel unmaps and closes, nothing is said. */
static inline void fx_die(struct nmw_ring *r)
{
	nmw_ring_file_free(r);
}

/* A main whose tests run between fx_setup and fx_teardown. */
#define FX_MAIN(name, ...)                                                  \
	int main(void)                                                      \
	{                                                                   \
		const TTest *const tests[] = {__VA_ARGS__};                 \
		return unit_run_between(name, fx_setup, fx_teardown, tests, \
					sizeof tests / sizeof tests[0]);    \
	}

#endif
