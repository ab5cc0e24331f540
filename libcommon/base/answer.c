#include "base/answer.h"

#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void json_error(const struct nmw_err *e)
{
	struct nmw_json *doc = nmw_json_object();
	struct nmw_json *o = nmw_json_set(doc, "error", nmw_json_object());
	nmw_json_set(o, "exit", nmw_json_num((uint64_t)e->exit));
	nmw_json_set(o, "message", nmw_json_str(e->msg));
	nmw_json_print(doc, stdout, 0);
	fflush(stdout);
}

int nmw_answer_end(int rc, bool json, struct nmw_err *e)
{
	int out = rc == -EPIPE ? rc : 0;
	if (!out && (fflush(stdout) || ferror(stdout)))
		out = errno ? -errno : -EIO;
	if (out == -EPIPE)
		return NMW_EXIT_OK;
	if (rc >= 0 && out)
		rc = nmw_err_set(e, out, NMW_EXIT_FAILED, "stdout: cannot write: %s",
				 strerror(-out));
	if (rc >= 0)
		return rc;
	if (!json || out)
		return nmw_log_err(e);
	if (e->msg[0])
		json_error(e);
	return (int)e->exit;
}
