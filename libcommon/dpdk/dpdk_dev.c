/* What stands behind dpdk:, taken apart. */
#include "base/parse.h"
#include "dpdk/dpdk.h"
#include "io/local.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMIF_SOCKET "/run/memif.sock" /* the driver's default */
#define MTU_DEF	     1500u
#define TEXT_MAX     (NMW_DPDK_ARGS * 2)
#define ONCE	     "queues|desc|mtu|vlan|gateway|answer" /* words of ours that may not be repeated */

struct parse {
	struct nmw_dpdk_dev *d;
	struct nmw_dpdk_word *more;
	unsigned n_more;
	uint64_t seen; /* of ONCE */
	struct nmw_err *e;
};

static int wrong(struct parse *p, const char *key, const char *value, const char *expected)
{
	return nmw_err_set(p->e, -EINVAL, NMW_EXIT_USAGE, "%s=%.64s: %s", key, value, expected);
}

static int number(struct parse *p, const char *key, const char *value, uint64_t lo, uint64_t hi,
		  uint64_t *out)
{
	int rc = nmw_parse_u64(value, lo, hi, out, p->e);
	return rc ? nmw_err_prefix(p->e, "%s", key) : 0;
}

/* An address with or without a port. */
static int address(const char *value, struct nmw_endpoint *out)
{
	char with_port[NMW_ENDPOINT_MAX];
	if (nmw_endpoint_parse(value, out, NULL) == 0)
		return 0;
	bool bare6 = strchr(value, ':') && value[0] != '[';
	snprintf(with_port, sizeof with_port, bare6 ? "[%.50s]:1" : "%.50s:1", value);
	int rc = nmw_endpoint_parse(with_port, out, NULL);
	out->port = 0;
	return rc;
}

/* IP[/BITS][:PORT]: the subnet is cut out before the rest is read. */
static int own_address(struct parse *p, const char *value)
{
	static const char expected[] =
		"not an address of ours: IP[/BITS][:PORT], such as 10.0.0.1/24:5000 or "
		"[fe80::1]/64:5000";
	struct nmw_dpdk_dev *d = p->d;
	char text[NMW_ENDPOINT_MAX];
	const char *slash = strchr(value, '/');
	uint64_t bits = 0;
	size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
	if (strlen(value) >= sizeof text || (slash && (!digits || digits > 3)))
		return wrong(p, "addr", value, expected);
	if (slash) {
		snprintf(text, sizeof text, "%.*s%s", (int)(slash - value), value,
			 slash + 1 + digits);
		bits = strtoul(slash + 1, NULL, 10);
	} else {
		snprintf(text, sizeof text, "%s", value);
	}
	if (d->addr.family)
		return wrong(p, "addr", value, "one too many: a device has one address");
	if (address(text, &d->addr) || nmw_endpoint_multicast(&d->addr))
		return wrong(p, "addr", value, expected);
	unsigned most = d->addr.family == 4 ? 32 : 128;
	if (bits > most)
		return wrong(p, "addr", value, expected);
	d->bits = (uint8_t)(slash ? bits : most);
	if (!nmw_address_is_host(&d->addr, &d->addr, d->bits))
		return wrong(p, "addr", value,
			     "no host can have it: an address that is neither 0 nor the first "
			     "or last of its network is expected, such as 10.0.0.1/24");
	return 0;
}

static int group(struct parse *p, const char *value)
{
	struct nmw_dpdk_dev *d = p->d;
	struct nmw_endpoint g;
	if (d->groups == NMW_DPDK_GROUPS)
		return wrong(p, "group", value, "one too many: 4 are allowed");
	if (nmw_endpoint_parse(value, &g, NULL) || !nmw_endpoint_multicast(&g))
		return wrong(p, "group", value,
			     "not a group and its port, such as 239.1.1.1:26400");
	d->group[d->groups++] = g;
	return 0;
}

static int gateway(struct parse *p, const char *value)
{
	if (address(value, &p->d->gateway) || nmw_endpoint_multicast(&p->d->gateway))
		return wrong(p, "gateway", value, "not an address, such as 10.0.0.254");
	return 0;
}

static int answer(struct parse *p, const char *value)
{
	int at = nmw_parse_choice(value, "off|on");
	p->d->mute = at == 0;
	return at < 0 ? wrong(p, "answer", value, "on or off") : 0;
}

