#include "accounts.h"

#include "base/conf.h"
#include "base/msg.h"
#include "base/parse.h"
#include "base/units.h"

#include <crypt.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define KEYS "user|password|codec|cancel_on_disconnect|rate|outstanding|session"

/* ---- the file -------------------------------------------------------------------------------- */

/* Upper case, space padded. */
static void set_name(char *to, size_t n, const char *from)
{
	size_t len = strlen(from);
	for (size_t i = 0; i < n; i++)
		to[i] = (char)(i < len ? toupper((unsigned char)from[i]) : ' ');
}

static int name_of(const struct nmw_conf_at *at, const char *key, char *to, size_t n,
		   struct nmw_err *e)
{
	char text[64];
	int rc = nmw_conf_str(at, key, text, sizeof text, e);
	if (rc <= 0)
		return rc;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p))
			return nmw_conf_err(at, key, e, "%s: letters and digits are expected",
					    text);
	if (strlen(text) > n)
		return nmw_conf_err(at, key, e, "%s: %zu characters, at most %zu are possible",
				    text, strlen(text), n);
	set_name(to, n, text);
	return 1;
}

#define ITOA64	   "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define ROUNDS_MAX 1000000u
#define BCRYPT_MAX 14u /* log2 of rounds: a second or so */

/* What ends a hash, by its prefix: characters behind the last $; how many $ stand in it. */
static const struct form {
	const char *prefix;
	unsigned tail, dollars;
} forms[] = {{"$y$", 43, 4},  {"$gy$", 43, 4}, {"$7$", 43, 3}, {"$2b$", 53, 3},
	     {"$2a$", 53, 3}, {"$2y$", 53, 3}, {"$6$", 86, 3}, {"$sm3$", 43, 3}};

static const struct form *form_of(const char *hash)
{
	for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (strncmp(hash, forms[i].prefix, strlen(forms[i].prefix)) == 0)
			return &forms[i];
	return NULL;
}

/* crypt_checksalt looks at little more than the prefix: what is cut off matches no password. */
static bool is_whole(const char *hash, const struct form *f)
{
	const char *tail = strrchr(hash, '$') + 1;
	unsigned n = strstr(hash, "$rounds=") ? 1 : 0, found = 0;
	for (const char *p = hash; *p; p++)
		found += *p == '$';
	return found == f->dollars + n && strlen(tail) == f->tail &&
	       strspn(tail, ITOA64) == f->tail;
}

/* At most 256 MiB and what crypt_gensalt calls cost 9, for those that take memory: jDT of yescrypt,
 * E and r = 32, p = 1 of scrypt.  The digits are in the order of ASCII. */
static bool is_cheap(const char *hash, const struct form *f)
{
	const char *p = hash + strlen(f->prefix), *rounds = strstr(hash, "$rounds=");
	if (rounds)
		return strtoull(rounds + strlen("$rounds="), NULL, 10) <= ROUNDS_MAX;
	if (f->prefix[1] == '2')
		return strtoul(p, NULL, 10) <= BCRYPT_MAX;
	if (f->prefix[1] == '7')
		return *p <= 'E' && strncmp(p + 1, "U..../....", 10) == 0;
	if (strchr(f->prefix, 'y'))
		return p[0] == 'j' && p[1] <= 'D' && p[2] && p[2] <= 'T' && p[3] == '$';
	return true;
}

/* Of what is never shown: hash or, who knows, password. */
static const char *wrong_hash(const char *hash)
{
	const struct form *f = form_of(hash);
	if (!f || crypt_checksalt(hash) != CRYPT_SALT_OK)
		return "not a strong crypt(3) hash ($y$, $2b$, $6$, ...): make one with "
		       "nmw-recv --hash-password; never write the password itself";
	if (!is_whole(hash, f))
		return "not a whole crypt(3) hash, no password matches it: was a part of it left "
		       "out? Make one with nmw-recv --hash-password";
	if (!is_cheap(hash, f))
		return "a crypt(3) hash that takes too long at each login: at most rounds=1000000, "
		       "$2b$14$ or $y$jDT$ are taken: make one with nmw-recv --hash-password";
	return NULL;
}

