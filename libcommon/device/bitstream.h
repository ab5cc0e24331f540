/* bitstream.h: which bitstream the simulated device has.
 *
 * A card keeps what was loaded until its power goes; a simulated device lives in the process that
 * opens it.  What `load` leaves behind is a small file, device.sim or wire.sim, beside the counters
 * (NMW_DIR, else /dev/shm/nmw): the bitstream's path and a hash of its bytes.  Every process then
 * opens a device of its own from that file, in the state of one just loaded; a file that was
 * changed since is refused.
 */
#ifndef NMW_DEVICE_BITSTREAM_H
#define NMW_DEVICE_BITSTREAM_H

#include "base/err.h"

#include <limits.h>
#include <stdint.h>

#define NMW_DEVICE_RECORD "device.sim" /* the design that a host drives (nmw_book.so) */
#define NMW_WIRE_RECORD	  "wire.sim"   /* the one between two ports of frames (nmw_wire.so) */

/* One that was opened: what is checked, hashed and loaded is this descriptor, whatever is put in
 * the place of the path meanwhile. */
struct nmw_bitfile {
	int fd;		     /* -1: none */
	uint64_t hash;	     /* of its bytes; 0: not asked for */
	char file[PATH_MAX]; /* absolute */
};

/* Opens the file that somebody names, as it is. */
int nmw_bitstream_name(struct nmw_bitfile *b, const char *file, struct nmw_err *e);
/* Opens it, refuses what others can write (-EPERM), and hashes it. */
int nmw_bitstream_open(struct nmw_bitfile *b, const char *file, struct nmw_err *e);
void nmw_bitstream_close(struct nmw_bitfile *b);
/* Whether it has all that the loader will map of it: what is missing would be a SIGBUS.
 * 0; -ENODEV: it has not; -EINVAL: no regular file; other errno's. */
int nmw_bitstream_whole(const struct nmw_bitfile *b, struct nmw_err *e);
/* Writes the record, NMW_DEVICE_RECORD or NMW_WIRE_RECORD. */
int nmw_bitstream_remember(const char *record, const struct nmw_bitfile *b, struct nmw_err *e);
/* Opens what was remembered. -ENOENT: nothing; -ESTALE: the file has changed; other errno's. */
int nmw_bitstream_recall(const char *record, struct nmw_bitfile *b, struct nmw_err *e);

#endif
