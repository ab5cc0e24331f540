/* What the parts of the device counted, under the names that every stage has. */
#include "wire.h"

#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

/* Why frames and messages did not go on: by the parser. */
static const struct {
	uint8_t stage;
	uint8_t why;
	bool damage; /* --strict does not forgive it */
} drops[] = {
	{NMW_WIRE_PARSE_damaged, NMW_DROP_device_error, true},
	{NMW_WIRE_PARSE_no_ipv4, NMW_DROP_bad_link, false},
	{NMW_WIRE_PARSE_bad_ip, NMW_DROP_bad_ip, true},
	{NMW_WIRE_PARSE_fragments, NMW_DROP_ip_fragment, true},
	{NMW_WIRE_PARSE_not_udp, NMW_DROP_filtered, false},
	{NMW_WIRE_PARSE_bad_udp, NMW_DROP_bad_udp, true},
	{NMW_WIRE_PARSE_not_ours, NMW_DROP_filtered, false},
	{NMW_WIRE_PARSE_bad_mold, NMW_DROP_bad_mold, true},
	{NMW_WIRE_PARSE_bad_checksum, NMW_DROP_bad_checksum, true},
	{NMW_WIRE_PARSE_too_long, NMW_DROP_too_long, true},
	{NMW_WIRE_PARSE_no_room, NMW_DROP_capacity, true},
	{NMW_WIRE_PARSE_other_session, NMW_DROP_other_session, true},
	{NMW_WIRE_PARSE_bad_messages, NMW_DROP_bad_message, true},
	{NMW_WIRE_PARSE_bad_last, NMW_DROP_bad_message, true},
	{NMW_WIRE_PARSE_cut, NMW_DROP_truncated_packet, true},
	{NMW_WIRE_PARSE_duplicates, NMW_DROP_duplicate, false},
	{NMW_WIRE_PARSE_duplicates_last, NMW_DROP_duplicate, false},
};

static void report_drops(const struct nmw_wire_stat *s, struct nmw_metrics *x,
			 const struct frame_conf *ends, const struct host *h)
{
	uint64_t n[NMW_DROP_COUNT];
	memcpy(n, ends->drop, sizeof n);
	n[NMW_DROP_bad_message] += h->did[HOST_MALFORMED];
	for (size_t i = 0; i < ARRAY_LEN(drops); i++)
		n[drops[i].why] += s->parse[drops[i].stage];
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		__atomic_store_n(&x->drop[i], n[i], __ATOMIC_RELAXED);
}

static void report_host(const struct host *h, struct nmw_metrics *x)
{
	nmw_gauge(x, NMW_M_wire_unfit, h->n);
	nmw_gauge(x, NMW_M_wire_rejected, h->did[HOST_REJECTED]);
	nmw_gauge(x, NMW_M_wire_other, h->other);
	nmw_gauge(x, NMW_M_wire_unfit_type, h->why[HOST_TYPE]);
	nmw_gauge(x, NMW_M_wire_unfit_tag, h->why[HOST_TAG] + h->why[HOST_LONG]);
	nmw_gauge(x, NMW_M_wire_unfit_symbol, h->why[HOST_SYMBOL]);
	nmw_gauge(x, NMW_M_wire_unfit_window, h->why[HOST_WINDOW]);
	nmw_gauge(x, NMW_M_wire_unfit_timed, h->why[HOST_TIMED]);
	nmw_gauge(x, NMW_M_wire_unfit_hidden, h->why[HOST_HIDDEN]);
	nmw_gauge(x, NMW_M_wire_unfit_room, h->why[HOST_OTHER] + h->why[HOST_CLIENT]);
}

void wire_report(const struct nmw_wire_stat *s, struct nmw_metrics *x,
		 const struct frame_conf *ends, const struct host *h)
{
	const uint64_t *p = s->parse, *c = s->core;
	uint64_t messages = p[NMW_WIRE_PARSE_bad_messages] + p[NMW_WIRE_PARSE_bad_last] +
			    p[NMW_WIRE_PARSE_duplicates] + p[NMW_WIRE_PARSE_duplicates_last];
	for (unsigned i = NMW_MSG_ENTER; i <= NMW_MSG_UNFIT; i++)
		messages += s->kind[i];
	nmw_gauge(x, NMW_M_in_messages, messages);
	nmw_gauge(x, NMW_M_out_messages, s->replies + s->feed - h->merge.lost + host_sent(h));
	nmw_gauge(x, NMW_M_in_sessions, p[NMW_WIRE_PARSE_clients]);
	nmw_gauge(x, NMW_M_heartbeats, p[NMW_WIRE_PARSE_heartbeats]);
	nmw_gauge(x, NMW_M_mold_gaps, p[NMW_WIRE_PARSE_gaps]);
	nmw_gauge(x, NMW_M_mold_gap_messages, p[NMW_WIRE_PARSE_gap_messages]);
	nmw_gauge(x, NMW_M_orders_rejected, c[NMW_WIRE_CORE_rejected] + h->did[HOST_REJECTED]);
	nmw_gauge(x, NMW_M_ignored, c[NMW_WIRE_CORE_ignored] + h->did[HOST_IGNORED]);
	nmw_gauge(x, NMW_M_fills, c[NMW_WIRE_CORE_fills]);
	nmw_gauge(x, NMW_M_replies, s->replies + host_sent(h));
	nmw_gauge(x, NMW_M_feed_out, s->feed);
	nmw_gauge(x, NMW_M_device_cycles, s->cycles);
	nmw_gauge(x, NMW_M_device_commands, c[NMW_WIRE_CORE_commands]);
	nmw_gauge(x, NMW_M_device_wait_event, c[NMW_WIRE_CORE_book_wait_event]);
	nmw_gauge(x, NMW_M_device_wait_level, c[NMW_WIRE_CORE_book_wait_level]);
	nmw_gauge(x, NMW_M_device_wait_head, c[NMW_WIRE_CORE_book_wait_head]);
	nmw_gauge(x, NMW_M_device_wait_min, c[NMW_WIRE_CORE_book_wait_min]);
	nmw_gauge(x, NMW_M_device_wait_slot, c[NMW_WIRE_CORE_book_wait_slot]);
	nmw_gauge(x, NMW_M_wire_wait_in, s->wait_in);
	nmw_gauge(x, NMW_M_wire_wait_out, s->wait_out);
	nmw_gauge(x, NMW_M_wire_wait_core, s->wait_msg);
	nmw_gauge(x, NMW_M_wire_latency_mean, s->answered ? s->latency_sum / s->answered : 0);
	nmw_gauge(x, NMW_M_wire_latency_max, s->latency_max);
	nmw_gauge(x, NMW_M_link_packets, ends->link_packets);
	nmw_gauge(x, NMW_M_socket_drops, ends->socket_drops);
	report_host(h, x);
	report_drops(s, x, ends, h);
}

uint64_t wire_damaged(const struct nmw_wire_stat *s)
{
	uint64_t n = s->parse[NMW_WIRE_PARSE_gaps];
	for (size_t i = 0; i < ARRAY_LEN(drops); i++)
		n += drops[i].damage ? s->parse[drops[i].stage] : 0;
	return n;
}
