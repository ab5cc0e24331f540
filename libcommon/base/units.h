/* units.h: what a second and a day are, in the unit of every time here: ns. */
#ifndef NMW_BASE_UNITS_H
#define NMW_BASE_UNITS_H

#define NMW_NS_PER_S   1000000000ull
#define NMW_NS_PER_DAY (86400ull * NMW_NS_PER_S)

#endif
