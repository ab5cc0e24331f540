#include "stage/stage_impl.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/streams.h"
#include "ring/handoff.h"
#include "ring/route.h"

#include <errno.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUTE_WAIT_NS	NMW_NS_PER_S
#define JOIN_RETRY_NS	(2ull * 1000 * 1000)
#define JOIN_SAY_NS	(500ull * 1000 * 1000)
#define STACK_TOUCH	(64u * 1024)
#define TOUCH_STEP	4096u
#define WAIT_DEFAULT_NS (10ull * NMW_NS_PER_S)

/* ---- options -------------------------------------------------------------------------------- */

static void opt_add(struct nmw_stage_cold *c, unsigned *n, struct nmw_opt o)
{
	c->opts[(*n)++] = o;
}

static void opt_group(struct nmw_stage_cold *c, unsigned *n, const char *heading)
{
	opt_add(c, n, (struct nmw_opt){.type = NMW_OPT_GROUP, .help = heading});
}

static void opts_in(struct nmw_stage_cold *c, unsigned *n)
{
	opt_add(c, n,
		(struct nmw_opt){
			NMW_OPT_LIST, 'i', "in", "RING", &c->in_names, 0, 0,
			"input ring, or RING/ROUTE (repeatable; default: named on stdin)"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 0, "consumer", "NAME", &c->consumer, 0,
				 NMW_RING_CONSUMER_MAX - 1,
				 "be this named consumer: its place is kept while it is away"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 0, "after", "NAME", &c->after, 0,
				 NMW_RING_CONSUMER_MAX - 1,
				 "never pass the place of this named consumer"});
}

static void opts_out(struct nmw_stage_cold *c, unsigned *n)
{
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 'o', "out", "RING", &c->out_name, 0,
				 NMW_RING_NAME_MAX - 1,
				 "output ring (default: a private one, named on stdout)"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "pages", "auto|huge|normal", &c->pages, 0, 0,
				 "pages of the output ring"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_SIZE, 0, "slots", "COUNT", &c->slots, NMW_RING_SLOTS_MIN,
				 NMW_RING_SLOTS_MAX, "slots of the output ring, a power of two"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_SIZE, 0, "slot-size", "SIZE", &c->slot_sz, 64, 4096,
				 "bytes of a slot, a power of two; 48 are the descriptor"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_SIZE, 0, "frames", "SIZE", &c->frames, 4096, 1ull << 40,
				 "bytes for payloads that do not fit a slot"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "on-full", "wait|drop", &c->on_full, 0, 0,
				 "what to do when the output ring is full; drops are counted"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_U64, 0, "min-consumers", "N", &c->min_consumers, 0,
				 NMW_RING_CONSUMERS,
				 "publish nothing before that many have joined"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_FLAG, 0, "discard", NULL, &c->discard, 0, 0,
				 "start the ring anew instead of resuming a dead producer's"});
}

static void opts_common(struct nmw_stage_cold *c, unsigned *n)
{
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_DURATION, 0, "wait", "TIME", &c->wait_ns, 0, 0,
				 "how long to wait for a ring or its producer; 0s = for ever"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_FLAG, 0, "group", NULL, &c->group, 0, 0,
				 "open rings and counters to the group"});
	opt_group(c, n, "Running:");
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_U64, 0, "burst", "N", &c->burst, 1, NMW_BURST_MAX,
				 "messages a burst"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "wait-mode", "auto|spin|park", &c->wait_mode, 0,
				 0, "what to do when idle"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_U64, 0, "cpu", "N", &c->cpu, 0, CPU_SETSIZE - 1,
				 "run on this CPU only"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_STR, 0, "name", "NAME", &c->instance, 0,
				 NMW_METRICS_INSTANCE_MAX - 1,
				 "name of this instance in nmw-stat"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "log-level", "error|warn|info|debug",
				 &c->log_level, 0, 0, "least level that is logged"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_ENUM, 0, "log-format", "text|json", &c->log_format, 0, 0,
				 "form of the log on stderr"});
	opt_add(c, n,
		(struct nmw_opt){NMW_OPT_FLAG, 'q', "quiet", NULL, &c->quiet, 0, 0,
				 "no figures at the end"});
}

