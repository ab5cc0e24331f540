#!/usr/bin/env bash
# --on-full drop: what came in went out or was dropped, to the message, also when a signal ends it.
. "$(dirname "$0")/lib.sh"
need jq

for round in 1 2 3; do
	nmw-recv gen:count=1G -o "x$round" --on-full drop --slots 64 2>"$T/err" &
	recv=$!
	timeout 20 nmw-send null: -i "x$round" --consumer slow --count 100 -q || fail "the reader: exit $?"
	sleep 0.3
	kill -INT $recv
	wait $recv || fail "exit $?: $(cat "$T/err")"
	read -r in out dropped < <(sed -nE 's/.*in ([0-9]+) .*out ([0-9]+), dropped ([0-9]+).*/\1 \2 \3/p' "$T/err")
	[ "${dropped:-0}" -gt 0 ] || fail "nothing was dropped: $(cat "$T/err")"
	[ $((out + dropped)) = "$in" ] || fail "in $in is not out $out and dropped $dropped"
done
# what has holes is not marked as complete
state=$(nmw-stat --json | jq -r '.rings[] | select(.name == "x3") | .state')
[ "$state" = damaged ] || fail "ring with holes: $state, damaged expected"
expect 0 nmw-send pcap:"$T/holes.pcap" -i x3 --consumer slow -q
grep -q 'is not marked as complete' "$T/err" || { cat "$T/err"; fail "a capture with holes: marked as complete"; }
