#include "wire/linkhost.h"

#include "wire/be.h"
#include "wire/packet_build.h"

#include <string.h>

#define ETH_ADDRS 12u
#define TAG	  4u
#define TAGS_MAX  2u
#define IP4_LEN	  20u
#define IP4_ALERT 24u /* with the router alert option */
#define IP6_LEN	  40u
#define ARP_LEN	  28u
#define NS_LEN	  24u
#define LLA_OPT	  8u
#define REPORT_6  28u
#define HOP_ALERT 8u

enum {
	TYPE_IP4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_VLAN = 0x8100,
	TYPE_IP6 = 0x86DD,
	TYPE_QINQ = 0x88A8
};
enum { PROTO_HOP = 0, PROTO_ICMP = 1, PROTO_IGMP = 2, PROTO_ICMP6 = 58 };
enum { ICMP_REPLY = 0, ICMP_ECHO = 8 };
enum { IGMP_QUERY = 0x11, IGMP_2_REPORT = 0x16, IGMP_3_REPORT = 0x22 };
enum {
	ICMP6_ECHO = 128,
	ICMP6_REPLY = 129,
	MLD_QUERY = 130,
	MLD_1_REPORT = 131,
	ND_ASK = 135,
	ND_TELL = 136,
	MLD_2_REPORT = 143
};
/* Records of a report (RFC 3376, 4.2.12). */
enum { IS_EXCLUDE = 2, TO_INCLUDE = 3, TO_EXCLUDE = 4 };

static const uint8_t mac_all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* A frame behind its link header. */
struct view {
	const uint8_t *src_mac;
	uint32_t tags; /* bytes of tags */
	uint16_t type;
	const uint8_t *p;
	uint32_t len;
};

static bool look(const uint8_t *frame, uint32_t len, struct view *v)
{
	uint32_t at = ETH_ADDRS;
	if (len < at + 2)
		return false;
	v->src_mac = frame + 6;
	v->type = nmw_be16(frame + at);
	for (unsigned i = 0; i < TAGS_MAX && (v->type == TYPE_VLAN || v->type == TYPE_QINQ); i++) {
		at += TAG;
		if (len < at + 2)
			return false;
		v->type = nmw_be16(frame + at);
	}
	v->tags = at - ETH_ADDRS;
	v->p = frame + at + 2;
	v->len = len - at - 2;
	return true;
}

/* The link header: returns where the packet begins. */
static uint8_t *put_link(uint8_t *out, const uint8_t *to, const uint8_t *from, const uint8_t *tags,
			 uint32_t n_tags, uint16_t type)
{
	memcpy(out, to, 6);
	memcpy(out + 6, from, 6);
	memcpy(out + ETH_ADDRS, tags, n_tags);
	nmw_put16(out + ETH_ADDRS + n_tags, type);
	return out + ETH_ADDRS + n_tags + 2;
}

/* An answer carries the tags of its question. */
static uint8_t *put_answer(uint8_t *out, const struct nmw_linkhost *h, const uint8_t *frame,
			   const struct view *v, const uint8_t *to)
{
	return put_link(out, to, h->mac, frame + ETH_ADDRS, v->tags, v->type);
}

static uint8_t *put_unasked(uint8_t *out, const struct nmw_linkhost *h, const uint8_t *to,
			    uint16_t type)
{
	uint8_t tag[TAG];
	nmw_put16(tag, TYPE_VLAN);
	nmw_put16(tag + 2, h->vlan);
	return put_link(out, to, h->mac, tag, h->vlan ? TAG : 0, type);
}

static uint32_t whole(const uint8_t *out, const uint8_t *end)
{
	return (uint32_t)(end - out);
}

static bool is_ours(const struct nmw_linkhost *h, uint8_t family, const uint8_t *addr)
{
	for (unsigned i = 0; i < h->addrs; i++)
		if (h->addr[i].family == family &&
		    !memcmp(h->addr[i].addr, addr, family == 4 ? 4 : 16))
			return true;
	return false;
}

static const struct nmw_endpoint *own(const struct nmw_linkhost *h, uint8_t family)
{
	for (unsigned i = 0; i < h->addrs; i++)
		if (h->addr[i].family == family)
			return &h->addr[i];
	return NULL;
}

