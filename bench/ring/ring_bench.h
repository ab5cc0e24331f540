/* ring_bench.h: what bench_ring shares with its candidates, the rings that are measured.
 *
 * A candidate says how a ring is opened on either side, how a batch is put into it and how what is
 * there is taken out; BENCH_LOOPS makes the four loops of a measurement of them, with nothing but
 * inlined calls inside, so that every ring is measured by the same code.  A message is whole lines
 * that are all written and all read.
 *
 * Two processes, forked from one: `which` is 0 for the ring of ping to pong, 1 for the way back.
 */
#ifndef NMW_BENCH_RING_BENCH_H
#define NMW_BENCH_RING_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <x86intrin.h>

#define BENCH_RUN_NS 1000000u /* one run: longer, and the host's holes are in it */
#define BENCH_RUNS   12u      /* of a slice; the first is for warming up */
#define BENCH_TRIPS  4000u    /* round trips of a slice */
#define BENCH_WARM   500u     /* of them for warming up */
#define BENCH_BURST  64u      /* what a consumer takes at most */
#define BENCH_LINES  128u     /* of the raw ping-pong: how far a line is depends on its address */
#define BENCH_AREA   (8ull << 20) /* bytes of memory for a peer's ring and messages */

struct bench_line {
	uint64_t v;
	uint8_t pad[120];
};

/* Shared by the two processes of a slice. */
struct bench_shared {
	struct bench_line ping[BENCH_LINES], pong[BENCH_LINES];
	uint32_t ready, stop;
	uint32_t runs;
	uint64_t run[BENCH_RUNS]; /* messages received in each run */
	uint64_t run_tsc[BENCH_RUNS];
	uint64_t work_tsc, work; /* of the producer where it did not wait, and messages of that */
	uint64_t sum;		 /* of what was read, so that it is read */
	uint32_t trips;
	uint64_t trip[BENCH_TRIPS]; /* tsc */
};

extern struct bench_shared *bench_sh;
extern double bench_ns_per_tsc;
extern uint8_t *bench_area[2]; /* BENCH_AREA bytes each, shared, on the pages that our rings have */

struct bench_cand;

struct bench_ops {
	void *(*open_out)(const struct bench_cand *, unsigned which);
	void *(*open_in)(const struct bench_cand *, unsigned which);
	void (*close_out)(void *);
	void (*close_in)(const struct bench_cand *, void *);
	unsigned (*put)(void *, const struct bench_cand *); /* a batch; 0: full */
	unsigned (*take)(void *, const struct bench_cand *, uint64_t *sum);
	void (*send)(const struct bench_cand *);    /* until stop */
	void (*receive)(const struct bench_cand *); /* counts runs */
	void (*ping)(const struct bench_cand *);    /* times trips */
	void (*pong)(const struct bench_cand *);    /* until stop */
};

enum bench_kind {
	BENCH_TRIP, /* there and back, one at a time */
	BENCH_RATE, /* through a ring that the caches next to the core hold */
	BENCH_BULK, /* through one that they do not */
	BENCH_WORK, /* the producer's time a message while it does not wait */
	BENCH_KINDS
};

struct bench_cand {
	enum bench_kind kind;
	const char *peer;	  /* whose ring */
	const char *name;	  /* what is special */
	uint32_t msg_sz, payload; /* bytes of a slot, of what is in it; beyond that in a frame */
	uint32_t batch, consumers;
	uint64_t slots; /* power of two */
	const struct bench_ops *ops;
};

/* A peer that was built in, or NULL in its place. */
struct bench_peer {
	const struct bench_cand *cand;
	unsigned n;
};
extern const struct bench_peer bench_own;
extern const struct bench_peer bench_dpdk __attribute__((weak));
extern const struct bench_peer bench_ck __attribute__((weak));

__attribute__((noreturn)) void bench_stop_with(const char *what);

/* Three stages on two CPUs, for each way of waiting; kill -9 of the producer under load. */
struct bench_out;
void bench_stages(struct bench_out *out, unsigned rounds);
void bench_kills(struct bench_out *out, unsigned kills);
/* Instructions a message by callgrind, on each side. bench_count_run is what runs under it. */
void bench_count(struct bench_out *out, const char *self, const struct bench_cand *const *cand,
		 unsigned n);
void bench_count_run(const struct bench_cand *c);

/* One figure into the file of -j; state is '-' where it does not matter. */
void bench_figure(struct bench_out *out, const struct bench_cand *c, const char *what,
		  const char *metric, double value, const char *unit, char state);

