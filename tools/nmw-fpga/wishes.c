#include "wishes.h"

#include "book/symbols.h"

#include <errno.h>
#include <string.h>

static unsigned find(const struct wishes *w, uint64_t name)
{
	unsigned i = 0;
	while (i < w->n && w->name[i] != name)
		i++;
	return i;
}

bool wishes_set(struct wishes *w, uint64_t name, enum nmw_held_wish wish)
{
	unsigned i = find(w, name);
	if (i == WISHES_MAX)
		return false;
	w->n += i == w->n;
	w->name[i] = name;
	w->wish[i] = wish;
	return true;
}

enum nmw_held_wish wishes_of(const struct wishes *w, uint64_t name)
{
	unsigned i = find(w, name);
	return i < w->n ? w->wish[i] : w->rest;
}

static bool is_word(const char *at, size_t len, const char *word)
{
	return len == strlen(word) && !strncmp(at, word, len);
}

static int add(struct wishes *w, const char *option, const char *list, enum nmw_held_wish wish,
	       struct nmw_err *e)
{
	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");
		uint64_t name = 0;
		if (is_word(at, len, "auto") || is_word(at, len, "manual"))
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "%s: %.*s: stands alone, and for --offload only: name "
					   "symbols, A,B,C",
					   option, (int)len, at);
		int rc = nmw_symbol_name(at, len, &name, e);
		if (rc) {
			nmw_err_prefix(e, "%s", option);
			return rc;
		}
		if (find(w, name) < w->n && wishes_of(w, name) != wish)
			return nmw_err_set(
				e, -EINVAL, NMW_EXIT_USAGE,
				"%s: %.*s: is among those of --offload too: it can be in "
				"one place only",
				option, (int)len, at);
		if (!wishes_set(w, name, wish))
			return nmw_err_set(
				e, -E2BIG, NMW_EXIT_USAGE,
				"%s: more than %u symbols are named: name those that are "
				"to be on the device, and no others",
				option, WISHES_MAX);
		at += len;
		if (!*at)
			return 0;
	}
}

int wishes_parse(struct wishes *w, const char *offload, const char *software, struct nmw_err *e)
{
	int rc = 0;
	w->n = 0;
	w->rest = strcmp(offload, "auto") ? NMW_HELD_HOST : NMW_HELD_DEVICE;
	if (strcmp(offload, "auto") != 0 && strcmp(offload, "manual") != 0)
		rc = add(w, "--offload", offload, NMW_HELD_DEVICE, e);
	if (!rc && software)
		rc = add(w, "--software", software, NMW_HELD_HOST, e);
	return rc;
}
