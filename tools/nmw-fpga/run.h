/* run.h: what the files of `nmw-fpga run` share: the device that the engine has. */
#ifndef NMW_FPGA_RUN_H
#define NMW_FPGA_RUN_H

#include "books.h"
#include "command.h"
#include "control.h"
#include "match/match.h"
#include "wishes.h"

struct run {
	struct device_choice choice;
	const char *offload, *software; /* as typed */
	int on_loss;			/* software|exit */
	struct nmw_device_spec spec;
	struct nmw_device device;
	struct books books;
	struct nmw_engine *engine;
	struct wishes wishes;
	struct control control;
	uint64_t losses; /* of the device */
	uint64_t went;	 /* symbols that had gone for it, before this one was opened */
	bool open;
};

/* The device was lost: opens it anew. 0: it answers, and is empty. */
int run_again(struct run *r, struct nmw_err *e);

#endif