int nmw_stage_init(struct nmw_stage *st, const char *tool, unsigned flags)
{
	memset(st, 0, sizeof *st);
	nmw_streams_init();
	struct nmw_stage_cold *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	st->tool = tool;
	st->command = tool;
	st->flags = flags;
	st->cold = c;
	c->wait_ns = WAIT_DEFAULT_NS;
	c->slots = NMW_RING_SLOTS_DEF;
	c->slot_sz = NMW_SLOT_SZ;
	c->frames = NMW_RING_FRAMES_DEF;
	c->burst = NMW_BURST_DEF;
	c->min_consumers = 1;
	c->cpu = CPU_SETSIZE;
	c->log_level = NMW_LOG_INFO;
	unsigned n = 0;
	opt_group(c, &n, "Rings:");
	if (flags & NMW_STAGE_IN)
		opts_in(c, &n);
	if (flags & NMW_STAGE_OUT)
		opts_out(c, &n);
	opts_common(c, &n);
	opt_add(c, &n, (struct nmw_opt){.type = NMW_OPT_END});
	nmw_log_init(tool, NMW_LOG_INFO, NMW_LOG_TEXT);
	return 0;
}

void nmw_stage_frames(struct nmw_stage *st, uint64_t bytes)
{
	struct nmw_stage_cold *c = st->cold;
	if (c->frames == NMW_RING_FRAMES_DEF && bytes > c->frames)
		c->frames = bytes;
}

uint64_t nmw_stage_slots(const struct nmw_stage *st)
{
	return st->cold->slots;
}

static int name_output(struct nmw_stage_cold *c, unsigned i, struct nmw_err *e)
{
	const char *ring = c->out_base, *instance = c->instance_base;
	snprintf(c->out_split, sizeof c->out_split, "%.63s.%u", ring, i);
	snprintf(c->instance_split, sizeof c->instance_split, "%.40s.%u", instance, i);
	if (strlen(c->out_split) >= NMW_RING_NAME_MAX ||
	    strlen(c->instance_split) >= NMW_METRICS_INSTANCE_MAX)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "-o %s: too long for the names of several rings, %s.0 and so on",
				   ring, ring);
	c->out_name = c->out_split;
	c->instance = c->instance_split;
	return 0;
}

int nmw_stage_split(struct nmw_stage *st, unsigned n, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	if (!c->out_name)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%u queues have a ring each: name them: -o RING makes RING.0 to "
				   "RING.%u, read by nmw-match -i RING.0 -i RING.1 ...",
				   n, n - 1);
	c->out_base = c->out_name;
	c->instance_base = c->instance ? c->instance : c->out_name;
	return name_output(c, 0, e);
}

const struct nmw_opt *nmw_stage_opts(struct nmw_stage *st)
{
	return st->cold->opts;
}

void nmw_stage_consumer(struct nmw_stage *st, const char *name)
{
	if (!st->cold->consumer)
		st->cold->consumer = name;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int pin_cpu(uint64_t cpu, struct nmw_err *e)
{
	if (cpu == CPU_SETSIZE)
		return 0;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) == 0)
		return 0;
	return nmw_err_set(e, -errno, NMW_EXIT_USAGE,
			   "--cpu %llu: %s: choose one of those that `taskset -p $$` shows",
			   (unsigned long long)cpu, strerror(errno));
}

static int check_geometry(const struct nmw_stage_cold *c, struct nmw_err *e)
{
	if (!nmw_power_of_two(c->slots))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--slots %llu: not a power of two: 4K, 8K, 16K ...",
				   (unsigned long long)c->slots);
	if (!nmw_power_of_two(c->slot_sz))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--slot-size %llu: not a power of two: 64, 128, 256 .. 4K",
				   (unsigned long long)c->slot_sz);
	return 0;
}

