/* platform.h: the machines this is written for.
 *
 * The order of stores that a ring's readers rely on, the prefetches, the checksum and the words of
 * shared memory are those of a 64-bit little-endian x86. Any other machine is refused here, where
 * the reason stands, instead of running with wrong bytes.
 */
#ifndef NMW_BASE_PLATFORM_H
#define NMW_BASE_PLATFORM_H

#if !defined __x86_64__ || defined __ILP32__ || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "nmw is written for 64-bit x86 (x86_64, 8-byte pointers) alone: see libcommon/base/platform.h"
#endif

#endif
