/* stage_impl.h: what the files of a stage share. stage_open: options, opening; stage: running;
 * stage_out: output; stage_end: closing. */
#ifndef NMW_STAGE_STAGE_IMPL_H
#define NMW_STAGE_STAGE_IMPL_H

#include "ring/route.h"
#include "stage/stage.h"

#include <signal.h>

#define HOUSEKEEPING_NS (10ull * 1000 * 1000) /* between two looks at peers and signals */
#define HOUSEKEEPING_GO 1024u /* calls of nmw_stage_go between two looks at the clock */

struct nmw_stage_cold {
	struct nmw_opt opts[32];
	struct nmw_opt_list in_names;
	const char *out_name, *consumer, *after, *instance;
	uint64_t wait_ns, slots, slot_sz, frames, burst, min_consumers, cpu;
	int pages, wait_mode, on_full, log_level, log_format;
	bool discard, group, quiet;
	/* of a source with queues: RING, of RING.0 and so on; NULL = one output */
	const char *out_base, *instance_base;
	char out_split[80], instance_split[64];

	bool private_in, private_out;		/* handed over through stdin, stdout */
	bool closing;				/* nothing more will be published */
	bool left_said;				/* what the stage behind did not take */
	uint32_t unread_said;			/* routes that nobody takes, a bit each */
	uint64_t untaken_since[NMW_ROUTES + 1]; /* ns; 0 = somebody takes it, or it has nothing */
	bool input_ended[NMW_STAGE_INS];
	uint64_t input_dead_since[NMW_STAGE_INS]; /* ns; 0 = its producer lives */
	uint64_t awaited_since[NMW_STAGE_INS];	  /* ns; 0 = who is to be followed is there */
	bool awaited_said[NMW_STAGE_INS];
	uint64_t stop_at[NMW_STAGE_INS]; /* sequence number to stop before; 0 = none */
	uint64_t stop_since;
	uint64_t last_housekeeping;
	uint64_t faults_at_ready, faults_looked; /* page faults; ns of the last look at them */
	uint64_t started_ns;
	uint64_t sent_at_ready;
	struct nmw_err err;
	struct nmw_err input_err; /* an input's producer failed */
};

/* Stop signals so far; the second one means at once. */
extern volatile sig_atomic_t nmw_stage_stops;

void nmw_stage_signals(void);
void nmw_stage_log_init(const struct nmw_stage *st);
/* Heartbeat, signals, the reader of a private output: about every 10 ms. */
void nmw_stage_housekeeping(struct nmw_stage *st, uint64_t now);
/* Brings the counter of page faults up to date. */
void nmw_stage_count_faults(struct nmw_stage *st);
/* The consumer of a private ring is the next program of the pipeline: notes its end. */
void nmw_stage_check_downstream(struct nmw_stage *st);
void nmw_stage_say_figures(const struct nmw_stage *st);
/* Messages of routes that no consumer takes: counted, and said once a route. */
void nmw_stage_look_at_routes(struct nmw_stage *st);

/* A wait for the output's reader; each loop that waits has its own, zeroed. */
struct stage_wait {
	unsigned steps;
	uint64_t since; /* ns; 0 = not long enough for a look at the clock */
	bool said;	/* that it lasts */
};

/* One step of it; false when the stage must end instead. */
bool nmw_stage_wait_step(struct nmw_stage *st, struct stage_wait *w);

#endif
