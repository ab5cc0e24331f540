/* itchfile.h: BinaryFILE: u16 length (big-endian) | message, again and again; length 0 ends it.
 *
 * Read in pieces of 256 KiB; a message is given in place and valid until the next call.  A file
 * that ends between two messages without the length 0 is a whole one: many writers leave it out.
 *
 * One thread.
 */
#ifndef NMW_WIRE_ITCHFILE_H
#define NMW_WIRE_ITCHFILE_H

#include "base/err.h"
#include "base/input.h"
#include <stdint.h>

#define NMW_ITCHFILE_BUF (256u * 1024)

struct nmw_itchfile {
	struct nmw_input in; /* set in.idle after open */
	uint32_t at, have;   /* unread bytes of buf */
	bool input_ended;
	uint8_t *buf;
};

int nmw_itchfile_open(struct nmw_itchfile *f, const char *path, struct nmw_err *e);
/* 1 = a message of *len (1..65,535) bytes at *p; 0 = end, or stopped by idle; -ENODATA: the file
 * ends inside a message; -EBADMSG: it goes on behind the length 0 that ends it; -EIO: it cannot be
 * read on. */
int nmw_itchfile_next(struct nmw_itchfile *f, const uint8_t **p, uint32_t *len, struct nmw_err *e);
void nmw_itchfile_close(struct nmw_itchfile *f);

#endif