static int hash_of(const struct nmw_conf_at *at, char *hash, struct nmw_err *e)
{
	int rc = nmw_conf_str(at, "password", hash, HASH_MAX, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return nmw_conf_err(at, "password", e,
				    "missing: a hash that nmw-recv --hash-password makes");
	const char *wrong = wrong_hash(hash);
	if (!wrong)
		return 0;
	memset(hash, 0, HASH_MAX);
	return nmw_conf_err(at, "password", e, "%s", wrong);
}

static int limits_of(const struct nmw_conf_at *at, struct account *a, struct nmw_err *e)
{
	char text[32];
	uint64_t rate = 0;
	int rc = nmw_conf_str(at, "rate", text, sizeof text, e);
	if (rc > 0) {
		struct nmw_err why = NMW_ERR_INIT;
		if (nmw_parse_rate(text, 1, NMW_NS_PER_S, &rate, &why))
			return nmw_conf_err(at, "rate", e, "%s", why.msg);
		a->interval_ns = NMW_NS_PER_S / rate;
	}
	if (rc >= 0)
		rc = nmw_conf_u64(at, "outstanding", 1, UINT32_MAX, &a->outstanding, e);
	return rc < 0 ? rc : 0;
}

static int account_of(const struct nmw_conf_at *at, struct account *a, char *hash,
		      struct nmw_err *e)
{
	int codec = 0;
	memset(a->session, ' ', sizeof a->session);
	int rc = nmw_conf_keys(at, KEYS, e);
	if (!rc)
		rc = name_of(at, "user", a->user, sizeof a->user, e);
	if (rc == 0)
		return nmw_conf_err(at, "user", e, "missing: 1 to %u letters and digits", USER_LEN);
	if (rc > 0)
		rc = name_of(at, "session", a->session, sizeof a->session, e);
	if (rc >= 0)
		rc = hash_of(at, hash, e);
	if (rc >= 0)
		rc = nmw_conf_choice(at, "codec", "ouch42|ouch50", &codec, e);
	if (rc >= 0)
		rc = nmw_conf_bool(at, "cancel_on_disconnect", &a->cancel_on_disconnect, e);
	if (rc >= 0)
		rc = limits_of(at, a, e);
	a->codec = codec ? NMW_CODEC_OUCH50 : NMW_CODEC_OUCH42;
	a->hash = hash;
	return rc < 0 ? rc : 0;
}

static int by_user(const void *a, const void *b)
{
	return memcmp(((const struct account *)a)->user, ((const struct account *)b)->user,
		      USER_LEN);
}

static int unique(struct accounts *a, const char *path, struct nmw_err *e)
{
	qsort(a->v, a->n, sizeof *a->v, by_user);
	for (uint32_t i = 1; i < a->n; i++)
		if (!by_user(&a->v[i - 1], &a->v[i]))
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "%s: user %.6s is there twice: names are not "
					   "case-sensitive",
					   path, a->v[i].user);
	return 0;
}

static int read_all(struct accounts *a, const struct nmw_conf_at *root, const char *path,
		    struct nmw_err *e)
{
	struct nmw_conf_at list, at;
	int rc = nmw_conf_keys(root, "accounts", e);
	if (!rc)
		rc = nmw_conf_list(root, "accounts", &list, e);
	if (rc < 0)
		return rc;
	size_t n = rc ? nmw_conf_len(&list) : 0;
	if (n < 1 || n > ACCOUNTS_MAX)
		return nmw_conf_err(root, "accounts", e, "%zu accounts: 1 to %u are possible", n,
				    ACCOUNTS_MAX);
	a->v = calloc(n, sizeof *a->v);
	a->hashes = calloc(n, HASH_MAX);
	if (!a->v || !a->hashes)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: no memory", path);
	rc = 0;
	for (; !rc && nmw_conf_item(&list, a->n, &at); a->n++) {
		a->v[a->n].number = a->n + 1;
		rc = account_of(&at, &a->v[a->n], a->hashes + (size_t)a->n * HASH_MAX, e);
	}
	return rc ? rc : unique(a, path, e);
}

