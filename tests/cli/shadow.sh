#!/usr/bin/env bash
# A shadow run: one stream through nmw-match and through a device, their outputs compared live. A sound device is equal;
# a design whose events can be but are wrong is told with its first message, field by field; one whose events cannot be
# is found by the host before anything goes out.
. "$(dirname "$0")/fpga_lib.sh"
need jq
FAULTY=$PWD/hw/build/nmw_faulty.so
small="-q --orders 20k --ids 20k --symbols-max 64 --sessions 64"

# shadow FLOW BITSTREAM OPTION...: options of compare; its status in $rc, output in $T/out
shadow() {
	local flow=$1 so=$2 m f c i min=1
	shift 2
	[ "$1" = --hold ] || min=0 # a ring does not wait for a tap
	nmw-stat compare sw hw --wait 30s "$@" >"$T/out" 2>"$T/err" &
	c=$!
	# shellcheck disable=SC2086
	nmw-match $small -i orders -o sw --slots 32K --wait 30s --min-consumers $min 2>"$T/match.log" &
	m=$!
	# shellcheck disable=SC2086
	nmw-fpga run $small -i orders -o hw --slots 32K --wait 30s --min-consumers $min --bitstream "$so" ${RUN-} 2>"$T/fpga.log" &
	f=$!
	for ((i = 0; i < 500 && min == 0; i++)); do
		nmw-stat show compare | grep -q 'nmw-stat .*running' && break
		sleep 0.02
	done
	nmw-recv -q "$flow" -o orders --min-consumers 2 2>"$T/recv.log" || fail "nmw-recv: $(cat "$T/recv.log")"
	wait $c
	rc=$?
	wait $m || fail "nmw-match: $(cat "$T/match.log")"
	wait $f
	fpga=$?
}

# the rings wait for compare (--hold), so that every message is compared
for flow in gen:seed=1,count=4k,symbols=1 gen:seed=2,count=4k,symbols=20 gen:seed=3,count=3k,symbols=8,codec=ouch50; do
	shadow $flow "$SO" --hold
	[ $rc = 0 ] || { cat "$T/out" "$T/err"; fail "$flow: exit $rc, 0 expected"; }
	grep -qE '^[0-9]{4,} messages compared: all the same$' "$T/out" || { cat "$T/out"; fail "$flow"; }
	[ $fpga = 0 ] || fail "nmw-fpga: exit $fpga: $(cat "$T/fpga.log")"
done

[ -e "$FAULTY" ] || skip "sound ones are equal; hw/build/nmw_faulty.so is not there: make -C hw faulty builds it"

# time priority upside down: each event can be, and nobody but compare finds it
shadow gen:seed=3,count=4k,symbols=1 "$FAULTY" --hold
[ $rc = 1 ] || { cat "$T/out" "$T/err"; fail "exit $rc, 1 expected"; }
[ $fpga = 0 ] || fail "nmw-fpga: exit $fpga: $(cat "$T/fpga.log")"
sed -n 1,5p "$T/out"
grep -qE '^message [0-9]+ differs: ' "$T/out" || { cat "$T/out"; fail "no difference told"; }
sed -n 2p "$T/out" | grep -qE '^  at 2026-01-05 14:30:[0-9.]+, caused by input message [0-9]+, [0-9]+ before it compared$' ||
	{ cat "$T/out"; fail "when it was"; }
sed -n 3p "$T/out" | grep -q '^  sw: executed .*match_number=' || { cat "$T/out"; fail "nmw-match's message"; }
sed -n 4p "$T/out" | grep -q '^  hw: executed .*match_number=' || { cat "$T/out"; fail "the device's message"; }
grep -qE '^  ! (order_token|executed_shares) +[^ ]+ +[^ ]+$' "$T/out" || { cat "$T/out"; fail "the field is not marked"; }
grep -qE '^    execution_price +([0-9.]+) +\1$' "$T/out" || { cat "$T/out"; fail "an equal field is marked"; }
[ "$(grep -c ' differs: ' "$T/out")" -le 15 ] || fail "told without a limit: $(grep -c ' differs: ' "$T/out")"
tail -n 2 "$T/out" | grep -qE '^[0-9]+ messages compared: [0-9]+ equal, [1-9][0-9]* different, [0-9]+ missing in hw, [0-9]+ only there$' ||
	{ tail -n 2 "$T/out"; fail "no sum"; }
first=$(sed -n '1s/ differs:.*//p' "$T/out")
grep -q "^the first: $first differs: " "$T/out" || { tail -n 2 "$T/out"; fail "the first one"; }

# the same as lines for a program, ended by the first
shadow gen:seed=3,count=4k,symbols=1 "$FAULTY" --jsonl --stop-on-difference
[ $rc = 1 ] || { cat "$T/out" "$T/err"; fail "--stop-on-difference: exit $rc, 1 expected"; }
[ "$(jq -r 'select(.event == "different") | "message \(.message)"' "$T/out")" = "$first" ] || { cat "$T/out"; fail "not the first alone"; }
jq -es 'map(select(.event == "different"))[0] | (.fields | length > 0) and (.messages | map(.name) == ["executed", "executed"]) and .messages[0].ring == "sw"
	and (.fields as $f | .messages | .[0][$f[0]] != .[1][$f[0]])' "$T/out" >/dev/null || { cat "$T/out"; fail "not the fields"; }
jq -es '.[-1] | .event == "end" and ( .same == false and .different == 1 and .error == null)' "$T/out" >/dev/null || { cat "$T/out"; fail "no end"; }

# fills that cannot be: the host finds it at the first one; what comes out is right, whoever goes on

shadow gen:seed=3,count=4k,symbols=8 "$FAULTY" --hold
grep -q 'the design is faulty' "$T/fpga.log" || { cat "$T/fpga.log"; fail "the host does not find what cannot be"; }
[ $rc = 0 ] || { cat "$T/out" "$T/err"; fail "found by the host: exit $rc, 0 expected"; }
RUN="--on-device-loss exit"
shadow gen:seed=3,count=4k,symbols=8 "$FAULTY" --hold
[ $fpga = 5 ] || fail "--on-device-loss exit: exit $fpga, 5 expected: $(cat "$T/fpga.log")"
[ $rc = 1 ] || { cat "$T/out" "$T/err"; fail "its output ends: exit $rc, 1 expected"; }
grep -q ' of sw has no counterpart in hw$' "$T/out" || { cat "$T/out"; fail "what is missing is not told"; }
grep -q ' differs: ' "$T/out" && { cat "$T/out"; fail "it differs before it ends"; }
exit 0
