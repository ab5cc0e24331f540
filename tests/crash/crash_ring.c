/* Kills a ring's producer and consumers with SIGKILL, again and again, and checks what is left.
 *
 *   crash_ring random SEED KILLS   at random moments, with all of them running: content, order, no
 *                                  loss for named consumers, nobody hangs
 *   crash_ring syscalls            before each system call of opening, joining, closing, leaving:
 * for every n, the one who dies before its nth call leaves a ring that works and, in the end, an
 * empty directory
 *
 * Exit 0 or 1; NMW_DIR is an empty directory of its own. */
#include "base/clock.h"
#include "base/rng.h"
#include "ring/ring.h"
#include "ring/wait.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING	"crash"
#define STALL_S 10u /* nobody may stand still that long */
#define WORKERS 5u
#define CALLS	400u /* more system calls than any step makes */

enum role { PRODUCER, NAMED_A, NAMED_B, FOLLOWER, UNNAMED };
static const char *const role_names[WORKERS] = {"producer", "named a", "named b", "follower of a",
						"unnamed"};

/* What the processes tell the parent; each field has one writer. */
struct shared {
	uint64_t published;	/* by the producer, after each publish */
	uint64_t done[WORKERS]; /* by each consumer: the last message it has checked */
	uint64_t opens, joins;
	uint32_t stop; /* by the parent: close and drain */
	char why[WORKERS][256];
};

static struct shared *sh;
static struct nmw_ring_spec spec;

__attribute__((format(printf, 2, 3), noreturn)) static void fail(enum role r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(sh->why[r], sizeof sh->why[r], fmt, ap);
	va_end(ap);
	_exit(1);
}

/* ---- what is in a message follows from its sequence number --------------- */

static uint32_t len_of(uint64_t seq)
{
	return (uint32_t)((seq * 2654435761u >> 7) % 401);
}

static void fill(struct nmw_slot *s, uint8_t *to, uint64_t seq)
{
	s->ts_ns = seq ^ 0x5555;
	s->in_seq = seq * 3;
	s->session = (uint32_t)(seq % 17);
	for (uint32_t k = 0; k < len_of(seq); k++)
		to[k] = (uint8_t)(seq + k);
}

static bool right(const struct nmw_cons *c, unsigned i)
{
	uint64_t seq = c->next + i;
	const struct nmw_slot *s = nmw_cons_slot(c, i);
	uint32_t len;
	const uint8_t *at = nmw_cons_payload(c, s, &len);
	bool ok = at && len == len_of(seq) && s->ts_ns == (seq ^ 0x5555) && s->in_seq == seq * 3 &&
		  s->session == seq % 17;
	for (uint32_t k = 0; ok && k < len; k++)
		ok = at[k] == (uint8_t)(seq + k);
	return ok;
}

/* ---- the workers --------------------------------------------------------- */

static unsigned fill_burst(struct nmw_prod *p, unsigned n)
{
	unsigned i = 0;
	for (; i < n; i++) {
		struct nmw_slot *s = nmw_prod_slot(p, i);
		uint8_t *to = nmw_prod_payload(p, s, len_of(p->next + i));
		if (!to)
			break;
		fill(s, to, p->next + i);
	}
	return i;
}

static void produce(uint64_t seed)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_rng rng;
	struct nmw_wait w;
	nmw_rng_seed(&rng, seed);
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	if (nmw_prod_open(&p, &spec, &e) != 0)
		fail(PRODUCER, "open: %s", e.msg);
	if (p.next - 1 < sh->published)
		fail(PRODUCER, "resumed at %llu, but %llu was published",
		     (unsigned long long)p.next, (unsigned long long)sh->published);
	__atomic_fetch_add(&sh->opens, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&sh->stop, __ATOMIC_RELAXED)) {
		unsigned n = nmw_prod_room(&p, 1 + (unsigned)nmw_rng_below(&rng, 40));
		n = fill_burst(&p, n);
		nmw_prod_publish(&p, n);
		__atomic_store_n(&sh->published, p.next - 1, __ATOMIC_RELAXED);
		if (n == 0)
			nmw_wait_idle(&w, NULL);
		else
			nmw_wait_busy(&w);
	}
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	_exit(0);
}

static int join(struct nmw_cons *c, enum role r, struct nmw_err *e)
{
	static const char *const names[WORKERS] = {NULL, "a", "b", "follower", NULL};
	struct nmw_cons_spec s = {
		.ring = RING, .name = names[r], .after = r == FOLLOWER ? "a" : NULL};
	int rc;
	while ((rc = nmw_cons_join(c, &s, e)) == -ENOENT)
		usleep(200);
	return rc;
}

