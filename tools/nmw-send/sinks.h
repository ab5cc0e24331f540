/* sinks.h: the sinks of one nmw-send: 1 to 4 of them, each of which gets every message. */
#ifndef NMW_SEND_SINKS_H
#define NMW_SEND_SINKS_H

#include "sink.h"

#define SINKS_MAX   4u
#define SINKS_NAMES "pcap itch text jsonl null udp tcp dpdk" /* for --version */

struct sinks {
	struct sink sink[SINKS_MAX];
	unsigned n;
	unsigned alive;		    /* sinks that have not failed */
	enum nmw_exit exit;	    /* what the first failure calls for */
	struct sink_count reported; /* what the counters know */
};

/* Reads "order,reply": a bit a channel. Exit 2 with the names. */
int sinks_channels(const char *list, unsigned *out, struct nmw_err *e);
/* Opens them all, or none. */
int sinks_open(struct sinks *s, const char *const *spec, unsigned n, const struct sink_conf *conf,
	       struct nmw_err *e);
/* The input is there: their files begin, from scratch where they do. */
int sinks_start(struct sinks *s, const struct nmw_cons *in, unsigned n_in, struct nmw_err *e);
/* Whether any sink takes this channel. */
bool sinks_want(const struct sinks *s, uint8_t channel);
/* Gives a burst (at most NMW_BURST_MAX) to each. A sink that fails says so on the log. */
void sinks_send(struct sinks *s, const struct sink_msg *m, unsigned n);
/* Of the bursts given, how many of the last may still be read where they lie. */
uint64_t sinks_held(struct sinks *s);
/* Whether any sink ever does. */
bool sinks_hold(const struct sinks *s);
/* Whether no sink looks at the messages, and all take all channels: then this takes n of them. */
bool sinks_only_count(const struct sinks *s);
void sinks_count(struct sinks *s, unsigned n, uint64_t bytes);
void sinks_flush(struct sinks *s, uint64_t idle_ns);
/* Brings the counters up to date: the sum over the sinks. */
void sinks_report(struct sinks *s, struct nmw_metrics *m);
/* ended: the input was read to its end; whole: and nothing of it was damaged or missing. */
void sinks_close(struct sinks *s, bool ended, bool whole);
/* Whether any has sockets to look after. */
bool sinks_live(const struct sinks *s);
/* The longest time that all of them can be left alone, 0 = any. */
uint64_t sinks_nap(const struct sinks *s);
/* With several sinks, a line for each. */
void sinks_log(const struct sinks *s);

#endif
