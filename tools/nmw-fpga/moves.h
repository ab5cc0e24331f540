/* moves.h: what a run answers to those who ask where its symbols are, or to move them. */
#ifndef NMW_FPGA_MOVES_H
#define NMW_FPGA_MOVES_H

#include "control.h"
#include "run.h"

/* The `answer` of struct control; arg: struct run. */
bool moves_answer(void *arg, const struct control_request *q, uint32_t *at,
		  struct control_answer *a);

#endif
