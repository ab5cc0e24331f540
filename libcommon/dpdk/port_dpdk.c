#include "base/log.h"
#include "dpdk/dpdk.h"
#include "dpdk/dpdk_impl.h"

#include <errno.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESC_DEF   1024u
#define MTU_USUAL  1500u
#define LOOK_NS	   (100ull * 1000 * 1000) /* between two looks at the device */
#define RSS_WANTED (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP)

/* ---- probing --------------------------------------------------------------------------------- */

/* Drivers over an interface of the kernel's. */
static bool over_kernel(const struct nmw_dpdk_dev *d)
{
	return !strncmp(d->name, "net_af_", 7) || !strncmp(d->name, "net_tap", 7);
}

/* The interface that a driver of sockets stands on, by its index; 0: it stands on none. */
static int find_interface(const struct nmw_dpdk_dev *d, unsigned *index, struct nmw_err *e)
{
	char name[IF_NAMESIZE] = "";
	const char *at = strstr(d->args, ",iface=");
	*index = 0;
	if (!at || strncmp(d->name, "net_af_", 7) != 0)
		return 0;
	at += strlen(",iface=");
	size_t n = strcspn(at, ",");
	if (n < sizeof name) {
		memcpy(name, at, n);
		*index = if_nametoindex(name);
	}
	if (*index)
		return 0;
	return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
			   "%s: iface=%.*s: no such interface: ip link lists them", d->name, (int)n,
			   at);
}

/* These drivers say that a link is up whatever becomes of their interface. */
static bool interface_runs(unsigned index)
{
	struct ifreq r = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true; /* not known: as the driver says */
	bool runs = if_indextoname(index, r.ifr_name) && ioctl(fd, SIOCGIFFLAGS, &r) == 0 &&
		    r.ifr_flags & IFF_RUNNING;
	close(fd);
	return runs;
}

static const char *left_behind(const char *name)
{
	if (strstr(name, "af_xdp"))
		return "; one that was killed leaves its program behind: ip link set IFACE xdp off";
	if (strstr(name, "memif"))
		return "; another server may be at its socket";
	return "";
}

static int probe_error(const struct nmw_dpdk_dev *d, int rc, struct nmw_err *e)
{
	if (!d->pci && strstr(nmw_dpdk_error(), "parse device"))
		return nmw_err_set(
			e, -ENODEV, NMW_EXIT_RESOURCE,
			"%s: DPDK has no driver of that name: net_af_packet, net_af_xdp, "
			"net_memif, net_pcap, net_ring, net_tap and net_null are usual; "
			"librte-net-* are their packages",
			d->name);
	if (d->pci)
		return nmw_dpdk_fail(e, rc, NMW_EXIT_RESOURCE,
				     "%s: no such device, or none that is bound to a driver of "
				     "DPDK's: dpdk-devbind.py --status lists them; driverctl "
				     "set-override %s vfio-pci binds it",
				     d->name, d->name);
	if (geteuid() != 0 && over_kernel(d))
		return nmw_dpdk_fail(e, -EPERM, NMW_EXIT_PERM,
				     "%s: the driver refused: not root: run it as root, or with "
				     "CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF",
				     d->args);
	return nmw_dpdk_fail(e, rc, NMW_EXIT_RESOURCE,
			     "%s: the driver refused: check its options%s%s", d->args,
			     left_behind(d->name), d->queues > 1 ? "; or queues=1" : "");
}

static int probe(struct nmw_dpdk_port *p, const struct nmw_dpdk_dev *d, struct nmw_err *e)
{
	bool anybody;
	int rc = nmw_dpdk_memif_check(d, &anybody, e);
	if (!rc)
		rc = find_interface(d, &p->interface, e);
	if (rc)
		return rc;
	if (anybody)
		nmw_log(NMW_LOG_INFO,
			"%s: any process of this network namespace may be its other end: "
			"socket-abstract=no,socket=FILE in a directory of your own keeps others "
			"out",
			d->name);
	nmw_dpdk_memif_reap(d);
	if (rte_eth_dev_get_port_by_name(d->name, &p->id) == 0)
		return 0; /* EAL was told of it behind -- */
	rc = rte_dev_probe(d->args);
	if (!rc)
		rc = rte_eth_dev_get_port_by_name(d->name, &p->id);
	return rc ? probe_error(d, rc, e) : 0;
}

