/* Records and windows of the device between two ports of frames. */
#include "device/wire.h"
#include "unit.h"

START_TEST(fields_of_a_record_do_not_touch_each_other)
{
	uint32_t word[NMW_WIRE_WORDS] = {0};
	const struct {
		uint32_t at, width;
		uint64_t v;
	} f[] = {{0, 3, 6},
		 {3, 1, 1},
		 {8, 64, UINT64_C(0x0123456789abcdef)},
		 {72, 48, UINT64_C(0xfedcba987654)},
		 {121, 32, 0xdeadbeef},
		 {160, 64, UINT64_MAX}};
	for (size_t i = 0; i < sizeof f / sizeof f[0]; i++)
		nmw_wire_put(word, f[i].at, f[i].width, f[i].v);
	for (size_t i = 0; i < sizeof f / sizeof f[0]; i++)
		ck_assert_uint_eq(nmw_wire_field(word, f[i].at, f[i].width), f[i].v);
	nmw_wire_put(word, 8, 64, 0);
	ck_assert_uint_eq(nmw_wire_field(word, 3, 1), 1);
	ck_assert_uint_eq(nmw_wire_field(word, 8, 64), 0);
	ck_assert_uint_eq(nmw_wire_field(word, 72, 48), UINT64_C(0xfedcba987654));
}
END_TEST

/* The price lies on a tick in the middle, or as near to it as prices from 0 on allow. */
START_TEST(a_window_lies_about_its_price)
{
	struct nmw_wire_symbol s = {0};
	nmw_wire_window(&s, 6000, 1500000, 100);
	ck_assert_uint_eq(s.step, 100);
	ck_assert_uint_eq(s.base, 1200000);
	nmw_wire_window(&s, 6000, 1234, 1);
	ck_assert_uint_eq(s.base, 0);
	nmw_wire_window(&s, 6000, 200000, 100);
	ck_assert_uint_eq(s.base, 0);
	nmw_wire_window(&s, 6000, 0x7735939c, 10000);
	ck_assert_uint_eq((0x7735939c - s.base) % 10000, 0);
	ck_assert_uint_eq((0x7735939c - s.base) / 10000, 3000);
}
END_TEST

UNIT_MAIN("device_wire", fields_of_a_record_do_not_touch_each_other, a_window_lies_about_its_price)