static void take(struct nmw_cons *c, enum role r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!right(c, i))
			fail(r, "message %llu is not what was published",
			     (unsigned long long)(c->next + i));
	uint64_t last = c->next + n - 1;
	if (r == FOLLOWER && last > __atomic_load_n(&sh->done[NAMED_A], __ATOMIC_RELAXED))
		fail(r, "message %llu before the one it follows", (unsigned long long)last);
	/* a named one may see again what it had checked and not yet handed back */
	if (last > sh->done[r])
		__atomic_store_n(&sh->done[r], last, __ATOMIC_RELAXED);
	nmw_cons_release(c, n);
}

static void consume(enum role r, uint64_t seed)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	struct nmw_rng rng;
	struct nmw_wait w;
	nmw_rng_seed(&rng, seed);
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	if (join(&c, r, &e) != 0)
		fail(r, "join: %s", e.msg);
	__atomic_fetch_add(&sh->joins, 1, __ATOMIC_RELAXED);
	if (r != UNNAMED && c.next > sh->done[r] + 1)
		fail(r, "lost: goes on at %llu, had checked up to %llu", (unsigned long long)c.next,
		     (unsigned long long)sh->done[r]);
	for (;;) {
		unsigned n = nmw_cons_ready(&c, 1 + (unsigned)nmw_rng_below(&rng, 40));
		if (n > 0) {
			nmw_wait_busy(&w);
			take(&c, r, n);
			continue;
		}
		if (nmw_wait_idle(&w, &c) < 1000000)
			continue;
		enum nmw_ring_state state = nmw_cons_state(&c);
		if (state == NMW_RING_CORRUPT)
			fail(r, "corrupt at %llu", (unsigned long long)c.next);
		if (state == NMW_RING_CLOSED && nmw_cons_ready(&c, 1) == 0)
			break;
	}
	nmw_cons_leave(&c, true);
	_exit(0);
}

static pid_t start(enum role r, uint64_t seed)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0 && r == PRODUCER)
		produce(seed);
	if (pid == 0)
		consume(r, seed);
	return pid;
}

/* ---- random moments ------------------------------------------------------ */

static bool said(void)
{
	bool any = false;
	for (unsigned r = 0; r < WORKERS; r++)
		if (sh->why[r][0]) {
			printf("FAIL: %s: %s\n", role_names[r], sh->why[r]);
			any = true;
		}
	return any;
}

/* Waits until what the victim does goes on: the slowest recovery is a figure. */
static bool goes_on(enum role r, uint64_t from, uint64_t *slowest)
{
	const uint64_t *at = r == PRODUCER ? &sh->published : &sh->done[r];
	uint64_t t = nmw_clock_mono();
	while (__atomic_load_n(at, __ATOMIC_RELAXED) <= from) {
		if (nmw_clock_mono() - t > STALL_S * NMW_NS_PER_S) {
			printf("FAIL: %s stands still at %llu\n", role_names[r],
			       (unsigned long long)from);
			return false;
		}
		if (said())
			return false;
		usleep(100);
	}
	uint64_t took = nmw_clock_mono() - t;
	*slowest = took > *slowest ? took : *slowest;
	return true;
}

static unsigned files(void)
{
	unsigned n = 0;
	DIR *d = opendir(getenv("NMW_DIR"));
	for (struct dirent *f; d && (f = readdir(d));)
		n += strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0;
	if (d)
		closedir(d);
	return n;
}

static bool ended(pid_t pid, const char *who)
{
	int status = 0;
	uint64_t t = nmw_clock_mono();
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (nmw_clock_mono() - t > STALL_S * NMW_NS_PER_S) {
			printf("FAIL: %s does not end\n", who);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return false;
		}
		usleep(500);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	printf("FAIL: %s ended with status %x\n", who, (unsigned)status);
	return false;
}

static bool drain(pid_t pid[WORKERS])
{
	bool ok = true;
	__atomic_store_n(&sh->stop, 1, __ATOMIC_RELAXED);
	for (unsigned r = 0; r < WORKERS; r++)
		ok = ended(pid[r], role_names[r]) && ok;
	ok = !said() && ok;
	for (unsigned r = NAMED_A; ok && r <= FOLLOWER; r++)
		if (sh->done[r] != sh->published) {
			printf("FAIL: %s has %llu of %llu messages\n", role_names[r],
			       (unsigned long long)sh->done[r], (unsigned long long)sh->published);
			ok = false;
		}
	if (ok && files() != 0) {
		printf("FAIL: %u files left behind\n", files());
		ok = false;
	}
	return ok;
}

