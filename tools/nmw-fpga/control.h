/* control.h: how a running `nmw-fpga run` is asked where its symbols are, and to move them.
 *
 *      nmw-fpga offload AAPL                                  nmw-fpga run
 *         one packet, the request  --- control.nmw-fpga.PID --->  between two bursts:
 *         a packet a symbol, the end  <-----------------------    one symbol after the other
 *
 * The socket lies beside the run's counters and is closed to other users (io/local.h).  The run
 * looks for a client every millisecond, has one at a time, moves one symbol between two bursts, and
 * never waits: a client that says nothing, or takes no answer, for a second is left; of one that
 * has gone nothing more is done.
 */
#ifndef NMW_FPGA_CONTROL_H
#define NMW_FPGA_CONTROL_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define CONTROL_MAGIC	UINT64_C(0x314c525443574d4e) /* "NMWCTRL1" in memory */
#define CONTROL_VERSION 1u
#define CONTROL_SYMBOLS 256u /* named in one request */
#define CONTROL_PATH	4200u

enum control_op { CONTROL_LIST, CONTROL_OFFLOAD, CONTROL_RETURN };
enum control_which { CONTROL_NAMED, CONTROL_ALL, CONTROL_LOST };

/* Host byte order: both ends are on one machine. */
struct control_request {
	uint64_t magic;
	uint32_t version;
	uint8_t op, which;
	uint16_t n; /* symbols */
	uint64_t symbol[CONTROL_SYMBOLS];
};

enum control_place { CONTROL_DEVICE, CONTROL_SOFTWARE, CONTROL_UNUSED /* no order named it yet */ };

/* About a symbol, without `run`; with `end`, which is last, about the run. */
struct control_answer {
	uint64_t magic;
	uint32_t version;
	uint8_t end;
	uint8_t place; /* enum control_place */
	uint8_t why;   /* it is in software: enum nmw_held_why */
	uint8_t done;  /* it is where the request wants it */
	uint64_t symbol;
	uint64_t orders; /* the device has; of RETURN: it had */
	uint64_t far;	 /* OFFLOAD: the host has, outside the window */
	struct control_end {
		uint32_t books, free;
		uint32_t in_use; /* the device is not lost */
		uint32_t exit;	 /* of the request; text: why not 0, or why the device is lost */
		uint64_t held, software; /* symbols */
		uint64_t losses;
		char text[NMW_ERR_MAX];
	} run;
};

/* ---- the run's side -------------------------------------------------------------------------- */

struct control {
	int listen_fd, peer; /* -1: none */
	bool asked, pending; /* the request is there; an answer that did not go yet */
	bool group;
	uint32_t at; /* symbols of the request that were looked at */
	uint64_t look_ns, since_ns;
	struct control_request q;
	struct control_answer a;
	char path[CONTROL_PATH];
	/* The next answer to q: fills a, moves *at on. With a->end it was the last. True: orders
	 * moved for it, which is enough for a turn. */
	bool (*answer)(void *arg, const struct control_request *q, uint32_t *at,
		       struct control_answer *a);
	void *arg;
};

/* 0; -errno with e: nobody can ask. */
int control_open(struct control *c, bool group, struct nmw_err *e);
/* Between two bursts, and when there is nothing to do. */
void control_turn(struct control *c);
/* Safe on one that was not opened (zeroed). */
void control_close(struct control *c);

/* ---- the other side -------------------------------------------------------------------------- */

/* Connects to the run with that pid whose counters are the file `block`. A descriptor. */
int control_connect(const char *block, uint32_t pid, struct nmw_err *e);
/* 0, or -errno with e. */
int control_ask(int fd, const struct control_request *q, struct nmw_err *e);
/* The next answer. -ETIMEDOUT at until_ns (nmw_clock_mono); -ECONNRESET: the run ended. */
int control_take(int fd, struct control_answer *a, uint64_t until_ns, struct nmw_err *e);

#endif
