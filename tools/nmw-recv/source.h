/* source.h: where messages come from: one struct of functions, one file a back end.
 *
 * open takes what follows the colon of SOURCE; poll publishes about a burst through emit.h; close
 * frees.  A source counts, and never prints.
 */
#ifndef NMW_RECV_SOURCE_H
#define NMW_RECV_SOURCE_H

#include "base/err.h"
#include "base/msg.h"
#include "base/opt.h"
#include "emit.h"
#include <stdint.h>

enum recv_framing { FRAMING_AUTO, FRAMING_MOLD, FRAMING_SOUP, FRAMING_PLAIN };
#define FRAMING_CHOICES "auto|mold|soup|plain"

/* Which messages go on: auto = what an engine takes in (orders and market data), in = from clients,
 * out = from the exchange (replies and market data), both = all. */
enum recv_direction { DIRECTION_AUTO, DIRECTION_IN, DIRECTION_OUT, DIRECTION_BOTH };
#define DIRECTION_CHOICES "auto|in|out|both"

struct recv_conf {
	const char *filter;  /* BPF, or NULL */
	int framing;	     /* enum recv_framing */
	int direction;	     /* enum recv_direction */
	int codec;	     /* index in CODEC_CHOICES: enum nmw_codec_id, 0 = by looking */
	uint64_t flows;	     /* connections and streams followed at once */
	uint64_t reassembly; /* bytes for TCP data that waits */
	bool cancel_on_disconnect;
	bool once; /* udp: ends with the session */
	/* live sources */
	const char *accounts; /* file of those that may log in, or NULL */
	int io;		      /* enum nmw_io_kind */
	bool sqpoll;
	uint64_t busy_poll_ns;	 /* 0 = not */
	struct nmw_opt_rest eal; /* what stood behind --: options of DPDK's */
	uint64_t login_timeout_ns, login_delay_ns, client_timeout_ns;
};
#define CODEC_CHOICES "auto|ouch42|ouch50|itch50"

struct source {
	const char *name; /* before the colon */
	const char *arg;  /* what --help calls the rest */
	/* State of an open source; NULL: e says why not. arg is kept. */
	void *(*open)(const struct recv_conf *conf, struct emit *emit, const char *arg,
		      struct nmw_err *e);
	/* 1: there is more; 0: the end, everything was published or counted; a negative errno: it
	 * cannot go on, e says why. */
	int (*poll)(void *s, struct nmw_err *e);
	/* How far it is, for a progress line: done of total, 0 = unknown. */
	void (*progress)(void *s, uint64_t *done, uint64_t *total);
	void (*close)(void *s);
};

extern const struct source source_pcap, source_itch, source_gen, source_journal, source_udp,
	source_tcp, source_dpdk, source_auto;

#endif