/* ---- configuring ----------------------------------------------------------------------------- */

static int check_queues(const struct nmw_dpdk_port_spec *s, const struct rte_eth_dev_info *i,
			struct nmw_err *e)
{
	if (s->rxq <= i->max_rx_queues && s->txq <= i->max_tx_queues)
		return 0;
	unsigned most = i->max_rx_queues;
	most = i->max_tx_queues < most ? i->max_tx_queues : most;
	return nmw_err_set(e, -ERANGE, NMW_EXIT_RESOURCE,
			   "%s: queues=%u: the device has %u: at most queues=%u", s->dev->name,
			   s->rxq > s->txq ? s->rxq : s->txq, most, most);
}

static void choose(struct nmw_dpdk_port *p, const struct nmw_dpdk_port_spec *s,
		   const struct rte_eth_dev_info *i, struct rte_eth_conf *c)
{
	c->rxmode.offloads = p->rx_offloads = s->rx_offloads & i->rx_offload_capa;
	c->txmode.offloads = p->tx_offloads = s->tx_offloads & i->tx_offload_capa;
	if (s->dev->mtu != MTU_USUAL)
		c->rxmode.mtu = s->dev->mtu;
	p->rss = s->rxq > 1 ? i->flow_type_rss_offloads & RSS_WANTED : 0;
	if (p->rss) {
		c->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		c->rx_adv_conf.rss_conf.rss_hf = p->rss;
	}
	uint16_t rx = i->default_rxportconf.ring_size, tx = i->default_txportconf.ring_size;
	p->rx_desc = (uint16_t)(s->dev->desc ? s->dev->desc : rx ? rx : DESC_DEF);
	p->tx_desc = (uint16_t)(s->dev->desc ? s->dev->desc : tx ? tx : DESC_DEF);
	p->rxq = s->rxq;
	p->txq = s->txq;
	p->driver = i->driver_name;
	p->socket = rte_eth_dev_socket_id(p->id);
}

static int check_mtu(const struct nmw_dpdk_dev *d, const struct rte_eth_dev_info *i,
		     struct nmw_err *e)
{
	if (d->mtu == MTU_USUAL || (d->mtu <= i->max_mtu && d->mtu >= i->min_mtu))
		return 0;
	return nmw_err_set(e, -ERANGE, NMW_EXIT_RESOURCE, "%s: mtu=%u: the device has %u to %u",
			   d->name, d->mtu, i->min_mtu, i->max_mtu);
}

static int configure(struct nmw_dpdk_port *p, const struct nmw_dpdk_port_spec *s, struct nmw_err *e)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	struct rte_ether_addr mac = {0};
	int rc = rte_eth_dev_info_get(p->id, &info);
	if (rc)
		return nmw_dpdk_fail(e, rc, NMW_EXIT_RESOURCE, "%s: tells nothing of itself",
				     s->dev->name);
	rc = check_queues(s, &info, e);
	if (!rc)
		rc = check_mtu(s->dev, &info, e);
	if (rc)
		return rc;
	choose(p, s, &info, &conf);
	rc = rte_eth_dev_configure(p->id, p->rxq, p->txq, &conf);
	if (!rc)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &p->rx_desc, &p->tx_desc);
	if (rc)
		return nmw_dpdk_fail(e, rc, NMW_EXIT_RESOURCE,
				     "%s: %u queues of %u descriptors: the driver refused: %s",
				     s->dev->name, p->rxq, p->rx_desc, strerror(-rc));
	rte_eth_macaddr_get(p->id, &mac);
	memcpy(p->mac, mac.addr_bytes, sizeof p->mac);
	return 0;
}

int nmw_dpdk_port_open(struct nmw_dpdk_port *p, const struct nmw_dpdk_port_spec *s,
		       struct nmw_err *e)
{
	*p = (struct nmw_dpdk_port){.id = RTE_MAX_ETHPORTS};
	snprintf(p->name, sizeof p->name, "%s", s->dev->name);
	nmw_dpdk_errors_forget();
	int rc = probe(p, s->dev, e);
	if (rc)
		return rc;
	p->open = true;
	nmw_dpdk_errors_forget();
	rc = configure(p, s, e);
	if (rc)
		nmw_dpdk_port_close(p);
	return rc;
}