/* RING or RING/ROUTE. */
static int check_input(const char *text, struct nmw_err *e)
{
	char name[2 * NMW_RING_NAME_MAX];
	size_t n = strcspn(text, "/");
	if (text[n] && strchr(text + n + 1, '/')) /* neither of the two */
		n = strlen(text);
	snprintf(name, sizeof name, "%.*s", (int)n, text);
	int rc = nmw_parse_name(name, NMW_RING_NAME_MAX - 1, e);
	if (!rc && text[n])
		rc = nmw_parse_name(text + n + 1, NMW_ROUTE_NAME_MAX, e);
	return rc ? nmw_err_prefix(e, "-i") : 0;
}

static bool same_ring(const char *a, const char *b)
{
	size_t n = strcspn(a, "/");
	return n == strcspn(b, "/") && !strncmp(a, b, n);
}

/* What the command line alone shows to be wrong is said before a ring is touched: a consumer that
 * has joined is counted on. */
static int check_ends(const struct nmw_stage *st, struct nmw_err *e)
{
	const struct nmw_stage_cold *c = st->cold;
	struct stat sb;
	bool pipe_out =
		fstat(STDOUT_FILENO, &sb) == 0 && (S_ISFIFO(sb.st_mode) || S_ISSOCK(sb.st_mode));
	for (unsigned i = 0; i < c->in_names.n; i++) {
		int rc = check_input(c->in_names.v[i], e);
		if (rc)
			return rc;
		for (unsigned k = 0; k < i; k++)
			if (same_ring(c->in_names.v[i], c->in_names.v[k]))
				return nmw_err_set(
					e, -EINVAL, NMW_EXIT_USAGE,
					"-i %s and -i %s: named twice, one ring: give one "
					"of them, or -i %.*s for all of it",
					c->in_names.v[k], c->in_names.v[i],
					(int)strcspn(c->in_names.v[i], "/"), c->in_names.v[i]);
		if (c->out_name && same_ring(c->in_names.v[i], c->out_name))
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "-i %s and -o %s: are one ring: name another for the "
					   "output",
					   c->out_name, c->out_name);
	}
	if ((st->flags & NMW_STAGE_IN) && !c->in_names.n && isatty(STDIN_FILENO))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "no input: name a ring with -i RING, or put a stage before "
				   "this one: nmw-recv SOURCE | %s",
				   st->command);
	if ((st->flags & NMW_STAGE_OUT) && !c->out_name && !pipe_out)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "no output: name a ring with -o RING, or put a stage behind "
				   "this one: %s ... | nmw-send SINK",
				   st->command);
	return 0;
}

int nmw_stage_check(const struct nmw_stage *st, struct nmw_err *e)
{
	int rc = check_geometry(st->cold, e);
	return rc ? rc : check_ends(st, e);
}

bool nmw_stage_drops(const struct nmw_stage *st)
{
	return st->cold->on_full == 1;
}

/* The ring is not there yet. 0: try again; else why not. gone: the stage before has ended. */
static int keep_waiting(const struct nmw_stage *st, const char *name, bool gone, uint64_t waited,
			struct nmw_err *e)
{
	uint64_t wait_ns = st->cold->wait_ns;
	if (gone)
		return nmw_err_set(e, -ENOENT, NMW_EXIT_PEER,
				   "ring %s: the stage before this one ended and took it along: "
				   "look at its error, then start the pipeline again",
				   name);
	if (nmw_stage_stops)
		return nmw_err_set(e, -EINTR, NMW_EXIT_OK, "ring %s: stopped while waiting for it",
				   name);
	if (wait_ns && waited >= wait_ns)
		return nmw_err_set(e, -ENOENT, NMW_EXIT_PEER,
				   "ring %s: not there after %.1f s: start its producer with -o "
				   "%s, or wait longer with --wait",
				   name, (double)wait_ns / 1e9, name);
	return 0;
}

static int join_now(struct nmw_stage *st, const struct nmw_cons_spec *spec, struct nmw_err *e)
{
	struct nmw_cons *in = &st->in[st->n_in];
	int rc = nmw_cons_join(in, spec, e);
	if (rc)
		return rc;
	*e = (struct nmw_err)NMW_ERR_INIT; /* of the tries before */
	st->in_route[st->n_in++] = (uint8_t)nmw_cons_route(in);
	return 0;
}

