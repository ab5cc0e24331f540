/* schema_at.h: where the fields of each message lie, by the names of schema.def, as constants: for
 * code that reads a message's bytes in place.
 *
 *     NMW_FIELD_AT(OUCH42_ORDER_enter_order, price)     28
 *
 * The unions are never a message in memory: a field has no alignment, and what is loaded together
 * may be more than one.
 */
#ifndef NMW_WIRE_SCHEMA_AT_H
#define NMW_WIRE_SCHEMA_AT_H

#include <stddef.h>
#include <stdint.h>

#define NMW_FIELD_AT(message, field) offsetof(union nmw_layout_##message, field)

/* clang-format off */
#define MSG(codec, channel, type, name, len, len_alt, app_off) \
	union nmw_layout_##codec##_##channel##_##name { \
		uint8_t all[len];
#define F(name, off, size, kind) \
		struct { uint8_t before_##name[off], name[size]; };
#define END \
	};
/* clang-format on */
#include "wire/schema.def"

#endif
