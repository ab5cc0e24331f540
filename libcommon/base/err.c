#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int nmw_err_set(struct nmw_err *e, int err, enum nmw_exit exit, const char *fmt, ...)
{
	if (!e)
		return err;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	e->err = err;
	e->exit = exit;
	return err;
}

static void append(struct nmw_err *e, const char *s)
{
	size_t at = strlen(e->msg);
	size_t n = strnlen(s, sizeof e->msg - 1 - at);
	memcpy(e->msg + at, s, n);
	e->msg[at + n] = '\0';
}

int nmw_err_prefix(struct nmw_err *e, const char *fmt, ...)
{
	char old[NMW_ERR_MAX];
	memcpy(old, e->msg, sizeof old);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	append(e, ": ");
	append(e, old);
	return e->err;
}

const char *nmw_err_nofollow(int err)
{
	int e = err < 0 ? -err : err;
	return e == ELOOP ? "is a symbolic link, a file is expected: name the file itself"
			  : strerror(e);
}

enum nmw_exit nmw_exit_of(int err)
{
	switch (err < 0 ? -err : err) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case ENXIO:
		return NMW_EXIT_USAGE;
	case EACCES:
	case EPERM:
	case EROFS:
		return NMW_EXIT_PERM;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return NMW_EXIT_RESOURCE;
	default:
		return NMW_EXIT_FAILED;
	}
}
