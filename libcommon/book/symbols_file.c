/* --symbols FILE: {"open": false, "symbols": [{"symbol": "AAPL", "tick": "0.01", ...}, ...]} */
#include "base/conf.h"
#include "book/symbols.h"
#include <errno.h>
#include <string.h>

#define LOT_MAX 1000000u
#define KEYS	"symbol|locate|tick|lot|band_low|band_high|state"

static const char states[] = {'T', 'H', 'P', 'Q'}; /* in the order of the words below */
#define STATES "trading|halted|paused|quotation"

static int symbol_name(const struct nmw_conf_at *at, char name[8], struct nmw_err *e)
{
	char text[9] = "";
	uint64_t key;
	int rc = nmw_conf_str(at, "symbol", text, sizeof(text), e);
	if (rc == 0)
		return nmw_conf_err(at, "symbol", e, "is missing: give its 1 to 8 characters");
	if (rc < 0)
		return rc;
	if (nmw_symbol_name(text, strlen(text), &key, e))
		return nmw_err_prefix(e, "%s: %s.symbol", at->file, at->path);
	memcpy(name, &key, sizeof key);
	return 0;
}

static int symbol_numbers(const struct nmw_conf_at *at, struct nmw_symbol_conf *c,
			  struct nmw_err *e)
{
	uint64_t locate = 0, tick = 1, lot = 100, lo = 0, hi = 0;
	int rc = nmw_conf_u64(at, "locate", 1, UINT16_MAX, &locate, e);
	if (rc >= 0)
		rc = nmw_conf_price(at, "tick", 1, NMW_PX_MAX_42, &tick, e);
	if (rc >= 0)
		rc = nmw_conf_u64(at, "lot", 1, LOT_MAX, &lot, e);
	if (rc >= 0)
		rc = nmw_conf_price(at, "band_low", 1, NMW_PX_MAX_42, &lo, e);
	if (rc >= 0)
		rc = nmw_conf_price(at, "band_high", 1, NMW_PX_MAX_42, &hi, e);
	if (rc < 0)
		return rc;
	if (hi && lo > hi)
		return nmw_conf_err(at, "band_low", e, "is above band_high");
	c->locate = (uint16_t)locate;
	c->tick = (uint32_t)tick;
	c->lot = (uint32_t)lot;
	c->band_lo = (int64_t)lo;
	c->band_hi = (int64_t)hi;
	return 0;
}

/* Who gets them. */
struct reader {
	int (*fn)(void *arg, const struct nmw_symbol_conf *c, struct nmw_err *e);
	void *arg;
};

static int symbol_read(const struct reader *r, const struct nmw_conf_at *at, struct nmw_err *e)
{
	struct nmw_symbol_conf c = {0};
	int state = 0, rc = nmw_conf_keys(at, KEYS, e);
	if (rc >= 0)
		rc = symbol_name(at, c.name, e);
	if (rc >= 0)
		rc = symbol_numbers(at, &c, e);
	if (rc >= 0)
		rc = nmw_conf_choice(at, "state", STATES, &state, e);
	if (rc < 0)
		return rc;
	c.state = (uint8_t)states[state];
	rc = r->fn(r->arg, &c, e);
	return rc ? nmw_err_prefix(e, "%s: %s", at->file, at->path) : 0;
}

static int list_read(const struct reader *r, const struct nmw_conf_at *root, bool *open,
		     struct nmw_err *e)
{
	struct nmw_conf_at list, item;
	*open = false;
	int rc = nmw_conf_keys(root, "open|symbols", e);
	if (rc >= 0)
		rc = nmw_conf_bool(root, "open", open, e);
	if (rc >= 0)
		rc = nmw_conf_list(root, "symbols", &list, e);
	if (rc == 0)
		return nmw_conf_err(root, "symbols", e, "is missing: give a list of symbols");
	if (rc < 0)
		return rc;
	for (size_t i = 0; nmw_conf_item(&list, i, &item); i++) {
		rc = symbol_read(r, &item, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int nmw_symbols_read(const char *path,
		     int (*fn)(void *arg, const struct nmw_symbol_conf *c, struct nmw_err *e),
		     void *arg, bool *open, struct nmw_err *e)
{
	const struct reader r = {fn, arg};
	struct nmw_conf *conf;
	struct nmw_conf_at root;
	int rc = nmw_conf_load(path, &conf, &root, e);
	if (rc)
		return rc;
	rc = list_read(&r, &root, open, e);
	nmw_conf_free(conf);
	return rc;
}

static int into_engine(void *arg, const struct nmw_symbol_conf *c, struct nmw_err *e)
{
	return nmw_engine_symbol(arg, c, e);
}

int nmw_symbols_load(struct nmw_engine *engine, const char *path, struct nmw_err *e)
{
	bool open;
	int rc = nmw_symbols_read(path, into_engine, engine, &open, e);
	if (!rc)
		nmw_engine_closed_list(engine, !open);
	return rc;
}
