/* What the host does with what the device leaves: when, in which place, and what it does not
 * believe. */
// uses: tools/nmw-fpga/wire_host.c tools/nmw-fpga/wire_merge.c
#include "tools/nmw-fpga/wire.h"
#include "unit.h"
#include "wire/mold.h"
#include "wire/packet_build.h"

#include <errno.h>
#include <string.h>

#define CLIENT 3u
#define TS     77u /* of every frame: the place of an answer is not a matter of time */

static char out[256]; /* what went out, a letter a message */
static struct host h;
static struct nmw_err e;
static uint32_t in_frame; /* messages of a frame */

int frame_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		  struct nmw_err *err)
{
	struct nmw_packet p;
	struct nmw_mold m;
	const uint8_t *msg;
	uint16_t n;
	(void)f, (void)ts_ns, (void)err;
	ck_assert_int_eq(nmw_packet_parse(NMW_LINK_ETHERNET, frame, len, len, &p), NMW_PACKET_OK);
	ck_assert_int_eq(nmw_mold_open(&m, p.payload, p.len), 0);
	while ((msg = nmw_mold_next(&m, &n)))
		strncat(out, (const char *)msg, 1);
	return 0;
}

static const uint8_t *framed(const char *from, const char *to, const uint8_t *msg, uint16_t len,
			     unsigned count, uint64_t seq, uint32_t *n)
{
	static uint8_t buf[2048];
	struct nmw_endpoint src, dst;
	struct nmw_mold_out o;
	nmw_endpoint_parse(from, &src, NULL);
	nmw_endpoint_parse(to, &dst, NULL);
	nmw_mold_start(&o, buf + NMW_PACKET_HEADROOM, NMW_MOLD_MTU_DEF, "NMW0000000", seq);
	for (unsigned i = 0; i < count; i++)
		ck_assert(nmw_mold_add(&o, msg, len));
	*n = nmw_mold_finish(&o, 0);
	return nmw_packet_udp(buf + NMW_PACKET_HEADROOM, *n, &src, &dst, 0, n);
}

/* A frame of count account queries goes in. */
static void frame(unsigned count)
{
	uint32_t n;
	const uint8_t *f =
		framed("10.0.1.1:40000", "10.0.0.1:9001", (const uint8_t *)"Q", 1, count, 1, &n);
	in_frame = count;
	ck_assert_int_eq(host_frame(&h, f, n, &e), 0);
}

static void fresh(void)
{
	host_close(&h);
	memset(&h, 0, sizeof h);
	out[0] = 0;
	e = (struct nmw_err)NMW_ERR_INIT;
	ck_assert_int_eq(host_open(&h, NULL, &e), 0);
	frame(5);
}

static struct nmw_wire_seen query(uint32_t view, uint32_t frame, uint32_t nth, uint32_t made)
{
	struct nmw_wire_seen s = {.view = view};
	nmw_wire_put(s.word, NMW_MSG_KIND, NMW_MSG_KIND_W, NMW_MSG_UNFIT);
	nmw_wire_put(s.word, NMW_MSG_WHY, NMW_MSG_WHY_W, NMW_UNFIT_TYPE);
	nmw_wire_put(s.word, NMW_MSG_CLIENT, NMW_MSG_CLIENT_W, CLIENT);
	nmw_wire_put(s.word, NMW_MSG_KNOWN, NMW_MSG_KNOWN_W, 1);
	nmw_wire_put(s.word, NMW_MSG_TIME, NMW_MSG_TIME_W, TS);
	nmw_wire_put(s.word, NMW_MSG_FRAME, NMW_MSG_FRAME_W, frame);
	nmw_wire_put(s.word, NMW_MSG_NTH, NMW_MSG_NTH_W, nth);
	nmw_wire_put(s.word, NMW_MSG_REPLIES, NMW_MSG_REPLIES_W, made);
	return s;
}

/* The device shows it; how many messages the host has answered then. */
static int show(const struct nmw_wire_seen *s)
{
	struct nmw_wire_seen of;
	struct host_verdict v;
	int n = 0, rc = host_see(&h, s, &e);
	while (!rc && (rc = host_next(&h, &of, &v, &e)) > 0) {
		ck_assert_int_eq(v.did, HOST_ANSWERED);
		n++;
		rc = 0;
	}
	return rc ? rc : n;
}

static int taken(uint32_t nth)
{
	struct nmw_wire_seen s = query(NMW_WIRE_VIEW_MSG, 0, nth, 0);
	return show(&s);
}

static int left(uint32_t nth, uint32_t made)
{
	struct nmw_wire_seen s = query(NMW_WIRE_VIEW_UNFIT, 0, nth, made);
	return show(&s);
}