/* 1: the word was one of ours; 0: it is the driver's. */
static int own_word(struct parse *p, const char *key, const char *value)
{
	struct nmw_dpdk_dev *d = p->d;
	uint64_t v = 0;
	int rc = 0, once = nmw_parse_choice(key, ONCE);
	if (once >= 0 && nmw_parse_again(&p->seen, (unsigned)once))
		return wrong(p, key, value, "given twice: leave one out");
	if (!strcmp(key, "queues")) {
		rc = number(p, key, value, 1, NMW_DPDK_QUEUES, &v);
		d->queues = (unsigned)v;
	} else if (!strcmp(key, "desc")) {
		rc = number(p, key, value, 64, 32768, &v);
		d->desc = (uint32_t)v;
	} else if (!strcmp(key, "mtu")) {
		rc = number(p, key, value, 576, 9216, &v);
		d->mtu = (uint32_t)v;
	} else if (!strcmp(key, "vlan")) {
		rc = number(p, key, value, 1, 4094, &v);
		d->vlan = (uint16_t)v;
	} else if (!strcmp(key, "addr")) {
		rc = own_address(p, value);
	} else if (!strcmp(key, "group")) {
		rc = group(p, value);
	} else if (!strcmp(key, "gateway")) {
		rc = gateway(p, value);
	} else if (!strcmp(key, "answer")) {
		rc = answer(p, value);
	} else {
		return 0;
	}
	return rc ? rc : 1;
}

static int more_word(struct parse *p, const char *key, const char *value)
{
	for (unsigned i = 0; i < p->n_more; i++) {
		struct nmw_dpdk_word *w = &p->more[i];
		if (strcmp(key, w->key) != 0)
			continue;
		if (w->value[0])
			return wrong(p, key, value, "given twice: leave one out");
		if (strlen(value) >= sizeof w->value)
			return wrong(p, key, value, "too long");
		snprintf(w->value, sizeof w->value, "%s", value);
		return 1;
	}
	return 0;
}

static int driver_word(struct parse *p, const char *key, const char *value)
{
	char *args = p->d->args;
	size_t at = strlen(args), left = NMW_DPDK_ARGS - at;
	int n = snprintf(args + at, left, value ? ",%s=%s" : ",%s", key, value);
	if ((size_t)n >= left)
		return nmw_err_set(p->e, -E2BIG, NMW_EXIT_USAGE,
				   "the device's options have more than %u bytes",
				   NMW_DPDK_ARGS - 1);
	return 0;
}

static bool is_hex(const char *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* DDDD:BB:DD.F, or without the domain, which is then 0. */
static bool pci_address(const char *s, char to[NMW_DPDK_NAME])
{
	const char *dbdf = s;
	size_t n = strlen(s);
	bool domain = n == 12 && is_hex(s, 4) && s[4] == ':';
	if (domain)
		s += 5;
	else if (n != 7)
		return false;
	if (!is_hex(s, 2) || s[2] != ':' || !is_hex(s + 3, 2) || s[5] != '.' || !is_hex(s + 6, 1))
		return false;
	snprintf(to, NMW_DPDK_NAME, "%s%.12s", domain ? "" : "0000:", dbdf);
	return true;
}

static int device_name(struct parse *p, const char *name)
{
	struct nmw_dpdk_dev *d = p->d;
	size_t n = strlen(name);
	d->pci = pci_address(name, d->name);
	if (!d->pci) {
		bool word = n > 0 && n < NMW_DPDK_NAME;
		for (size_t i = 0; i < n; i++)
			word = word && (isalnum((unsigned char)name[i]) || strchr("_-.", name[i]));
		if (!word)
			return nmw_err_set(p->e, -EINVAL, NMW_EXIT_USAGE,
					   "%.64s: not a device: a PCI address such as "
					   "0000:3b:00.0, or a virtual device such as "
					   "net_af_packet0,iface=eth0",
					   n ? name : "(nothing)");
		snprintf(d->name, sizeof d->name, "%.63s", name);
	}
	snprintf(d->args, sizeof d->args, "%s", d->name);
	return 0;
}

/* What stands behind key= up to the next comma; NULL: the word is not there. */
static const char *word_of(const struct nmw_dpdk_dev *d, const char *key)
{
	const char *at = d->args;
	size_t n = strlen(key);
	while ((at = strchr(at, ',')))
		if (!strncmp(++at, key, n) && at[n] == '=')
			return at + n + 1;
	return NULL;
}

/* Drivers that make their queues before anybody asks. */
static int tell_queues(struct parse *p)
{
	static const struct {
		const char *driver, *key;
	} told[] = {{"net_af_packet", "qpairs"}, {"net_af_xdp", "queue_count"}};
	struct nmw_dpdk_dev *d = p->d;
	char text[16];
	snprintf(text, sizeof text, "%u", d->queues);
	for (unsigned i = 0; i < sizeof told / sizeof told[0] && d->queues > 1; i++)
		if (!strncmp(d->name, told[i].driver, strlen(told[i].driver)) &&
		    !word_of(d, told[i].key))
			return driver_word(p, told[i].key, text);
	return 0;
}

static int words(struct parse *p, char *text)
{
	int rc = 0;
	for (char *next; text && !rc; text = next) {
		next = strchr(text, ',');
		if (next)
			*next++ = 0;
		char *value = strchr(text, '=');
		if (value)
			*value++ = 0;
		if (!*text)
			return nmw_err_set(p->e, -EINVAL, NMW_EXIT_USAGE,
					   "nothing between two commas, or behind the last one");
		int mine = value ? own_word(p, text, value) : 0;
		if (value && !mine)
			mine = more_word(p, text, value);
		rc = mine < 0 ? mine : mine ? 0 : driver_word(p, text, value);
	}
	return rc;
}

static int check_gateway(const struct nmw_dpdk_dev *d, struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX];
	const struct nmw_endpoint *g = &d->gateway;
	nmw_address_text(g, text);
	if (g->family != d->addr.family)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "gateway: needs addr=IP/BITS of the same family");
	if (nmw_endpoint_same_host(g, &d->addr) || !nmw_address_is_host(g, &d->addr, d->bits))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "gateway=%s: %s: another host of the network is expected", text,
				   nmw_endpoint_same_host(g, &d->addr) ? "is addr="
								       : "no host can have it");
	if (nmw_dpdk_knows_net(d) && !nmw_address_on_link(g, &d->addr, d->bits))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "gateway=%s: lies outside of the %u bits of addr=: nobody "
				   "answers for it on the link: correct one of them",
				   text, d->bits);
	return 0;
}

