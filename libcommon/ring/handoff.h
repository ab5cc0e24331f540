/* handoff.h: how a private ring is handed on through the shell's pipe.
 *
 * The producer writes one line to stdout, "nmw-ring 1 NAME\n", and keeps stdout open; the consumer
 * reads that line from stdin and keeps stdin open. No message passes through the pipe. The pipe is
 * the life line: POLLERR on the producer's stdout says that the consumer is gone, end of file on
 * the consumer's stdin that the producer is.
 */
#ifndef NMW_RING_HANDOFF_H
#define NMW_RING_HANDOFF_H

#include "base/err.h"
#include "ring/ring.h"
#include <stdint.h>

/* Writes the line. -ENOTTY when fd is a terminal ("-o RING, or a pipe, is needed"). */
int nmw_handoff_give(int fd, const char *ring, struct nmw_err *e);
/* Reads the line into name, waiting up to timeout_ns. Exit 6 when the pipe ends before it, 2 when
 * what comes is something else (its first bytes are shown). */
int nmw_handoff_take(int fd, char name[NMW_RING_NAME_MAX], uint64_t timeout_ns, struct nmw_err *e);
/* 1 while the other end is there, 0 when it is gone. One poll(2). */
int nmw_handoff_alive_down(int fd);
int nmw_handoff_alive_up(int fd);

#endif