/* Whether a consumer of this route may join: a producer counts on who has joined. -ENOENT: the ring
 * is not there. A producer names its routes just after it has made the ring: since when it is
 * there, and they are not, is in *since. */
static int await_route(const char *ring, const char *route, uint64_t *since, struct nmw_err *e)
{
	int rc;
	while ((rc = nmw_ring_route(ring, route, e)) == -ESRCH) {
		uint64_t now = nmw_clock_mono();
		*since = *since ? *since : now;
		if (now - *since >= ROUTE_WAIT_NS)
			return rc;
		nanosleep(&(struct timespec){.tv_nsec = (long)JOIN_RETRY_NS}, NULL);
	}
	return rc == -ENOENT ? rc : 0; /* what else is wrong is said by who joins */
}

/* Joins RING or RING/ROUTE, waiting for the ring to appear. */
static int join(struct nmw_stage *st, const char *text, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	char name[NMW_RING_NAME_MAX];
	size_t n = strcspn(text, "/");
	const char *route = text[n] ? text + n + 1 : NULL;
	snprintf(name, sizeof name, "%.*s", (int)n, text);
	const struct nmw_cons_spec spec = {.ring = name,
					   .name = c->consumer,
					   .after = c->after,
					   .route = route,
					   .group = c->group};
	uint64_t start = nmw_clock_mono(), routeless = 0;
	for (bool said = false;;) {
		/* Asked before the try: a private ring is there before its name is handed on. */
		bool gone = c->private_in && !nmw_handoff_alive_up(STDIN_FILENO);
		int rc = route ? await_route(name, route, &routeless, e) : 0;
		if (!rc)
			rc = join_now(st, &spec, e);
		if (rc != -ENOENT)
			return rc;
		uint64_t waited = nmw_clock_mono() - start;
		rc = keep_waiting(st, name, gone, waited, e);
		if (rc)
			return rc;
		if (!said && waited > JOIN_SAY_NS)
			nmw_log(NMW_LOG_INFO, "ring %s: waiting for it", name);
		said = said || waited > JOIN_SAY_NS;
		nanosleep(&(struct timespec){.tv_nsec = (long)JOIN_RETRY_NS}, NULL);
	}
}

static int open_inputs(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	if (c->in_names.n == 0) {
		char name[NMW_RING_NAME_MAX];
		int rc = nmw_handoff_take(STDIN_FILENO, name, c->wait_ns ? c->wait_ns : UINT64_MAX,
					  e);
		if (rc)
			return rc;
		c->private_in = true;
		return join(st, name, e);
	}
	for (unsigned i = 0; i < c->in_names.n; i++) {
		int rc = join(st, c->in_names.v[i], e);
		if (rc)
			return rc;
	}
	return 0;
}

static int open_output(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	const struct nmw_ring_spec spec = {.name = c->out_name,
					   .slots = c->slots,
					   .slot_sz = (uint32_t)c->slot_sz,
					   .frame_bytes = c->frames,
					   .pages = (enum nmw_pages)c->pages,
					   .min_consumers = (unsigned)c->min_consumers,
					   .group = c->group,
					   .discard = c->discard,
					   .tool = st->tool};
	int rc = nmw_prod_open(&st->out, &spec, e);
	if (rc)
		return rc;
	st->has_out = true;
	nmw_log(NMW_LOG_INFO, "ring %s: %s", nmw_prod_name(&st->out), nmw_prod_backing(&st->out));
	if (c->out_name)
		return 0;
	c->private_out = true;
	return nmw_handoff_give(STDOUT_FILENO, nmw_prod_name(&st->out), e);
}

static void fill_metrics(struct nmw_stage *st)
{
	for (unsigned i = 0; i < st->n_in; i++)
		snprintf(st->m->in_ring[i], sizeof st->m->in_ring[i], "%s",
			 nmw_cons_name(&st->in[i]));
	if (st->has_out)
		snprintf(st->m->out_ring, sizeof st->m->out_ring, "%s", nmw_prod_name(&st->out));
	st->m->heartbeat_ns = nmw_clock_mono();
	st->m->state = NMW_TOOL_RUNNING;
}

