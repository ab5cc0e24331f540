/* run.h: what the files of `nmw-fpga run` share: the device that the engine has. */
#ifndef NMW_FPGA_RUN_H
#define NMW_FPGA_RUN_H

#include "books.h"
#include "command.h"
#include "match/match.h"

struct run {
	struct device_choice choice;
	struct nmw_device device;
	struct books books;
	bool open;
};

#endif
