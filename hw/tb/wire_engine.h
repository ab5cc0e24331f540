/* wire_engine.h: the software engine and its codec, as the wire's bench asks them. */
#ifndef NMW_TB_WIRE_ENGINE_H
#define NMW_TB_WIRE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct we_symbol {
	char name[8];
	uint16_t locate;
	uint32_t lot;
	uint8_t state;
	int listed;
};

struct we_out {
	uint64_t ts_ns;
	uint32_t session; /* 0: the feed */
	uint32_t len;
	uint8_t p[256];
};

struct we;
/* stp: enum nmw_stp. Symbols that are listed are added at once. */
struct we *we_open(const struct we_symbol *s, unsigned n, int closed, int stp, unsigned orders);
void we_close(struct we *w);
/* What follows from a message; valid until the next call. Returns how many. */
size_t we_send(struct we *w, uint32_t session, uint64_t ts_ns, const uint8_t *p, uint32_t len,
	       const struct we_out **out);
size_t we_end(struct we *w, const struct we_out **out);

/* The message as the wire's parser gives it. */
struct we_msg {
	int op; /* enum nmw_op; 0: malformed */
	uint32_t urn, orig, qty, min_qty;
	uint64_t symbol, price;
	uint8_t side, tif, display, capacity, iso, cross, post_only, market, unfit;
	uint8_t clordid[14];
	uint8_t reject; /* 1 + enum nmw_reject, 0: none */
	uint8_t app_len, app[18];
};
void we_read(const uint8_t *p, uint32_t len, struct we_msg *m);

#ifdef __cplusplus
}
#endif

#endif
