/* engine_order.c over books that a device holds: see engine_back.h. */
#define NMW_ENGINE_HELD 1
#include "book/engine_order.c" // NOLINT(bugprone-suspicious-include): that is what it is for
