#!/usr/bin/env bash
# What was damaged on the way in is not marked as complete on the way out, and the stages behind know: they
# go on where nmw-recv does, and end with an error where it does (--strict), after all that came before.
. "$(dirname "$0")/lib.sh"
need jq

nmw-recv -q gen:seed=1,count=2000,symbols=3 2>"$T/err" | nmw-match -q --orders 10k --ids 10k 2>>"$T/err" |
	nmw-send -q itch:"$T/whole.itch" || { cat "$T/err"; fail "the whole feed"; }
nmw-recv -q gen:seed=1,count=2000,symbols=3 2>"$T/err" | nmw-send -q pcap:"$T/orders.pcap" || fail "the whole orders"
head -c 100000 "$T/orders.pcap" >"$T/cut.pcap"
size=$(stat -c %s "$T/whole.itch")
head -c $((size - 7)) "$T/whole.itch" >"$T/cut.itch" # within the last message
ends() { tail -c 2 "$1" | od -An -tx1; }
[ "$(ends "$T/whole.itch")" = " 00 00" ] || fail "the whole one has no end mark"

# pipeline "STATUS..." ARGUMENT: orders that end within a packet, one stage in between, one at the end
pipeline() {
	nmw-recv -q pcap:"$T/cut.pcap" ${2:+"$2"} 2>"$T/recv.err" |
		nmw-match -q --orders 10k --ids 10k 2>"$T/match.err" |
		nmw-send -q jsonl:"$T/out.jsonl" pcap:"$T/out.pcap" 2>"$T/send.err"
	status=${PIPESTATUS[*]}
	[ "$status" = "$1" ] || { cat "$T"/*.err; fail "exit $status, $1 expected"; }
}
said() { grep -qE -- "$2" "$T/$1.err" || { cat "$T/$1.err"; fail "$1 does not say: $2"; }; }
end_events() { jq -r 'select(.name == "system_event") | .event_code' "$T/out.jsonl" | grep -c '[MEC]'; }

# borne: the rest goes on to its end, and only the capture has no end mark
pipeline "0 0 0" ""
said send "pcap:.*/out.pcap: is not marked as complete: .*damaged"
n=$(wc -l <"$T/out.jsonl") ended=$(end_events)
# --strict: all that came before is there, the end is not, and each stage says so
pipeline "3 6 6" --strict
for stage in match send; do
	said $stage 'the stage before this one ended with an error: .*the end is missing: look at its error'
done
[ "$ended" -gt 2 ] || fail "the day did not end"
[ "$(end_events) $((n - $(wc -l <"$T/out.jsonl")))" = "0 $ended" ] ||
	fail "--strict: $(end_events) end events, $(wc -l <"$T/out.jsonl") messages; $ended, $n without it"

# one stage only: BinaryFILE without the length 0, with all that was whole
for strict in "" --strict; do
	nmw-recv -q itch:"$T/cut.itch" $strict 2>"$T/recv.err" | nmw-send -q itch:"$T/out.itch" 2>"$T/send.err"
	cmp -n "$(stat -c %s "$T/out.itch")" "$T/out.itch" "$T/cut.itch" || fail "itch $strict: other bytes"
	[ "$(ends "$T/out.itch")" != " 00 00" ] || fail "itch $strict: marked as complete"
done
nmw-recv -q --strict itch:"$T/whole.itch" | nmw-send -q itch:"$T/out.itch" || fail "a whole one: not taken"
cmp "$T/whole.itch" "$T/out.itch" || fail "a whole one is not the same"

# a named ring keeps it for who reads later, and nmw-stat shows it; a tap ends with it as well
nmw-recv -q itch:"$T/cut.itch" --strict -o feed --slots 64K 2>"$T/recv.err" &
recv=$!
nmw-send -q null: -i feed --consumer audit --count 5 2>"$T/send.err" || { cat "$T/send.err"; fail "the first reader"; }
wait $recv
[ $? = 3 ] || { cat "$T/recv.err"; fail "nmw-recv --strict"; }
[ "$(nmw-stat --json | jq -r '.rings[] | select(.name == "feed") | .state')" = failed ] || fail "nmw-stat: not failed"
expect 6 nmw-stat tap feed --jsonl
grep -q 'its producer ended with an error' "$T/err" || { cat "$T/err"; fail "tap: not said"; }
[ -s "$T/out" ] || fail "tap: nothing taken"
expect 6 nmw-send -q null: -i feed --consumer audit
grep -q 'the stage before this one ended with an error' "$T/err" || { cat "$T/err"; fail "late reader: not said"; }
# what comes next under that name is judged by itself
nmw-recv -q itch:"$T/whole.itch" --strict -o feed --slots 64K 2>"$T/recv.err" &
expect 0 nmw-send -q null: -i feed --consumer audit
wait $!
