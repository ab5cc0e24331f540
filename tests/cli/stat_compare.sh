#!/usr/bin/env bash
# Two pipelines of the same stream are the same, message by message; the first that differs is named.
. "$(dirname "$0")/lib.sh"
need jq

pipeline() { # NAME SPEC...: a source and an engine, which publish once their reader is there
	local name=$1
	shift
	nmw-recv "$@" -q 2>/dev/null | nmw-match -o "$name" -q 2>/dev/null &
}
flow=gen:seed=3,count=20k,symbols=20

pipeline a "$flow"
pipeline b "$flow"
expect 0 nmw-stat compare a b --hold --wait 20s
grep -q ' messages compared: all the same$' "$T/out" || fail "$(cat "$T/out")"
grep -q '^latency p99 ' "$T/out" || fail "no latency: $(cat "$T/out")"
wait

pipeline c "$flow"
pipeline d "$flow"
expect 0 nmw-stat compare c d --hold --wait 20s --exact --json
[ "$(jq -c '[.same, .not_compared, .first_difference, (.compared > 20000), (.rings | length)]' "$T/out")" = \
	'[true,0,null,true,2]' ] || fail "$(cat "$T/out")"
wait

# the same flow but for one order's size
nmw-recv "$flow" -q 2>/dev/null | nmw-send jsonl:"$T/lines" -q || fail "no lines"
nmw-recv "$flow" -q 2>/dev/null | nmw-send pcap:"$T/one.pcap" -q || fail "no capture"
order=$(jq -r 'select(.name == "enter_order") | .order_token' "$T/lines" | sed -n 100p)
python3 - "$T/one.pcap" "$T/two.pcap" "$order" <<'PY' || fail "no such order in the capture"
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.index(b"O" + sys.argv[3].encode().ljust(14))
data[at + 19] ^= 1 # the last byte of its shares
open(sys.argv[2], "wb").write(data)
PY
pipeline e pcap:"$T/one.pcap"
pipeline f pcap:"$T/two.pcap"
expect 1 nmw-stat compare e f --hold --wait 20s
grep -q '^message [0-9]* differs: shares$' "$T/out" || fail "$(cat "$T/out")"
grep -q "^  e: .*shares=" "$T/out" || fail "$(cat "$T/out")"
wait

# one ends before the other
nmw-recv "$flow" -q 2>/dev/null | nmw-match -q 2>/dev/null | nmw-send itch:"$T/feed" -q || fail "no feed"
python3 - "$T/feed" <<'PY'
import sys
data = open(sys.argv[1], "rb").read()
at = 0
for _ in range(5000):
    at += 2 + int.from_bytes(data[at:at + 2], "big")
open(sys.argv[1] + ".short", "wb").write(data[:at] + b"\0\0")
PY
nmw-recv itch:"$T/feed" -o g -q 2>/dev/null &
nmw-recv itch:"$T/feed.short" -o h -q 2>/dev/null &
expect 1 nmw-stat compare g h --hold --wait 20s
grep -q 'has ended$' "$T/out" || fail "$(cat "$T/out")"
wait

# a producer that dies: what was compared is said before the error
nmw-recv gen:count=0 -o i -q --pace 10kpps 2>/dev/null &
victim=$!
nmw-recv gen:count=0 -o j -q --pace 10kpps 2>/dev/null &
other=$!
(sleep 1 && kill -9 "$victim") &
expect 6 timeout 30 nmw-stat compare i j --hold --wait 20s
grep -q 'ring i: its producer died' "$T/err" || fail "$(cat "$T/err")"
grep -q 'messages compared: all the same' "$T/out" || fail "$(cat "$T/out")"
kill "$other"
wait

# a shadow that died and does not come back: what it never said is no agreement
nmw-recv gen:seed=3,count=0 -o k -q --pace 2kpps --min-consumers 0 2>/dev/null &
other=$!
nmw-recv gen:seed=3,count=0 -o l -q --pace 2kpps --min-consumers 0 2>/dev/null &
victim=$!
nmw-stat compare k l --follow >"$T/out" 2>"$T/err" &
compare=$!
until_published l 200
kill -9 "$victim"
until grep -q 'ring l: its producer died' "$T/err" && [ "$(published k)" -gt "$(($(published l) + 100))" ]; do sleep 0.05; done
kill "$compare"
wait "$compare"
rc=$?
kill "$other"
wait
[ $rc = 7 ] || fail "a dead shadow: exit $rc, 7 expected: $(cat "$T/out")"
grep -q 'all the same, but some could not be compared$' "$T/out" || fail "a dead shadow: $(cat "$T/out")"
grep -qE '^still alone +[0-9]{2,} +0$' "$T/out" || fail "a dead shadow: $(cat "$T/out")"

expect 2 nmw-stat compare a a
grep -q 'are one ring' "$T/err" || fail "$(cat "$T/err")"
expect 2 nmw-stat compare a
expect 2 nmw-stat compare a b --text
grep -q 'compare: --text: has no effect on it' "$T/err" || fail "$(cat "$T/err")"
expect 6 nmw-stat compare a none
grep -q 'ring a: not there' "$T/err" || fail "$(cat "$T/err")"
