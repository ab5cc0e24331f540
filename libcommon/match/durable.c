#include "match/durable.h"

#include "base/bits.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define POS_VERSION 1u
#define LOOK_AROUND 4096u      /* records between two looks at signals and peers */
#define PROGRESS    (1u << 18) /* records between two progress lines */

_Static_assert(sizeof(struct nmw_durable_pos) == 16 + 32 * 64 + 8 + 24, "position is 2096 bytes");
_Static_assert(NMW_STAGE_INS <= DURABLE_INPUTS, "a place for each input");
_Static_assert(sizeof(struct nmw_durable_pos) <= NMW_JOURNAL_USER_MAX, "position fits a snapshot");

/* Notes in the log. */
enum note_kind { NOTE_INPUT = 1, NOTE_OUTPUT = 2, NOTE_END = 3, NOTE_SESSION = 4 };

struct note {
	uint64_t kind;
	uint64_t index;	  /* INPUT; SESSION: its input, see nmw_ids_input */
	uint64_t ring_ns; /* INPUT, OUTPUT */
	uint64_t made;	  /* OUTPUT; SESSION: the id given */
	uint64_t seq;	  /* INPUT: last message before; OUTPUT; SESSION: its own id */
	char name[48];	  /* INPUT */
};

static volatile sig_atomic_t snapshot_wanted;

static void on_snapshot(int sig)
{
	(void)sig;
	snapshot_wanted = 1;
}

/* ---- starting ------------------------------------------------------------------------------- */

int nmw_durable_conf_hash(const char *text, size_t n, const char *file, uint64_t *out,
			  struct nmw_err *e)
{
	uint8_t buf[4096];
	uint64_t h = nmw_fnv(NMW_FNV_START, text, n);
	if (file && !strcmp(file, "-"))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--journal and --symbols -: a restart needs the symbols again: "
				   "give a file");
	FILE *f = file ? fopen(file, "re") : NULL;
	if (file && !f)
		return nmw_err_set(e, -errno, NMW_EXIT_USAGE, "%s: cannot open: %s%s", file,
				   strerror(errno), errno == ENOENT ? ": check the path" : "");
	for (size_t got; f && (got = fread(buf, 1, sizeof buf, f)) > 0;)
		h = nmw_fnv(h, buf, got);
	int rc = f && ferror(f) ? nmw_err_set(e, errno ? -errno : -EIO, NMW_EXIT_USAGE,
					      "%s: cannot read: %s", file, strerror(errno))
				: 0;
	if (f)
		fclose(f);
	*out = h;
	return rc;
}

int nmw_durable_open(struct nmw_durable *d, const struct nmw_durable_opts *o, uint64_t conf_hash,
		     struct nmw_err *e)
{
	const struct nmw_journal_conf c = {.dir = o->dir,
					   .sync = (enum nmw_journal_sync)o->sync,
					   .segment_sz = o->segment_sz,
					   .conf_hash = conf_hash};
	struct sigaction sa = {.sa_handler = on_snapshot, .sa_flags = SA_RESTART};
	d->o = *o;
	d->pos.version = POS_VERSION;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR2, &sa, NULL);
	return nmw_journal_open(&d->journal, &c, e);
}

int nmw_durable_restore(struct nmw_durable *d, void *region, size_t size, struct nmw_err *e)
{
	struct nmw_journal_stat st;
	d->region = region;
	d->region_sz = size;
	int rc = nmw_journal_restore(d->journal, region, size, &d->pos, sizeof d->pos, e);
	if (rc < 0)
		return rc;
	nmw_journal_stat(d->journal, &st);
	if (st.bad_snapshots)
		nmw_log(NMW_LOG_WARN, "journal %s: %" PRIu64 " damaged snapshots passed over",
			d->o.dir, st.bad_snapshots);
	if (rc && d->pos.version != POS_VERSION)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				   "journal %s: position of a snapshot: version %" PRIu64
				   " found, %u expected",
				   d->o.dir, d->pos.version, POS_VERSION);
	if (!rc)
		d->pos = (struct nmw_durable_pos){.version = POS_VERSION};
	return rc;
}

