/* io_back.h: what a back end of io.h is, and what both share. */
#ifndef NMW_IO_IO_BACK_H
#define NMW_IO_IO_BACK_H

#include "io/io.h"

enum nmw_io_role { NMW_IO_IDLE, NMW_IO_LISTENS, NMW_IO_RECEIVES, NMW_IO_WATCHES };

struct nmw_io_ops {
	const char *name;
	bool polls_free; /* see nmw_io_polls_free */
	int (*open)(struct nmw_io *io, const struct nmw_io_spec *spec, struct nmw_err *e);
	void (*close)(struct nmw_io *io);
	void (*give)(struct nmw_io *io, uint32_t buf);
	/* fd is non-blocking already. */
	int (*add)(struct nmw_io *io, int fd, bool stream, void *owner);
	int (*fd)(const struct nmw_io *io, uint32_t sock);
	void (*remove)(struct nmw_io *io, uint32_t sock);
	/* once: for one piece of data */
	void (*start)(struct nmw_io *io, uint32_t sock, enum nmw_io_role role, bool once);
	void (*hold)(struct nmw_io *io, uint32_t sock);
	unsigned (*poll)(struct nmw_io *io, struct nmw_io_event *ev, unsigned max,
			 uint64_t timeout_ns);
};

extern const struct nmw_io_ops nmw_io_epoll_ops, nmw_io_uring_ops;

/* An error of a datagram socket that an ICMP packet brought, and that concerns what was sent
 * before; counted. */
bool nmw_io_passing(struct nmw_io *io, int err);

/* An event of the socket without data. */
static inline void nmw_io_event(struct nmw_io_event *ev, void *owner, uint32_t sock, uint8_t kind,
				int32_t res)
{
	*ev = (struct nmw_io_event){
		.kind = kind, .sock = sock, .res = res, .buf = NMW_IO_NO_BUF, .owner = owner};
}

#endif
