#include "route.h"

#include "base/conf.h"
#include "book/symbols.h"
#include "wire/be.h"
#include "wire/itch50.h"
#include "wire/ouch42.h"
#include "wire/ouch50.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_SIZE    (4u * ROUTE_SYMBOLS)
#define REST_DEF    "rest"
#define TAG_BITS    3u /* of the second word: the route, 1..NMW_ROUTES */
#define SYMBOL_TEXT 9u /* 8 characters and the NUL */

struct token { /* two hashes of session and token; a 0 = free */
	uint64_t a, b;
};

struct route {
	char name[NMW_ROUTES][NMW_ROUTE_NAME_MAX + 1];
	unsigned n, rest; /* rest: the route of other symbols */
	struct {
		uint64_t symbol; /* 0 = free */
		uint8_t route;
	} map[MAP_SIZE];
	unsigned symbols;
	uint8_t locate[UINT16_MAX + 1];
	struct token *token;
	uint64_t mask, used, most, forgotten;
};

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
	h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
	return h ^ h >> 32;
}

/* ---- symbols --------------------------------------------------------------------------------- */

static unsigned place_of(const struct route *r, uint64_t symbol)
{
	unsigned i = (unsigned)(mix(symbol) % MAP_SIZE);
	while (r->map[i].symbol && r->map[i].symbol != symbol)
		i = (i + 1) % MAP_SIZE;
	return i;
}