/* Which ring it is: names come back, creation times do not. */
static int ring_identity(const char *name, uint64_t *ring_ns, struct nmw_err *e)
{
	struct nmw_ring_info i;
	int rc = nmw_ring_inspect(name, &i, e);
	*ring_ns = rc ? 0 : i.created_ns;
	return rc;
}

static void note_apply(struct nmw_durable *d, const struct note *n)
{
	struct nmw_durable_pos *p = &d->pos;
	if (n->kind == NOTE_INPUT && n->index < DURABLE_INPUTS) {
		p->input[n->index].ring_ns = n->ring_ns;
		p->input[n->index].last = n->seq;
		memcpy(p->input[n->index].name, n->name, sizeof n->name);
		p->input[n->index].name[sizeof n->name - 1] = 0;
		while (p->inputs++ % DURABLE_INPUTS != n->index)
			; /* places that were passed over are in use */
	}
	if (n->kind == NOTE_OUTPUT) {
		p->output.ring_ns = n->ring_ns;
		p->output.made = n->made;
		p->output.seq = n->seq;
	}
	if (n->kind == NOTE_SESSION && !nmw_ids_find(d->ids, (uint32_t)n->index, (uint32_t)n->seq))
		nmw_ids_add(d->ids, (uint32_t)n->index, (uint32_t)n->seq);
	if (n->kind == NOTE_END)
		nmw_engine_end(d->engine, d->out);
	d->ended = n->kind == NOTE_END;
}

/* A record of the log goes through the engine as it did the first time. */
static int replay(const struct nmw_journal_rec *r, void *arg, struct nmw_err *e)
{
	struct nmw_durable *d = arg;
	_Alignas(8) uint8_t desc[NMW_DESC_SZ];
	struct nmw_slot *s = (struct nmw_slot *)(void *)desc;
	struct note n;
	if (r->kind == NMW_JOURNAL_NOTE && r->len == sizeof n) {
		memcpy(&n, r->payload, sizeof n);
		note_apply(d, &n);
	} else if (r->kind == NMW_JOURNAL_MESSAGE && r->input < DURABLE_INPUTS) {
		memcpy(desc, r->slot, sizeof desc);
		d->pos.input[r->input].last = s->seq;
		nmw_ids_seen(d->ids, s->session);
		s->ingress_ns = 0; /* of a clock that may have started anew */
		nmw_engine_msg(d->engine, s, r->payload, r->len, d->out);
		d->replayed++;
		d->ended = false;
	} else {
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				   "journal %s: record %" PRIu64 " is of no kind that is known",
				   d->o.dir, r->number);
	}
	if (r->number % PROGRESS == 0)
		nmw_log_progress("replaying record %" PRIu64, r->number);
	bool stop = r->number % LOOK_AROUND == 0 && !nmw_stage_go(d->stage);
	return stop || d->stage->failed || d->lost ? -ECANCELED : 0; /* the stage knows why */
}

static int note_write(struct nmw_durable *d, const struct note *n, struct nmw_err *e)
{
	nmw_journal_put(d->journal, NMW_JOURNAL_NOTE, 0, NULL, (const uint8_t *)n, sizeof *n);
	return nmw_journal_commit(d->journal, e);
}

/* ---- taking up the rings --------------------------------------------------------------------- */

/* Messages that the log has are handed back; what neither has is a loss. */
static int input_skip(struct nmw_durable *d, struct nmw_cons *c, uint64_t last, bool routed,
		      struct nmw_err *e)
{
	if (routed && c->next > last + 1) /* those between were on other routes */
		return 0;
	if (c->next > last + 1)
		return nmw_err_set(e, -ENODATA, NMW_EXIT_LOSS,
				   "ring %s: journal %s ends at its message %" PRIu64
				   ", the ring goes on at %" PRIu64 ": %" PRIu64
				   " messages are in neither: take a new directory to go on "
				   "without them",
				   nmw_cons_name(c), d->o.dir, last, c->next, c->next - last - 1);
	uint64_t n = last + 1 - c->next;
	for (; n > UINT32_MAX; n -= UINT32_MAX)
		nmw_cons_release(c, UINT32_MAX);
	nmw_cons_release(c, (unsigned)n);
	return 0;
}

