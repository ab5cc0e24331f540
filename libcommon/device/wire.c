#include "device/wire.h"

#include "wire/be.h"
#include "wire/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define STEP	    32u	  /* cycles between two tries to give a frame in */
#define LOOK_CYCLES 4096u /* between two looks at the status */
#define QUIET_CYCLES                                                                   \
	65536u /* nothing moves for so long: nothing is on its way (a minimum quantity \
		* is counted order by order, two cycles each) */
#define DAY_NS INT64_C(86400000000000)

enum {
#include "rtl/nmw_wire_reject.vh"
};

#define SAME_REJECT(name)                                                             \
	_Static_assert((int)NMW_WIRE_REJ_##name == (int)NMW_REJ_##name + 1, "of the " \
									    "device: " #name)
SAME_REJECT(OTHER);
SAME_REJECT(HALTED);
SAME_REJECT(CLOSED);
SAME_REJECT(SYMBOL);
SAME_REJECT(PRICE);
SAME_REJECT(QTY);
SAME_REJECT(MIN_QTY);
SAME_REJECT(DISPLAY);
SAME_REJECT(SIDE);
SAME_REJECT(TIF);
SAME_REJECT(CAPACITY_CODE);
SAME_REJECT(CROSS);
SAME_REJECT(ISO);
SAME_REJECT(PEG);
SAME_REJECT(ROUTING);
SAME_REJECT(FAT_FINGER);
SAME_REJECT(RISK);
SAME_REJECT(REPLACE);
_Static_assert((int)NMW_WIRE_REJ_REPLACE == (int)NMW_REJ_MAX, "the device knows them all");

/* ---- opening -------------------------------------------------------------------------------- */

int nmw_wire_open(struct nmw_wire *w, const struct nmw_device_spec *s, struct nmw_err *e)
{
	struct nmw_device *d = &w->device;
	memset(w, 0, sizeof *w);
	int rc = nmw_device_peek(d, s, e);
	if (rc)
		return rc;
	rc = nmw_device_check(d, NMW_DEVICE_WIRE, e);
	w->ports = nmw_device_sim_ports(d, &w->sim);
	if (!rc && !w->ports)
		rc = nmw_err_set(
			e, -ENODEV, NMW_EXIT_RESOURCE,
			"device %s: its ports cannot be reached from here: build bitstream "
			"and tools from one state of the sources (make all hw)",
			d->info.device);
	if (!rc)
		rc = nmw_device_reset(d, e);
	if (rc)
		nmw_wire_close(w);
	return rc;
}

void nmw_wire_close(struct nmw_wire *w)
{
	if (w->device.ops)
		nmw_device_close(&w->device);
	memset(w, 0, sizeof *w);
}

/* ---- registers ------------------------------------------------------------------------------ */

static uint64_t mac_of(const struct nmw_endpoint *p)
{
	return (uint64_t)nmw_be16(p->mac) << 32 | nmw_be32(p->mac + 2);
}

static uint64_t end_of(const struct nmw_endpoint *p)
{
	return nmw_be32(p->addr) | (uint64_t)p->port << 32;
}

static void put_symbol(struct nmw_device *d, unsigned i, const struct nmw_wire_symbol *s)
{
	uint32_t at = NMW_WIRE_REG_SYMBOLS + i * 32;
	nmw_device_write(d, at, s->name);
	nmw_device_write(d, at + 8,
			 s->locate | (uint64_t)s->lot << 16 | (uint64_t)s->state << 48 |
				 (uint64_t)s->flags << 56);
	nmw_device_write(d, at + 16, s->base | (uint64_t)s->step << 32);
}

int nmw_wire_start(struct nmw_wire *w, const struct nmw_wire_conf *c, struct nmw_err *e)
{
	static const struct nmw_wire_symbol none;
	struct nmw_device *d = &w->device;
	uint64_t name[2] = {0};
	memcpy(name, c->session, sizeof c->session);
	if (c->feed.family != 4 || c->source.family != 4)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "device %s: market data goes out over IPv4: give such addresses",
				   d->info.device);
	w->watchdog = c->watchdog ? c->watchdog : NMW_HW_WATCHDOG;
	nmw_device_write(d, NMW_WIRE_REG_UTC, (uint64_t)c->utc_offset_ns);
	nmw_device_write(d, NMW_WIRE_REG_FLAGS,
			 (c->closed ? NMW_WIRE_CLOSED : 0) | (uint64_t)c->self_match << 1);
	nmw_device_write(d, NMW_WIRE_REG_MAC, mac_of(&c->source));
	nmw_device_write(d, NMW_WIRE_REG_HOST, c->server.family == 4 ? end_of(&c->server) : 0);
	nmw_device_write(d, NMW_WIRE_REG_FEED_MAC, mac_of(&c->feed));
	nmw_device_write(d, NMW_WIRE_REG_FEED, end_of(&c->feed));
	nmw_device_write(d, NMW_WIRE_REG_FEED_SOURCE, end_of(&c->source));
	nmw_device_write(d, NMW_WIRE_REG_SESSION, name[0]);
	nmw_device_write(d, NMW_WIRE_REG_SESSION_END, name[1]);
	nmw_device_write(d, NMW_WIRE_REG_HEARTBEAT, c->heartbeat);
	for (unsigned i = 0; i < NMW_WIRE_SYMBOLS; i++)
		put_symbol(d, i, i < c->n ? &c->symbol[i] : &none);
	nmw_device_write(d, NMW_HW_REG_WATCHDOG, w->watchdog);
	nmw_device_write(d, NMW_HW_REG_CONTROL, 1);
	return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

static int fault(struct nmw_wire *w, uint64_t status, struct nmw_err *e)
{
	struct nmw_device *d = &w->device;
	if (!(status & NMW_DEVICE_FAULT))
		return nmw_err_set(e, -ECONNRESET, NMW_EXIT_RESOURCE,
				   "device %s: it was reset by somebody else: its books are empty: "
				   "start again",
				   d->info.device);
	uint64_t cause = nmw_device_read(d, NMW_HW_REG_FAULT);
	if (cause == NMW_HW_FAULT_CORE)
		return nmw_err_set(
			e, -EIO, NMW_EXIT_RESOURCE,
			"device %s: fault %" PRIu64
			": its book answered what no order can lead to: nothing was made "
			"of it, and no frame is let in: the design is faulty: load another",
			d->info.device, cause);
	return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
			   "device %s: fault %" PRIu64 ": what it sends was not taken for %" PRIu64
			   " cycles: the port is stuck: mend it, then start again",
			   d->info.device, cause, w->watchdog);
}

