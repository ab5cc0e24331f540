/* Rings, doorbells, push window and errors of libcommon/device, on a device of a few lines: each
 * command is answered by tag % 3 + 1 events, the last of which is the last. */
#include "base/rng.h"
#include "device/bitstream.h"
#include "device/device.h"
#include "device/regs.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define REGS (NMW_DEVICE_REGS_SZ / 8)

static struct model {
	uint64_t reg[REGS];
	uint8_t *window;
	uint64_t iova;
	uint32_t tx, rx; /* taken, written; free running */
	uint32_t left;	 /* events of the command in hand */
	struct nmw_hw_cmd cmd;
	bool pushed;
	uint32_t pushes, bells;
	bool deaf;  /* takes nothing any more */
	bool never; /* not ready */
	/* of a card */
	bool away, leaves; /* reads as all ones; the kernel says so */
	uint32_t resets, sleeps, longest;
} model;

static uint64_t *at(uint32_t reg)
{
	return &model.reg[reg / 8];
}

static int model_open(struct nmw_device *d, const struct nmw_device_spec *s, const char *params,
		      struct nmw_err *e)
{
	(void)d, (void)s, (void)params, (void)e;
	memset(&model, 0, sizeof model);
	*at(NMW_HW_REG_ID) = (uint64_t)NMW_HW_VERSION << 32 | NMW_HW_ID;
	*at(NMW_HW_REG_TICKS) = NMW_HW_TICKS;
	*at(NMW_HW_REG_SIZES) =
		NMW_HW_SYMBOLS_LOG2 | (uint64_t)NMW_HW_TICKS_LOG2 << 8 |
		(uint64_t)NMW_HW_SLOTS_LOG2 << 16 | (uint64_t)NMW_HW_GEN_BITS << 24 |
		(uint64_t)NMW_HW_OWNER_BITS << 32 | (uint64_t)NMW_HW_BEST << 40 |
		(uint64_t)NMW_HW_WORD_LOG2 << 48 | (uint64_t)NMW_HW_LINES_LOG2 << 56;
	return 0;
}

static void model_close(struct nmw_device *d)
{
	(void)d;
}

static uint64_t model_read(struct nmw_device *d, uint32_t reg)
{
	(void)d;
	return model.away ? UINT64_MAX : *at(reg);
}

static void model_write(struct nmw_device *d, uint32_t reg, uint64_t value)
{
	(void)d;
	*at(reg) = value;
	if (reg == NMW_HW_REG_CONTROL && (value & 2)) {
		model.tx = model.rx = model.left = 0;
		model.pushed = false;
		*at(NMW_HW_REG_FAULT) = 0;
		*at(NMW_HW_REG_RX_HEAD) = *at(NMW_HW_REG_TX_TAIL) = 0;
	}
	if (reg == NMW_HW_REG_CONTROL)
		*at(NMW_HW_REG_STATUS) = model.never ? 0 : 1 | (value & 1) << 1;
	model.bells += reg == NMW_HW_REG_TX_TAIL;
	model.pushed = model.pushed || reg == NMW_HW_REG_PUSH + 24;
	model.pushes += reg == NMW_HW_REG_PUSH + 24;
}

static int model_map(struct nmw_device *d, uint64_t iova, void *ptr, uint64_t len,
		     struct nmw_err *e)
{
	(void)d, (void)len, (void)e;
	model.window = ptr;
	model.iova = iova;
	return 0;
}

static int model_unmap(struct nmw_device *d, uint64_t iova, struct nmw_err *e)
{
	(void)d, (void)iova, (void)e;
	return 0;
}

static bool next_command(void)
{
	uint32_t mask = (1u << *at(NMW_HW_REG_TX_LOG2)) - 1;
	uint8_t *ring = model.window + (*at(NMW_HW_REG_TX_BASE) - model.iova);
	if (model.pushed) {
		memcpy(&model.cmd, at(NMW_HW_REG_PUSH), sizeof model.cmd);
		model.pushed = false;
	} else if (model.tx != (uint32_t)*at(NMW_HW_REG_TX_TAIL)) {
		memcpy(&model.cmd, ring + 32 * (model.tx++ & mask), sizeof model.cmd);
	} else {
		return false;
	}
	model.left = model.cmd.tag % 3 + 1;
	return true;
}

