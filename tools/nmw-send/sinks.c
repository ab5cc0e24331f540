#include "sinks.h"

#include "base/log.h"
#include "base/parse.h"
#include "stage/stage.h"
#include "wire/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct sink_ops *const all_ops[] = {&sink_pcap, &sink_itch, &sink_text, &sink_jsonl,
						 &sink_null, &sink_udp,	 &sink_tcp,  &sink_dpdk};
#define N_OPS (sizeof all_ops / sizeof all_ops[0])

/* ---- what the user typed -------------------------------------------------------------------- */

static unsigned channel_bit(const char *word, size_t len)
{
	for (unsigned ch = 1; ch < NMW_CH_MAX; ch++) {
		const char *name = nmw_channel_name((uint8_t)ch);
		if (strlen(name) == len && memcmp(name, word, len) == 0)
			return 1u << ch;
	}
	return 0;
}

int sinks_channels(const char *list, unsigned *out, struct nmw_err *e)
{
	unsigned mask = 0;
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");
		unsigned bit = channel_bit(p, len);
		if (!bit)
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "--channel %s: %.*s is not a channel: a list of order, "
					   "reply, feed, control",
					   list, (int)len, p);
		mask |= bit;
		p += len;
		if (!*p)
			break;
	}
	*out = mask;
	return 0;
}

static const struct sink_ops *find_ops(const char *spec, const char **arg)
{
	size_t len = strcspn(spec, ":");
	*arg = spec[len] ? spec + len + 1 : spec + len;
	for (unsigned i = 0; i < N_OPS; i++)
		if (strlen(all_ops[i]->name) == len && memcmp(all_ops[i]->name, spec, len) == 0)
			return all_ops[i];
	return NULL;
}

static int unknown(const char *spec, struct nmw_err *e)
{
	char list[128] = "";
	size_t at = 0;
	for (unsigned i = 0; i < N_OPS; i++)
		at += (size_t)snprintf(list + at, sizeof list - at, " %s:%s", all_ops[i]->name,
				       all_ops[i]->arg ? all_ops[i]->arg : "");
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s: not a sink; there are%s", spec, list);
}

/* Two sinks that write into one file would cut each other's records. */
static int check_twice(const struct sinks *s, const char *spec, const char *arg, struct nmw_err *e)
{
	for (unsigned i = 0; i < s->n; i++) {
		const char *other = strchr(s->sink[i].spec, ':');
		if (*arg && other && strcmp(other + 1, arg) == 0)
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "%s: %s writes to the same file", spec, s->sink[i].spec);
	}
	return 0;
}

static int open_one(struct sinks *s, const char *spec, const struct sink_conf *conf,
		    struct nmw_err *e)
{
	const char *arg;
	const struct sink_ops *ops = find_ops(spec, &arg);
	if (!ops)
		return unknown(spec, e);
	int rc = check_twice(s, spec, arg, e);
	if (rc)
		return rc;
	struct sink *k = &s->sink[s->n];
	memset(k, 0, sizeof *k);
	k->ops = ops;
	k->spec = spec;
	k->channels = conf->channels ? ops->channels & conf->channels : ops->channels;
	if (!k->channels)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: carries none of the channels of --channel", spec);
	s->n++;
	return ops->open(k, arg, conf, e);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static bool one_is_dpdk(const char *const *spec, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strncmp(spec[i], "dpdk:", 5))
			return true;
	return false;
}

int sinks_open(struct sinks *s, const char *const *spec, unsigned n, const struct sink_conf *conf,
	       struct nmw_err *e)
{
	memset(s, 0, sizeof *s);
	if (conf->eal.n && !one_is_dpdk(spec, n))
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"%.64s: unexpected argument: what stands behind -- is for dpdk:DEV",
			conf->eal.v[0]);
	for (unsigned i = 0; i < n; i++) {
		int rc = open_one(s, spec[i], conf, e);
		if (rc) {
			for (unsigned k = 0; k < s->n; k++)
				s->sink[k].ops->close(&s->sink[k], false);
			s->n = 0;
			return rc;
		}
		s->alive += s->sink[i].err.err == 0;
	}
	return 0;
}

/* A reader that has seen enough is no error; a lost disk is, but the other sinks go on. */
static void note_failure(struct sinks *s, struct sink *k, bool failed_before)
{
	if (failed_before || !k->err.err)
		return;
	s->alive -= s->alive > 0;
	if (k->err.err == -EPIPE) {
		nmw_log(NMW_LOG_DEBUG, "%s: its reader closed", k->spec);
		return;
	}
	nmw_log_err(&k->err);
	if (s->exit == NMW_EXIT_OK)
		s->exit = k->err.exit;
}

int sinks_start(struct sinks *s, const struct nmw_cons *in, unsigned n_in, struct nmw_err *e)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct sink *k = &s->sink[i];
		bool failed = k->err.err != 0;
		k->in = in;
		k->n_in = n_in;
		int rc = k->ops->start ? k->ops->start(k, e) : 0;
		if (rc)
			return rc;
		note_failure(s, k, failed);
	}
	return 0;
}

bool sinks_want(const struct sinks *s, uint8_t channel)
{
	for (unsigned i = 0; i < s->n; i++)
		if (sink_wants(&s->sink[i], channel))
			return true;
	return false;
}