int nmw_dpdk_dev_parse(const char *text, struct nmw_dpdk_word *more, unsigned n,
		       struct nmw_dpdk_dev *out, struct nmw_err *e)
{
	char copy[TEXT_MAX];
	struct parse p = {out, more, n, 0, e};
	*out = (struct nmw_dpdk_dev){.queues = 1, .mtu = MTU_DEF};
	if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
		return nmw_err_set(e, -E2BIG, NMW_EXIT_USAGE, "more than %u bytes", TEXT_MAX - 1);
	char *rest = strchr(copy, ',');
	if (rest)
		*rest++ = 0;
	int rc = device_name(&p, copy);
	if (!rc)
		rc = words(&p, rest);
	if (!rc)
		rc = tell_queues(&p);
	return rc || !out->gateway.family ? rc : check_gateway(out, e);
}

static bool word_is(const struct nmw_dpdk_dev *d, const char *key, const char *value)
{
	const char *is = word_of(d, key);
	size_t n = strlen(value);
	return is && !strncmp(is, value, n) && (!is[n] || is[n] == ',');
}

/* The file of the socket; false: it is no net_memif, or its socket has no file. */
static bool memif_file(const struct nmw_dpdk_dev *d, bool *memif, char path[NMW_DPDK_ARGS])
{
	const char *file = word_of(d, "socket");
	*memif = !strncmp(d->name, "net_memif", 9);
	file = file ? file : MEMIF_SOCKET;
	snprintf(path, NMW_DPDK_ARGS, "%.*s", (int)strcspn(file, ","), file);
	return *memif && word_is(d, "socket-abstract", "no");
}

void nmw_dpdk_memif_reap(const struct nmw_dpdk_dev *d)
{
	char path[NMW_DPDK_ARGS];
	bool memif;
	if (memif_file(d, &memif, path) && word_is(d, "role", "server"))
		nmw_local_reap(path);
}

int nmw_dpdk_memif_check(const struct nmw_dpdk_dev *d, bool *anybody, struct nmw_err *e)
{
	char dir[NMW_DPDK_ARGS];
	struct stat st;
	bool memif, file = memif_file(d, &memif, dir);
	*anybody = memif && !file;
	if (!file)
		return 0;
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	if (stat(slash ? dir : ".", &st))
		return 0; /* the driver says so */
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return nmw_err_set(e, -EPERM, NMW_EXIT_PERM,
			   "%s: directory %s: of user %u, mode %04o: who can put a socket there "
			   "shares memory with this program: one's own or root's, writable by "
			   "nobody else, expected: mkdir -m 700 one for it",
			   d->name, slash ? dir : ".", (unsigned)st.st_uid,
			   (unsigned)st.st_mode & 07777u);
}