/* A cycle: an event, when there is one and room for it. */
static void cycle(void)
{
	uint32_t size = 1u << *at(NMW_HW_REG_RX_LOG2);
	uint8_t *ring = model.window + (*at(NMW_HW_REG_RX_BASE) - model.iova);
	if (model.deaf || model.rx - (uint32_t)*at(NMW_HW_REG_RX_HEAD) >= size - 3 ||
	    (!model.left && !next_command()))
		return;
	model.left--;
	struct nmw_hw_evt v = {.kind = NMW_HW_FILL, .tag = model.cmd.tag, .left = model.left};
	v.flags = (uint8_t)((model.left ? 0 : NMW_DEVICE_LAST) |
			    (model.rx & size ? 0 : NMW_DEVICE_PHASE));
	memcpy(ring + 32 * (model.rx++ & (size - 1)), &v, sizeof v);
}

static void model_pass(struct nmw_device *d, uint32_t cycles)
{
	(void)d;
	while (*at(NMW_HW_REG_STATUS) & NMW_DEVICE_ENABLED && cycles--)
		cycle();
}

static const struct nmw_device_ops ops = {.name = "model",
					  .open = model_open,
					  .close = model_close,
					  .read = model_read,
					  .write = model_write,
					  .map = model_map,
					  .unmap = model_unmap,
					  .pass = model_pass};

/* The same as a card: its time passes by itself, it is reset from outside, and it can go. */
static uint32_t card_wait(struct nmw_device *d, uint32_t cycles)
{
	model_pass(d, cycles);
	model.sleeps++;
	model.longest = cycles > model.longest ? cycles : model.longest;
	return cycles;
}

static int card_reset(struct nmw_device *d, struct nmw_err *e)
{
	(void)d, (void)e;
	model.resets++;
	return model.leaves ? nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE, "no reset") : 0;
}

static int card_lost(struct nmw_device *d, struct nmw_err *e)
{
	(void)d;
	return model.leaves ? nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE, "it leaves") : 0;
}

static const struct nmw_device_ops card_ops = {.name = "card",
					       .other = "take another card",
					       .open = model_open,
					       .close = model_close,
					       .read = model_read,
					       .write = model_write,
					       .map = model_map,
					       .unmap = model_unmap,
					       .pass = model_pass,
					       .wait = card_wait,
					       .reset = card_reset,
					       .lost = card_lost};

static struct nmw_err err;

static void open_it(struct nmw_device *d, struct nmw_device_spec s)
{
	s.ops = s.ops ? s.ops : &ops;
	err = (struct nmw_err)NMW_ERR_INIT;
	ck_assert_msg(nmw_device_open(d, &s, &err) == 0, "%s", err.msg);
}

/* Bursts of random sizes; every event comes once, in order. */
static void drive(struct nmw_device *d, uint32_t commands, uint32_t at_most)
{
	struct nmw_rng rng;
	uint32_t sent = 0, tag = 0, left = 0;
	nmw_rng_seed(&rng, 7);
	while (tag < commands) {
		uint32_t room = nmw_device_room(d), n = (uint32_t)nmw_rng_below(&rng, at_most) + 1;
		n = n < room ? n : room;
		n = n < commands - sent ? n : commands - sent;
		for (uint32_t i = 0; i < n; i++)
			*nmw_device_cmd(d, i) = (struct nmw_hw_cmd){.tag = sent++};
		nmw_device_submit(d, n);
		while (!(n = nmw_device_poll(d)))
			ck_assert_msg(nmw_device_wait(d, &err) == 0, "%s", err.msg);
		n = (uint32_t)nmw_rng_below(&rng, n) + 1;
		for (uint32_t i = 0; i < n; i++) {
			const struct nmw_hw_evt *v = nmw_device_evt(d, i);
			left = left ? left : tag % 3 + 1;
			ck_assert_uint_eq(v->tag, tag);
			ck_assert_uint_eq(v->left, --left);
			tag += !left;
		}
		nmw_device_release(d, n);
	}
	ck_assert_uint_eq(nmw_device_waiting(d), 0);
	ck_assert_uint_eq(nmw_device_room(d), d->info.ring);
}

