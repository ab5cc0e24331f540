/* auto:ADDR:PORT[,DEV] - the best that this host has for datagrams to that address: a device of
 * DPDK's, else io_uring, else sockets.  What was taken, and why not the better one, is said. */
#include "base/log.h"
#include "dpdk/dpdk.h"
#include "dpdk/host.h"
#include "io/io.h"
#include "source.h"
#include "wire/endpoint.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_MAX 400u

struct auto_source {
	const struct source *real;
	void *state;
	char arg[NMW_DPDK_ARGS + 2 * NMW_ENDPOINT_MAX]; /* of the real one */
};

/* ---- choosing -------------------------------------------------------------------------------- */

static bool is_address(const struct sockaddr *sa, const struct nmw_endpoint *ep)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (sa && sa->sa_family == AF_INET && ep->family == 4) {
		memcpy(&v4, sa, sizeof v4);
		return !memcmp(&v4.sin_addr, ep->addr, 4);
	}
	if (sa && sa->sa_family == AF_INET6 && ep->family == 6) {
		memcpy(&v6, sa, sizeof v6);
		return !memcmp(&v6.sin6_addr, ep->addr, 16);
	}
	return false;
}

/* The kernel's interface that has the address. */
static bool kernel_has(const struct nmw_endpoint *ep, char iface[16])
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all))
		return false;
	*iface = 0;
	for (const struct ifaddrs *a = all; a && !*iface; a = a->ifa_next)
		if (is_address(a->ifa_addr, ep))
			snprintf(iface, 16, "%.15s", a->ifa_name);
	freeifaddrs(all);
	return *iface;
}

static bool without_huge_pages(const struct nmw_opt_rest *eal)
{
	for (unsigned i = 0; i < eal->n; i++)
		if (!strcmp(eal->v[i], "--no-huge"))
			return true;
	return false;
}

static bool refuse(char why[WHY_MAX], const char *text)
{
	snprintf(why, WHY_MAX, "%s", text);
	return false;
}

/* The only device that is bound to a driver of DPDK's. */
static bool bound_device(const struct nmw_dpdk_host *h, char dev[NMW_DPDK_ARGS], char why[WHY_MAX])
{
	if (h->bound > 1)
		return refuse(why, "several devices are bound to a driver of DPDK's: name one: "
				   "auto:ADDR:PORT,0000:3b:00.0");
	for (unsigned i = 0; i < h->devs; i++)
		if (h->dev[i].bound)
			snprintf(dev, NMW_DPDK_ARGS, "%s", h->dev[i].pci);
	return h->bound == 1 ||
	       refuse(why, "no network device is bound to vfio-pci: nmw-stat doctor says how");
}

/* Whether DPDK can be taken, with which device; else why not. */
static bool take_dpdk(const struct recv_conf *conf, const struct nmw_endpoint *at,
		      const char *given, char dev[NMW_DPDK_ARGS], char why[WHY_MAX])
{
	struct nmw_dpdk_host h;
	char iface[16];
	if (!nmw_dpdk_built())
		return refuse(why, "this program was built without DPDK");
	nmw_dpdk_host_look("", &h);
	snprintf(dev, NMW_DPDK_ARGS, "%s", given);
	if (!*given && kernel_has(at, iface)) {
		snprintf(why, WHY_MAX, "the address is that of %s, which is the kernel's", iface);
		return false;
	}
	if (!*given && !bound_device(&h, dev, why))
		return false;
	if (!h.huge_free[0] && !h.huge_free[1] && !without_huge_pages(&conf->eal))
		return refuse(why, "no huge pages are free: sysctl vm.nr_hugepages=512, or "
				   "-- --no-huge");
	return true;
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool open_dpdk(struct auto_source *s, const struct recv_conf *conf, struct emit *emit,
		      const struct nmw_endpoint *at, const char *dev, char why[WHY_MAX])
{
	char text[NMW_ENDPOINT_MAX];
	struct nmw_err e = NMW_ERR_INIT;
	snprintf(s->arg, sizeof s->arg, "%s,%s=%s", dev,
		 nmw_endpoint_multicast(at) ? "group" : "addr", nmw_endpoint_text(at, text));
	s->real = &source_dpdk;
	s->state = source_dpdk.open(conf, emit, s->arg, &e);
	if (!s->state)
		snprintf(why, WHY_MAX, "%.390s", e.msg);
	return s->state;
}

static const char *sockets_by(const struct recv_conf *conf, char why[NMW_ERR_MAX])
{
	*why = 0;
	nmw_io_uring_probe(why, NMW_ERR_MAX);
	return *why || conf->io == NMW_IO_EPOLL ? "sockets" : "io_uring";
}

static void say_taken(const struct auto_source *s, const struct recv_conf *conf, const char *why)
{
	char no_uring[NMW_ERR_MAX];
	if (s->real == &source_dpdk) {
		nmw_log(NMW_LOG_INFO, "auto: dpdk:%s", s->arg);
		return;
	}
	const char *by = sockets_by(conf, no_uring);
	nmw_log(NMW_LOG_INFO, "auto: udp:%s by %s: not DPDK: %s%s%s", s->arg, by, why,
		*no_uring ? "; not io_uring: " : "", no_uring);
}

static int open_best(struct auto_source *s, const struct recv_conf *conf, struct emit *emit,
		     const char *arg, struct nmw_err *e)
{
	char dev[NMW_DPDK_ARGS], why[WHY_MAX] = "", at_text[NMW_ENDPOINT_MAX];
	const char *comma = strchr(arg, ',');
	size_t n = comma ? (size_t)(comma - arg) : strlen(arg);
	struct nmw_endpoint at;
	snprintf(at_text, sizeof at_text, "%.*s", (int)n, arg);
	int rc = nmw_endpoint_parse(at_text, &at, e);
	if (rc)
		return rc;
	if (!take_dpdk(conf, &at, comma ? comma + 1 : "", dev, why) ||
	    !open_dpdk(s, conf, emit, &at, dev, why)) {
		snprintf(s->arg, sizeof s->arg, "%s", at_text);
		s->real = &source_udp;
		s->state = source_udp.open(conf, emit, s->arg, e);
	}
	if (!s->state)
		return e->err;
	say_taken(s, conf, why);
	return 0;
}

static void *auto_open(const struct recv_conf *conf, struct emit *emit, const char *arg,
		       struct nmw_err *e)
{
	struct auto_source *s = calloc(1, sizeof *s);
	if (!s) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
		return NULL;
	}
	if (open_best(s, conf, emit, arg, e) == 0)
		return s;
	free(s);
	return NULL;
}

static int auto_poll(void *arg, struct nmw_err *e)
{
	struct auto_source *s = arg;
	return s->real->poll(s->state, e);
}

static void auto_progress(void *arg, uint64_t *done, uint64_t *total)
{
	struct auto_source *s = arg;
	s->real->progress(s->state, done, total);
}

static void auto_close(void *arg)
{
	struct auto_source *s = arg;
	s->real->close(s->state);
	free(s);
}

const struct source source_auto = {.name = "auto",
				   .arg = "ADDR:PORT",
				   .open = auto_open,
				   .poll = auto_poll,
				   .progress = auto_progress,
				   .close = auto_close};