/* The k-th group of that family, or the one that was asked for; NULL: none. */
static const struct nmw_endpoint *group_of(const struct nmw_linkhost *h, uint8_t family,
					   const uint8_t *asked, unsigned k)
{
	static const uint8_t any[16];
	uint32_t n = family == 4 ? 4 : 16;
	for (unsigned i = 0; i < h->groups; i++)
		if (h->group[i].family == family &&
		    (!memcmp(asked, any, n) || !memcmp(asked, h->group[i].addr, n)) && k-- == 0)
			return &h->group[i];
	return NULL;
}

/* ---- ARP (RFC 826) --------------------------------------------------------------------------- */

static uint8_t *put_arp(uint8_t *p, uint16_t op, const uint8_t *mac, const uint8_t *ip,
			const uint8_t *to_mac, const uint8_t *to_ip)
{
	nmw_put32(p, 0x00010800u);
	nmw_put16(p + 4, 0x0604u);
	nmw_put16(p + 6, op);
	memcpy(p + 8, mac, 6);
	memcpy(p + 14, ip, 4);
	memcpy(p + 18, to_mac, 6);
	memcpy(p + 24, to_ip, 4);
	return p + ARP_LEN;
}

static bool is_arp(const struct view *v)
{
	return v->type == TYPE_ARP && v->len >= ARP_LEN && nmw_be32(v->p) == 0x00010800u &&
	       nmw_be16(v->p + 4) == 0x0604u;
}

static enum nmw_link_is answer_arp(const struct nmw_linkhost *h, const uint8_t *frame,
				   const struct view *v, uint8_t *out, uint32_t *n)
{
	if (nmw_be16(v->p + 6) != 1 || !is_ours(h, 4, v->p + 24))
		return NMW_LINK_NEIGHBOR;
	uint8_t *p = put_answer(out, h, frame, v, v->p + 8);
	*n = whole(out, put_arp(p, 2, h->mac, v->p + 24, v->p + 8, v->p + 14));
	return NMW_LINK_ANSWER;
}

/* ---- IPv4: ICMP echo, IGMP ------------------------------------------------------------------- */

static void put_ip4(uint8_t *ip, uint32_t hdr, uint32_t len, uint8_t ttl, uint8_t proto)
{
	nmw_put32(ip, 0x40000000u | hdr / 4 << 24 | len);
	nmw_put32(ip + 4, 0x4000u);
	ip[8] = ttl;
	ip[9] = proto;
	nmw_put16(ip + 10, 0);
}

static void sum_ip4(uint8_t *ip, uint32_t hdr)
{
	nmw_put16(ip + 10, (uint16_t)~nmw_packet_sum(ip, hdr, 0));
}

static bool is_whole(const uint8_t *p, uint32_t len, uint32_t sum)
{
	return nmw_packet_sum(p, len, sum) == 0xFFFF;
}

/* The packet's bytes are those of the question: ends and type change (RFC 792). */
static uint32_t echo4(const struct nmw_linkhost *h, const uint8_t *frame, const struct view *v,
		      uint32_t hdr, uint32_t total, uint8_t *out, uint32_t cap)
{
	if (total < hdr + 8 || ETH_ADDRS + 2 + v->tags + IP4_LEN + total - hdr > cap)
		return 0;
	uint8_t *ip = put_answer(out, h, frame, v, v->src_mac), *icmp = ip + IP4_LEN;
	put_ip4(ip, IP4_LEN, IP4_LEN + total - hdr, 64, PROTO_ICMP);
	memcpy(ip + 12, v->p + 16, 4);
	memcpy(ip + 16, v->p + 12, 4);
	sum_ip4(ip, IP4_LEN);
	memcpy(icmp, v->p + hdr, total - hdr);
	icmp[0] = ICMP_REPLY;
	nmw_put16(icmp + 2, 0);
	nmw_put16(icmp + 2, (uint16_t)~nmw_packet_sum(icmp, total - hdr, 0));
	return whole(out, icmp + total - hdr);
}

/* 01:00:5e and 23 bits of the group (RFC 1112, 6.4). */
static void group_mac4(const uint8_t *group, uint8_t mac[6])
{
	mac[0] = 0x01;
	mac[1] = 0x00;
	mac[2] = 0x5E;
	mac[3] = group[1] & 0x7F;
	mac[4] = group[2];
	mac[5] = group[3];
}