START_TEST(every_event_comes_once_in_order)
{
	struct nmw_device d;
	for (uint32_t log2 = NMW_DEVICE_LOG2_MIN; log2 <= NMW_DEVICE_LOG2_MAX; log2++)
		for (uint32_t kind = 0; kind < 8; kind++) {
			open_it(&d, (struct nmw_device_spec){.ring_log2 = log2,
							     .no_push = kind & 1,
							     .keep_full = kind & 2,
							     .normal_pages = kind & 4});
			drive(&d, (4u << log2) + 500, kind & 1 ? 1u << log2 : 3);
			nmw_device_close(&d);
		}
}
END_TEST

START_TEST(one_alone_is_pushed_many_share_a_doorbell)
{
	struct nmw_device d;
	open_it(&d, (struct nmw_device_spec){.ring_log2 = 6});
	drive(&d, 1, 1);
	ck_assert_uint_eq(model.pushes, 1);
	ck_assert_uint_eq(model.bells, 0);
	for (uint32_t i = 0; i < 64; i++) {
		*nmw_device_cmd(&d, 0) = (struct nmw_hw_cmd){.tag = 0};
		nmw_device_submit(&d, 1);
	}
	ck_assert_uint_eq(model.bells, 4); /* one for each quarter of the ring */
	ck_assert_uint_eq(nmw_device_room(&d), 0);
	ck_assert_int_eq(nmw_device_reset(&d, &err), 0);
	ck_assert_uint_eq(nmw_device_room(&d), 64);
	ck_assert_uint_eq(nmw_device_waiting(&d), 0);
	nmw_device_close(&d);
}
END_TEST

static void one(struct nmw_device *d)
{
	*nmw_device_cmd(d, 0) = (struct nmw_hw_cmd){.tag = 0};
	nmw_device_submit(d, 1);
}

/* Each as soon as it is submitted: one that is alone by the push window. */
START_TEST(a_batch_of_one_waits_for_no_other)
{
	struct nmw_device d;
	open_it(&d, (struct nmw_device_spec){.ring_log2 = 6, .batch = 1});
	one(&d);
	ck_assert_uint_eq(model.pushes, 1);
	one(&d);
	one(&d);
	ck_assert_uint_eq(model.pushes, 1);
	ck_assert_uint_eq(model.bells, 2);
	nmw_device_close(&d);
	open_it(&d, (struct nmw_device_spec){.ring_log2 = 6, .batch = 64});
	for (uint32_t i = 0; i < 64; i++)
		one(&d);
	ck_assert_uint_eq(model.bells, 1);
	nmw_device_close(&d);
}
END_TEST

START_TEST(what_a_device_cannot_do_is_refused)
{
	const struct nmw_device_spec bad[] = {{.ops = &ops, .ring_log2 = 6, .batch = 65},
					      {.ops = &ops, .batch = UINT32_MAX},
					      {.ops = &ops, .watchdog = UINT64_C(1) << 32},
					      {.ops = &ops, .ring_log2 = 2},
					      {.ops = &ops, .ring_log2 = 13}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct nmw_device d;
		ck_assert_int_eq(nmw_device_open(&d, &bad[i], &err), -EINVAL);
		ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	}
}
END_TEST

static int wait_for(struct nmw_device *d)
{
	int rc = 0;
	for (unsigned i = 0; i < 100000 && !rc && !nmw_device_poll(d); i++)
		rc = nmw_device_wait(d, &err);
	return rc;
}