/* The place of an input's ring; DURABLE_INPUTS: it has none. */
static unsigned input_place(const struct nmw_durable_pos *p, const char *name, uint64_t ring_ns)
{
	unsigned k = 0;
	while (k < DURABLE_INPUTS &&
	       (p->input[k].ring_ns != ring_ns ||
		strncmp(p->input[k].name, name, sizeof p->input[k].name - 1) != 0))
		k++;
	return k;
}

/* The oldest place that no input of the stage has. */
static unsigned place_new(const struct nmw_durable *d)
{
	uint64_t at = d->pos.inputs;
	for (unsigned i = 0; i < d->stage->n_in;)
		if (d->input_of[i++] == at % DURABLE_INPUTS) {
			at++;
			i = 0;
		}
	return at % DURABLE_INPUTS;
}

static int input_new(struct nmw_durable *d, unsigned i, uint64_t ring_ns, struct nmw_err *e)
{
	const struct nmw_cons *c = &d->stage->in[i];
	struct note n = {
		.kind = NOTE_INPUT, .index = place_new(d), .ring_ns = ring_ns, .seq = c->next - 1};
	snprintf(n.name, sizeof n.name, "%.47s", nmw_cons_name(c));
	d->input_of[i] = (uint16_t)n.index;
	int rc = note_write(d, &n, e);
	if (!rc)
		note_apply(d, &n);
	return rc;
}

/* Those that are known first: a new one must not take the place of one that comes after it. */
static int inputs_take_up(struct nmw_durable *d, struct nmw_err *e)
{
	struct nmw_stage *st = d->stage;
	uint64_t ring_ns[NMW_STAGE_INS];
	int rc = 0;
	for (unsigned i = 0; !rc && i < st->n_in; i++) {
		rc = ring_identity(nmw_cons_name(&st->in[i]), &ring_ns[i], e);
		d->input_of[i] =
			(uint16_t)input_place(&d->pos, nmw_cons_name(&st->in[i]), ring_ns[i]);
	}
	for (unsigned i = 0; !rc && i < st->n_in; i++)
		if (d->input_of[i] == DURABLE_INPUTS)
			rc = input_new(d, i, ring_ns[i], e);
		else
			rc = input_skip(d, &st->in[i], d->pos.input[d->input_of[i]].last,
					st->in_route[i], e);
	return rc;
}

static int output_take_up(struct nmw_durable *d, struct nmw_err *e)
{
	const struct nmw_prod *out = &d->stage->out;
	const struct nmw_durable_pos *p = &d->pos;
	struct note n = {.kind = NOTE_OUTPUT,
			 .ring_ns = d->out_ring_ns,
			 .made = p->produced,
			 .seq = out->next - 1};
	if (p->output.ring_ns == d->out_ring_ns) {
		uint64_t there = out->next - 1 - p->output.seq;
		if (there == p->produced - p->output.made)
			return 0;
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_LOSS,
				   "ring %s: has %" PRIu64 " outputs, the journal makes %" PRIu64
				   ": records are missing from its end: restore it, or start with "
				   "a new directory and new rings",
				   nmw_prod_name(out), there, p->produced - p->output.made);
	}
	if (p->output.ring_ns)
		nmw_log(NMW_LOG_WARN,
			"ring %s: is new: the %" PRIu64
			" outputs of the past are not sent again: `nmw-recv journal:%s | "
			"nmw-match` makes them",
			nmw_prod_name(out), p->produced, d->o.dir);
	int rc = note_write(d, &n, e);
	if (!rc)
		note_apply(d, &n);
	return rc;
}

static void say_start(const struct nmw_durable *d)
{
	struct nmw_journal_stat st;
	nmw_journal_stat(d->journal, &st);
	if (st.torn_bytes)
		nmw_log(NMW_LOG_WARN,
			"journal %s: %" PRIu64 " bytes behind record %" PRIu64
			" were cut off: a crash left them half written",
			d->o.dir, st.torn_bytes, st.last);
	nmw_log(NMW_LOG_INFO,
		"journal %s: %" PRIu64 " records, %" PRIu64 " messages replayed, %" PRIu64
		" outputs made so far",
		d->o.dir, st.last, d->replayed, d->pos.produced);
	nmw_count(d->stage->m, NMW_M_journal_replayed, d->replayed);
	nmw_count(d->stage->m, NMW_M_journal_torn_bytes, st.torn_bytes);
}