/* What follows the link header of a report: to `to`, in a packet with the router alert option. */
static uint8_t *put_igmp(const struct nmw_linkhost *h, uint8_t *ip, const uint8_t *to,
			 const uint8_t *igmp, uint32_t len)
{
	const struct nmw_endpoint *from = own(h, 4);
	put_ip4(ip, IP4_ALERT, IP4_ALERT + len, 1, PROTO_IGMP);
	memset(ip + 12, 0, 4);
	if (from)
		memcpy(ip + 12, from->addr, 4);
	memcpy(ip + 16, to, 4);
	nmw_put32(ip + 20, 0x94040000u);
	sum_ip4(ip, IP4_ALERT);
	uint8_t *p = ip + IP4_ALERT;
	memcpy(p, igmp, len);
	nmw_put16(p + 2, (uint16_t)~nmw_packet_sum(p, len, 0));
	return p + len;
}

/* RFC 3376, 4.2: one record. */
static void report4(uint8_t report[16], const uint8_t *group, uint8_t record)
{
	memset(report, 0, 16);
	report[0] = IGMP_3_REPORT;
	report[7] = 1;
	report[8] = record;
	memcpy(report + 12, group, 4);
}

static const uint8_t routers4[4] = {224, 0, 0, 22};

/* The queries of IGMP and of MLD: a router asks who is in a group. */
struct query {
	uint8_t family, type;
	uint32_t least, today; /* bytes; one that is shorter than today's is of an old router */
	uint32_t group;	       /* where it says which group, bytes */
	uint32_t (*put)(const struct nmw_linkhost *h, const uint8_t *frame, const struct view *v,
			const uint8_t *group, bool old, uint8_t *out);
};

/* The k-th of our groups that it asks for is answered. */
static enum nmw_link_is answer_query(const struct nmw_linkhost *h, const uint8_t *frame,
				     const struct view *v, const struct query *of, const uint8_t *q,
				     uint32_t len, unsigned k, uint8_t *out, uint32_t *n)
{
	if (len < of->least || q[0] != of->type)
		return NMW_LINK_OTHER;
	const struct nmw_endpoint *g = group_of(h, of->family, q + of->group, k);
	if (!g)
		return NMW_LINK_OTHER;
	*n = of->put(h, frame, v, g->addr, len < of->today, out);
	return NMW_LINK_ANSWER;
}

static uint32_t put_report4(const struct nmw_linkhost *h, const uint8_t *frame,
			    const struct view *v, const uint8_t *group, bool old, uint8_t *out)
{
	uint8_t mac[6], report[16] = {IGMP_2_REPORT};
	const uint8_t *to = old ? group : routers4;
	group_mac4(to, mac);
	if (old)
		memcpy(report + 4, group, 4);
	else
		report4(report, group, IS_EXCLUDE);
	return whole(out, put_igmp(h, put_answer(out, h, frame, v, mac), to, report, old ? 8 : 16));
}

static const struct query igmp_query = {
	.family = 4, .type = IGMP_QUERY, .least = 8, .today = 12, .group = 4, .put = put_report4};

static enum nmw_link_is answer_ip4(const struct nmw_linkhost *h, const uint8_t *frame,
				   const struct view *v, unsigned k, uint8_t *out, uint32_t cap,
				   uint32_t *n)
{
	const uint8_t *ip = v->p;
	if (v->len < IP4_LEN || ip[0] >> 4 != 4 || nmw_be16(ip + 6) & 0x3FFFu)
		return NMW_LINK_OTHER;
	uint32_t hdr = (ip[0] & 15u) * 4u, total = nmw_be16(ip + 2);
	if (hdr < IP4_LEN || total < hdr + 1 || total > v->len || !is_whole(ip, hdr, 0))
		return NMW_LINK_OTHER;
	if ((ip[9] != PROTO_IGMP && ip[9] != PROTO_ICMP) || !is_whole(ip + hdr, total - hdr, 0))
		return NMW_LINK_OTHER;
	if (ip[9] == PROTO_IGMP)
		return answer_query(h, frame, v, &igmp_query, ip + hdr, total - hdr, k, out, n);
	if (k || ip[hdr] != ICMP_ECHO || !is_ours(h, 4, ip + 16))
		return NMW_LINK_OTHER;
	*n = echo4(h, frame, v, hdr, total, out, cap);
	return *n ? NMW_LINK_ANSWER : NMW_LINK_OTHER;
}

/* ---- IPv6: neighbour discovery (RFC 4861), echo, MLD (RFC 2710, 3810) ------------------------ */

