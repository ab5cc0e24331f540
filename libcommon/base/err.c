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

int nmw_err_prefix(struct nmw_err *e, const char *fmt, ...)
{
	char old[NMW_ERR_MAX];
	memcpy(old, e->msg, sizeof old);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->msg)
		snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %s", old);
	return e->err;
}
