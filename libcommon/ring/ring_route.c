#include "ring/ring_file.h"
#include "ring/route.h"

#include <errno.h>
#include <stdio.h>

/* The names lie in the producer's line, 8 bytes each. */
_Static_assert(sizeof((struct nmw_ring_progress *)0)->route == NMW_ROUTES * NMW_ROUTE_NAME_MAX,
	       "five names of eight bytes");

static void list(const struct nmw_ring *r, char text[64])
{
	size_t at = 0;
	text[0] = 0;
	for (unsigned i = 0; i < NMW_ROUTES; i++)
		if (r->hdr->at.route[i][0])
			at += (size_t)snprintf(text + at, 64 - at, " %.8s", r->hdr->at.route[i]);
}

static bool is_name(const char have[NMW_ROUTE_NAME_MAX], const char *name)
{
	return strlen(name) <= NMW_ROUTE_NAME_MAX && !strncmp(have, name, NMW_ROUTE_NAME_MAX);
}

int nmw_prod_routes(struct nmw_prod *p, const char *const *name, unsigned n, struct nmw_err *e)
{
	struct nmw_ring *r = p->ring;
	char text[64];
	bool fresh = p->next == 1;
	for (unsigned i = 0; i < NMW_ROUTES && !fresh; i++) {
		const char *want = i < n ? name[i] : "";
		if (is_name(r->hdr->at.route[i], want))
			continue;
		list(r, text);
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"ring %s: has messages for the routes%s: start with the same, in "
			"the same order, or with --discard",
			r->name, *text ? text : " of no name");
	}
	for (unsigned i = 0; i < n && fresh; i++)
		memcpy(r->hdr->at.route[i], name[i], strnlen(name[i], NMW_ROUTE_NAME_MAX));
	return 0;
}

static int find(const struct nmw_ring *r, const char *name, struct nmw_err *e)
{
	char text[64];
	for (unsigned i = 0; i < NMW_ROUTES; i++)
		if (r->hdr->at.route[i][0] && is_name(r->hdr->at.route[i], name))
			return (int)i + 1;
	list(r, text);
	return nmw_err_set(e, -ESRCH, NMW_EXIT_PEER, "ring %s: no route %s: there %s%s", r->name,
			   name, *text ? "are" : "is none: its producer has no --route", text);
}

int nmw_cons_route(const struct nmw_cons *c, const char *name, struct nmw_err *e)
{
	return find(c->ring, name, e);
}

int nmw_ring_route(const char *ring, const char *name, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	struct nmw_ring *r = nmw_ring_look(ring, &why);
	if (!r) {
		*e = why;
		return why.err;
	}
	int rc = find(r, name, e);
	nmw_ring_file_free(r);
	return rc;
}
