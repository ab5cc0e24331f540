#include "wire/endpoint.h"

#include "base/parse.h"
#include "wire/be.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint8_t *last_word(struct nmw_endpoint *ep)
{
	return ep->family == 4 ? ep->addr : ep->addr + 12;
}

bool nmw_endpoint_same_host(const struct nmw_endpoint *a, const struct nmw_endpoint *b)
{
	return a->family == b->family && !memcmp(a->addr, b->addr, nmw_address_len(a->family));
}

bool nmw_endpoint_multicast(const struct nmw_endpoint *ep)
{
	return ep->family == 4 ? ep->addr[0] >> 4 == 0xE : ep->addr[0] == 0xFF;
}

bool nmw_address_in_net(const struct nmw_endpoint *ep, const struct nmw_endpoint *net,
			unsigned bits)
{
	const uint8_t *a = net->addr, *b = ep->addr;
	unsigned whole = bits / 8, rest = bits % 8;
	if (ep->family != net->family || memcmp(a, b, whole) != 0)
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

bool nmw_address_on_link(const struct nmw_endpoint *ep, const struct nmw_endpoint *net,
			 unsigned bits)
{
	bool local = ep->family == 6 && ep->addr[0] == 0xFE && ep->addr[1] >> 6 == 2;
	return (local && net->family == 6) || nmw_address_in_net(ep, net, bits);
}

bool nmw_address_is_host(const struct nmw_endpoint *ep, const struct nmw_endpoint *net,
			 unsigned bits)
{
	static const uint8_t any[16];
	if (nmw_endpoint_multicast(ep) || !memcmp(ep->addr, any, nmw_address_len(ep->family)))
		return false;
	if (ep->family != 4)
		return true;
	uint32_t at = nmw_be32(ep->addr), hosts = bits && bits < 31 ? UINT32_MAX >> bits : 0;
	if (at == UINT32_MAX)
		return false;
	if (!net || !hosts || !nmw_address_in_net(ep, net, bits))
		return true;
	return (at & hosts) && (at & hosts) != hosts;
}

/* Multicast: RFC 1112 section 6.4 and RFC 2464 section 7. */
static void set_mac(struct nmw_endpoint *ep)
{
	const uint8_t *w = last_word(ep);
	uint8_t lead[2] = {0x02, 0x00};
	if (nmw_endpoint_multicast(ep)) {
		if (ep->family == 4) {
			uint8_t group[6] = {0x01, 0x00, 0x5E, w[1] & 0x7F, w[2], w[3]};
			memcpy(ep->mac, group, 6);
			return;
		}
		lead[0] = lead[1] = 0x33;
	}
	memcpy(ep->mac, lead, 2);
	memcpy(ep->mac + 2, w, 4);
}

static int refuse(const char *s, struct nmw_err *e)
{
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%s: not an address and port: 10.0.0.1:9001 or [fe80::1]:9001", s);
}

int nmw_endpoint_parse(const char *s, struct nmw_endpoint *out, struct nmw_err *e)
{
	char host[NMW_ENDPOINT_MAX];
	bool v6 = s[0] == '[';
	const char *from = s + v6, *to = v6 ? strchr(from, ']') : strrchr(s, ':');
	if (!to || (v6 && to[1] != ':') || (size_t)(to - from) >= sizeof host)
		return refuse(s, e);
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = 0;
	struct nmw_endpoint ep = {.family = v6 ? 6 : 4};
	uint64_t port;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, host, ep.addr) != 1)
		return refuse(s, e);
	if (nmw_parse_u64(to + 1 + v6, 1, 65535, &port, e) != 0)
		return refuse(s, e);
	ep.port = (uint16_t)port;
	set_mac(&ep);
	*out = ep;
	return 0;
}

int nmw_endpoint_parse_on(const char *s, struct nmw_endpoint *out, char iface[NMW_IFACE_MAX],
			  struct nmw_err *e)
{
	char where[NMW_ENDPOINT_MAX];
	const char *at = strrchr(s, '%');
	size_t n = at ? (size_t)(at - s) : strlen(s);
	if (n >= sizeof where)
		return refuse(s, e);
	if (at && (!at[1] || strlen(at + 1) >= NMW_IFACE_MAX))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: not the name of an interface behind %%", s);
	memcpy(where, s, n);
	where[n] = 0;
	snprintf(iface, NMW_IFACE_MAX, "%s", at ? at + 1 : "");
	return nmw_endpoint_parse(where, out, e);
}

const char *nmw_address_text(const struct nmw_endpoint *ep, char buf[NMW_ENDPOINT_MAX])
{
	inet_ntop(ep->family == 4 ? AF_INET : AF_INET6, ep->addr, buf, NMW_ENDPOINT_MAX);
	return buf;
}

const char *nmw_endpoint_text(const struct nmw_endpoint *ep, char buf[NMW_ENDPOINT_MAX])
{
	char host[NMW_ENDPOINT_MAX];
	nmw_address_text(ep, host);
	snprintf(buf, NMW_ENDPOINT_MAX, ep->family == 4 ? "%s:%u" : "[%s]:%u", host, ep->port);
	return buf;
}

void nmw_endpoint_advance(struct nmw_endpoint *ep, uint32_t n)
{
	uint8_t *w = last_word(ep);
	nmw_put32(w, nmw_be32(w) + n);
	set_mac(ep);
}
