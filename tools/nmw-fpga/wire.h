/* wire.h: what the files of `nmw-fpga wire` share: frames in, the device, frames out. */
#ifndef NMW_FPGA_WIRE_H
#define NMW_FPGA_WIRE_H

#include "wire_host.h"
#include "wire_symbols.h"

#include "base/opt.h"
#include "base/outfile.h"
#include "device/wire.h"
#include "stage/stage.h"
#include "wire/capture.h"

#include <stdbool.h>

#define WIRE_BURST 64u /* frames read at once */

/* ---- frames in, frames out ------------------------------------------------------------------ */

/* What both ends are told, and what they count beside their frames. */
struct frame_conf {
	bool (*idle)(void *arg); /* as in base/input.h */
	void *arg;
	struct nmw_opt_rest eal;		  /* what stood behind --: options of DPDK's */
	struct nmw_endpoint server, feed, source; /* who is served, where market data goes */
	bool feed_given;			  /* by --feed */
	uint64_t drop[NMW_DROP_COUNT];
	uint64_t link_packets; /* not for the device: ARP and the like */
	uint64_t socket_drops; /* the kernel's, as nothing read them in time */
};

struct frame_in;
struct frame_out;

/* One kind of source: a file each, one row in wire_in.c. */
struct frame_source {
	const char *scheme; /* "pcap" */
	bool live;	    /* it has no end, and is read once */
	int (*open)(struct frame_in *f, const char *arg, struct nmw_err *e);
	/* Fills f->packet: how many; 0: the end, or (live) none now. wait: until one comes, for
	 * some ms at most. */
	int (*burst)(struct frame_in *f, bool wait, struct nmw_err *e);
	void (*close)(struct frame_in *f);
};

/* One kind of sink: a row in wire_out.c. */
struct frame_sink {
	const char *scheme;
	bool bare; /* what stands behind it may be left out */
	/* Looks at what was typed; leaves no trace. */
	int (*open)(struct frame_out *f, const char *arg, struct nmw_err *e);
	/* Both ends are open: what one says of the other. NULL: nothing */
	int (*check)(struct frame_out *f, const struct frame_in *in, struct nmw_err *e);
	/* There is something to write; `in` is open: a port or a socket may be the same. */
	int (*start)(struct frame_out *f, struct frame_in *in, struct nmw_err *e);
	/* 1: it could not go out, and was counted in f->conf->drop. */
	int (*put)(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		   struct nmw_err *e);
	int (*flush)(struct frame_out *f, struct nmw_err *e);
	/* Often, also while nothing goes out: what others ask of the end. NULL: nobody does */
	int (*look)(struct frame_out *f, struct nmw_err *e);
	int (*close)(struct frame_out *f, struct nmw_err *e);
};

struct frame_in {
	const char *spec; /* "pcap:FILE", "udp:10.0.0.1:9000" */
	struct frame_conf *conf;
	const struct frame_source *ops;
	void *state;  /* of ops */
	bool again;   /* it can be read twice */
	bool damaged; /* the capture ends in a record, or is broken there; said */
	struct nmw_capture_packet packet[WIRE_BURST];
};

struct frame_out {
	const char *spec;
	struct frame_conf *conf;
	const struct frame_sink *ops;
	void *state;
	uint64_t frames, bytes;
};

/* Whether spec is "SCHEME:ARG", then *arg is what stands behind it; bare: that may be nothing. */
bool frame_end_is(const char *spec, const char *scheme, bool bare, const char **arg);
extern const struct frame_source frames_from_if, frames_from_udp, frames_from_dpdk;
extern const struct frame_sink frames_to_if, frames_to_udp, frames_to_dpdk;

/* Opens it; spec and conf outlive it. */
int frame_in_open(struct frame_in *f, const char *spec, struct frame_conf *conf, struct nmw_err *e);
int frame_in_burst(struct frame_in *f, bool wait, struct nmw_err *e);
bool frame_in_live(const struct frame_in *f);
void frame_in_close(struct frame_in *f);

int frame_out_open(struct frame_out *f, const char *spec, struct frame_conf *conf,
		   struct nmw_err *e);
int frame_out_check(struct frame_out *f, const struct frame_in *in, struct nmw_err *e);
int frame_out_start(struct frame_out *f, struct frame_in *in, struct nmw_err *e);
/* As ops->put: 1: it was dropped, and counted. */
int frame_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		  struct nmw_err *e);
int frame_out_look(struct frame_out *f, struct nmw_err *e);
int frame_out_flush(struct frame_out *f, struct nmw_err *e);
int frame_out_close(struct frame_out *f, struct nmw_err *e);

struct found;
/* All orders of a source, which is read to its end, and what else it has: wire_learn.c. */
int wire_learn(struct wire_symbols *s, struct frame_in *in, struct found *found, struct nmw_err *e);

/* ---- what the device leaves: wire_unfit.c ---------------------------------------------------- */

struct unfit {
	const char *path; /* --unfit FILE; NULL: none is written */
	struct nmw_outfile file;
};

int unfit_open(struct unfit *u, struct nmw_err *e);
void unfit_put(struct unfit *u, const struct nmw_wire_seen *s, const struct host_verdict *v);
int unfit_close(struct unfit *u, struct nmw_err *e);

/* ---- figures: wire_stats.c ------------------------------------------------------------------- */

/* What the device counted, and the two ends, becomes the stage's counters and drops. */
void wire_report(const struct nmw_wire_stat *s, struct nmw_metrics *x,
		 const struct frame_conf *ends, const struct host *h);
/* Frames and messages dropped, and gaps, that --strict does not forgive. */
uint64_t wire_damaged(const struct nmw_wire_stat *s);

#endif