int nmw_wire_pass(struct nmw_wire *w, uint32_t n, struct nmw_err *e)
{
	struct nmw_device *d = &w->device;
	d->ops->pass(d, n);
	w->looked += n;
	w->passed += n;
	if (w->looked < LOOK_CYCLES)
		return 0;
	w->looked = 0;
	uint64_t status = nmw_device_status(d);
	bool runs = status & NMW_DEVICE_ENABLED && !(status & NMW_DEVICE_FAULT);
	return runs ? 0 : fault(w, status, e);
}

static int takes_nothing(struct nmw_wire *w, struct nmw_err *e)
{
	return nmw_err_set(e, -ETIMEDOUT, NMW_EXIT_RESOURCE,
			   "device %s: no frame taken in %" PRIu64 " cycles, status 0x%" PRIx64
			   ": it does not answer: nmw-fpga regs shows more",
			   w->device.info.device, 2 * w->watchdog, nmw_device_status(&w->device));
}

int nmw_wire_frame(struct nmw_wire *w, const void *frame, uint32_t len, uint64_t ts_ns,
		   struct nmw_err *e)
{
	int rc;
	uint64_t gone = 0;
	while ((rc = w->ports->frame_in(w->sim, frame, len, ts_ns, 0)) == -EAGAIN) {
		if (gone > 2 * w->watchdog)
			return takes_nothing(w, e);
		rc = nmw_wire_pass(w, STEP, e);
		if (rc)
			return rc;
		gone += STEP;
	}
	return rc;
}

/* What changes as long as something happens. */
static uint64_t marks(struct nmw_wire *w)
{
	struct nmw_device *d = &w->device;
	return nmw_device_read(d, NMW_WIRE_REG_WORDS_IN) +
	       nmw_device_read(d, NMW_WIRE_REG_WORDS_OUT) +
	       nmw_device_read(d, NMW_WIRE_REG_REPLIES) + nmw_device_read(d, NMW_WIRE_REG_FEED_OUT);
}

