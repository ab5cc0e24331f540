/* Where a journal's input rings stand: a place for each, however often the others are made anew. */
#include "base/log.h"
#include "engine_rig.h"
#include "match/durable.h"
#include "ring_fixture.h"

#define ROUNDS 80u /* more than twice the places */

static struct nmw_durable d;
static struct nmw_stage st;
static struct nmw_metrics metrics;
static struct rig r;
static struct nmw_ids *ids;
static char dir[UNIT_PATH];

static struct nmw_prod ring_new(const char *name)
{
	return fx_prod((struct nmw_ring_spec){
		.name = name, .slots = 128, .frame_bytes = 65536, .discard = true});
}

/* A process starts on the rings, its inputs being those two. */
static void start(const struct nmw_prod *out, struct nmw_cons a, struct nmw_cons b)
{
	const struct nmw_durable_opts o = {
		.dir = dir, .sync = NMW_SYNC_NONE, .segment_sz = NMW_JOURNAL_SEGMENT_DEF};
	memset(&st, 0, sizeof st);
	memset(&d, 0, sizeof d);
	st.m = &metrics;
	st.out = *out;
	st.in[0] = a;
	st.in[1] = b;
	st.n_in = 2;
	rig_open(&r, &rig_small, NMW_CODEC_OUCH42);
	ids = calloc(1, nmw_ids_footprint(rig_small.sessions));
	ck_assert_ptr_nonnull(ids);
	nmw_ids_init(ids, rig_small.sessions);
	d.ids = ids;
	int rc = nmw_durable_open(&d, &o, 1, &fx_err);
	if (!rc)
		rc = nmw_durable_start(&d, &st, r.e, &r.out, &fx_err);
	ck_assert_msg(rc == 0, "%s", fx_err.msg);
}

static void stop(void)
{
	ck_assert_int_eq(nmw_durable_close(&d, false, &fx_err), 0);
	rig_close(&r);
	free(ids);
}

/* A message of the input goes to the log; it is not handed back, as after a crash. */
static void log_one(unsigned i, struct nmw_prod *from)
{
	static const uint8_t byte = 0;
	const uint8_t *p = &byte;
	const uint32_t len = 1;
	ck_assert_uint_eq(fx_put(from, 1, 1), 1);
	ck_assert_uint_eq(nmw_cons_ready(&st.in[i], 1), 1);
	const struct nmw_slot *s = nmw_cons_slot(&st.in[i], 0);
	ck_assert_int_eq(nmw_durable_log(&d, i, &s, &p, &len, 1, &fx_err), 0);
}

/* Input `lasting` stays what it is, the other is a new ring each time. */
static void remake(unsigned lasting)
{
	unit_path(dir, lasting ? "durable1" : "durable0");
	struct nmw_prod out = ring_new("out"), a = ring_new("a");
	struct nmw_cons ca = fx_join((struct nmw_cons_spec){.ring = "a"});
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct nmw_prod b = ring_new("b");
		struct nmw_cons cb = fx_join((struct nmw_cons_spec){.ring = "b"});
		start(&out, lasting ? cb : ca, lasting ? ca : cb);
		ck_assert_uint_ne(d.input_of[0], d.input_of[1]);
		ck_assert_str_eq(d.pos.input[d.input_of[lasting]].name, "a");
		ck_assert_str_eq(d.pos.input[d.input_of[!lasting]].name, "b");
		ck_assert_uint_eq(st.in[lasting].next, i + 1); /* what the log has is passed over */
		log_one(lasting, &a);
		if (i % 2)
			log_one(!lasting, &b);
		ca = st.in[lasting];
		stop();
		nmw_cons_leave(&st.in[!lasting], true);
		nmw_prod_close(&b);
		nmw_prod_leave(&b);
	}
	nmw_cons_leave(&ca, true);
	nmw_prod_leave(&a);
	nmw_prod_leave(&out);
}

START_TEST(the_first_input_lasts)
{
	remake(0);
}
END_TEST

START_TEST(the_second_input_lasts)
{
	remake(1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {the_first_input_lasts, the_second_input_lasts};
	nmw_log_init("test_durable", NMW_LOG_WARN, NMW_LOG_TEXT);
	return unit_run_between("durable", fx_setup, fx_teardown, tests,
				sizeof tests / sizeof tests[0]);
}
