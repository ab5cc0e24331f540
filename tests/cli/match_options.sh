#!/usr/bin/env bash
# nmw-match: options that do not go together, symbols, codecs, offsets, inputs.
. "$(dirname "$0")/lib.sh"
set -o pipefail
need jq
SMALL="--orders 10k --ids 10k --symbols-max 64"
refused() { # PATTERN OPTIONS
	local pattern=$1
	shift
	expect 2 nmw-match -i none "$@"
	[ "$(wc -l <"$T/err")" = 1 ] || { cat "$T/err"; fail "one line of message expected: $*"; }
	grep -qE -- "$pattern" "$T/err" || { cat "$T/err"; fail "no '$pattern': $*"; }
}
refused '--window 1000: not a power of two' --window 1000
refused '--window 32: not a power of two from 64' --window 32
refused '--timers 11: more than --orders 10' --timers 11 --orders 10
refused '--check .* --codec itch50' --check --codec ouch42
refused '--utc-offset: 5: ' --utc-offset=5
refused '--utc-offset: ' --utc-offset=15h
refused '--utc-offset: ' --utc-offset=--5h

# run GEN OPTIONS: a pipeline to JSON lines
run() {
	local gen=$1
	shift
	# shellcheck disable=SC2086
	nmw-recv -q "gen:$gen" | nmw-match -q $SMALL "$@" 2>"$T/err" | nmw-send -q jsonl:- >"$T/out" || fail "$gen $*"
}
count() { jq -rs "map(select($1)) | length" "$T/out"; }

# The first order, at 14:30 UTC, with and without an offset.
first='map(select(.type == "A" and .channel == "reply"))[0].timestamp | tonumber / 1e9 | floor'
run seed=1,count=100
[ "$(jq -s "$first" "$T/out")" = 52200 ] || fail "time of day"
run seed=1,count=100 --utc-offset=-5h
[ "$(jq -s "$first" "$T/out")" = 34200 ] || fail "--utc-offset -5h"
run seed=1,count=100 --utc-offset +10h
[ "$(jq -s "$first" "$T/out")" = 1800 ] || fail "--utc-offset +10h goes past midnight"

# A closed list: others are rejected; the halted symbol too.
run seed=1,count=2000,symbols=6 --symbols examples/symbols.json
[ "$(count '.name == "stock_directory"')" = 5 ] || fail "a directory for each of the list"
[ "$(count '.type == "J" and .reason == "S"')" -gt 0 ] || fail "S0005 is not on the list"
[ "$(count '.type == "J" and .reason == "H"')" -gt 0 ] || fail "S0004 is halted"
[ "$(count '.channel == "reply" and .stock == "S0004"')" = 0 ] || fail "an order for a halted symbol is accepted"

# Another codec than the one asked for is dropped and counted.
run seed=1,count=1000 --codec ouch50
[ "$(count '.channel == "reply" and .type == "A"')" = 0 ] || fail "--codec ouch50 takes OUCH 4.2"
# shellcheck disable=SC2086
nmw-recv -q gen:seed=1,count=1000 | nmw-match $SMALL --codec ouch50 2>"$T/err" | nmw-send -q null:
grep -q 'codec 1000' "$T/err" || { cat "$T/err"; fail "1000 drops under codec expected"; }

# Ten million orders, all else as it is by default: less than 1 GiB.
nmw-recv -q gen:seed=1,count=10 | nmw-match --orders 10M --lazy 2>"$T/err" | nmw-send -q null:
mib=$(sed -nE 's/.*engine: 10000000 orders, .*: ([0-9]+) MiB, .*/\1/p' "$T/err")
[ "${mib:-1024}" -lt 1024 ] || { cat "$T/err"; fail "--orders 10M takes less than 1024 MiB"; }

# Limits: what does not fit is refused to the client and counted.
run seed=1,count=5000 --orders 100
[ "$(count '.type == "J" and .reason == "O"')" -gt 0 ] || fail "--orders 100 refuses nothing"

# Self-match: an account never trades with itself.
run seed=3,count=5000,symbols=2,sessions=1 --self-match cancel-old
[ "$(count '.channel == "reply" and .type == "E"')" = 0 ] || fail "one account, and still trades"
[ "$(count '.channel == "reply" and .type == "D"')" -gt 0 ] || fail "no order was canceled instead"

# Two inputs, both with a session 1: their replies can be told apart.
nmw-recv -q gen:seed=1,count=500,sessions=1 -o left &
nmw-recv -q gen:seed=2,count=500,sessions=1 -o right &
# shellcheck disable=SC2086
nmw-match -q $SMALL -i left -i right | nmw-send -q jsonl:- >"$T/out" || fail "two inputs"
wait
[ "$(jq -s 'map(select(.channel == "reply") | .session) | unique | length' "$T/out")" = 2 ] || fail "two sessions expected"
[ "$(count '.channel == "reply" and .type == "A"')" -gt 300 ] || fail "both inputs' orders are accepted"
# Their ids are dense, so that a sink that makes ports of them carries all.
nmw-recv -q gen:seed=1,count=500,sessions=3 -o left &
nmw-recv -q gen:seed=2,count=500,sessions=2 -o right &
# shellcheck disable=SC2086
nmw-match -q $SMALL -i left -i right | nmw-send jsonl:"$T/out" pcap:"$T/two.pcap" 2>"$T/err" || { cat "$T/err"; fail "several inputs into a capture"; }
wait
[ "$(jq -sc 'map(select(.channel == "reply") | .session) | unique' "$T/out")" = '[1,2,3,4,5]' ] || fail "ids are not dense"
! grep 'capacity' "$T/err" || fail "the capture lacks sessions of the second input"
