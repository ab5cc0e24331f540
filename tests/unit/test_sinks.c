// uses: tools/nmw-send/sinks.c
// uses: tools/nmw-send/sink_file.c
// uses: tools/nmw-send/sink_pcap.c
// uses: tools/nmw-send/sink_itch.c
// uses: tools/nmw-send/sink_text.c
// uses: tools/nmw-send/sink_null.c
// uses: tools/nmw-send/sink_udp.c
// uses: tools/nmw-send/udp_sink.c
// uses: tools/nmw-send/udp_sockets.c
// uses: tools/nmw-send/udp_batch.c
// uses: tools/nmw-send/udp_sessions.c
// uses: tools/nmw-send/sink_tcp.c
// uses: tools/nmw-send/clients.c
// uses: tools/nmw-send/places.c
/* The sinks of nmw-send with messages made by hand. */
#include "../../tools/nmw-send/sinks.h"
#include "../../tools/nmw-send/udp_sessions.h"
#include "base/log.h"
#include "unit.h"
#include "wire/be.h"
#include "wire/capture.h"
#include "wire/codec.h"
#include "wire/itchfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TS0 1767623400000000000ull

/* A card is nothing for a unit test. */
const struct sink_ops sink_dpdk = {.name = "dpdk", .arg = "DEV"};

static struct sinks sinks;
static struct sink_conf conf;
static struct nmw_err err;
static char dir[64];
static char spec_buf[4][128];
static struct sink_msg burst[8];

static const char *in_dir(unsigned i, const char *kind, const char *file)
{
	snprintf(spec_buf[i], sizeof spec_buf[i], "%s:%s/%s", kind, dir, file);
	return spec_buf[i];
}

static const char *path_of(unsigned i)
{
	return strchr(spec_buf[i], ':') + 1;
}

static void begin(void)
{
	nmw_log_init("test", NMW_LOG_ERROR, NMW_LOG_TEXT);
	snprintf(dir, sizeof dir, "%s/nmw-sinks-XXXXXX", unit_shm());
	ck_assert_ptr_nonnull(mkdtemp(dir));
	nmw_framer_conf_init(&conf.framer);
}

static void end(unsigned files)
{
	for (unsigned i = 0; i < files; i++)
		unlink(path_of(i));
	rmdir(dir);
}

static void message(unsigned i, uint8_t channel, uint8_t codec, uint32_t session, const void *p,
		    uint32_t len)
{
	const struct nmw_slot s = {.seq = i + 1,
				   .ts_ns = TS0 + i,
				   .session = session,
				   .len = (uint16_t)len,
				   .channel = channel,
				   .codec = codec};
	memcpy(burst[i].desc, &s, sizeof burst[i].desc);
	burst[i].payload = p;
	burst[i].len = len;
}

static void check_balance(void)
{
	for (unsigned i = 0; i < sinks.n; i++) {
		const struct sink_count *c = &sinks.sink[i].count;
		uint64_t dropped = 0;
		for (unsigned d = 0; d < NMW_DROP_COUNT; d++)
			dropped += c->drop[d];
		ck_assert_uint_eq(c->in_messages, c->out_messages + dropped);
	}
}

/* One of each channel, an ITCH message of length 0, one of another codec, and a login. */
static uint8_t cancel[19] = "XTOKEN1        ", reply[28], feed[19];
static struct nmw_ctl login = {
	.kind = NMW_CTL_LOGIN, .codec = NMW_CODEC_OUCH42, .first = 1, .account = "ALICE     "};

static void fill_burst(void)
{
	struct nmw_evt ev = {.kind = NMW_EVT_MD_DELETE, .order_ref = 7, .locate = 1};
	ck_assert_uint_eq(nmw_codec_itch50.encode(&ev, feed), sizeof feed);
	ev = (struct nmw_evt){.kind = NMW_EVT_CANCELED, .qty = 5, .reason = 'U'};
	memset(&ev.key, ' ', 14);
	ck_assert_uint_eq(nmw_codec_ouch42.encode(&ev, reply), sizeof reply);
	message(0, NMW_CH_CTL, NMW_CODEC_CTL, 1, &login, sizeof login);
	message(1, NMW_CH_ORDER, NMW_CODEC_OUCH42, 1, cancel, sizeof cancel);
	message(2, NMW_CH_REPLY, NMW_CODEC_OUCH42, 1, reply, sizeof reply);
	message(3, NMW_CH_FEED, NMW_CODEC_ITCH50, 0, feed, sizeof feed);
	message(4, NMW_CH_FEED, NMW_CODEC_ITCH50, 0, feed, 0);
	message(5, NMW_CH_FEED, NMW_CODEC_OUCH42, 0, feed, sizeof feed);
	message(6, NMW_CH_ORDER, NMW_CODEC_OUCH42, 0, cancel, sizeof cancel);
}