/* Hashes are better not known: who has one can try passwords at home. */
static int check_mode(const char *path, struct nmw_err *e)
{
	struct stat sb;
	if (stat(path, &sb) < 0 || !S_ISREG(sb.st_mode) || !(sb.st_mode & 07))
		return 0; /* what is wrong with it, load says */
	return nmw_err_set(e, -EPERM, NMW_EXIT_USAGE,
			   "%s: mode %03o found, others may not read or write it: chmod 600 %s",
			   path, sb.st_mode & 0777, path);
}

int accounts_load(struct accounts *a, const char *path, struct nmw_err *e)
{
	struct nmw_conf *c;
	struct nmw_conf_at root;
	memset(a, 0, sizeof *a);
	int rc = check_mode(path, e);
	if (!rc)
		rc = nmw_conf_load(path, &c, &root, e);
	if (rc)
		return rc;
	rc = read_all(a, &root, path, e);
	nmw_conf_free(c);
	if (rc)
		accounts_free(a);
	return rc;
}

void accounts_free(struct accounts *a)
{
	free(a->v);
	free(a->hashes);
	memset(a, 0, sizeof *a);
}

struct account *accounts_find(const struct accounts *a, const char user[USER_LEN])
{
	struct account key = {.up = 0};
	for (unsigned i = 0; i < USER_LEN; i++)
		key.user[i] = (char)toupper((unsigned char)user[i]);
	return a->n ? bsearch(&key, a->v, a->n, sizeof *a->v, by_user) : NULL;
}

/* ---- passwords ------------------------------------------------------------------------------- */

size_t accounts_work_size(void)
{
	return sizeof(struct crypt_data);
}

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);
	unsigned differ = n != strlen(b);
	for (size_t i = 0; i < n && b[i]; i++) /* as long for one difference as for many */
		differ |= (unsigned char)(a[i] ^ b[i]);
	return !differ;
}

/* The padding taken off, in upper case. */
static void fold(char to[PASSWORD_LEN + 1], const char *from, size_t n)
{
	while (n > 0 && from[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < n; i++)
		to[i] = (char)toupper((unsigned char)from[i]);
	to[n] = 0;
}

bool accounts_check(const char *hash, const char password[PASSWORD_LEN], void *work)
{
	struct crypt_data *d = work;
	char folded[PASSWORD_LEN + 1];
	fold(folded, password, PASSWORD_LEN);
	memset(d, 0, sizeof *d);
	const char *got = crypt_r(folded, hash, d);
	bool ok = got && got[0] != '*' && same(hash, got);
	explicit_bzero(folded, sizeof folded);
	explicit_bzero(d, sizeof *d);
	return ok;
}

/* A line of stdin; a terminal does not show it. */
static int read_line(char *buf, size_t cap, struct nmw_err *e)
{
	struct termios old, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &old) == 0;
	if (tty) {
		fputs("Password: ", stderr);
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	const char *got = fgets(buf, (int)cap, stdin);
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputs("\n", stderr);
	}
	if (got)
		buf[strcspn(buf, "\r\n")] = 0;
	if (got && buf[0] && strlen(buf) <= PASSWORD_LEN)
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "password: a line of 1 to %u characters is expected on stdin",
			   PASSWORD_LEN);
}

int accounts_hash_password(struct nmw_err *e)
{
	char line[64], folded[PASSWORD_LEN + 1];
	struct crypt_data *d = calloc(1, sizeof *d);
	char *salt = crypt_gensalt_ra(NULL, 0, NULL, 0); /* the best that this system has */
	int rc = d && salt ? read_line(line, sizeof line, e)
			   : nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	if (!rc) {
		fold(folded, line, strlen(line));
		const char *hash = crypt_r(folded, salt, d);
		if (!hash || hash[0] == '*' || puts(hash) < 0 || fflush(stdout))
			rc = nmw_err_set(e, -EIO, NMW_EXIT_FAILED,
					 "cannot make or print a hash: %s", strerror(errno));
		explicit_bzero(folded, sizeof folded);
	}
	if (d)
		explicit_bzero(d, sizeof *d);
	explicit_bzero(line, sizeof line);
	free(salt);
	free(d);
	return rc;
}