static void put_ip6(uint8_t *ip, uint32_t len, uint8_t next, uint8_t hops, const uint8_t *src,
		    const uint8_t *dst)
{
	nmw_put32(ip, 0x60000000u);
	nmw_put16(ip + 4, (uint16_t)len);
	ip[6] = next;
	ip[7] = hops;
	memmove(ip + 8, src, 16);
	memmove(ip + 24, dst, 16);
}

static uint32_t pseudo_icmp6(const uint8_t *ip, uint32_t len)
{
	return nmw_packet_sum(ip + 8, 32, PROTO_ICMP6 + len);
}

static void sum_icmp6(const uint8_t *ip, uint8_t *icmp, uint32_t len)
{
	nmw_put16(icmp + 2, 0);
	nmw_put16(icmp + 2, (uint16_t)~nmw_packet_sum(icmp, len, pseudo_icmp6(ip, len)));
}

static bool is_whole_icmp6(const uint8_t *ip, const uint8_t *icmp, uint32_t len)
{
	return is_whole(icmp, len, pseudo_icmp6(ip, len));
}

static void group_mac6(const uint8_t *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group + 12, 4);
}

/* Solicitation or advertisement with one link layer address. */
static uint8_t *put_nd(uint8_t *ip, uint8_t type, uint32_t flags, const uint8_t *src,
		       const uint8_t *dst, const uint8_t *target, const uint8_t *mac)
{
	uint8_t *icmp = ip + IP6_LEN;
	put_ip6(ip, NS_LEN + LLA_OPT, PROTO_ICMP6, 255, src, dst);
	memset(icmp, 0, NS_LEN + LLA_OPT);
	icmp[0] = type;
	nmw_put32(icmp + 4, flags);
	memcpy(icmp + 8, target, 16);
	icmp[24] = type == ND_ASK ? 1 : 2;
	icmp[25] = 1;
	memcpy(icmp + 26, mac, 6);
	sum_icmp6(ip, icmp, NS_LEN + LLA_OPT);
	return icmp + NS_LEN + LLA_OPT;
}

static const uint8_t nobody6[16];
static const uint8_t all_nodes[16] = {0xFF, 2, [15] = 1};
static const uint8_t routers6[16] = {0xFF, 2, [15] = 0x16};

#define ND_SOLICITED 0x40000000u
#define ND_OVERRIDE  0x20000000u

static enum nmw_link_is answer_nd(const struct nmw_linkhost *h, const uint8_t *frame,
				  const struct view *v, uint8_t *out, uint32_t *n)
{
	const uint8_t *ip = v->p, *icmp = ip + IP6_LEN;
	if (icmp[0] != ND_ASK || !is_ours(h, 6, icmp + 8))
		return NMW_LINK_NEIGHBOR;
	bool probe = !memcmp(ip + 8, nobody6, 16); /* somebody looks whether it is taken */
	uint8_t mac[6];
	group_mac6(all_nodes, mac);
	uint8_t *to = put_answer(out, h, frame, v, probe ? mac : v->src_mac);
	*n = whole(out, put_nd(to, ND_TELL, ND_OVERRIDE | (probe ? 0 : ND_SOLICITED), icmp + 8,
			       probe ? all_nodes : ip + 8, icmp + 8, h->mac));
	return NMW_LINK_ANSWER;
}

static uint32_t echo6(const struct nmw_linkhost *h, const uint8_t *frame, const struct view *v,
		      uint32_t len, uint8_t *out, uint32_t cap)
{
	if (len < 8 || ETH_ADDRS + 2 + v->tags + IP6_LEN + len > cap)
		return 0;
	uint8_t *ip = put_answer(out, h, frame, v, v->src_mac), *icmp = ip + IP6_LEN;
	put_ip6(ip, len, PROTO_ICMP6, 64, v->p + 24, v->p + 8);
	memcpy(icmp, v->p + IP6_LEN, len);
	icmp[0] = ICMP6_REPLY;
	sum_icmp6(ip, icmp, len);
	return whole(out, icmp + len);
}