void nmw_stage_log_init(const struct nmw_stage *st)
{
	nmw_log_init(st->tool, (enum nmw_log_level)st->cold->log_level,
		     (enum nmw_log_format)st->cold->log_format);
}

/* Counters that nmw-stat cannot see are no reason not to run. */
static int open_counters(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	int rc = nmw_metrics_open(&st->m, st->tool, st->cold->instance, st->cold->group, &why);
	if (rc)
		*e = why;
	else if (why.err)
		nmw_log(NMW_LOG_WARN, "%s", why.msg);
	return rc;
}

/* The program's variables, as the linker lays them. */
extern char __data_start[], _end[];

/* Code and constants of the program and of one library. */
static int touch_code(struct dl_phdr_info *object, size_t size, void *unused)
{
	(void)size, (void)unused;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		uintptr_t from = object->dlpi_addr + segment->p_vaddr;
		uintptr_t into = from % TOUCH_STEP;
		madvise((void *)(from - into), segment->p_memsz + into, MADV_POPULATE_READ);
	}
	return 0;
}

/* Code, variables, and the stack deeper than any burst goes: their first use is no page fault. A
 * kernel before 5.14 leaves that of code and variables. */
static __attribute__((noinline)) void touch_own(void)
{
	volatile char deep[STACK_TOUCH];
	for (size_t i = 0; i < sizeof deep; i += TOUCH_STEP)
		deep[i] = 0;
	char *from = __data_start - (uintptr_t)__data_start % TOUCH_STEP;
	madvise(from, (size_t)(_end - from), MADV_POPULATE_WRITE);
	dl_iterate_phdr(touch_code, NULL);
}

int nmw_stage_sibling(struct nmw_stage *to, const struct nmw_stage *st, unsigned i,
		      struct nmw_err *e)
{
	struct nmw_stage_cold *c = malloc(sizeof *c);
	if (!c)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	*c = *st->cold;
	c->err = (struct nmw_err)NMW_ERR_INIT;
	*to = (struct nmw_stage){.tool = st->tool,
				 .flags = NMW_STAGE_OUT,
				 .burst = st->burst,
				 .strict = st->strict,
				 .drop_on_full = st->drop_on_full,
				 .cold = c};
	nmw_wait_init(&to->wait, (enum nmw_wait_mode)c->wait_mode);
	int rc = name_output(c, i, e);
	if (!rc)
		rc = open_counters(to, e);
	if (!rc)
		rc = open_output(to, e);
	if (rc)
		return rc;
	fill_metrics(to);
	nmw_stage_look_soon(to);
	return 0;
}

int nmw_stage_open(struct nmw_stage *st, struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	nmw_stage_log_init(st);
	touch_own();
	nmw_stage_signals();
	st->burst = (unsigned)c->burst;
	st->drop_on_full = nmw_stage_drops(st);
	nmw_wait_init(&st->wait, (enum nmw_wait_mode)c->wait_mode);
	nmw_wait_place(&st->wait, st->flags & NMW_STAGE_IN, st->flags & NMW_STAGE_OUT);
	int rc = nmw_stage_check(st, e);
	if (!rc)
		rc = pin_cpu(c->cpu, e);
	if (!rc)
		rc = open_counters(st, e);
	if (!rc && (st->flags & NMW_STAGE_IN))
		rc = open_inputs(st, e);
	if (!rc && (st->flags & NMW_STAGE_OUT))
		rc = open_output(st, e);
	if (rc)
		return rc;
	if (st->n_in)
		st->wait.order.in = nmw_cons_turns(&st->in[0]);
	if (st->flags & NMW_STAGE_OUT)
		st->wait.order.out = nmw_prod_turns(&st->out);
	fill_metrics(st);
	c->started_ns = nmw_clock_mono();
	nmw_stage_look_soon(st); /* the first nmw_stage_go looks around */
	return 0;
}
