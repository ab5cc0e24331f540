/* books.h: the device as what holds the engine's books (book/held.h), and how it stands. */
#ifndef NMW_FPGA_BOOKS_H
#define NMW_FPGA_BOOKS_H

#include "book/held.h"
#include "device/device.h"
#include "match/match.h"

struct books {
	struct nmw_port port; /* first */
	struct nmw_device *device;
	struct nmw_held *held;
	struct nmw_memory memory;
	uint32_t there; /* events in the ring that were not handed back, as far as looked */
	uint32_t taken; /* of those, read */
};

/* The engine's books go to the device, which is open and empty; restored: with their orders. wish:
 * see struct nmw_held. */
int books_attach(struct books *b, struct nmw_device *d, struct nmw_match *m, bool restored,
		 enum nmw_held_wish (*wish)(void *arg, uint32_t sym), void *arg, struct nmw_err *e);
/* -errno, with why in e: the device is lost. What was put out is right, and so is the engine. */
int books_check(const struct books *b, struct nmw_err *e);
/* After that: the device was opened anew, and is empty. */
void books_again(struct books *b);
/* Why a symbol is in software: "no book was free". */
const char *books_why(enum nmw_held_why why);
void books_report(const struct books *b, struct nmw_metrics *x);
/* A line for people at the end: what the device had, what not and why. */
void books_say(const struct books *b);
void books_close(struct books *b);

#endif
