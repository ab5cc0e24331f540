/* wire.h: what the files of `nmw-fpga wire` share: frames in, the device, frames out. */
#ifndef NMW_FPGA_WIRE_H
#define NMW_FPGA_WIRE_H

#include "wire_symbols.h"

#include "base/opt.h"
#include "base/outfile.h"
#include "device/wire.h"
#include "stage/stage.h"
#include "wire/capture.h"

#include <stdbool.h>

#define WIRE_BURST 64u /* frames read at once */

/* ---- frames in: wire_in.c ------------------------------------------------------------------- */

struct frame_in {
	const char *spec; /* "pcap:FILE", "if:NAME" */
	struct nmw_capture *capture;
	int fd;	      /* if: its socket; -1: none */
	bool again;   /* it can be read twice */
	uint64_t cut; /* frames that the capture has not whole */
	bool damaged; /* the capture ends in a record, or is broken there; said */
	struct nmw_capture_packet packet[WIRE_BURST];
	uint8_t *buf; /* if: the frame */
};

/* Opens it; idle as in base/input.h. */
int frame_in_open(struct frame_in *f, const char *spec, bool (*idle)(void *arg), void *arg,
		  struct nmw_err *e);
/* Frames that are there, in f->packet: how many; 0: the end, or (if:) none now; negative errno. */
int frame_in_burst(struct frame_in *f, struct nmw_err *e);
bool frame_in_live(const struct frame_in *f);
void frame_in_close(struct frame_in *f);

/* ---- frames out: wire_out.c ----------------------------------------------------------------- */

struct frame_out {
	const char *spec; /* "pcap:FILE", "if:NAME", "null:" */
	struct nmw_outfile file;
	int fd;
	uint64_t frames, bytes, lost;
};

int frame_out_open(struct frame_out *f, const char *spec, struct nmw_err *e);
/* After it is known that there is something to write. */
int frame_out_start(struct frame_out *f, struct nmw_err *e);
int frame_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		  struct nmw_err *e);
int frame_out_flush(struct frame_out *f, struct nmw_err *e);
int frame_out_close(struct frame_out *f, struct nmw_err *e);

/* All orders of a source, which is read to its end: wire_learn.c. */
int wire_learn(struct wire_symbols *s, struct frame_in *in, struct nmw_err *e);

/* ---- what the device leaves: wire_unfit.c ---------------------------------------------------- */

struct unfit {
	const char *path; /* --unfit FILE; NULL: counted only */
	struct nmw_outfile file;
	uint64_t n, why[16];
};

int unfit_open(struct unfit *u, struct nmw_err *e);
void unfit_put(struct unfit *u, const struct nmw_wire_seen *s);
/* "market 3, symbol 1": at most cap bytes */
void unfit_reasons(const struct unfit *u, char *to, size_t cap);
int unfit_close(struct unfit *u, struct nmw_err *e);

/* ---- figures: wire_stats.c ------------------------------------------------------------------- */

/* What the device counted becomes the stage's counters and drops; cut: frames not given in. */
void wire_report(const struct nmw_wire_stat *s, struct nmw_metrics *x, uint64_t cut);
/* Frames and messages dropped, and gaps, that --strict does not forgive. */
uint64_t wire_damaged(const struct nmw_wire_stat *s);

#endif
