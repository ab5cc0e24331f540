#include "journal/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS 20u

static bool number_of(const char *name, const char *prefix, uint64_t *out)
{
	size_t n = strlen(prefix);
	uint64_t v = 0;
	if (strncmp(name, prefix, n) || strlen(name) != n + DIGITS)
		return false;
	for (const char *p = name + n; *p; p++) {
		unsigned d = (unsigned)(*p - '0');
		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

static int number_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int list_add(struct jn_list *l, size_t *cap, uint64_t v)
{
	if (l->n == *cap) {
		size_t more = *cap ? *cap * 2 : 64;
		uint64_t *p = more > JN_FILES ? NULL : realloc(l->number, more * sizeof *p);
		if (!p)
			return -ENOMEM;
		l->number = p;
		*cap = more;
	}
	l->number[l->n++] = v;
	return 0;
}

int jn_dir_list(const char *dir, const char *prefix, struct jn_list *out, struct nmw_err *e)
{
	size_t cap = 0;
	uint64_t v;
	int rc = 0;
	memset(out, 0, sizeof *out);
	DIR *d = opendir(dir);
	if (!d) {
		rc = -errno;
		return nmw_err_set(e, rc, nmw_exit_of(rc), "%s: cannot open it: %s%s", dir,
				   strerror(-rc), rc == -ENOENT ? ": check the path" : "");
	}
	for (struct dirent *x; !rc && (x = readdir(d));)
		if (number_of(x->d_name, prefix, &v))
			rc = list_add(out, &cap, v);
	closedir(d);
	if (rc) {
		jn_list_free(out);
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "journal %s: too many files", dir);
	}
	if (out->n)
		qsort(out->number, out->n, sizeof *out->number, number_order);
	return 0;
}

void jn_list_free(struct jn_list *l)
{
	free(l->number);
	memset(l, 0, sizeof *l);
}

void jn_dir_path(char buf[PATH_MAX], const char *dir, const char *prefix, uint64_t number)
{
	snprintf(buf, PATH_MAX, "%s/%s%020llu", dir, prefix, (unsigned long long)number);
}

void jn_dir_clean(const char *dir)
{
	DIR *d = opendir(dir);
	uint64_t number;
	if (!d)
		return;
	for (struct dirent *x; (x = readdir(d));)
		if (number_of(x->d_name, JN_TMP JN_LOG, &number) ||
		    number_of(x->d_name, JN_TMP JN_SNAP, &number))
			unlinkat(dirfd(d), x->d_name, 0);
	closedir(d);
}

int jn_dir_make(const char *dir, bool group, struct nmw_err *e)
{
	mode_t mode = group ? 0770 : 0700;
	int rc = 0;
	if (strlen(dir) + 64 > PATH_MAX)
		rc = -ENAMETOOLONG;
	else if (mkdir(dir, mode) == 0)
		rc = chmod(dir, mode) ? -errno : 0;
	else if (errno != EEXIST)
		rc = -errno;
	if (rc)
		return nmw_err_set(e, rc, nmw_exit_of(rc), "journal %s: cannot make it: %s", dir,
				   strerror(-rc));
	return 0;
}

int jn_dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}