static inline uint32_t bench_get(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void bench_set(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline void bench_wait_for(uint32_t v)
{
	while (bench_get(&bench_sh->ready) != v)
		;
}

/* A message of whole lines, as the peers carry it. */
static inline void bench_write(uint64_t *to, uint32_t sz, uint64_t v)
{
	for (uint32_t k = 0; k < sz / 8; k += 2) {
		to[k] = v;
		to[k + 1] = v;
	}
}

static inline uint64_t bench_read(const uint64_t *at, uint32_t sz)
{
	uint64_t sum = 0;
	for (uint32_t k = 0; k < sz / 8; k += 2)
		sum += at[k] + at[k + 1];
	return sum;
}

#define BENCH_INLINE static inline __attribute__((always_inline))
typedef unsigned (*bench_put_fn)(void *, const struct bench_cand *);
typedef unsigned (*bench_take_fn)(void *, const struct bench_cand *, uint64_t *);

BENCH_INLINE void bench_send(const struct bench_cand *c, void *out, bench_put_fn put)
{
	bench_set(&bench_sh->ready, 1);
	while (!bench_get(&bench_sh->stop))
		put(out, c);
}

BENCH_INLINE void bench_receive(const struct bench_cand *c, void *in, bench_take_fn take)
{
	const uint64_t run_tsc = (uint64_t)(BENCH_RUN_NS / bench_ns_per_tsc);
	uint64_t sum = 0, got = 0, calls = 0, t = __rdtsc();
	while (bench_sh->runs < BENCH_RUNS) {
		got += take(in, c, &sum);
		if (++calls % 8)
			continue;
		uint64_t now = __rdtsc();
		if (now - t < run_tsc)
			continue;
		bench_sh->run[bench_sh->runs] = got;
		bench_sh->run_tsc[bench_sh->runs++] = now - t;
		got = 0;
		t = now;
	}
	bench_set(&bench_sh->stop, 1);
	bench_sh->sum = sum;
}

BENCH_INLINE void bench_ping(const struct bench_cand *c, void *out, void *in, bench_put_fn put,
			     bench_take_fn take)
{
	uint64_t sum = 0, t = __rdtsc();
	for (uint32_t i = 0; i < BENCH_TRIPS; i++) {
		while (put(out, c) == 0)
			;
		while (take(in, c, &sum) == 0)
			;
		uint64_t now = __rdtsc();
		bench_sh->trip[i] = now - t;
		t = now;
	}
	bench_sh->trips = BENCH_TRIPS;
	bench_sh->sum = sum;
	bench_set(&bench_sh->stop, 1);
}

BENCH_INLINE void bench_pong(const struct bench_cand *c, void *out, void *in, bench_put_fn put,
			     bench_take_fn take)
{
	uint64_t sum = 0;
	while (!bench_get(&bench_sh->stop)) {
		if (take(in, c, &sum) == 0)
			continue;
		while (put(out, c) == 0)
			;
	}
	__atomic_fetch_add(&bench_sh->sum, sum, __ATOMIC_RELAXED);
}

/* The loops of a ring whose functions are x_open_out, x_open_in, x_close_out, x_close_in, and what
 * puts and takes, and the row of them. */
#define BENCH_LOOPS(x, ops_name, put_fn, take_fn)                                \
	static void ops_name##_send(const struct bench_cand *c)                  \
	{                                                                        \
		void *out = x##_open_out(c, 0);                                  \
		bench_send(c, out, put_fn);                                      \
		x##_close_out(out);                                              \
	}                                                                        \
	static void ops_name##_receive(const struct bench_cand *c)               \
	{                                                                        \
		bench_wait_for(1);                                               \
		void *in = x##_open_in(c, 0);                                    \
		bench_receive(c, in, take_fn);                                   \
		x##_close_in(c, in);                                             \
	}                                                                        \
	static void ops_name##_ping(const struct bench_cand *c)                  \
	{                                                                        \
		void *out = x##_open_out(c, 0);                                  \
		bench_set(&bench_sh->ready, 1);                                  \
		bench_wait_for(2);                                               \
		void *in = x##_open_in(c, 1);                                    \
		bench_ping(c, out, in, put_fn, take_fn);                         \
		x##_close_in(c, in);                                             \
		x##_close_out(out);                                              \
	}                                                                        \
	static void ops_name##_pong(const struct bench_cand *c)                  \
	{                                                                        \
		bench_wait_for(1);                                               \
		void *in = x##_open_in(c, 0), *out = x##_open_out(c, 1);         \
		bench_set(&bench_sh->ready, 2);                                  \
		bench_pong(c, out, in, put_fn, take_fn);                         \
		x##_close_in(c, in);                                             \
		x##_close_out(out);                                              \
	}                                                                        \
	static const struct bench_ops ops_name = {.open_out = x##_open_out,      \
						  .open_in = x##_open_in,        \
						  .close_out = x##_close_out,    \
						  .close_in = x##_close_in,      \
						  .put = put_fn,                 \
						  .take = take_fn,               \
						  .send = ops_name##_send,       \
						  .receive = ops_name##_receive, \
						  .ping = ops_name##_ping,       \
						  .pong = ops_name##_pong}

#endif