static unsigned packets_of(const char *path)
{
	const struct nmw_capture_spec spec = {.path = path};
	struct nmw_capture_packet p;
	unsigned n = 0;
	struct nmw_capture *c = nmw_capture_open(&spec, &err);
	ck_assert_ptr_nonnull(c);
	while (nmw_capture_next(c, &p, &err) == 1)
		n++;
	nmw_capture_close(c);
	return n;
}

START_TEST(four_sinks_get_the_same)
{
	begin();
	fill_burst();
	const char *spec[] = {in_dir(0, "pcap", "p"), in_dir(1, "itch", "i"),
			      in_dir(2, "jsonl", "j"), "null:"};
	ck_assert_int_eq(sinks_open(&sinks, spec, 4, &conf, &err), 0);
	ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
	sinks_send(&sinks, burst, 3);
	sinks_send(&sinks, burst + 3, 4);
	sinks_close(&sinks, true, true);
	check_balance();
	const struct sink_count *p = &sinks.sink[0].count, *i = &sinks.sink[1].count;
	ck_assert_uint_eq(p->in_messages, 7);
	ck_assert_uint_eq(p->out_messages, 6); /* the order of no session cannot go */
	ck_assert_uint_eq(p->drop[NMW_DROP_no_session], 1);
	/* flow 5, order, reply, three market data messages of three times, end of session */
	ck_assert_uint_eq(p->out_packets, 5 + 1 + 1 + 3 + 1);
	ck_assert_uint_eq(packets_of(path_of(0)), p->out_packets);
	ck_assert_uint_eq(i->out_messages, 1);
	ck_assert_uint_eq(i->drop[NMW_DROP_filtered], 4);
	ck_assert_uint_eq(i->drop[NMW_DROP_codec], 1);
	ck_assert_uint_eq(i->drop[NMW_DROP_unencodable], 1);
	ck_assert_uint_eq(sinks.sink[2].count.out_messages, 7);
	ck_assert_uint_eq(sinks.sink[3].count.out_messages, 7);
	end(3);
}
END_TEST

START_TEST(itch_ends_with_length_0_when_clean)
{
	begin();
	fill_burst();
	for (int clean = 0; clean < 2; clean++) {
		struct stat sb;
		const char *spec[] = {in_dir(0, "itch", "i")};
		ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), 0);
		ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
		sinks_send(&sinks, burst + 3, 1);
		sinks_close(&sinks, clean, clean);
		ck_assert_int_eq(stat(path_of(0), &sb), 0);
		ck_assert_int_eq(sb.st_size, 2 + 19 + (clean ? 2 : 0));
	}
	end(1);
}
END_TEST

START_TEST(channels_are_chosen)
{
	begin();
	fill_burst();
	ck_assert_int_eq(sinks_channels("reply,feed", &conf.channels, &err), 0);
	const char *spec[] = {in_dir(0, "text", "t"), in_dir(1, "itch", "i"),
			      in_dir(2, "pcap", "p"), "null"};
	ck_assert_int_eq(sinks_open(&sinks, spec, 4, &conf, &err), 0);
	ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
	ck_assert(sinks_want(&sinks, NMW_CH_FEED));
	ck_assert(!sinks_want(&sinks, NMW_CH_ORDER));
	sinks_send(&sinks, burst, 4);
	sinks_close(&sinks, true, true);
	check_balance();
	ck_assert_uint_eq(sinks.sink[0].count.out_messages, 2);
	ck_assert_uint_eq(sinks.sink[0].count.drop[NMW_DROP_filtered], 2);
	ck_assert_uint_eq(sinks.sink[1].count.out_messages, 1);
	ck_assert_uint_eq(sinks.sink[2].count.out_messages, 3); /* a flow needs its login */
	end(3);
}
END_TEST