static void said_of_fault(struct nmw_device *d, uint64_t cause, const char *words)
{
	*at(NMW_HW_REG_FAULT) = cause;
	*at(NMW_HW_REG_TX_TAIL) = *at(NMW_HW_REG_RX_HEAD) = 5000;
	*at(NMW_HW_REG_TX_HEAD) = *at(NMW_HW_REG_RX_TAIL) = 7;
	err = (struct nmw_err)NMW_ERR_INIT;
	ck_assert_int_eq(nmw_device_fault(d, &err), -EIO);
	ck_assert_int_eq(err.exit, NMW_EXIT_RESOURCE);
	ck_assert_ptr_nonnull(strstr(err.msg, words));
}

START_TEST(nothing_is_waited_for_for_ever)
{
	struct nmw_device d;
	open_it(&d, (struct nmw_device_spec){.watchdog = 10000});
	model.deaf = true;
	one(&d);
	ck_assert_int_eq(wait_for(&d), -ETIMEDOUT);
	ck_assert_int_eq(err.exit, NMW_EXIT_RESOURCE);
	ck_assert_int_eq(wait_for(&d), -ETIMEDOUT); /* and stays so */
	err = (struct nmw_err)NMW_ERR_INIT;
	ck_assert_int_eq(nmw_device_fault(&d, &err), -ETIMEDOUT);
	ck_assert_int_eq(err.err, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "has stopped"));
	model.deaf = false;
	ck_assert_int_eq(nmw_device_reset(&d, &err), 0);
	one(&d);
	ck_assert_int_eq(wait_for(&d), 0);
	nmw_device_release(&d, nmw_device_poll(&d));
	ck_assert_int_eq(nmw_device_wait(&d, &err), -EPROTO); /* for what? */
	err = (struct nmw_err)NMW_ERR_INIT;
	ck_assert_int_eq(nmw_device_fault(&d, &err), -EPROTO);
	ck_assert_int_eq(err.err, -EPROTO);

	ck_assert_int_eq(nmw_device_reset(&d, &err), 0);
	one(&d);
	*at(NMW_HW_REG_STATUS) = 1; /* somebody else's reset */
	ck_assert_int_eq(wait_for(&d), -ECONNRESET);
	ck_assert_int_eq(nmw_device_reset(&d, &err), 0);
	one(&d);
	model.deaf = true;
	*at(NMW_HW_REG_STATUS) |= NMW_DEVICE_FAULT;
	*at(NMW_HW_REG_FAULT) = NMW_HW_FAULT_WRITE;
	*at(NMW_HW_REG_FAULT_ADDR) = 0x1234;
	ck_assert_int_eq(wait_for(&d), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "wrote to an address that is not mapped"));
	ck_assert_ptr_nonnull(strstr(err.msg, "0x1234"));
	said_of_fault(&d, NMW_HW_FAULT_TX_TAIL, "commands beyond its ring: tail 5000, head 7, ");
	said_of_fault(&d, NMW_HW_FAULT_RX_HEAD, "do not lie in its ring: head 5000, tail 7, ");
	said_of_fault(&d, NMW_HW_FAULT_PUSH, "pushed while the one before it waited, after ");
	model.never = true;
	ck_assert_int_eq(nmw_device_reset(&d, &err), -ETIMEDOUT);
	nmw_device_close(&d);
}
END_TEST

