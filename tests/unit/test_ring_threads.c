/* Producer and consumers in threads of one process, over the same addresses, so that the thread
 * sanitizer sees what processes do to each other; and sleeping and waking. */
#include "base/clock.h"
#include "ring/wait.h"
#include "ring_fixture.h"

#include <pthread.h>
#include <sys/resource.h>

#define MESSAGES 60000u
#define READERS	 3u

struct reader {
	pthread_t thread;
	struct nmw_cons c;
	struct nmw_prod *p;
	uint64_t got, bad;
	enum nmw_wait_mode mode;
};

/* A handle maps the file for itself; in one process the sanitizer would take two mappings for two
 * memories. So the reader looks through the producer's. */
static void same_memory(struct nmw_cons *c, const struct nmw_prod *p)
{
	c->slots = p->slots;
	c->frames = p->frames;
	c->cursor = &p->ring->ctl->line[c->ring->idx].cursor;
}

static bool good(const struct nmw_cons *c, unsigned i)
{
	uint32_t len;
	uint64_t seq = c->next + i;
	const struct nmw_slot *s = nmw_cons_slot(c, i);
	const uint8_t *at = nmw_cons_payload(c, s, &len);
	bool ok = at && len == seq * 7 % 200 && s->in_seq == seq * 5;
	for (uint32_t k = 0; ok && k < len; k++)
		ok = at[k] == (seq & 0xff);
	return ok;
}

static void *read_all(void *arg)
{
	struct reader *r = arg;
	struct nmw_wait w;
	nmw_wait_init(&w, r->mode);
	while (r->got < MESSAGES) {
		unsigned n = nmw_cons_ready(&r->c, 32);
		if (n == 0) {
			nmw_wait_idle(&w, &r->c);
			continue;
		}
		nmw_wait_busy(&w);
		for (unsigned i = 0; i < n; i++)
			r->bad += !good(&r->c, i);
		nmw_cons_release(&r->c, n);
		r->got += n;
	}
	return NULL;
}

static void write_all(struct nmw_prod *p, unsigned batch, uint64_t messages)
{
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	for (uint64_t sent = 0; sent < messages;) {
		unsigned want = messages - sent < batch ? (unsigned)(messages - sent) : batch;
		unsigned n = nmw_prod_room(p, want), filled = 0;
		for (; filled < n; filled++) {
			struct nmw_slot *s = nmw_prod_slot(p, filled);
			uint64_t seq = p->next + filled;
			uint32_t len = (uint32_t)(seq * 7 % 200);
			uint8_t *at = nmw_prod_payload(p, s, len);
			if (!at)
				break;
			memset(at, (int)(seq & 0xff), len);
			s->in_seq = seq * 5;
		}
		nmw_prod_publish(p, filled);
		sent += filled;
		if (filled == 0)
			nmw_wait_idle(&w, NULL);
		else
			nmw_wait_busy(&w);
	}
}

static void run_threads(unsigned batch, uint64_t slots, enum nmw_wait_mode mode)
{
	struct nmw_prod p =
		fx_prod((struct nmw_ring_spec){.name = "t", .slots = slots, .frame_bytes = 16384});
	struct reader r[READERS];
	memset(r, 0, sizeof r);
	for (unsigned i = 0; i < READERS; i++) {
		r[i].c = fx_join((struct nmw_cons_spec){.ring = "t"});
		r[i].mode = mode;
		same_memory(&r[i].c, &p);
		ck_assert_int_eq(pthread_create(&r[i].thread, NULL, read_all, &r[i]), 0);
	}
	write_all(&p, batch, MESSAGES);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(r[i].thread, NULL);
		ck_assert_uint_eq(r[i].got, MESSAGES);
		ck_assert_uint_eq(r[i].bad, 0);
		nmw_cons_leave(&r[i].c, false);
	}
	ck_assert_uint_eq(p.ring->hdr->p.bad_cursors, 0);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	ck_assert_uint_eq(fx_files(), 0);
}

START_TEST(one_by_one)
{
	run_threads(1, 64, NMW_WAIT_AUTO);
}
END_TEST

START_TEST(batches)
{
	run_threads(32, 256, NMW_WAIT_AUTO);
}
END_TEST

START_TEST(parked)
{
	run_threads(8, 64, NMW_WAIT_PARK);
}
END_TEST

#define VISITS 30u
#define LOOKS  200u

/* Consumers come and go under a producer that runs: each finds a gapless stretch, of one message at
 * least. */
static void *come_and_go(void *arg)
{
	struct reader *r = arg;
	for (unsigned i = 0; i < VISITS; i++) {
		struct nmw_err e = NMW_ERR_INIT;
		struct nmw_cons_spec s = {.ring = "t"};
		if (nmw_cons_join(&r->c, &s, &e) != 0) {
			r->bad++;
			return NULL;
		}
		uint64_t before = r->got;
		for (unsigned k = 0; k < LOOKS || r->got == before; k++) {
			unsigned n = nmw_cons_ready(&r->c, 16);
			if (n == 0 && k >= LOOKS)
				fx_nap_ms(1);
			for (unsigned m = 0; m < n; m++)
				r->bad += !good(&r->c, m);
			nmw_cons_release(&r->c, n);
			r->got += n;
		}
		r->bad += nmw_cons_state(&r->c) == NMW_RING_CORRUPT;
		nmw_cons_leave(&r->c, false);
	}
	return NULL;
}

