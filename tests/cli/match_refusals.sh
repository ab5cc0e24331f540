#!/usr/bin/env bash
# What nmw-match's command line alone shows to be wrong is refused, exit 2, before a ring is touched; --strict says why it ends in 3.
. "$(dirname "$0")/lib.sh"
need jq

nmw-recv gen:seed=1,count=1k -o in >"$T/recv.log" 2>&1 &
until [ -e "$NMW_DIR/in.ring" ]; do sleep 0.02; done
untouched() { # WORDS
	grep -qF -- "$1" "$T/err" || { cat "$T/err"; fail "not said: $1"; }
	[ "$(nmw-stat --json | jq '[.rings[] | .consumers | length] == [0]')" = true ] || fail "a ring was touched: $1"
}
expect 2 nmw-match -i in -o out --journal "$T/j" --on-full drop
untouched 'leave one out'
expect 2 nmw-match -i in -i in -o out
untouched '-i in and -i in: named twice, one ring'
expect 2 nmw-match -i in -o in
untouched 'are one ring'
expect 2 nmw-match -i in
untouched 'no output'
for o in '--sync=always' '--snapshot-every=10' '--segment-size=8M'; do
	expect 2 nmw-match -i in -o out "$o"
	untouched "${o%=*}: there is no journal without --journal DIR"
done
expect 2 nmw-match -i in -o out --utc-offset=-15h
untouched '--utc-offset: -15h: '
expect 2 nmw-match -i in -o out --utc-offset=-5h30m
untouched '--utc-offset: -5h30m: '

# The type of the third message of a BinaryFILE is no type.
nmw-recv gen:seed=1,count=200 2>"$T/log" | nmw-match 2>"$T/log" | nmw-send itch:"$T/feed.itch" 2>"$T/log"
at=$(python3 - "$T/feed.itch" <<'P'
import struct, sys
b = bytearray(open(sys.argv[1], 'rb').read())
at = 0
for _ in range(2):
    at += 2 + struct.unpack_from('>H', b, at)[0]
b[at + 2] = ord('z')
open(sys.argv[1], 'wb').write(b)
P
) || fail "python: $at"
nmw-recv itch:"$T/feed.itch" -o feed >"$T/recv2.log" 2>&1 &
nmw-match -i feed -o fed --min-consumers 0 --strict --codec itch50 >"$T/out" 2>"$T/err"
rc=$?
[ $rc = 3 ] || { cat "$T/err"; fail "--strict: exit $rc"; }
grep -q -- '--strict: 1 messages could not be read: the first, message 3 of ring feed: type 0x7a, ' "$T/err" ||
	{ cat "$T/err"; fail "--strict: no reason"; }
expect 2 nmw-match -i none -o b --journal /proc --wait 1s
grep -q 'journal /proc: its file lock cannot be opened: .*: name a directory that this user may write to' "$T/err" ||
	fail "$(cat "$T/err")"
exit 0