START_TEST(a_list_of_registers_that_does_not_end_is_refused)
{
	struct nmw_device d;
	struct nmw_device_block b[NMW_DEVICE_BLOCKS];
	struct nmw_device_reg r;
	open_it(&d, (struct nmw_device_spec){0});
	*at(0) = UINT64_C(0x40) << 32 | 1 << 16 | NMW_HW_BLOCK_IDENT;
	*at(0x40) = UINT64_C(0x80) << 32 | 1 << 16 | 999; /* not known: stepped over */
	*at(0x80) = 1 << 16 | NMW_HW_BLOCK_COUNTERS;	  /* elsewhere than in this build */
	*at(0x88) = 77;
	ck_assert_int_eq(nmw_device_blocks(&d, b, &err), 3);
	ck_assert_ptr_null(b[1].name);
	ck_assert(!nmw_device_reg(&d, &b[1], 0, &r));
	ck_assert(nmw_device_reg(&d, &b[2], 0, &r));
	ck_assert_str_eq(r.name, "cycles");
	ck_assert_uint_eq(r.value, 77);
	const uint64_t bad[] = {0x80, 0x40, 0x84, 0x1000};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		*at(0x80) = bad[i] << 32 | 5;
		ck_assert_int_eq(nmw_device_blocks(&d, b, &err), -EPROTO);
	}
	for (uint32_t i = 0; i < REGS; i++)
		model.reg[i] = (uint64_t)(8 * i + 8) << 32 | 9;
	ck_assert_int_eq(nmw_device_blocks(&d, b, &err), -EPROTO);
	nmw_device_close(&d);
}
END_TEST

START_TEST(what_was_loaded_is_remembered)
{
	char dir[UNIT_PATH], file[UNIT_PATH];
	struct nmw_bitfile b, got;
	unit_path(dir, "device");
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	setenv("NMW_DIR", dir, 1);
	ck_assert_int_eq(nmw_bitstream_recall(NMW_DEVICE_RECORD, &got, &err), -ENOENT);
	int fd = unit_file(file, "bits");
	ck_assert_int_eq((int)write(fd, "abc", 3), 3);
	ck_assert_int_eq(nmw_bitstream_open(&b, file, &err), 0);
	ck_assert_uint_eq(b.hash, UINT64_C(0xe71fa2190541574b)); /* FNV-1a */
	ck_assert_int_eq(nmw_bitstream_remember(NMW_DEVICE_RECORD, &b, &err), 0);
	ck_assert_int_eq(nmw_bitstream_recall(NMW_DEVICE_RECORD, &got, &err), 0);
	ck_assert_str_eq(got.file, file);
	nmw_bitstream_close(&got);
	nmw_bitstream_close(&b);
	ck_assert_int_eq((int)write(fd, "d", 1), 1);
	ck_assert_int_eq(nmw_bitstream_recall(NMW_DEVICE_RECORD, &got, &err), -ESTALE);
	close(fd);
	unlink(file);
	ck_assert_int_eq(nmw_bitstream_recall(NMW_DEVICE_RECORD, &got, &err), -ENOENT);
}
END_TEST

/* Another file is put in its place between the hash and the load. */
START_TEST(what_was_hashed_is_loaded)
{
	char first[UNIT_PATH], other[UNIT_PATH];
	struct nmw_bitfile b;
	struct nmw_device d;
	int fd = unit_file(first, "bits");
	ck_assert_int_eq((int)write(fd, "abc", 3), 3);
	close(fd);
	ck_assert_int_eq(nmw_bitstream_open(&b, first, &err), 0);
	fd = unit_file(other, "more");
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq((int)write(fd, "not a shared object\n", 20), 20);
	close(fd);
	ck_assert_int_eq(rename(other, first), 0);
	ck_assert_int_eq(nmw_device_peek(&d, &(struct nmw_device_spec){.opened = &b}, &err),
			 -ENODEV);
	ck_assert_msg(strstr(err.msg, ": cannot be loaded: file too short: ") != NULL, "%s",
		      err.msg);
	nmw_bitstream_close(&b);
	ck_assert_int_eq(nmw_device_peek(&d, &(struct nmw_device_spec){.bitstream = first}, &err),
			 -ENODEV);
	ck_assert_msg(strstr(err.msg, "invalid ELF header") != NULL, "%s", err.msg);
	unlink(first);
}
END_TEST