START_TEST(what_is_refused)
{
	static const char *const lists[] = {"", "x", "order,", ",order", "order reply", "orders"};
	unsigned mask;
	begin();
	for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		ck_assert_int_lt(sinks_channels(lists[i], &mask, &err), 0);
		ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	}
	static const char *const specs[] = {"",	     "pcap", "pcap:",  "foo:bar", "null:x",
					    "itch:", "text", "jsonl:", "PCAP:x"};
	for (unsigned i = 0; i < sizeof specs / sizeof specs[0]; i++) {
		ck_assert_msg(sinks_open(&sinks, &specs[i], 1, &conf, &err) < 0, "%s", specs[i]);
		ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	}
	static const char *const twice[] = {"text:/dev/null", "jsonl:/dev/null"};
	ck_assert_int_lt(sinks_open(&sinks, twice, 2, &conf, &err), 0);
	conf.channels = 1u << NMW_CH_REPLY;
	static const char *const itch[] = {"itch:/dev/null"};
	ck_assert_int_lt(sinks_open(&sinks, itch, 1, &conf, &err), 0);
	end(0);
}
END_TEST

/* Cuts n bytes off the end of a file, as a writer that was killed leaves it. */
static off_t tear(const char *path, off_t n)
{
	struct stat sb;
	ck_assert_int_eq(stat(path, &sb), 0);
	ck_assert_int_eq(truncate(path, sb.st_size - n), 0);
	return sb.st_size - n;
}

START_TEST(files_are_gone_on_with)
{
	static const char *const kinds[] = {"itch", "jsonl", "text"};
	begin();
	fill_burst();
	for (unsigned k = 0; k < 3; k++) {
		const char *spec[] = {in_dir(k, kinds[k], kinds[k])};
		off_t one, two;
		conf.append = false;
		ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), 0);
		ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
		sinks_send(&sinks, burst + 3, 1);
		sinks_close(&sinks, true, true);
		one = tear(path_of(k), 0);
		conf.append = true;
		for (int torn = 0; torn < 2; torn++) {
			ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), 0);
			ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
			sinks_send(&sinks, burst + 3, 1);
			sinks_close(&sinks, k == 0, k == 0);
			two = tear(path_of(k), 0);
			ck_assert_int_eq(two - one, k == 0 ? 21 : one);
			tear(path_of(k), k == 0 ? 10 : 7); /* the second is not whole now */
		}
	}
	const char *pcap[] = {in_dir(3, "pcap", "p")};
	ck_assert_int_lt(sinks_open(&sinks, pcap, 1, &conf, &err), 0);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	end(3);
}
END_TEST

/* Cutting off what is not whole would take the end of a file of another kind. */
START_TEST(other_files_are_left_as_they_are)
{
	static const struct {
		const char *kind, *holds;
	} cases[] = {{"itch", "root:x:0:0\n"},		{"itch", "x"},
		     {"itch", "{\"seq\":\"1\"}"},	{"jsonl", "no json\nno newline"},
		     {"jsonl", "accepted side=B\n"},	{"text", "{\"seq\":\"1\"}\n"},
		     {"text", "Dear all,\nno newline"}, {"text", "accepted side=B\n, and"}};
	begin();
	conf.append = true;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *spec[] = {in_dir(0, cases[i].kind, "other")};
		char found[64];
		FILE *f = fopen(path_of(0), "w+");
		ck_assert(f && fputs(cases[i].holds, f) >= 0 && fflush(f) == 0);
		ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), -EBADMSG);
		ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
		rewind(f);
		ck_assert_ptr_nonnull(fgets(found, sizeof found, f));
		ck_assert_int_eq(tear(path_of(0), 0), (off_t)strlen(cases[i].holds));
		fclose(f);
	}
	end(1);
}
END_TEST

/* One sink fails, the other goes on. */
START_TEST(a_full_disk_stops_one_sink)
{
	begin();
	fill_burst();
	const char *spec[] = {"jsonl:/dev/full", in_dir(0, "itch", "i")};
	ck_assert_int_eq(sinks_open(&sinks, spec, 2, &conf, &err), 0);
	ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
	sinks_send(&sinks, burst, 4);
	sinks_flush(&sinks, 1000000);
	ck_assert_uint_eq(sinks.alive, 1);
	ck_assert_int_eq(sinks.exit, NMW_EXIT_RESOURCE);
	sinks_send(&sinks, burst, 4);
	sinks_close(&sinks, true, true);
	check_balance();
	ck_assert_uint_eq(sinks.sink[0].count.drop[NMW_DROP_sink_error], 8);
	ck_assert_uint_eq(sinks.sink[1].count.out_messages, 2);
	end(1);
}
END_TEST

