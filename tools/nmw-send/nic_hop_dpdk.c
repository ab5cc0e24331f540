/* Where next hops are, and packets that wait until that is known. */
#include "base/bits.h"
#include "base/clock.h"
#include "nic.h"

#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ASK_NS	 (100ull * 1000 * 1000)
#define WAIT_NS	 NMW_NS_PER_S /* for the first answer */
#define AGAIN_NS NMW_NS_PER_S /* between two questions after that */
#define TICK_NS	 (10ull * 1000 * 1000)
#define NAP_NS	 (100l * 1000)

/* How long all wait for one: a second at once, a tenth of the time in the long run. */
#define PATIENCE_NS   NMW_NS_PER_S
#define PATIENCE_PART 10u

/* ---- the table ------------------------------------------------------------------------------- */

static bool has_flow(const struct nic *n, const struct nic_neighbor *b)
{
	for (unsigned i = 0; i < NMW_UDP_LINES; i++)
		if (n->line[i].used && n->line[i].hop == b)
			return true;
	for (unsigned i = 0; i < NIC_FLOWS; i++)
		if (n->stream[i].used && n->stream[i].hop == b)
			return true;
	return false;
}

/* The table is full: the place of one that nothing goes to any more, best of one who never told. */
static struct nic_neighbor *give_way(struct nic *n)
{
	struct nic_neighbor *found = NULL;
	for (unsigned i = 0; i < NIC_NEIGHBORS && !(found && !found->known); i++) {
		struct nic_neighbor *b = &n->neighbor[i];
		if ((!found || !b->known) && !b->first && !has_flow(n, b))
			found = b;
	}
	return found;
}

struct nic_neighbor *nic_hop_of(struct nic *n, const struct nmw_endpoint *to)
{
	bool away = n->dev.gateway.family == to->family &&
		    !nmw_address_on_link(to, &n->dev.addr, n->dev.bits);
	const struct nmw_endpoint *at = away ? &n->dev.gateway : to;
	uint32_t h = 0;
	for (unsigned i = 0; i < nmw_address_len(at->family); i++)
		h = (h ^ at->addr[i]) * 0x01000193u;
	for (unsigned i = 0; i < NIC_NEIGHBORS; i++) {
		struct nic_neighbor *b = &n->neighbor[(h + i) % NIC_NEIGHBORS];
		if (b->at.family && nmw_endpoint_same_host(&b->at, at))
			return b;
		if (!b->at.family) {
			b->at = *at;
			return b;
		}
	}
	struct nic_neighbor *b = give_way(n);
	if (b)
		*b = (struct nic_neighbor){.at = *at};
	return b;
}

/* ---- packets that wait ----------------------------------------------------------------------- */

void nic_hops_open(struct nic *n)
{
	for (unsigned i = 1; i < NIC_WAITING; i++)
		n->waiting[i].next = (uint16_t)(i + 1);
	n->free_waiting = 1;
}

void nic_hop_wait(struct nic *n, struct nic_neighbor *b, const struct nic_packet *p)
{
	uint16_t i = n->free_waiting;
	struct nic_waiting *w = &n->waiting[i];
	n->free_waiting = w->next;
	*w = (struct nic_waiting){.p = *p};
	if (b->first)
		n->waiting[b->last].next = i;
	else
		b->first = i;
	b->last = i;
	b->n_waiting++;
	n->n_waiting++;
}

static struct nic_packet take_first(struct nic *n, struct nic_neighbor *b)
{
	uint16_t i = b->first;
	struct nic_packet p = n->waiting[i].p;
	b->first = n->waiting[i].next;
	b->n_waiting--;
	n->n_waiting--;
	n->waiting[i].next = n->free_waiting;
	n->free_waiting = i;
	return p;
}

/* Before any that comes later. */
static void let_go(struct nic *n, struct nic_neighbor *b)
{
	b->known = true;
	b->said = false;
	while (b->first) {
		struct nic_packet p = take_first(n, b);
		memcpy(rte_pktmbuf_mtod(p.m, uint8_t *), b->at.mac, sizeof b->at.mac);
		nic_enqueue(n, &p);
	}
}

static void drop_all(struct nic *n, struct nic_neighbor *b)
{
	while (b->first) {
		struct nic_packet p = take_first(n, b);
		rte_pktmbuf_free(p.m);
		nic_lost(n, &p, NMW_DROP_no_neighbor);
	}
}

/* ---- where it is ----------------------------------------------------------------------------- */

void nic_hop_learn(struct nic *n, const uint8_t *frame, uint32_t len)
{
	struct nmw_endpoint who;
	if (!nmw_linkhost_learn(frame, len, &who))
		return;
	for (unsigned i = 0; i < NIC_NEIGHBORS; i++) {
		struct nic_neighbor *b = &n->neighbor[i];
		if (!b->at.family || !nmw_endpoint_same_host(&b->at, &who))
			continue;
		memcpy(b->at.mac, who.mac, sizeof b->at.mac);
		let_go(n, b);
	}
}

