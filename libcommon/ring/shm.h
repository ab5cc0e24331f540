/* shm.h: files in shared memory: the ring directory, huge pages and the fallback, locks.
 *
 * Directory: $NMW_DIR if set; else <hugetlbfs mount>/nmw, else /dev/shm/nmw; nmw-UID instead of nmw
 * for a user other than root, unless the group shares it.  Mode 0700 (0770 with group).  With
 * --pages auto a ring goes to hugetlbfs when a writable mount has enough free pages, else to normal
 * pages in /dev/shm/nmw; what was taken is said.  $NMW_DIR on any file system works. Readers look
 * in each directory in that order.
 */
#ifndef NMW_RING_SHM_H
#define NMW_RING_SHM_H

#include "base/err.h"
#include "ring/ring.h"
#include <sys/types.h>

/* Directories to search, most preferred first; NULL-terminated, of this thread. */
const char *const *nmw_shm_dirs(void);
/* Makes (if needed) and returns the directory for files of that kind. e says why not. */
const char *nmw_shm_dir(enum nmw_pages pages, bool group, struct nmw_err *e);
/* Why no ring goes to huge pages, in words, into why. */
const char *nmw_shm_no_huge(char *why, size_t cap);
/* Small files (counters, sockets) go here: $NMW_DIR, else /dev/shm/nmw. */
const char *nmw_shm_run_dir(bool group, struct nmw_err *e);

/* Gives a new file of ours to the group of its directory, mode 0660 or 0640: with --group. 0 or a
 * negative errno, with what mends it in e. */
int nmw_shm_share(int fd, const char *path, mode_t mode, struct nmw_err *e);

/* OFD lock of one byte: 0, -EAGAIN (held by another), or a negative errno. */
int nmw_shm_lock(int fd, uint64_t byte);
int nmw_shm_unlock(int fd, uint64_t byte);
/* 1 somebody else holds it, 0 free, negative errno. */
int nmw_shm_locked(int fd, uint64_t byte);

/* Bytes of a page when path is on hugetlbfs, else 0. */
uint64_t nmw_shm_huge_page(const char *path);

#endif
