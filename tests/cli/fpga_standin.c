/* A bitstream for tests: as it stands a device of the right identity that does nothing else; with
 * REAL, a path, the design itself with one thing wrong.
 *
 *      ABI ID VERSION_IS TICKS_IS      what it says of itself
 *      NEVER_READY                     its RAMs are never clear
 *      REAL, and one of                the functions of that bitstream, but:
 *        LIES                          fills have a million shares more, after a while
 *        DEAF                          registers do not keep what is written
 *        MUTE                          after a while it takes no doorbell
 */
#include "sim/nmw_bitstream.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#ifndef ABI
#define ABI NMW_BITSTREAM_ABI
#endif
#ifndef ID
#define ID NMW_HW_ID
#endif
#ifndef VERSION_IS
#define VERSION_IS NMW_HW_VERSION
#endif
#ifndef TICKS_IS
#define TICKS_IS NMW_HW_TICKS
#endif

#define SIZES                                                                  \
	(NMW_HW_SYMBOLS_LOG2 | (uint64_t)NMW_HW_TICKS_LOG2 << 8 |              \
	 (uint64_t)NMW_HW_SLOTS_LOG2 << 16 | (uint64_t)NMW_HW_GEN_BITS << 24 | \
	 (uint64_t)NMW_HW_OWNER_BITS << 32 | (uint64_t)NMW_HW_BEST << 40 |     \
	 (uint64_t)NMW_HW_WORD_LOG2 << 48 | (uint64_t)NMW_HW_LINES_LOG2 << 56)

static uint64_t now;
static unsigned char *window;
static uint32_t bells;
static const struct nmw_bitstream *real;

#ifdef REAL
static struct nmw_device_sim *in_open(void)
{
	void *so = dlopen(REAL, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	real = so ? dlsym(so, NMW_BITSTREAM_SYMBOL) : NULL;
	return real ? real->open() : NULL;
}
static void in_close(struct nmw_device_sim *d)
{
	real->close(d);
}
static int in_map(struct nmw_device_sim *d, uint64_t iova, void *ptr, uint64_t len)
{
	window = ptr;
	return real->map(d, iova, ptr, len);
}
static int in_unmap(struct nmw_device_sim *d, uint64_t iova)
{
	return real->unmap(d, iova);
}
static uint64_t in_read(struct nmw_device_sim *d, uint32_t offset)
{
	return real->read(d, offset);
}
static void in_write(struct nmw_device_sim *d, uint32_t offset, uint64_t value)
{
#ifdef DEAF
	if (offset == NMW_HW_REG_WATCHDOG)
		return;
#endif
#ifdef MUTE
	if (offset == NMW_HW_REG_TX_TAIL && ++bells > 20)
		return;
#endif
	real->write(d, offset, value);
}
/* The rings lie one after the other in one window: events from 2^18 on. */
static void in_run(struct nmw_device_sim *d, uint64_t n)
{
	real->run(d, n);
#ifdef LIES
	struct nmw_hw_evt *e = (struct nmw_hw_evt *)(window + (1u << 18));
	for (unsigned i = 0; window && now++ > 1000 && i < 64; i++)
		if (e[i].kind == NMW_HW_FILL)
			e[i].qty |= 1u << 20;
#endif
}
static uint64_t in_cycles(struct nmw_device_sim *d)
{
	return real->cycles(d);
}
static void in_strain(struct nmw_device_sim *d, uint32_t latency, uint32_t stall)
{
	real->strain(d, latency, stall);
}
#else
static struct nmw_device_sim *in_open(void)
{
	return malloc(1);
}
static void in_close(struct nmw_device_sim *d)
{
	free(d);
}
static int in_map(struct nmw_device_sim *d, uint64_t iova, void *ptr, uint64_t len)
{
	(void)d, (void)iova, (void)len;
	window = ptr;
	return 0;
}
static int in_unmap(struct nmw_device_sim *d, uint64_t iova)
{
	(void)d, (void)iova;
	return 0;
}
static uint64_t in_read(struct nmw_device_sim *d, uint32_t offset)
{
	(void)d;
	switch (offset) {
	case NMW_HW_REG_ID:
		return (uint64_t)VERSION_IS << 32 | (uint32_t)ID;
	case NMW_HW_REG_SIZES:
		return SIZES;
	case NMW_HW_REG_TICKS:
		return TICKS_IS;
#ifndef NEVER_READY
	case NMW_HW_REG_STATUS:
		return 1;
#endif
	default:
		return 0;
	}
}
static void in_write(struct nmw_device_sim *d, uint32_t offset, uint64_t value)
{
	(void)d, (void)offset, (void)value;
}
static void in_run(struct nmw_device_sim *d, uint64_t n)
{
	(void)d;
	now += n;
}
static uint64_t in_cycles(struct nmw_device_sim *d)
{
	(void)d;
	return now;
}
static void in_strain(struct nmw_device_sim *d, uint32_t latency, uint32_t stall)
{
	(void)d, (void)latency, (void)stall, (void)real, (void)bells;
}
#endif

const struct nmw_bitstream nmw_bitstream = {ABI,	  sizeof(struct nmw_bitstream),
					    "a stand-in", in_open,
					    in_close,	  in_map,
					    in_unmap,	  in_read,
					    in_write,	  in_run,
					    in_cycles,	  in_strain};