/* The kernel's ARP table, where the device is one of its interfaces. */
static bool ask_kernel(const struct nic *n, struct nic_neighbor *b)
{
	bool found = false;
	char line[256], ip[64], mac[32], iface[32], want[64];
	unsigned flags, m[6];
	if (!n->iface[0] || b->at.family != 4)
		return false;
	snprintf(want, sizeof want, "%u.%u.%u.%u", b->at.addr[0], b->at.addr[1], b->at.addr[2],
		 b->at.addr[3]);
	FILE *f = fopen("/proc/net/arp", "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%63s %*s %x %31s %*s %31s", ip, &flags, mac, iface) != 4 ||
		    !(flags & 2) || strcmp(ip, want) != 0 || strcmp(iface, n->iface) != 0 ||
		    sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
			continue;
		for (unsigned i = 0; i < 6; i++)
			b->at.mac[i] = (uint8_t)m[i];
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static void ask(struct nic *n, struct nic_neighbor *b, uint64_t now)
{
	uint8_t frame[NMW_LINKHOST_MIN];
	b->asked_ns = now;
	if (!b->since_ns)
		b->since_ns = now;
	if (ask_kernel(n, b)) {
		let_go(n, b);
		return;
	}
	uint32_t len = nmw_linkhost_ask(&n->host, &b->at, frame);
	if (len)
		nic_send_frame(n, frame, len);
	nic_flush(n);
}

static bool silent(const struct nic_neighbor *b, uint64_t now)
{
	return b->since_ns && now - b->since_ns >= WAIT_NS;
}

static void ask_again(struct nic *n, struct nic_neighbor *b, uint64_t now)
{
	if (now - b->asked_ns >= (silent(b, now) ? AGAIN_NS : ASK_NS))
		ask(n, b, now);
}

/* It did not say in time. */
static void give_up(struct nic *n, struct nic_neighbor *b)
{
	char text[NMW_ENDPOINT_MAX];
	drop_all(n, b);
	if (b->said)
		return;
	b->said = true;
	nmw_log(NMW_LOG_WARN,
		"%s: %s does not say where it is: packets to it are dropped: check its address "
		"and addr=, or name the next hop with hop=MAC",
		n->path.sink->spec, nmw_address_text(&b->at, text));
}

void nic_hops_tick(struct nic *n)
{
	uint64_t now = n->n_waiting ? nmw_clock_mono() : 0;
	if (!n->n_waiting || now - n->hops_ns < TICK_NS)
		return;
	n->hops_ns = now;
	for (struct nic_neighbor *b = n->neighbor; b < n->neighbor + NIC_NEIGHBORS; b++) {
		if (b->first && silent(b, now))
			give_up(n, b);
		else if (b->first)
			ask_again(n, b, now);
	}
}

/* ---- sending --------------------------------------------------------------------------------- */

/* No next hop takes more than it leaves to others. */
static bool has_room(const struct nic *n, const struct nic_neighbor *b)
{
	return b->n_waiting < NIC_WAITING - n->n_waiting;
}

/* All others wait with it, until there is room.  Who can send orders from many addresses that do
 * not answer could stop everybody: there is an end to patience, which comes back slowly. */
static void wait_for(struct nic *n, struct nic_neighbor *b)
{
	uint64_t start = nmw_clock_mono(), now = start;
	uint64_t full = nmw_least(start, PATIENCE_NS * PATIENCE_PART);
	if (start - n->patience_at > full)
		n->patience_at = start - full;
	uint64_t most = (start - n->patience_at) / PATIENCE_PART;
	while (!b->known && !silent(b, now) && !has_room(n, b) && now - start < most &&
	       !(n->give_up && n->give_up(n->give_up_arg))) {
		ask_again(n, b, now);
		nic_request(n, NULL, 0, NULL, NULL);
		nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
		now = nmw_clock_mono();
	}
	n->patience_at += nmw_least(now - start, most) * PATIENCE_PART;
}

enum nic_way nic_hop_way(struct nic *n, struct nic_neighbor *b)
{
	uint64_t now = nmw_clock_mono();
	ask_again(n, b, now);
	if (!b->known && !silent(b, now) && !has_room(n, b))
		wait_for(n, b);
	if (b->known)
		return NIC_GOES;
	if (silent(b, nmw_clock_mono())) {
		give_up(n, b);
		return NIC_SILENT;
	}
	return has_room(n, b) ? NIC_WAITS : NIC_FULL;
}

void nic_hops_close(struct nic *n)
{
	while (n->n_waiting && !(n->give_up && n->give_up(n->give_up_arg))) {
		nic_request(n, NULL, 0, NULL, NULL);
		nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
	}
	for (struct nic_neighbor *b = n->neighbor; b < n->neighbor + NIC_NEIGHBORS; b++)
		drop_all(n, b);
}
