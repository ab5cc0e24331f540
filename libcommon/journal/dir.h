/* dir.h: the files of a journal's directory. */
#ifndef NMW_JOURNAL_DIR_H
#define NMW_JOURNAL_DIR_H

#include "base/err.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JN_LOG	 "log."
#define JN_SNAP	 "snap."
#define JN_TMP	 "tmp."
#define JN_FILES 100000u /* most files of a kind */

struct jn_list {
	uint64_t *number; /* rising */
	size_t n;
};

/* The numbers of all files "<prefix><20 digits>". -ENOENT: no such directory. */
int jn_dir_list(const char *dir, const char *prefix, struct jn_list *out, struct nmw_err *e);
void jn_list_free(struct jn_list *l);
/* "DIR/<prefix><20 digits>" */
void jn_dir_path(char buf[PATH_MAX], const char *dir, const char *prefix, uint64_t number);
/* Removes what a crash left half made: only the lock's holder may. */
void jn_dir_clean(const char *dir);
/* Makes the directory; 0 also when it is there. */
int jn_dir_make(const char *dir, bool group, struct nmw_err *e);
/* Names in the directory are on disk. 0 or a negative errno. */
int jn_dir_sync(const char *dir);

#endif