static unsigned of_symbol(const struct route *r, uint64_t symbol)
{
	unsigned i = place_of(r, symbol);
	return r->map[i].symbol ? r->map[i].route : r->rest;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static struct token token_of(uint32_t session, uint64_t lo, uint64_t hi)
{
	uint64_t h = mix(lo ^ mix(session + UINT64_C(0x9E3779B97F4A7C15)));
	struct token t = {.a = mix(h ^ hi), .b = mix(h + hi * UINT64_C(0xC2B2AE3D27D4EB4F))};
	t.a += !t.a;
	t.b &= ~UINT64_C(7);
	return t;
}

static struct token *find(const struct route *r, struct token t)
{
	uint64_t i = t.b >> TAG_BITS & r->mask;
	while (r->token[i].a && (r->token[i].a != t.a || (r->token[i].b ^ t.b) >> TAG_BITS))
		i = (i + 1) & r->mask;
	return &r->token[i];
}

static unsigned known(const struct route *r, struct token t)
{
	const struct token *at = find(r, t);
	return at->a ? (unsigned)(at->b & 7) : 0;
}

static void remember(struct route *r, struct token t, unsigned route)
{
	struct token *at = find(r, t);
	if (at->a)
		return;
	if (r->used == r->most) {
		r->forgotten++;
		return;
	}
	r->used++;
	*at = (struct token){t.a, t.b | route};
}

static unsigned enter(struct route *r, struct token t, uint64_t symbol)
{
	unsigned route = known(r, t);
	if (!route) {
		route = of_symbol(r, symbol);
		remember(r, t, route);
	}
	return route;
}

static unsigned replace(struct route *r, struct token was, struct token is)
{
	unsigned route = known(r, was);
	if (route)
		remember(r, is, route);
	return route;
}

/* ---- messages -------------------------------------------------------------------------------- */

static struct token token42(const struct nmw_slot *s, const uint8_t *p)
{
	struct nmw_key k = nmw_ouch42_token(p);
	return token_of(s->session, k.lo, k.hi);
}

static struct token token50(const struct nmw_slot *s, const uint8_t *p)
{
	return token_of(s->session, nmw_raw32(p), 0);
}

static unsigned pick42(struct route *r, const struct nmw_slot *s, const uint8_t *p)
{
	if (s->len < NMW_OUCH42_IN_TRADE_NOW)
		return 0;
	if (p[0] == 'O')
		return s->len < NMW_OUCH42_IN_ENTER_SHORT
			       ? 0
			       : enter(r, token42(s, p + 1), nmw_raw64(p + 20));
	if (p[0] == 'U')
		return s->len < NMW_OUCH42_IN_REPLACE
			       ? 0
			       : replace(r, token42(s, p + 1), token42(s, p + 15));
	return known(r, token42(s, p + 1));
}

static unsigned pick50(struct route *r, const struct nmw_slot *s, const uint8_t *p)
{
	if (s->len < NMW_OUCH50_IN_CANCEL)
		return 0;
	if (p[0] == 'O')
		return s->len < NMW_OUCH50_IN_ENTER
			       ? 0
			       : enter(r, token50(s, p + 1), nmw_raw64(p + 10));
	if (p[0] == 'U')
		return s->len < NMW_OUCH50_IN_REPLACE
			       ? 0
			       : replace(r, token50(s, p + 1), token50(s, p + 5));
	return known(r, token50(s, p + 1));
}

static unsigned pick_feed(struct route *r, const struct nmw_slot *s, const uint8_t *p)
{
	if (s->len < 11)
		return 0;
	uint16_t locate = nmw_be16(p + 1);
	if (p[0] == 'R' && locate && s->len >= 19)
		r->locate[locate] = (uint8_t)of_symbol(r, nmw_raw64(p + 11));
	else if (locate && !r->locate[locate] && (p[0] == 'A' || p[0] == 'F') &&
		 s->len >= NMW_ITCH50_ADD)
		r->locate[locate] = (uint8_t)of_symbol(r, nmw_raw64(p + 24));
	return r->locate[locate];
}

unsigned route_pick(struct route *r, const struct nmw_slot *s, const uint8_t *p)
{
	if (s->channel == NMW_CH_FEED)
		return s->codec == NMW_CODEC_ITCH50 ? pick_feed(r, s, p) : 0;
	if (s->channel != NMW_CH_ORDER)
		return 0;
	return s->codec == NMW_CODEC_OUCH42   ? pick42(r, s, p)
	       : s->codec == NMW_CODEC_OUCH50 ? pick50(r, s, p)
					      : 0;
}

uint64_t route_forgotten(const struct route *r)
{
	return r->forgotten;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int add_name(struct route *r, const struct nmw_conf_at *at, const char *key,
		    const char *text, struct nmw_err *e)
{
	for (const char *c = text; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
			return nmw_conf_err(at, key, e, "%s: letters, digits, - and _ are allowed",
					    text);
	for (unsigned i = 0; i < r->n; i++)
		if (!strcmp(r->name[i], text))
			return nmw_conf_err(at, key, e, "%s: is there twice", text);
	if (r->n == NMW_ROUTES)
		return nmw_conf_err(at, key, e,
				    "one too many: up to %u routes, the rest among them",
				    NMW_ROUTES);
	snprintf(r->name[r->n++], sizeof r->name[0], "%s", text);
	return 0;
}

static int add_symbol(struct route *r, const struct nmw_conf_at *at, struct nmw_err *e)
{
	char text[SYMBOL_TEXT] = "";
	uint64_t symbol;
	int rc = nmw_conf_str(at, NULL, text, sizeof text, e);
	if (rc == 0)
		rc = nmw_conf_err(at, NULL, e, "null found, a string expected");
	if (rc < 0)
		return rc;
	rc = nmw_symbol_name(text, strlen(text), &symbol, e);
	if (rc)
		return nmw_err_prefix(e, "%s: %s", at->file, at->path);
	unsigned i = place_of(r, symbol);
	if (r->map[i].symbol)
		return nmw_conf_err(at, NULL, e, "%s: is there twice", text);
	if (r->symbols == ROUTE_SYMBOLS)
		return nmw_conf_err(at, NULL, e, "more than %u symbols", ROUTE_SYMBOLS);
	r->symbols++;
	r->map[i].symbol = symbol;
	r->map[i].route = (uint8_t)r->n;
	return 0;
}

static int read_route(struct route *r, const struct nmw_conf_at *at, struct nmw_err *e)
{
	struct nmw_conf_at list, item;
	char text[NMW_ROUTE_NAME_MAX + 1];
	int rc = nmw_conf_keys(at, "name|symbols", e);
	if (rc >= 0)
		rc = nmw_conf_str(at, "name", text, sizeof text, e);
	if (rc == 0)
		return nmw_conf_err(at, "name", e, "is missing: 1 to %u characters",
				    NMW_ROUTE_NAME_MAX);
	if (rc > 0)
		rc = add_name(r, at, "name", text, e);
	if (rc >= 0)
		rc = nmw_conf_list(at, "symbols", &list, e);
	if (rc == 0 || (rc > 0 && nmw_conf_len(&list) == 0))
		return nmw_conf_err(at, "symbols", e, "none: give a list of one or more symbols");
	for (size_t i = 0; rc >= 0 && nmw_conf_item(&list, i, &item); i++)
		rc = add_symbol(r, &item, e);
	return rc < 0 ? rc : 0;
}

static int read_file(struct route *r, const struct nmw_conf_at *root, struct nmw_err *e)
{
	struct nmw_conf_at list, item;
	char rest[NMW_ROUTE_NAME_MAX + 1] = REST_DEF;
	int rc = nmw_conf_keys(root, "routes|rest", e);
	if (rc >= 0)
		rc = nmw_conf_list(root, "routes", &list, e);
	if (rc == 0)
		return nmw_conf_err(root, "routes", e, "is missing: give a list of routes");
	for (size_t i = 0; rc >= 0 && nmw_conf_item(&list, i, &item); i++)
		rc = read_route(r, &item, e);
	if (rc >= 0)
		rc = nmw_conf_str(root, "rest", rest, sizeof rest, e);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < r->n; i++)
		if (!strcmp(r->name[i], rest))
			r->rest = i + 1;
	if (r->rest)
		return 0;
	rc = add_name(r, root, "rest", rest, e);
	r->rest = r->n;
	return rc;
}

int route_open(struct route **out, const char *path, uint64_t orders, struct nmw_err *e)
{
	struct nmw_conf *conf;
	struct nmw_conf_at root;
	struct route *r = calloc(1, sizeof *r);
	uint64_t slots = 64;
	while (slots < orders + orders / 2)
		slots *= 2;
	if (r)
		r->token = calloc(slots, sizeof *r->token);
	if (!r || !r->token) {
		route_close(r);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "no memory for %llu tokens: lower --route-orders",
				   (unsigned long long)orders);
	}
	r->mask = slots - 1;
	r->most = orders;
	int rc = nmw_conf_load(path, &conf, &root, e);
	if (!rc) {
		rc = read_file(r, &root, e);
		nmw_conf_free(conf);
	}
	if (rc) {
		route_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void route_close(struct route *r)
{
	if (r)
		free(r->token);
	free(r);
}

int route_declare(const struct route *r, struct nmw_prod *out, struct nmw_err *e)
{
	const char *name[NMW_ROUTES];
	for (unsigned i = 0; i < r->n; i++)
		name[i] = r->name[i];
	return nmw_prod_routes(out, name, r->n, e);
}
