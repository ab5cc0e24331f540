/* conf.h: JSON to read, strictly.  A file is loaded whole; its values are visited through cursors
 * that know their path, so that every error says where: "symbols.json: symbols[3].tick: ...".
 * jansson stays inside.
 *
 *   struct nmw_conf *c;
 *   struct nmw_conf_at root, list, s;
 *   if (nmw_conf_load(path, &c, &root, e)) return e->err;
 *   if ((rc = nmw_conf_keys(&root, "symbols", e)) == 0 &&
 *       (rc = nmw_conf_list(&root, "symbols", &list, e)) > 0)
 *           for (size_t i = 0; nmw_conf_item(&list, i, &s); i++)
 *                   rc = nmw_conf_u64(&s, "lot", 1, 1000000, &lot, e);
 *   nmw_conf_free(c);
 *
 * Getters return 1 (there, *out written), 0 (no such key, or null: *out keeps the default) or a
 * negative errno with e->exit = NMW_EXIT_USAGE. Loading refuses a key that is given twice and
 * anything after the document. A cursor lives as long as its document. Not for hot paths.
 */
#ifndef NMW_BASE_CONF_H
#define NMW_BASE_CONF_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NMW_CONF_PATH_MAX 128

struct nmw_conf; /* a loaded document */

struct nmw_conf_at { /* a value of it */
	const char *file;
	void *node;
	char path[NMW_CONF_PATH_MAX]; /* "symbols[3]"; "" = the root */
};

/* Loads a file ("-": stdin) and sets root. 0; -EINVAL with line and column; -ENOENT, -EACCES. */
int nmw_conf_load(const char *path, struct nmw_conf **out, struct nmw_conf_at *root,
		  struct nmw_err *e);
/* The same from memory; `name` stands for the file in messages. */
int nmw_conf_load_text(const char *name, const char *text, struct nmw_conf **out,
		       struct nmw_conf_at *root, struct nmw_err *e);
void nmw_conf_free(struct nmw_conf *c);

/* Checks that `at` is an object with no key but "symbol|tick|lot". An unknown one is an error that
 * names the nearest. 0 or -EINVAL. */
int nmw_conf_keys(const struct nmw_conf_at *at, const char *keys, struct nmw_err *e);
/* The list or object under key. */
int nmw_conf_list(const struct nmw_conf_at *at, const char *key, struct nmw_conf_at *out,
		  struct nmw_err *e);
int nmw_conf_object(const struct nmw_conf_at *at, const char *key, struct nmw_conf_at *out,
		    struct nmw_err *e);
/* Items of a list, or members of an object (in file order). */
size_t nmw_conf_len(const struct nmw_conf_at *at);
bool nmw_conf_item(const struct nmw_conf_at *list, size_t i, struct nmw_conf_at *out);
/* The i-th key of an object; NULL past the last. */
const char *nmw_conf_key(const struct nmw_conf_at *object, size_t i);

/* A string of 1..cap-1 bytes without control characters; key NULL: at itself, an item of a list. */
int nmw_conf_str(const struct nmw_conf_at *at, const char *key, char *buf, size_t cap,
		 struct nmw_err *e);
/* A number, or a string of decimal digits. */
int nmw_conf_u64(const struct nmw_conf_at *at, const char *key, uint64_t lo, uint64_t hi,
		 uint64_t *out, struct nmw_err *e);
int nmw_conf_bool(const struct nmw_conf_at *at, const char *key, bool *out, struct nmw_err *e);
/* A word of "open|halted|closed": its index. */
int nmw_conf_choice(const struct nmw_conf_at *at, const char *key, const char *choices, int *out,
		    struct nmw_err *e);
/* A price as text, 162.5 or 162.5000, as 1/10,000: 0 or -EINVAL. */
int nmw_conf_price_text(const char *s, uint64_t *out);
/* A price, "162.5000" or 162.5, as 1/10,000; never rounded. */
int nmw_conf_price(const struct nmw_conf_at *at, const char *key, uint64_t lo, uint64_t hi,
		   uint64_t *out, struct nmw_err *e);
/* A string or a whole number as the text that a command line would have: "64K", "12". For a list,
 * of its i-th item; for a single value only i = 0 is there. */
int nmw_conf_text(const struct nmw_conf_at *at, const char *key, size_t i, char *buf, size_t cap,
		  struct nmw_err *e);

/* An error about a value, with its place: "FILE: symbols[3].tick: " before the message. */
int nmw_conf_err(const struct nmw_conf_at *at, const char *key, struct nmw_err *e, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));

#endif