int nmw_durable_start(struct nmw_durable *d, struct nmw_stage *st, struct nmw_engine *engine,
		      struct nmw_engine_out *out, struct nmw_err *e)
{
	d->stage = st;
	d->engine = engine;
	d->out = out;
	st->comes_back = true;
	int rc = ring_identity(nmw_prod_name(&st->out), &d->out_ring_ns, e);
	if (rc)
		return rc;
	d->replaying = true;
	rc = nmw_journal_replay(d->journal, replay, d, e);
	d->replaying = false;
	nmw_log_progress(NULL);
	if (rc)
		return rc;
	nmw_stage_flush(st);
	rc = output_take_up(d, e);
	if (!rc)
		rc = inputs_take_up(d, e);
	if (!rc)
		say_start(d);
	return rc;
}

/* ---- running -------------------------------------------------------------------------------- */

static void count(struct nmw_durable *d)
{
	struct nmw_journal_stat st;
	struct nmw_metrics *m = d->stage->m;
	nmw_journal_stat(d->journal, &st);
	nmw_gauge(m, NMW_M_journal_records, st.records);
	nmw_gauge(m, NMW_M_journal_bytes, st.bytes);
	nmw_gauge(m, NMW_M_journal_syncs, st.syncs);
	nmw_gauge(m, NMW_M_journal_snapshots, st.snapshots);
}

void nmw_durable_session(struct nmw_durable *d, uint32_t input, uint32_t session, uint32_t id)
{
	const struct note n = {.kind = NOTE_SESSION, .index = input, .seq = session, .made = id};
	nmw_journal_put(d->journal, NMW_JOURNAL_NOTE, 0, NULL, (const uint8_t *)&n, sizeof n);
}

int nmw_durable_log(struct nmw_durable *d, unsigned i, const struct nmw_slot *const *slot,
		    const uint8_t *const *payload, const uint32_t *len, unsigned n,
		    struct nmw_err *e)
{
	uint16_t input = d->input_of[i];
	for (unsigned k = 0; k < n; k++)
		nmw_journal_put(d->journal, NMW_JOURNAL_MESSAGE, input, slot[k], payload[k],
				len[k]);
	d->pos.input[input].last = slot[n - 1]->seq;
	d->ended = false;
	return nmw_journal_commit(d->journal, e);
}

static int snapshot(struct nmw_durable *d, struct nmw_err *e)
{
	snapshot_wanted = 0;
	d->since_snapshot = 0;
	if (d->lost || d->stage->failed)
		return 0;
	int rc = nmw_journal_snapshot(d->journal, d->region, d->region_sz, &d->pos, sizeof d->pos,
				      e);
	if (!rc)
		count(d);
	return rc;
}

int nmw_durable_tick(struct nmw_durable *d, unsigned n, struct nmw_err *e)
{
	d->since_snapshot += n;
	if (snapshot_wanted || (d->o.snapshot_every && d->since_snapshot >= d->o.snapshot_every))
		return snapshot(d, e);
	if (n)
		return 0;
	count(d);
	return nmw_journal_tick(d->journal, e);
}

int nmw_durable_end(struct nmw_durable *d, struct nmw_err *e)
{
	const struct note n = {.kind = NOTE_END};
	if (d->ended)
		return 0;
	d->ended = true;
	return note_write(d, &n, e);
}

int nmw_durable_close(struct nmw_durable *d, bool keep, struct nmw_err *e)
{
	if (!d->journal)
		return 0;
	int rc = 0;
	if (keep && d->stage)
		rc = snapshot(d, e);
	if (d->stage)
		count(d);
	int close_rc = nmw_journal_close(d->journal, rc ? NULL : e);
	d->journal = NULL;
	return rc ? rc : close_rc;
}