static int random_moments(uint64_t seed, unsigned kills)
{
	struct nmw_rng rng;
	pid_t pid[WORKERS];
	uint64_t slowest[WORKERS] = {0};
	unsigned killed[WORKERS] = {0};
	bool ok = true;
	nmw_rng_seed(&rng, seed);
	spec = (struct nmw_ring_spec){.name = RING,
				      .slots = 16ull << nmw_rng_below(&rng, 8),
				      .slot_sz = 64u << nmw_rng_below(&rng, 3),
				      .frame_bytes = 8192ull << nmw_rng_below(&rng, 4),
				      .min_consumers = 4,
				      .tool = "crash"};
	for (unsigned r = 0; r < WORKERS; r++)
		pid[r] = start(r, nmw_rng_u64(&rng));
	for (unsigned k = 0; ok && k < kills; k++) {
		enum role r = (enum role)nmw_rng_below(&rng, WORKERS);
		usleep((useconds_t)nmw_rng_below(&rng, 4000));
		kill(pid[r], SIGKILL);
		waitpid(pid[r], NULL, 0);
		killed[r]++;
		uint64_t from = r == PRODUCER ? sh->published : sh->done[r];
		usleep((useconds_t)nmw_rng_below(&rng, 1000));
		pid[r] = start(r, nmw_rng_u64(&rng));
		/* often the next one dies before this one is back */
		if (nmw_rng_below(&rng, 3) != 0)
			ok = goes_on(r, from, &slowest[r]);
		ok = !said() && ok;
	}
	for (unsigned r = 0; ok && r < WORKERS; r++)
		ok = goes_on(r, r == PRODUCER ? sh->published : sh->done[r], &slowest[r]);
	ok = drain(pid) && ok;
	for (unsigned r = 0; r < WORKERS; r++) {
		kill(pid[r], SIGKILL);
		waitpid(pid[r], NULL, 0);
		printf("%-13s killed %3u times, back within %.1f ms\n", role_names[r], killed[r],
		       (double)slowest[r] / 1e6);
	}
	printf("seed %llu: %llu slots of %u bytes: %u kills, %llu messages: %s\n",
	       (unsigned long long)seed, (unsigned long long)spec.slots, spec.slot_sz, kills,
	       (unsigned long long)sh->published, ok ? "none lost, none corrupt" : "FAILED");
	return ok ? 0 : 1;
}

/* ---- before every system call -------------------------------------------- */

/* A whole life of a producer or a consumer, alone. */
static void short_life(enum role r, const struct nmw_ring_spec *s)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_cons c;
	if (r == PRODUCER) {
		if (nmw_prod_open(&p, s, &e) != 0)
			fail(r, "%s", e.msg);
		nmw_prod_publish(&p, fill_burst(&p, nmw_prod_room(&p, 3)));
		nmw_prod_close(&p);
		nmw_prod_leave(&p);
		_exit(0);
	}
	if (join(&c, r, &e) != 0)
		fail(r, "%s", e.msg);
	unsigned n = nmw_cons_ready(&c, 2);
	for (unsigned i = 0; i < n; i++)
		if (!right(&c, i))
			fail(r, "message %llu", (unsigned long long)(c.next + i));
	nmw_cons_release(&c, n);
	nmw_cons_leave(&c, r == FOLLOWER);
	_exit(0);
}

/* Runs it up to its nth system call and kills it there. false: it ended before. */
static bool kill_before(enum role r, const struct nmw_ring_spec *s, unsigned nth)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		short_life(r, s);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(uintptr_t)PTRACE_O_TRACESYSGOOD);
	for (unsigned stops = 0; WIFSTOPPED(status) && stops < nth; stops++) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		waitpid(pid, &status, 0);
	}
	if (!WIFSTOPPED(status))
		return false;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return true;
}

#define READERS 3u

/* Passes 100 messages to all readers. */
static bool pass(struct nmw_prod *p, struct nmw_cons c[READERS])
{
	uint64_t end = nmw_clock_mono() + STALL_S * NMW_NS_PER_S, last = p->next + 99;
	bool ok = true, all = false;
	while (ok && !all && nmw_clock_mono() < end) {
		nmw_prod_publish(p, fill_burst(p, nmw_prod_room(p, 7)));
		all = true;
		for (unsigned k = 0; k < READERS; k++) {
			unsigned n = nmw_cons_ready(&c[k], 5);
			for (unsigned i = 0; i < n; i++)
				ok = ok && right(&c[k], i);
			nmw_cons_release(&c[k], n);
			all = all && c[k].next > last;
		}
	}
	return ok && all;
}

