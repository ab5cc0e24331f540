/* durable.h: the engine's input in a journal, so that a crash costs nothing.
 *
 *   input ring --> log (commit) --> engine --> output ring --> input ring handed back
 *
 * A restart loads the newest snapshot, replays what the log has after it, and counts the outputs
 * that this makes again: those that the output ring already has are passed over, the others are
 * sent.  Then the input goes on behind the last message that the log has.  So nothing is sent twice
 * and nothing never, as long as the rings are there: they must be named ones.  On a ring that is
 * new, outputs of the past are not sent again.
 *
 * Where each ring stands is part of the snapshot, and changes of it are notes in the log.
 */
#ifndef NMW_MATCH_DURABLE_H
#define NMW_MATCH_DURABLE_H

#include "book/engine.h"
#include "match/ids.h"
#include "journal/journal.h"
#include "stage/stage.h"

struct nmw_durable_opts {
	const char *dir; /* NULL: no journal */
	int sync;	 /* enum nmw_journal_sync */
	uint64_t snapshot_every, segment_sz;
};

#define DURABLE_INPUTS 32u /* input rings that a journal remembers */

/* Where the rings stand: kept in snapshots, so its layout is pinned. */
struct nmw_durable_pos {
	uint64_t version;
	uint64_t produced; /* outputs that the engine has made */
	struct {
		uint64_t ring_ns; /* when the ring was created: which one it is */
		uint64_t last;	  /* last message of it that is in the log */
		char name[48];
	} input[DURABLE_INPUTS];
	uint64_t inputs; /* how many were given; a new one takes the oldest place not in use */
	struct {
		uint64_t ring_ns;
		uint64_t made; /* outputs made before the first that went there */
		uint64_t seq;  /* that ring's last message then */
	} output;
};

struct nmw_durable {
	struct nmw_durable_opts o;
	struct nmw_journal *journal;
	struct nmw_stage *stage;
	struct nmw_engine *engine;
	struct nmw_engine_out *out;
	void *region;
	size_t region_sz;
	struct nmw_ids *ids; /* in the region */
	struct nmw_durable_pos pos;
	uint16_t input_of[NMW_STAGE_INS]; /* input of the stage -> index in pos */
	uint64_t out_ring_ns;		  /* the output ring of this process */
	bool replaying;
	bool ended;		 /* the last record of the log is the end of the input */
	bool lost;		 /* an output had nowhere to go: the state must not be kept */
	uint64_t since_snapshot; /* messages */
	uint64_t replayed;
};

/* A hash of the text and of the file's bytes (NULL: no file). */
int nmw_durable_conf_hash(const char *text, size_t n, const char *file, uint64_t *out,
			  struct nmw_err *e);
/* Opens the journal; conf_hash is of all that the output depends on. */
int nmw_durable_open(struct nmw_durable *d, const struct nmw_durable_opts *o, uint64_t conf_hash,
		     struct nmw_err *e);
/* Before the engine is made: 1 = the region holds its state, join it; 0 = make it. */
int nmw_durable_restore(struct nmw_durable *d, void *region, size_t size, struct nmw_err *e);
/* After the rings are open: replays, sends what was not sent, takes up the inputs. */
int nmw_durable_start(struct nmw_durable *d, struct nmw_stage *st, struct nmw_engine *engine,
		      struct nmw_engine_out *out, struct nmw_err *e);
/* Whether the output that the engine makes next is to be sent. */
static inline bool nmw_durable_sends(const struct nmw_durable *d)
{
	const struct nmw_durable_pos *p = &d->pos;
	if (__builtin_expect(!d->replaying, 1))
		return true;
	if (p->output.ring_ns != d->out_ring_ns)
		return false;
	return p->produced - p->output.made >=
	       d->stage->out.next - 1 + d->stage->pending - p->output.seq;
}
/* A session was given an id: logged with the burst that it came in. */
void nmw_durable_session(struct nmw_durable *d, uint32_t input, uint32_t session, uint32_t id);
/* A burst of input i of the stage is logged before the engine sees it. */
int nmw_durable_log(struct nmw_durable *d, unsigned i, const struct nmw_slot *const *slot,
		    const uint8_t *const *payload, const uint32_t *len, unsigned n,
		    struct nmw_err *e);
/* After the outputs of n messages were published: a snapshot when one is due or was asked for. */
int nmw_durable_tick(struct nmw_durable *d, unsigned n, struct nmw_err *e);
/* The input was closed: logged before nmw_engine_end. */
int nmw_durable_end(struct nmw_durable *d, struct nmw_err *e);
/* Keeps the state when all is well (keep), and closes. */
int nmw_durable_close(struct nmw_durable *d, bool keep, struct nmw_err *e);

#endif
