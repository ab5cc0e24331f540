/* The descriptor and the control message are shared memory: another program, in another language,
 * may read them. Literal figures, so that a change of the header is seen here. */
#include "base/msg.h"
#include "unit.h"

START_TEST(descriptor)
{
	ck_assert_uint_eq(sizeof(struct nmw_slot), 48);
	ck_assert_uint_eq(offsetof(struct nmw_slot, seq), 0);
	ck_assert_uint_eq(offsetof(struct nmw_slot, ts_ns), 8);
	ck_assert_uint_eq(offsetof(struct nmw_slot, ingress_ns), 16);
	ck_assert_uint_eq(offsetof(struct nmw_slot, in_seq), 24);
	ck_assert_uint_eq(offsetof(struct nmw_slot, frame_off), 32);
	ck_assert_uint_eq(offsetof(struct nmw_slot, session), 40);
	ck_assert_uint_eq(offsetof(struct nmw_slot, len), 44);
	ck_assert_uint_eq(offsetof(struct nmw_slot, channel), 46);
	ck_assert_uint_eq(offsetof(struct nmw_slot, codec), 47);
	ck_assert_uint_eq(offsetof(struct nmw_slot, payload), 48);
	ck_assert_uint_eq(NMW_INLINE, UINT64_C(0xffffffffffffffff));
	ck_assert_uint_eq(NMW_SLOT_SZ, 128);
}
END_TEST

START_TEST(control)
{
	ck_assert_uint_eq(sizeof(struct nmw_ctl), 64);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, kind), 0);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, flags), 1);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, codec), 2);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, family), 3);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, port), 4);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, first), 8);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, count), 16);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, addr), 24);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, account), 40);
	ck_assert_uint_eq(offsetof(struct nmw_ctl, name), 50);
	ck_assert_uint_eq(NMW_CTL_CANCEL_ON_DISCONNECT, 1);
}
END_TEST

START_TEST(numbers)
{
	ck_assert_int_eq(NMW_CH_ORDER, 1);
	ck_assert_int_eq(NMW_CH_REPLY, 2);
	ck_assert_int_eq(NMW_CH_FEED, 3);
	ck_assert_int_eq(NMW_CH_CTL, 4);
	ck_assert_int_eq(NMW_CODEC_NONE, 0);
	ck_assert_int_eq(NMW_CODEC_OUCH42, 1);
	ck_assert_int_eq(NMW_CODEC_OUCH50, 2);
	ck_assert_int_eq(NMW_CODEC_ITCH50, 3);
	ck_assert_int_eq(NMW_CODEC_CTL, 4);
	ck_assert_int_eq(NMW_CTL_LOGIN, 1);
	ck_assert_int_eq(NMW_CTL_LOGOUT, 2);
	ck_assert_int_eq(NMW_CTL_LOST, 3);
	ck_assert_int_eq(NMW_CTL_GAP, 4);
	ck_assert_int_eq(NMW_CTL_END, 5);
}
END_TEST

UNIT_MAIN("msg", descriptor, control, numbers)