/* A report in a packet with the router alert option; from nobody, or our link-local address. */
static uint8_t *put_mld(const struct nmw_linkhost *h, uint8_t *ip, const uint8_t *to,
			const uint8_t *mld, uint32_t len)
{
	const struct nmw_endpoint *from = own(h, 6);
	bool local = from && from->addr[0] == 0xFE && (from->addr[1] & 0xC0) == 0x80;
	put_ip6(ip, HOP_ALERT + len, PROTO_HOP, 1, local ? from->addr : nobody6, to);
	uint8_t *hop = ip + IP6_LEN, *p = hop + HOP_ALERT;
	nmw_put32(hop, (uint32_t)PROTO_ICMP6 << 24 | 0x0502u);
	nmw_put32(hop + 4, 0x00000100u);
	memcpy(p, mld, len);
	sum_icmp6(ip, p, len);
	return p + len;
}

static void report6(uint8_t report[REPORT_6], const uint8_t *group, uint8_t record)
{
	memset(report, 0, REPORT_6);
	report[0] = MLD_2_REPORT;
	report[7] = 1;
	report[8] = record;
	memcpy(report + 12, group, 16);
}

static uint32_t put_report6(const struct nmw_linkhost *h, const uint8_t *frame,
			    const struct view *v, const uint8_t *group, bool old, uint8_t *out)
{
	uint8_t mac[6], report[REPORT_6] = {MLD_1_REPORT};
	const uint8_t *to = old ? group : routers6;
	group_mac6(to, mac);
	if (old)
		memcpy(report + 8, group, 16);
	else
		report6(report, group, IS_EXCLUDE);
	return whole(out, put_mld(h, put_answer(out, h, frame, v, mac), to, report,
				  old ? NS_LEN : REPORT_6));
}

static const struct query mld_query = {.family = 6,
				       .type = MLD_QUERY,
				       .least = NS_LEN,
				       .today = 28,
				       .group = 8,
				       .put = put_report6};

static bool is_nd(const struct view *v)
{
	const uint8_t *ip = v->p;
	return v->type == TYPE_IP6 && v->len >= IP6_LEN + NS_LEN && ip[6] == PROTO_ICMP6 &&
	       ip[7] == 255 && nmw_be16(ip + 4) >= NS_LEN && nmw_be16(ip + 4) <= v->len - IP6_LEN &&
	       (ip[IP6_LEN] == ND_ASK || ip[IP6_LEN] == ND_TELL) &&
	       is_whole_icmp6(ip, ip + IP6_LEN, nmw_be16(ip + 4));
}

static enum nmw_link_is answer_ip6(const struct nmw_linkhost *h, const uint8_t *frame,
				   const struct view *v, unsigned k, uint8_t *out, uint32_t cap,
				   uint32_t *n)
{
	const uint8_t *ip = v->p;
	if (v->len < IP6_LEN + 1 || ip[0] >> 4 != 6)
		return NMW_LINK_OTHER;
	uint32_t len = nmw_be16(ip + 4);
	if (len < 1 || len > v->len - IP6_LEN)
		return NMW_LINK_OTHER;
	if (ip[6] == PROTO_HOP && len > HOP_ALERT && ip[IP6_LEN] == PROTO_ICMP6 &&
	    ip[IP6_LEN + 1] == 0) {
		const uint8_t *mld = ip + IP6_LEN + HOP_ALERT;
		return is_whole_icmp6(ip, mld, len - HOP_ALERT)
			       ? answer_query(h, frame, v, &mld_query, mld, len - HOP_ALERT, k, out,
					      n)
			       : NMW_LINK_OTHER;
	}
	if (k || ip[6] != PROTO_ICMP6)
		return NMW_LINK_OTHER;
	if (is_nd(v))
		return answer_nd(h, frame, v, out, n);
	if (ip[IP6_LEN] != ICMP6_ECHO || !is_ours(h, 6, ip + 24) ||
	    !is_whole_icmp6(ip, ip + IP6_LEN, len))
		return NMW_LINK_OTHER;
	*n = echo6(h, frame, v, len, out, cap);
	return *n ? NMW_LINK_ANSWER : NMW_LINK_OTHER;
}

/* ---- all ------------------------------------------------------------------------------------- */

enum nmw_link_is nmw_linkhost_answer(const struct nmw_linkhost *h, const uint8_t *frame,
				     uint32_t len, unsigned k, uint8_t *out, uint32_t cap,
				     uint32_t *n)
{
	struct view v;
	if (cap < NMW_LINKHOST_MIN || !look(frame, len, &v))
		return NMW_LINK_OTHER;
	if (is_arp(&v))
		return k ? NMW_LINK_OTHER : answer_arp(h, frame, &v, out, n);
	if (v.type == TYPE_IP4)
		return answer_ip4(h, frame, &v, k, out, cap, n);
	return v.type == TYPE_IP6 ? answer_ip6(h, frame, &v, k, out, cap, n) : NMW_LINK_OTHER;
}

