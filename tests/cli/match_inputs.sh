#!/usr/bin/env bash
# nmw-match with several inputs and a journal: a restart knows the ids that their sessions got, from a snapshot and
# from the log, whatever the order of -i.
. "$(dirname "$0")/lib.sh"
need jq
small=(--orders 20k --ids 200k --symbols-max 64 --sessions 64 --timers 1k --window 256)
said() { jq -c 'del(.seq)' "$@"; } # without their place on the ring
for kept in snapshot log; do
	rm -rf "$T/j" "$T/one" "$T/two"
	nmw-recv gen:seed=1,count=8k,sessions=3,symbols=4 -o left --pace 8kpps >"$T/recv.log" 2>&1 &
	left=$!
	nmw-recv gen:seed=2,count=8k,sessions=2,symbols=4 -o right --pace 8kpps >"$T/recv.log" 2>&1 &
	right=$!
	several() { nmw-match "${small[@]}" -i "$1" -i "$2" -o both --wait 20s --journal "$T/j" >"$T/match.log" 2>&1; }
	nmw-send jsonl:"$T/one" -i both --consumer sink --wait 20s >"$T/send.log" 2>&1 &
	send=$!
	(exec nmw-match "${small[@]}" -i left -i right -o both --wait 20s --journal "$T/j" >"$T/match.log" 2>&1) &
	m=$!
	until_published both 4000
	kill -TERM $m
	wait $m || { cat "$T/match.log"; fail "several inputs, SIGTERM: exit $?"; }
	wait $send || fail "several inputs: the first sink"
	[ $kept = snapshot ] || rm -f "$T"/j/snap.*
	nmw-send jsonl:"$T/two" -i both --consumer sink --wait 20s >"$T/send.log" 2>&1 &
	send=$!
	several right left || { cat "$T/match.log"; fail "several inputs, started again: exit $?"; }
	wait $send $left $right || fail "several inputs: the second sink"
	ids=$(jq -sc 'map(select(.channel == "reply") | .session) | unique' "$T/two")
	[ "$ids" = '[1,2,3,4,5]' ] || { cat "$T/match.log"; fail "ids after a restart from the $kept: $ids"; }
	nmw-recv journal:"$T/j" -q 2>"$T/log" | nmw-match "${small[@]}" -q 2>>"$T/log" | nmw-send -q jsonl:"$T/again" 2>>"$T/log" ||
		{ cat "$T/log"; fail "several inputs: nmw-recv journal:"; }
	cmp <(said "$T/again") <(said "$T/one" "$T/two") || fail "several inputs: the log gives another output"
done
