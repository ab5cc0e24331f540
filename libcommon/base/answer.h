/* answer.h: how a tool ends that prints an answer, as nmw-stat does, instead of moving messages. */
#ifndef NMW_BASE_ANSWER_H
#define NMW_BASE_ANSWER_H

#include "base/err.h"

#include <stdbool.h>

/* rc: below 0, e says why: as a document on stdout where json is set, else as a line on stderr;
 * else the exit status, unless stdout could not be written.  What is still in stdio's buffer
 * belongs to the answer; nobody reading any more (-EPIPE) is no error.  Returns the exit status. */
int nmw_answer_end(int rc, bool json, struct nmw_err *e);

#endif