/* The header of a capture does not fit any more. */
START_TEST(a_capture_on_a_full_disk)
{
	static const char *const spec[] = {"pcap:/dev/full"};
	begin();
	ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), 0);
	ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), -ENOSPC);
	ck_assert_int_eq(err.exit, NMW_EXIT_RESOURCE);
	end(0);
}
END_TEST

/* A time that the format cannot say. */
START_TEST(times_beyond_the_format)
{
	begin();
	fill_burst();
	struct nmw_slot s;
	memcpy(&s, burst[3].desc, sizeof burst[3].desc);
	s.ts_ns = UINT64_MAX;
	memcpy(burst[3].desc, &s, sizeof burst[3].desc);
	const char *spec[] = {in_dir(0, "pcap", "p")};
	ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), 0);
	ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
	sinks_send(&sinks, burst + 3, 1);
	sinks_close(&sinks, true, true);
	ck_assert_uint_eq(sinks.sink[0].count.drop[NMW_DROP_unencodable], 1);
	end(1);
}
END_TEST

/* A file keeps its last packet open until it is complete, however long nothing comes. */
START_TEST(idle_time_does_not_change_a_file)
{
	begin();
	fill_burst();
	const char *spec[] = {in_dir(0, "pcap", "p")};
	ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), 0);
	ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
	sinks_send(&sinks, burst + 3, 1);
	sinks_flush(&sinks, SINK_FLUSH_ALL - 1);
	sinks_send(&sinks, burst + 3, 1);
	sinks_close(&sinks, true, true);
	ck_assert_uint_eq(sinks.sink[0].count.out_packets, 2); /* both in one, and the end */
	end(1);
}
END_TEST

/* One client more than there are places: what is for it did not fail to be wanted. */
START_TEST(a_client_without_a_place)
{
	begin();
	struct nmw_ctl in = {.kind = NMW_CTL_LOGIN, .family = 4, .addr = {127, 0, 0, 1}, .port = 9};
	memset(in.name, ' ', sizeof in.name);
	const char *spec[] = {"udp:reply"};
	conf.mtu = NMW_FRAMER_MTU_DEF;
	ck_assert_int_eq(sinks_open(&sinks, spec, 1, &conf, &err), 0);
	ck_assert_int_eq(sinks_start(&sinks, NULL, 0, &err), 0);
	for (uint32_t i = 1; i <= UDP_SESSIONS_MAX + 1; i++) {
		message(0, NMW_CH_CTL, NMW_CODEC_CTL, i, &in, sizeof in);
		sinks_send(&sinks, burst, 1);
	}
	message(0, NMW_CH_REPLY, NMW_CODEC_OUCH42, UDP_SESSIONS_MAX + 1, reply, sizeof reply);
	message(1, NMW_CH_REPLY, NMW_CODEC_OUCH42, UDP_SESSIONS_MAX + 2, reply, sizeof reply);
	sinks_send(&sinks, burst, 2);
	const uint64_t *drop = sinks.sink[0].count.drop;
	ck_assert_uint_eq(drop[NMW_DROP_capacity], 1);
	ck_assert_uint_eq(drop[NMW_DROP_filtered], 1); /* of no session here */
	in.kind = NMW_CTL_LOGOUT;
	message(0, NMW_CH_CTL, NMW_CODEC_CTL, UDP_SESSIONS_MAX + 1, &in, sizeof in);
	message(1, NMW_CH_REPLY, NMW_CODEC_OUCH42, UDP_SESSIONS_MAX + 1, reply, sizeof reply);
	sinks_send(&sinks, burst, 2);
	ck_assert_uint_eq(drop[NMW_DROP_filtered], 3);
	sinks_close(&sinks, false, false);
	check_balance();
	end(0);
}
END_TEST

UNIT_MAIN("sinks", four_sinks_get_the_same, itch_ends_with_length_0_when_clean, channels_are_chosen,
	  what_is_refused, files_are_gone_on_with, other_files_are_left_as_they_are,
	  a_full_disk_stops_one_sink, a_capture_on_a_full_disk, times_beyond_the_format,
	  idle_time_does_not_change_a_file, a_client_without_a_place)