/* ---- running --------------------------------------------------------------------------------- */

static int set_up_queues(struct nmw_dpdk_port *p, struct rte_mempool *const *rx)
{
	int rc = 0;
	unsigned node = p->socket < 0 ? (unsigned)SOCKET_ID_ANY : (unsigned)p->socket;
	for (uint16_t q = 0; q < p->rxq && !rc; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, p->rx_desc, node, NULL, rx[q]);
	for (uint16_t q = 0; q < p->txq && !rc; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, p->tx_desc, node, NULL);
	return rc;
}

/* net_memif has no errno of its own: -1 is what it says when nobody is at its socket. */
static int start_failed(const struct nmw_dpdk_port *p, int rc, struct nmw_err *e)
{
	if (strstr(p->driver, "memif"))
		return nmw_dpdk_fail(e, rc, NMW_EXIT_PEER,
				     "%s: does not start: its other end does not answer: start the "
				     "program with role=server first",
				     p->name);
	return nmw_dpdk_fail(e, rc, rc == -EPERM ? NMW_EXIT_PERM : NMW_EXIT_RESOURCE,
			     "%s: %u queues: does not start: %s%s", p->name, p->rxq, strerror(-rc),
			     strstr(p->driver, "af_xdp") ? ": ip link set IFACE xdp off "
							   "removes what was left behind"
							 : "");
}

int nmw_dpdk_port_start(struct nmw_dpdk_port *p, struct rte_mempool *const *rx, struct nmw_err *e)
{
	nmw_dpdk_errors_forget();
	int rc = set_up_queues(p, rx);
	if (!rc)
		rc = rte_eth_dev_start(p->id);
	if (rc)
		return start_failed(p, rc, e);
	p->started = true;
	rte_eth_allmulticast_enable(p->id); /* not all drivers can: they take in everything */
	return 0;
}

bool nmw_dpdk_port_link(const struct nmw_dpdk_port *p)
{
	struct rte_eth_link link = {0};
	if (p->interface && !interface_runs(p->interface))
		return false;
	return rte_eth_link_get_nowait(p->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* A driver's counter may start again, with its queue. */
static uint64_t grown(uint64_t now, uint64_t was)
{
	return now > was ? now - was : 0;
}

void nmw_dpdk_port_lost(struct nmw_dpdk_port *p, struct nmw_dpdk_lost *out)
{
	struct rte_eth_stats s = {0};
	const struct nmw_dpdk_lost was = p->lost;
	*out = (struct nmw_dpdk_lost){0};
	if (!p->started || rte_eth_stats_get(p->id, &s))
		return;
	p->lost = (struct nmw_dpdk_lost){.missed = s.imissed,
					 .no_buffer = s.rx_nombuf,
					 .errors = s.ierrors,
					 .tx_errors = s.oerrors};
	*out = (struct nmw_dpdk_lost){.missed = grown(p->lost.missed, was.missed),
				      .no_buffer = grown(p->lost.no_buffer, was.no_buffer),
				      .errors = grown(p->lost.errors, was.errors),
				      .tx_errors = grown(p->lost.tx_errors, was.tx_errors)};
}

bool nmw_dpdk_port_look(struct nmw_dpdk_port *p, uint64_t now_ns, struct nmw_dpdk_lost *lost)
{
	if (now_ns - p->looked_ns < LOOK_NS)
		return false;
	p->looked_ns = now_ns;
	nmw_dpdk_port_lost(p, lost);
	bool up = nmw_dpdk_port_link(p);
	if (up == p->down)
		nmw_log(NMW_LOG_INFO, "dpdk: %s: link is %s", p->name, up ? "up" : "down");
	p->down = !up;
	return true;
}

void nmw_dpdk_port_close(struct nmw_dpdk_port *p)
{
	if (p->started)
		rte_eth_dev_stop(p->id);
	if (p->open)
		rte_eth_dev_close(p->id);
	p->started = p->open = false;
}
