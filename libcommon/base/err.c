#include "base/err.h"

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
