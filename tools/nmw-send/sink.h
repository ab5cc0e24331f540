/* sink.h: where messages go: one struct of functions, one file a back end.
 *
 *   open    takes the part of SINK after the colon; all memory is taken here
 *   send    takes a burst of messages of its channels, all of it: what it cannot pass on is counted
 *           under its reason.  It may wait for the other end (backpressure)
 *   flush   nothing has come for idle_ns: what can go now goes; all of it with SINK_FLUSH_ALL
 *   close   the stream ended, well or not: writes what belongs at its end, frees
 *
 *   held    what was sent may still be read where it lies: of the bursts given to send, how many of
 *           the last are.  They go back to the ring when it says so, and not before
 *
 * A sink that fails (disk full, reader gone) keeps its error and from then on counts everything
 * that it is given as dropped.  Counts: in = out + drops, once the sink is closed. One thread.
 */
#ifndef NMW_SEND_SINK_H
#define NMW_SEND_SINK_H

#include "base/err.h"
#include "base/msg.h"
#include "base/opt.h"
#include "stat/metrics.h"
#include "wire/framer.h"

/* A message of a burst: a copy of its descriptor, its payload in the ring. */
struct sink_msg {
	uint64_t desc[NMW_DESC_SZ / 8];
	const uint8_t *payload;
	uint32_t len; /* as it was checked */
};

static inline const struct nmw_slot *sink_slot(const struct sink_msg *m)
{
	return (const struct nmw_slot *)(const void *)m->desc;
}

/* What the sinks with sockets count beside that: a metric each. */
#define SINK_EXTRAS(X)        \
	X(logins_answered)    \
	X(logins_refused)     \
	X(logins_short)       \
	X(replayed_messages)  \
	X(slow_clients)       \
	X(resumed_clients)    \
	X(reset_clients)      \
	X(socket_writes)      \
	X(rerequests)         \
	X(rerequest_messages) \
	X(rerequests_refused) \
	X(line_missed)        \
	X(packets_gathered)   \
	X(packets_copied)

enum sink_extra {
#define SINK_EXTRA(name) SINK_##name,
	SINK_EXTRAS(SINK_EXTRA)
#undef SINK_EXTRA
		SINK_EXTRA_COUNT
};

struct sink_count {
	uint64_t in_messages, in_bytes;
	uint64_t out_messages, out_bytes, out_packets;
	uint64_t drop[NMW_DROP_COUNT];
	uint64_t extra[SINK_EXTRA_COUNT];
	uint64_t clients; /* connected now */
};

#define SINK_FLUSH_ALL UINT64_MAX

#define SINK_CHANNELS_ALL ((1u << NMW_CH_MAX) - 2) /* bit = enum nmw_channel */

struct sink_conf {
	unsigned channels; /* wanted channels; 0 = the sink's own choice */
	bool append;	   /* to the file that is there */
	bool group;	   /* sockets are open to the group */
	bool named;	   /* a named consumer, which may go on where it stood */
	uint32_t mtu;	   /* udp: bytes of the longest IP packet */
	uint64_t history;  /* udp: bytes kept for requests */
	uint64_t heartbeat_ns, linger_ns;
	uint64_t session_memory, client_buffer; /* tcp: bytes */
	const char *session_log;		/* tcp: directory, or NULL */
	struct nmw_framer_conf framer;
	struct nmw_opt_rest eal;    /* dpdk: what stood behind -- */
	bool (*give_up)(void *arg); /* see base/outfile.h */
	void *give_up_arg;
};

struct sink;
struct nmw_cons;

struct sink_ops {
	const char *name;		  /* "pcap", as in pcap:FILE */
	const char *arg;		  /* what follows the colon: "FILE"; NULL = nothing */
	const char *reply_arg, *feed_arg; /* of one that is either: how each is written */
	unsigned channels;		  /* taken by default */
	int (*open)(struct sink *k, const char *arg, const struct sink_conf *conf,
		    struct nmw_err *e);
	void (*send)(struct sink *k, const struct sink_msg *const *m, unsigned n);
	/* a sink that does not look at its messages: takes n of them at once; else NULL */
	void (*count)(struct sink *k, unsigned n, uint64_t bytes);
	void (*flush)(struct sink *k, uint64_t idle_ns);
	void (*close)(struct sink *k, bool clean);
	/* after open, once the input is there: what a file held goes; NULL = nothing to do */
	int (*start)(struct sink *k, struct nmw_err *e);
	uint64_t (*held)(struct sink *k); /* NULL: nothing ever */
	bool live;			  /* has sockets to look after */
	bool marks_end;			  /* what it writes says that it is complete */
};

struct sink {
	const struct sink_ops *ops;
	const char *spec;  /* as it was typed: "pcap:out.pcap" */
	unsigned channels; /* taken */
	struct sink_count count;
	struct nmw_err err;	   /* err.err: it failed */
	const struct nmw_cons *in; /* the rings, once they are there */
	unsigned n_in;
	uint64_t nap_ns; /* flush is called at least that often; 0 = when something happens */
	void *priv;
};

extern const struct sink_ops sink_pcap, sink_itch, sink_text, sink_jsonl, sink_null, sink_udp,
	sink_tcp, sink_dpdk;

static inline bool sink_wants(const struct sink *k, uint8_t channel)
{
	return k->channels >> channel & 1;
}

static inline void sink_drop(struct sink *k, enum nmw_drop_id why, uint64_t n)
{
	k->count.drop[why] += n;
}

#endif
