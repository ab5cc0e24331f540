#include "wire/udp_spec.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SPEC_MAX 512u
#define MTU_MIN	 512u
#define MTU_MAX	 65507u

static int wrong(struct nmw_err *e, const char *what, const char *expected)
{
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s: %s", what, expected);
}

/* The last line is one of those before it. */
static bool is_twice(const struct nmw_udp_spec *s)
{
	const struct nmw_udp_line *last = &s->line[s->lines - 1];
	for (const struct nmw_udp_line *l = s->line; l < last; l++)
		if (l->at.port == last->at.port && nmw_endpoint_same_host(&l->at, &last->at) &&
		    !strcmp(l->iface, last->iface))
			return true;
	return false;
}

static int parse_lines(char *text, struct nmw_udp_spec *s, struct nmw_err *e)
{
	for (char *at = text, *next; at; at = next) {
		next = strchr(at, ',');
		if (next)
			*next++ = 0;
		if (at != text && strncmp(at, "udp:", 4) == 0)
			at += 4;
		if (s->lines == NMW_UDP_LINES)
			return wrong(e, at, "a fifth line: 1 to 4 are allowed");
		struct nmw_udp_line *l = &s->line[s->lines++];
		int rc = nmw_endpoint_parse_on(at, &l->at, l->iface, e);
		if (rc)
			return rc;
		if (s->line[s->lines - 1].at.family != s->line[0].at.family)
			return wrong(e, at, "the lines must be all IPv4 or all IPv6");
		if (is_twice(s))
			return wrong(e, at, "a line that is there already: leave one out");
	}
	return 0;
}

/* An address without a port. */
static int parse_address(const char *value, struct nmw_endpoint *out, struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX];
	snprintf(text, sizeof text, strchr(value, ':') ? "[%s]:1" : "%s:1", value);
	if (nmw_endpoint_parse(text, out, e))
		return wrong(e, value, "not an address: source=10.0.0.1");
	out->port = 0;
	return 0;
}

static int parse_session(const char *value, struct nmw_udp_spec *s, struct nmw_err *e)
{
	size_t n = strlen(value);
	if (n == 0 || n > sizeof s->session)
		return wrong(e, value, "not a session: session= and 1 to 10 characters");
	memset(s->session, ' ', sizeof s->session);
	memcpy(s->session, value, n);
	s->has_session = true;
	return 0;
}

static int check_option(const char *key, const char *value, const char *allowed, uint64_t *seen,
			struct nmw_err *e)
{
	int i = nmw_parse_choice(key, allowed);
	if (!value || i < 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "?%s: not an option with a value: %s", key, allowed);
	return nmw_parse_again(seen, (unsigned)i) ? wrong(e, key, "given twice: leave one out") : 0;
}

static int parse_option(const char *key, const char *value, struct nmw_udp_spec *s,
			struct nmw_err *e)
{
	uint64_t n = 0;
	int rc = 0;
	if (!strcmp(key, "source"))
		return parse_address(value, &s->source, e);
	if (!strcmp(key, "rerequest"))
		return nmw_endpoint_parse(value, &s->rerequest, e);
	if (!strcmp(key, "reply"))
		return nmw_endpoint_parse(value, &s->reply, e);
	if (!strcmp(key, "session"))
		return parse_session(value, s, e);
	if (!strcmp(key, "ttl")) {
		rc = nmw_parse_u64(value, 1, 255, &n, e);
		s->ttl = (uint8_t)n;
	} else if (!strcmp(key, "mtu")) {
		rc = nmw_parse_u64(value, MTU_MIN, MTU_MAX, &n, e);
		s->mtu = (uint32_t)n;
	} else {
		rc = nmw_parse_u64(value, 1, UINT64_MAX / 2, &n, e);
		s->first = n;
	}
	return rc ? nmw_err_prefix(e, "?%s", key) : 0;
}

int nmw_udp_spec_parse(const char *text, const char *allowed, struct nmw_udp_spec *out,
		       struct nmw_err *e)
{
	char copy[SPEC_MAX];
	if (strlen(text) >= sizeof copy)
		return wrong(e, text, "too long");
	memset(out, 0, sizeof *out);
	snprintf(copy, sizeof copy, "%s", text);
	char *options = strchr(copy, '?');
	if (options)
		*options++ = 0;
	uint64_t seen = 0;
	int rc = parse_lines(copy, out, e);
	while (!rc && options) {
		char *key = options, *next = strchr(options, '&');
		if (next)
			*next++ = 0;
		options = next;
		char *value = strchr(key, '=');
		if (value)
			*value++ = 0;
		rc = check_option(key, value, allowed, &seen, e);
		if (!rc && value)
			rc = parse_option(key, value, out, e);
	}
	if (rc && e)
		e->exit = NMW_EXIT_USAGE;
	return rc;
}