static int reply(unsigned dest)
{
	struct nmw_wire_seen s = {.view = NMW_WIRE_VIEW_REPLY};
	nmw_wire_put(s.word, NMW_WO_DEST, 5, dest);
	nmw_wire_put(s.word, NMW_WO_TYPE, 8, 'A');
	nmw_wire_put(s.word, NMW_WO_TIME, 64, TS);
	return show(&s);
}

/* A frame of the device's to the client: a letter a message. */
static void device(uint64_t seq, const char *letters)
{
	for (; *letters; letters++, seq++) {
		uint32_t n;
		const uint8_t *f = framed("10.0.0.1:9001", "10.0.1.1:40000",
					  (const uint8_t *)letters, 1, 1, seq, &n);
		ck_assert_int_eq(merge_frame(&h.merge, f, n, TS, &e), 0);
	}
}

/* All at one time: replies to messages before it are shown after it, as the port was held up. */
START_TEST(an_answer_stands_behind_the_replies_that_were_made_before)
{
	fresh();
	ck_assert_int_eq(taken(0), 0);
	ck_assert_int_eq(reply(CLIENT), 0);
	ck_assert_int_eq(left(0, 4), 0); /* three are to come */
	ck_assert_uint_eq(host_waits(&h), 1);
	ck_assert_int_eq(reply(CLIENT), 0);
	ck_assert_int_eq(reply(7), 0); /* another's counts, and is none of this stream */
	ck_assert_int_eq(reply(CLIENT), 1);
	ck_assert_int_eq(reply(CLIENT), 0);
	device(1, "ABCD");
	ck_assert_str_eq(out, "ABCQD");
	ck_assert_uint_eq(host_waits(&h), 0);
}
END_TEST

START_TEST(answers_of_one_place_keep_their_order)
{
	fresh();
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(taken(i), 0);
	ck_assert_int_eq(left(0, 0), 1);
	ck_assert_int_eq(left(1, 2), 0);
	ck_assert_int_eq(left(2, 2), 0);
	ck_assert_int_eq(reply(CLIENT), 0);
	ck_assert_int_eq(reply(CLIENT), 2);
	device(1, "AB");
	ck_assert_str_eq(out, "QABQQ");
}
END_TEST

START_TEST(a_place_that_cannot_be_is_not_believed)
{
	fresh();
	taken(0);
	reply(CLIENT);
	reply(CLIENT);
	ck_assert_int_eq(left(0, 1), -EIO);
	ck_assert_ptr_nonnull(strstr(e.msg, "in a place that cannot be: it is not to be believed"));
	fresh();
	taken(0);
	ck_assert_int_eq(left(0, HOST_LATE + 1), -EIO);
	fresh();
	for (uint32_t i = 0; i < HOST_LATE; i++) {
		taken(0);
		ck_assert_int_eq(left(0, 1), 0);
	}
	taken(0);
	ck_assert_int_eq(left(0, 1), -EIO);
}
END_TEST

/* The core holds as many as there is room for: all are answered. One more, and one's place is
 * another's. */
START_TEST(messages_inside_the_core_are_bounded)
{
	fresh();
	for (unsigned i = 0; i < HOST_LEFT; i++)
		ck_assert_int_eq(taken(i % in_frame), 0);
	for (unsigned i = 0; i < HOST_LEFT; i++)
		ck_assert_int_eq(left(i % in_frame, 0), 1);
	ck_assert_int_eq(left(0, 0), -EIO); /* of which the core knows nothing */
	fresh();
	for (unsigned i = 0; i <= HOST_LEFT; i++)
		ck_assert_int_eq(taken(i % in_frame), 0);
	ck_assert_int_eq(left(0, 0), -EIO);
	ck_assert_ptr_nonnull(strstr(e.msg, "which the core has not, or too many like it"));
}
END_TEST

START_TEST(a_frame_that_is_not_kept_any_more)
{
	fresh();
	taken(0);
	for (unsigned i = 0; i < HOST_FRAMES; i++)
		frame(1);
	ck_assert_int_eq(left(0, 0), -EIO);
	ck_assert_ptr_nonnull(strstr(e.msg, "whose frame is none of the last that went in"));
	host_close(&h);
}
END_TEST

UNIT_MAIN("wire_host", an_answer_stands_behind_the_replies_that_were_made_before,
	  answers_of_one_place_keep_their_order, a_place_that_cannot_be_is_not_believed,
	  messages_inside_the_core_are_bounded, a_frame_that_is_not_kept_any_more)
