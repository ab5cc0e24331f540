/* input.h: a file, a pipe or stdin (`-`), read in pieces, without ever standing still in read(2).
 *
 * While nothing is there to read from a pipe, a function of the caller is called, first before it
 * waits and then about every 10 ms: it publishes what is pending, looks after signals and peers,
 * and says whether to go on.  An input that was stopped reads as ended, and `stopped` says so.
 *
 * One thread; no allocation.
 */
#ifndef NMW_BASE_INPUT_H
#define NMW_BASE_INPUT_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct nmw_input {
	const char *path; /* as the user gave it */
	int fd;
	bool seekable;		 /* a regular file: reading it does not wait */
	bool stopped;		 /* idle said so */
	uint64_t size;		 /* bytes of a regular file; 0 = unknown */
	uint64_t pos;		 /* bytes read so far */
	uint8_t head[8];	 /* the first bytes read: what kind of file it is */
	bool (*idle)(void *arg); /* NULL: just wait */
	void *arg;
};

/* Opens path; `-` is stdin, refused when it is a terminal. The caller sets idle afterwards. Exit 2
 * (no such file, a terminal, a directory), 4 (not permitted). */
int nmw_input_open(struct nmw_input *in, const char *path, struct nmw_err *e);
/* Up to n bytes: how many, 0 = end or stopped, or a negative errno. */
ssize_t nmw_input_read(struct nmw_input *in, void *buf, size_t n);
/* The tool that unpacks it (zcat, zstdcat ...), from the first bytes read; NULL: not compressed. */
const char *nmw_input_unpacker(const struct nmw_input *in);
void nmw_input_close(struct nmw_input *in);

#endif
