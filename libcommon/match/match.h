/* match.h: the whole of a program that matches: options, rings, journal, figures, around the
 * engine.  nmw-match is this and no more; nmw-fpga run is this with a device behind the engine.
 *
 *      input rings --burst--> journal --> engine --> output ring; then the input is handed back
 *
 * A tool brings a struct nmw_match_tool; what differs from one to the other is in there.
 */
#ifndef NMW_MATCH_MATCH_H
#define NMW_MATCH_MATCH_H

#include "base/opt.h"
#include "book/engine.h"
#include "match/durable.h"
#include "match/memory.h"
#include "stage/stage.h"

struct nmw_match;

struct nmw_match_tool {
	const char *name;    /* of the stage: "nmw-fpga" */
	const char *command; /* as it is typed: "nmw-fpga run" */
	const char *summary;
	const char *const *examples; /* NULL-terminated */
	const char *backends;
	const struct nmw_opt *opts; /* its own options, before the others; NULL: none */
	/* In the order of the calls; each may be NULL. After a negative errno only close follows.
	 */
	int (*open)(struct nmw_match *m, struct nmw_err *e); /* the options are read, no memory
							      * is taken */
	/* m->engine is there, its symbols loaded. restored: from a snapshot, with orders; the log
	 * after it is replayed later */
	int (*attach)(struct nmw_match *m, bool restored, struct nmw_err *e);
	/* Between two bursts, when the outputs are published and the input is handed back, and
	 * while there is nothing to do: an error ends the stage with e. */
	int (*check)(struct nmw_match *m, struct nmw_err *e);
	void (*report)(struct nmw_match *m); /* brings its counters in m->stage.m up to date */
	void (*say)(struct nmw_match *m);    /* the rings are open: lines for people */
	void (*close)(struct nmw_match *m);  /* after the engine's last message */
	void *arg;
};

struct nmw_match {
	const struct nmw_match_tool *tool;
	struct nmw_stage stage;
	struct nmw_engine *engine;
	struct nmw_engine_out out;
	struct nmw_slot *out_begin; /* where its run began */
	struct nmw_memory memory;
	struct nmw_durable durable;
	struct nmw_ids *given;		   /* of sessions, behind the engine */
	bool several;			   /* inputs: ids are given out */
	bool ids_full;			   /* was said */
	uint32_t input_key[NMW_STAGE_INS]; /* see nmw_ids_input */
	/* options, as typed */
	const char *symbols_file, *utc_offset;
	uint64_t orders, symbols, sessions, ids, timers, window;
	int codec, self_match;
	bool check, no_feed, no_replies, lazy;
	struct nmw_durable_opts journal;
	/* state */
	uint32_t unreported; /* messages since the counters were updated */
	uint64_t reported_ns;
	/* --strict: the first message that could not be read; bad_seq 0: none yet */
	uint64_t bad_seq;
	uint32_t bad_len;
	unsigned bad_input;
	uint8_t bad_type;
	/* descriptors are copied once and checked: the ring is another program's memory */
	_Alignas(NMW_LINE) uint8_t desc[NMW_BURST_MAX][NMW_DESC_SZ];
	const struct nmw_slot *slot[NMW_BURST_MAX];
	const uint8_t *payload[NMW_BURST_MAX];
	uint32_t len[NMW_BURST_MAX];
	/* what is written when the output is gone, or full under --on-full drop */
	_Alignas(NMW_LINE) uint8_t nowhere[NMW_DESC_SZ + NMW_MSG_MAX];
};

/* The options of every tool that matches; the last row ends the table. */
#define NMW_MATCH_OPTS 23u
void nmw_match_opts(struct nmw_match *m, struct nmw_opt rows[NMW_MATCH_OPTS]);
/* The program from its command line to its exit status. m: zeroed. */
int nmw_match_main(struct nmw_match *m, const struct nmw_match_tool *t, int argc, char **argv);

#endif