int nmw_wire_settle(struct nmw_wire *w, struct nmw_err *e)
{
	uint64_t was = marks(w), stuck = 0, quiet = 0;
	while (w->ports->waiting(w->sim) || quiet < QUIET_CYCLES) {
		int rc = nmw_wire_pass(w, STEP * 8, e);
		if (rc)
			return rc;
		uint64_t now = marks(w);
		bool still = now == was, idle = nmw_device_status(&w->device) & NMW_DEVICE_IDLE;
		stuck = still ? stuck + STEP * 8 : 0;
		quiet = !still || w->ports->waiting(w->sim) ? 0 : idle ? QUIET_CYCLES : stuck;
		if (stuck > 2 * w->watchdog)
			return takes_nothing(w, e);
		was = now;
	}
	return 0;
}

static uint64_t time_of_day(uint64_t ts_ns, int64_t utc_offset_ns)
{
	int64_t day = (int64_t)(ts_ns % (uint64_t)DAY_NS) + utc_offset_ns % DAY_NS;
	return (uint64_t)((day + DAY_NS) % DAY_NS);
}

int nmw_wire_end_day(struct nmw_wire *w, uint64_t ts_ns, int64_t utc_offset_ns, struct nmw_err *e)
{
	uint32_t msg[NMW_WIRE_WORDS] = {0};
	nmw_wire_put(msg, NMW_MSG_KIND, NMW_MSG_KIND_W, NMW_MSG_DAY_END);
	nmw_wire_put(msg, NMW_MSG_TIME, NMW_MSG_TIME_W, ts_ns);
	nmw_wire_put(msg, NMW_MSG_DAY, NMW_MSG_DAY_W, time_of_day(ts_ns, utc_offset_ns));
	int rc;
	for (uint64_t gone = 0; (rc = w->ports->msg_in(w->sim, msg)) == -EAGAIN; gone += STEP) {
		rc = gone > 2 * w->watchdog ? takes_nothing(w, e) : nmw_wire_pass(w, STEP, e);
		if (rc)
			return rc;
	}
	return rc ? rc : nmw_wire_settle(w, e);
}

/* ---- figures -------------------------------------------------------------------------------- */

static void read_all(struct nmw_device *d, uint32_t at, uint64_t *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = nmw_device_read(d, at + i * 8);
}

void nmw_wire_stat(struct nmw_wire *w, struct nmw_wire_stat *out)
{
	struct nmw_device *d = &w->device;
	*out = (struct nmw_wire_stat){
		.cycles = nmw_device_read(d, NMW_WIRE_REG_CYCLES),
		.frames_in = nmw_device_read(d, NMW_WIRE_REG_FRAMES_IN),
		.words_in = nmw_device_read(d, NMW_WIRE_REG_WORDS_IN),
		.wait_in = nmw_device_read(d, NMW_WIRE_REG_WAIT_IN),
		.frames_out = nmw_device_read(d, NMW_WIRE_REG_FRAMES_OUT),
		.words_out = nmw_device_read(d, NMW_WIRE_REG_WORDS_OUT),
		.wait_out = nmw_device_read(d, NMW_WIRE_REG_WAIT_OUT),
		.host_messages = nmw_device_read(d, NMW_WIRE_REG_HOST_MESSAGES),
		.replies = nmw_device_read(d, NMW_WIRE_REG_REPLIES),
		.feed = nmw_device_read(d, NMW_WIRE_REG_FEED_OUT),
		.wait_msg = nmw_device_read(d, NMW_WIRE_REG_WAIT_MSG),
		.unfit = nmw_device_read(d, NMW_WIRE_REG_UNFIT),
	};
	read_all(d, NMW_WIRE_REG_KIND, out->kind, NMW_WIRE_KINDS);
	read_all(d, NMW_WIRE_REG_PARSE, out->parse, NMW_WIRE_PARSE_STATS);
	read_all(d, NMW_WIRE_REG_CORE, out->core, NMW_WIRE_CORE_STATS);
	read_all(d, NMW_WIRE_REG_SEND, out->send, NMW_WIRE_SEND_STATS);
	w->ports->latency(w->sim, &out->answered, &out->latency_sum, &out->latency_max);
}

/* ---- a window ------------------------------------------------------------------------------- */

void nmw_wire_window(struct nmw_wire_symbol *s, uint32_t ticks, uint32_t price, uint32_t step)
{
	uint32_t below = ticks / 2;
	if (below > price / step)
		below = price / step;
	s->step = step;
	s->base = price - below * step;
}