/* A producer and every named consumer do their work on what is left; then nothing is left. */
static bool works(const struct nmw_ring_spec *s, const char *what, unsigned nth)
{
	static const char *const names[READERS] = {"a", "b", "follower"};
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_cons c[READERS];
	struct nmw_ring_spec again = *s;
	again.name = RING;
	memset(sh->done, 0, sizeof sh->done);
	int rc = nmw_prod_open(&p, &again, &e);
	for (unsigned k = 0; rc == 0 && k < READERS; k++)
		rc = nmw_cons_join(&c[k], &(struct nmw_cons_spec){.ring = RING, .name = names[k]},
				   &e);
	if (rc != 0) {
		printf("FAIL: %s, killed before call %u: %s\n", what, nth, e.msg);
		return false;
	}
	bool ok = pass(&p, c);
	for (unsigned k = 0; k < READERS; k++)
		nmw_cons_leave(&c[k], true);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	nmw_ring_reap(false, NULL);
	if (!ok || files() != 0)
		printf("FAIL: %s, killed before call %u: %s\n", what, nth,
		       ok ? "files are left" : "messages do not arrive");
	return ok && files() == 0;
}

/* A ring as it is found: with two messages read by a named consumer of three. */
static void prepare(bool dead, bool with_reader)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_cons c;
	pid_t pid = fork();
	if (pid == 0) {
		if (nmw_prod_open(&p, &spec, &e) != 0)
			fail(PRODUCER, "%s", e.msg);
		if (with_reader &&
		    nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = RING, .name = "a"}, &e) != 0)
			fail(NAMED_A, "%s", e.msg);
		nmw_prod_publish(&p, fill_burst(&p, nmw_prod_room(&p, 3)));
		if (with_reader) {
			nmw_cons_release(&c, nmw_cons_ready(&c, 2));
			nmw_cons_leave(&c, false);
		}
		if (!dead)
			nmw_prod_close(&p);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static int system_calls(void)
{
	static const struct {
		const char *what;
		enum role role;
		bool there, dead, reader, discard, private;
	} row[] = {
		{.what = "create", .role = PRODUCER},
		{.what = "create private", .role = PRODUCER, .private = true},
		{.what = "resume", .role = PRODUCER, .there = true, .dead = true, .reader = true},
		{.what = "resume closed", .role = PRODUCER, .there = true, .reader = true},
		{.what = "replace closed", .role = PRODUCER, .there = true},
		{.what = "discard",
		 .role = PRODUCER,
		 .there = true,
		 .dead = true,
		 .reader = true,
		 .discard = true},
		{.what = "join", .role = UNNAMED, .there = true, .dead = true},
		{.what = "join named",
		 .role = NAMED_B,
		 .there = true,
		 .dead = true,
		 .reader = true},
		{.what = "rejoin", .role = NAMED_A, .there = true, .dead = true, .reader = true},
		{.what = "rejoin closed", .role = NAMED_A, .there = true, .reader = true},
		{.what = "forget", .role = FOLLOWER, .there = true, .dead = true, .reader = true},
	};
	unsigned total = 0;
	bool ok = true;
	spec = (struct nmw_ring_spec){.name = RING, .slots = 8, .frame_bytes = 8192};
	for (size_t i = 0; ok && i < sizeof row / sizeof *row; i++) {
		struct nmw_ring_spec s = spec;
		unsigned nth = 1;
		bool alive = true;
		s.discard = row[i].discard;
		s.name = row[i].private ? NULL : RING;
		for (; ok && alive && nth < 2 * CALLS; nth++) {
			if (row[i].there)
				prepare(row[i].dead, row[i].reader);
			alive = kill_before(row[i].role, &s, nth);
			ok = works(&s, row[i].what, nth) && !said();
			total += alive;
		}
		printf("%-15s %3u places\n", row[i].what, nth - 2);
	}
	printf("%u kills: %s\n", total, ok ? "all recovered" : "FAILED");
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED || !getenv("NMW_DIR"))
		return 2;
	if (argc == 4 && strcmp(argv[1], "random") == 0)
		return random_moments(strtoull(argv[2], NULL, 0),
				      (unsigned)strtoul(argv[3], NULL, 0));
	if (argc == 2 && strcmp(argv[1], "syscalls") == 0)
		return system_calls();
	fprintf(stderr, "usage: crash_ring random SEED KILLS | crash_ring syscalls\n");
	return 2;
}
