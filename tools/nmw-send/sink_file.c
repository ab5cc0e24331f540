#include "sink_file.h"

#include <errno.h>

int sink_file_open(struct sink *k, struct nmw_outfile *o, const char *path, bool binary,
		   off_t (*whole)(int fd, off_t size), const struct sink_conf *conf,
		   struct nmw_err *e)
{
	o->fd = -1;
	if (!*path)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: no file: %s:FILE, or %s:- for stdout", k->spec,
				   k->ops->name, k->ops->name);
	if (conf->append && !whole)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: cannot append: its flows would begin anew: write another "
				   "file, mergecap joins them",
				   k->spec);
	int rc = conf->append ? nmw_outfile_append(o, path, k->spec, binary, whole, e)
			      : nmw_outfile_open(o, path, k->spec, binary, e);
	o->give_up = conf->give_up;
	o->give_up_arg = conf->give_up_arg;
	return rc;
}

void sink_file_sync(struct sink *k, const struct nmw_outfile *o)
{
	k->count.out_messages = o->msgs_written;
	k->count.out_bytes = o->bytes_written;
	if (!o->err.err)
		return;
	k->err = o->err;
	enum nmw_drop_id why = o->err.err == -EPIPE ? NMW_DROP_reader_gone : NMW_DROP_sink_error;
	k->count.drop[why] = o->msgs_lost;
}

void sink_file_flush(struct sink *k, struct nmw_outfile *o, uint64_t idle_ns)
{
	if (!o->len || idle_ns < SINK_FILE_IDLE_NS)
		return;
	nmw_outfile_flush(o);
	sink_file_sync(k, o);
}