START_TEST(joining)
{
	struct nmw_prod p =
		fx_prod((struct nmw_ring_spec){.name = "t", .slots = 64, .frame_bytes = 16384});
	struct reader r[READERS];
	memset(r, 0, sizeof r);
	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&r[i].thread, NULL, come_and_go, &r[i]), 0);
	for (unsigned i = 0; i < READERS; i++) {
		while (pthread_tryjoin_np(r[i].thread, NULL) != 0)
			write_all(&p, 5, 1000);
		ck_assert_uint_eq(r[i].bad, 0);
		ck_assert_uint_ge(r[i].got, VISITS);
	}
	ck_assert_uint_eq(p.ring->hdr->p.bad_cursors, 0);
	nmw_prod_leave(&p);
}
END_TEST

/* Sleeps as nmw_cons_sleep does, but for good: where nobody wakes it, the test ends by its time
 * limit. */
static void *sleep_for_good(void *arg)
{
	struct nmw_ring_ctl *ctl = ((struct reader *)arg)->c.ring->ctl;
	uint32_t seq = __atomic_load_n(&ctl->wake_seq, __ATOMIC_ACQUIRE);
	__atomic_store_n(&ctl->sleepers, 1, __ATOMIC_SEQ_CST);
	while (nmw_ring_futex_wait(&ctl->wake_seq, seq, UINT32_MAX * NMW_NS_PER_S) == -EINTR)
		;
	return NULL;
}

/* Starts a sleeper and returns the number of wakes so far, when it sleeps or is about to. */
static uint32_t put_to_sleep(struct reader *r, const struct nmw_prod *p, void *(*sleep)(void *))
{
	uint32_t wakes = __atomic_load_n(&p->ring->ctl->wake_seq, __ATOMIC_RELAXED);
	ck_assert_int_eq(pthread_create(&r->thread, NULL, sleep, r), 0);
	while (__atomic_load_n(p->sleepers, __ATOMIC_ACQUIRE) == 0)
		fx_nap_ms(1);
	fx_nap_ms(5);
	return wakes;
}

/* The first message of several wakes a sleeper; the others have nobody to wake. */
START_TEST(woken)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "w"});
	struct reader r;
	for (unsigned i = 0; i < 10; i++) {
		memset(&r, 0, sizeof r);
		r.c = fx_join((struct nmw_cons_spec){.ring = "w"});
		fx_get(&r.c, 1000, 1); /* what is left of the last turn */
		uint32_t wakes = put_to_sleep(&r, &p, sleep_for_good);
		fx_put(&p, 3, 1);
		pthread_join(r.thread, NULL);
		ck_assert_uint_eq(p.ring->ctl->wake_seq, wakes + 1);
		ck_assert_uint_eq(fx_get(&r.c, 1000, 1), 3);
		nmw_cons_leave(&r.c, false);
	}
	nmw_prod_leave(&p);
}
END_TEST

static void *sleep_until_closed(void *arg)
{
	struct reader *r = arg;
	while (nmw_cons_state(&r->c) == NMW_RING_LIVE)
		nmw_cons_sleep(&r->c, NMW_NS_PER_S);
	r->got = nmw_cons_state(&r->c) == NMW_RING_CLOSED;
	return NULL;
}

/* Closing wakes too, and a sleeper finds out. */
static void close_under(const char *name, void *(*sleep)(void *), bool closed)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = name});
	struct reader r;
	memset(&r, 0, sizeof r);
	r.c = fx_join((struct nmw_cons_spec){.ring = name});
	uint32_t wakes = put_to_sleep(&r, &p, sleep);
	nmw_prod_close(&p);
	pthread_join(r.thread, NULL);
	ck_assert_uint_eq(p.ring->ctl->wake_seq, wakes + 1);
	ck_assert_uint_eq(r.got, closed);
	nmw_cons_leave(&r.c, false);
	nmw_prod_leave(&p);
}

START_TEST(close_wakes)
{
	close_under("good", sleep_for_good, false);
	close_under("closed", sleep_until_closed, true);
}
END_TEST

static uint64_t cpu_ns(void)
{
	return nmw_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Waiting gets cheap: next to no CPU after a while, in every mode that sleeps. */
START_TEST(idle_is_cheap)
{
	static const enum nmw_wait_mode modes[] = {NMW_WAIT_AUTO, NMW_WAIT_PARK};
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "idle"});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "idle"});
	for (unsigned m = 0; m < 4; m++) {
		struct nmw_wait w;
		nmw_wait_init(&w, modes[m % 2]);
		uint64_t t = nmw_clock_mono(), cpu = cpu_ns(), last = 0;
		while (nmw_clock_mono() - t < 200000000) {
			uint64_t idle = nmw_wait_idle(&w, m < 2 ? &c : NULL);
			ck_assert_uint_ge(idle, last);
			last = idle;
		}
		ck_assert_uint_gt(w.parks, 0);
		ck_assert_uint_lt(cpu_ns() - cpu, 40000000);
		nmw_wait_busy(&w);
		ck_assert_uint_eq(nmw_wait_idle(&w, NULL), 0);
	}
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_SPIN);
	for (unsigned i = 0; i < 1000; i++)
		nmw_wait_idle(&w, &c);
	ck_assert_uint_eq(w.parks, 0);
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

static void *sweep_on(void *arg)
{
	while (!__atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE))
		nmw_ring_sweep();
	return NULL;
}

/* Every producer that starts sweeps, and the stages of a pipeline start together: a ring that is
 * being made is no litter. */
START_TEST(making_while_others_sweep)
{
	bool stop = false;
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, sweep_on, &stop), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct nmw_prod p =
			fx_prod((struct nmw_ring_spec){.slots = 2, .frame_bytes = 4096});
		nmw_prod_leave(&p);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

FX_MAIN("ring_threads", one_by_one, batches, parked, joining, woken, close_wakes, idle_is_cheap,
	making_while_others_sweep)