START_TEST(a_card_is_slept_for)
{
	struct nmw_device d;
	open_it(&d, (struct nmw_device_spec){.ops = &card_ops, .ring_log2 = 6});
	ck_assert_uint_eq(model.resets, 1);
	drive(&d, 500, 3);
	ck_assert_uint_gt(model.sleeps, 0);
	model.deaf = true;
	*nmw_device_cmd(&d, 0) = (struct nmw_hw_cmd){.tag = 0};
	nmw_device_submit(&d, 1);
	model.sleeps = 0;
	int rc;
	while (!(rc = nmw_device_wait(&d, &err)))
		ck_assert_uint_eq(nmw_device_poll(&d), 0);
	ck_assert_int_eq(rc, -ETIMEDOUT);
	ck_assert_uint_gt(model.longest, 10000);
	ck_assert_uint_lt(model.sleeps, 1000); /* 2 M cycles and more */
	model.deaf = false;
	ck_assert_int_eq(nmw_device_reset(&d, &err), 0);
	ck_assert_uint_eq(model.resets, 2);
	drive(&d, 50, 3);
	nmw_device_close(&d);
}
END_TEST

START_TEST(a_card_that_goes_is_noticed)
{
	struct nmw_device d;
	open_it(&d, (struct nmw_device_spec){.ops = &card_ops, .ring_log2 = 6});
	drive(&d, 100, 3);
	model.leaves = true; /* while it still answers: seen after some waits */
	int rc = 0;
	for (unsigned i = 0; !rc && i < 2000; i++) {
		*nmw_device_cmd(&d, 0) = (struct nmw_hw_cmd){.tag = 0};
		nmw_device_submit(&d, 1);
		while (!rc && !nmw_device_poll(&d))
			rc = nmw_device_wait(&d, &err);
		nmw_device_release(&d, nmw_device_poll(&d));
	}
	ck_assert_int_eq(rc, -ENODEV);
	ck_assert_str_eq(err.msg, "it leaves");
	*nmw_device_cmd(&d, 0) = (struct nmw_hw_cmd){.tag = 0};
	nmw_device_submit(&d, 1);
	ck_assert_int_eq(nmw_device_wait(&d, &err), -ENODEV);
	ck_assert_int_eq(nmw_device_reset(&d, &err), -EIO); /* nothing more is asked of it */
	ck_assert_int_eq(d.down, -EIO);
	nmw_device_close(&d);
}
END_TEST

START_TEST(all_ones_are_no_device)
{
	struct nmw_device d;
	const struct nmw_device_ops *const kinds[] = {&ops, &card_ops};
	for (unsigned k = 0; k < 2; k++) {
		open_it(&d, (struct nmw_device_spec){.ops = kinds[k], .ring_log2 = 6});
		ck_assert_int_eq(nmw_device_fault(&d, &err), 0);
		model.away = true;
		ck_assert_int_eq(nmw_device_fault(&d, &err), -ENODEV);
		ck_assert_int_eq(err.exit, NMW_EXIT_RESOURCE);
		ck_assert_ptr_nonnull(strstr(err.msg, "its registers read as all ones"));
		ck_assert_int_eq(nmw_device_reset(&d, &err), -ENODEV);
		nmw_device_close(&d);
	}
	ck_assert_int_eq(nmw_device_peek(&d, &(struct nmw_device_spec){.ops = &card_ops}, &err), 0);
	d.info.id = UINT32_MAX;
	ck_assert_int_eq(nmw_device_check(&d, NMW_DEVICE_BOOK, &err), -ENODEV);
	ck_assert_ptr_nonnull(strstr(err.msg, "of another design: take another card"));
	nmw_device_close(&d);
}
END_TEST

UNIT_MAIN("device", every_event_comes_once_in_order, one_alone_is_pushed_many_share_a_doorbell,
	  a_batch_of_one_waits_for_no_other, what_a_device_cannot_do_is_refused,
	  nothing_is_waited_for_for_ever, a_list_of_registers_that_does_not_end_is_refused,
	  what_was_loaded_is_remembered, what_was_hashed_is_loaded, a_card_is_slept_for,
	  a_card_that_goes_is_noticed, all_ones_are_no_device)