/* The link layer address that an ND message tells of; NULL: none. Options: RFC 4861, 4.6. */
static const uint8_t *nd_address(const uint8_t *icmp, uint32_t len, uint8_t want)
{
	for (uint32_t at = NS_LEN; at + LLA_OPT <= len; at += icmp[at + 1] * 8u) {
		if (icmp[at] == want && icmp[at + 1] == 1)
			return icmp + at + 2;
		if (icmp[at + 1] == 0)
			return NULL;
	}
	return NULL;
}

bool nmw_linkhost_learn(const uint8_t *frame, uint32_t len, struct nmw_endpoint *who)
{
	static const uint8_t nobody4[4];
	struct view v;
	*who = (struct nmw_endpoint){0};
	if (!look(frame, len, &v))
		return false;
	if (is_arp(&v)) {
		who->family = 4;
		memcpy(who->addr, v.p + 14, 4);
		memcpy(who->mac, v.p + 8, 6);
		return memcmp(who->addr, nobody4, 4) != 0;
	}
	if (!is_nd(&v))
		return false;
	const uint8_t *icmp = v.p + IP6_LEN;
	bool tells = icmp[0] == ND_TELL;
	const uint8_t *mac = nd_address(icmp, nmw_be16(v.p + 4), tells ? 2 : 1);
	if (!mac)
		return false;
	who->family = 6;
	memcpy(who->addr, tells ? icmp + 8 : v.p + 8, 16);
	memcpy(who->mac, mac, 6);
	return memcmp(who->addr, nobody6, 16) != 0;
}

uint32_t nmw_linkhost_ask(const struct nmw_linkhost *h, const struct nmw_endpoint *target,
			  uint8_t *out)
{
	static const uint8_t unknown[6];
	uint8_t mac[6];
	const struct nmw_endpoint *from = own(h, target->family);
	if (!from)
		return 0;
	if (target->family == 4) {
		uint8_t *p = put_unasked(out, h, mac_all, TYPE_ARP);
		return whole(out, put_arp(p, 1, h->mac, from->addr, unknown, target->addr));
	}
	uint8_t group[16] = {0xFF, 2, [11] = 1, [12] = 0xFF}; /* solicited-node */
	memcpy(group + 13, target->addr + 13, 3);
	group_mac6(group, mac);
	uint8_t *ip = put_unasked(out, h, mac, TYPE_IP6);
	return whole(out, put_nd(ip, ND_ASK, 0, from->addr, group, target->addr, h->mac));
}

uint32_t nmw_linkhost_announce(const struct nmw_linkhost *h, unsigned i, uint8_t *out)
{
	static const uint8_t unknown[6];
	const struct nmw_endpoint *a = &h->addr[i];
	uint8_t mac[6];
	if (a->family == 4) {
		uint8_t *p = put_unasked(out, h, mac_all, TYPE_ARP);
		return whole(out, put_arp(p, 1, h->mac, a->addr, unknown, a->addr));
	}
	group_mac6(all_nodes, mac);
	uint8_t *ip = put_unasked(out, h, mac, TYPE_IP6);
	return whole(out, put_nd(ip, ND_TELL, ND_OVERRIDE, a->addr, all_nodes, a->addr, h->mac));
}

uint32_t nmw_linkhost_join(const struct nmw_linkhost *h, unsigned i, bool leave, uint8_t *out)
{
	const struct nmw_endpoint *g = &h->group[i];
	uint8_t mac[6], report[REPORT_6], record = leave ? TO_INCLUDE : TO_EXCLUDE;
	if (g->family == 4) {
		group_mac4(routers4, mac);
		report4(report, g->addr, record);
		uint8_t *ip = put_unasked(out, h, mac, TYPE_IP4);
		return whole(out, put_igmp(h, ip, routers4, report, 16));
	}
	group_mac6(routers6, mac);
	report6(report, g->addr, record);
	uint8_t *ip = put_unasked(out, h, mac, TYPE_IP6);
	return whole(out, put_mld(h, ip, routers6, report, REPORT_6));
}