static void send_one(struct sink *k, const struct sink_msg *m, unsigned n)
{
	const struct sink_msg *wanted[NMW_BURST_MAX];
	unsigned w = 0;
	for (unsigned i = 0; i < n; i++) {
		k->count.in_bytes += m[i].len;
		if (sink_wants(k, sink_slot(&m[i])->channel))
			wanted[w++] = &m[i];
	}
	k->count.in_messages += n;
	sink_drop(k, NMW_DROP_filtered, n - w);
	if (w || k->ops->held)
		k->ops->send(k, wanted, w);
}

void sinks_send(struct sinks *s, const struct sink_msg *m, unsigned n)
{
	for (unsigned i = 0; i < s->n; i++) {
		bool failed = s->sink[i].err.err != 0;
		send_one(&s->sink[i], m, n);
		note_failure(s, &s->sink[i], failed);
	}
}

uint64_t sinks_held(struct sinks *s)
{
	uint64_t most = 0;
	for (unsigned i = 0; i < s->n; i++) {
		struct sink *k = &s->sink[i];
		uint64_t n = k->ops->held ? k->ops->held(k) : 0;
		most = n > most ? n : most;
	}
	return most;
}

bool sinks_hold(const struct sinks *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->sink[i].ops->held)
			return true;
	return false;
}

bool sinks_only_count(const struct sinks *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!s->sink[i].ops->count || s->sink[i].channels != SINK_CHANNELS_ALL)
			return false;
	return true;
}

void sinks_count(struct sinks *s, unsigned n, uint64_t bytes)
{
	for (unsigned i = 0; i < s->n; i++)
		s->sink[i].ops->count(&s->sink[i], n, bytes);
}

void sinks_flush(struct sinks *s, uint64_t idle_ns)
{
	for (unsigned i = 0; i < s->n; i++) {
		bool failed = s->sink[i].err.err != 0;
		s->sink[i].ops->flush(&s->sink[i], idle_ns);
		note_failure(s, &s->sink[i], failed);
	}
}

/* Clients are told that the day is over, whatever went missing in it; a file is not marked as
 * complete when it is not. */
void sinks_close(struct sinks *s, bool ended, bool whole)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct sink *k = &s->sink[i];
		bool failed = k->err.err != 0;
		if (ended && !whole && k->ops->marks_end)
			nmw_log(NMW_LOG_WARN,
				"%s: is not marked as complete: what a stage before took in was "
				"damaged, cut or has holes: see its figures",
				k->spec);
		k->ops->close(k, k->ops->live ? ended : whole);
		note_failure(s, k, failed);
	}
}

/* ---- figures -------------------------------------------------------------------------------- */

static const enum nmw_counter_id extra_metric[] = {
#define EXTRA(name) NMW_M_##name,
	SINK_EXTRAS(EXTRA)
#undef EXTRA
};

static void add(struct sink_count *to, const struct sink_count *c)
{
	to->in_messages += c->in_messages;
	to->in_bytes += c->in_bytes;
	to->out_messages += c->out_messages;
	to->out_bytes += c->out_bytes;
	to->out_packets += c->out_packets;
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		to->drop[i] += c->drop[i];
	for (unsigned i = 0; i < SINK_EXTRA_COUNT; i++)
		to->extra[i] += c->extra[i];
	to->clients += c->clients;
}

void sinks_report(struct sinks *s, struct nmw_metrics *m)
{
	struct sink_count now = {0}, *was = &s->reported;
	for (unsigned i = 0; i < s->n; i++)
		add(&now, &s->sink[i].count);
	nmw_count(m, NMW_M_in_messages, now.in_messages - was->in_messages);
	nmw_count(m, NMW_M_in_bytes, now.in_bytes - was->in_bytes);
	nmw_count(m, NMW_M_out_messages, now.out_messages - was->out_messages);
	nmw_count(m, NMW_M_out_bytes, now.out_bytes - was->out_bytes);
	nmw_count(m, NMW_M_out_packets, now.out_packets - was->out_packets);
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		if (now.drop[i] != was->drop[i])
			nmw_drop(m, (enum nmw_drop_id)i, now.drop[i] - was->drop[i]);
	for (unsigned i = 0; i < SINK_EXTRA_COUNT; i++)
		nmw_count(m, extra_metric[i], now.extra[i] - was->extra[i]);
	nmw_gauge(m, NMW_M_clients, now.clients);
	*was = now;
}

uint64_t sinks_nap(const struct sinks *s)
{
	uint64_t least = 0;
	for (unsigned i = 0; i < s->n; i++) {
		uint64_t nap = s->sink[i].nap_ns;
		if (nap && (!least || nap < least))
			least = nap;
	}
	return least;
}

bool sinks_live(const struct sinks *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->sink[i].ops->live)
			return true;
	return false;
}

void sinks_log(const struct sinks *s)
{
	for (unsigned i = 0; s->n > 1 && i < s->n; i++) {
		const struct sink_count *c = &s->sink[i].count;
		uint64_t dropped = 0;
		for (unsigned d = 0; d < NMW_DROP_COUNT; d++)
			dropped += d == NMW_DROP_filtered ? 0 : c->drop[d];
		nmw_log(NMW_LOG_INFO, "%s: %llu messages out, %llu filtered, %llu dropped",
			s->sink[i].spec, (unsigned long long)c->out_messages,
			(unsigned long long)c->drop[NMW_DROP_filtered],
			(unsigned long long)dropped);
	}
}
