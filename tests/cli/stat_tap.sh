#!/usr/bin/env bash
# nmw-stat tap: a capture that tshark decodes, lines, its ends, and what it misses.
. "$(dirname "$0")/lib.sh"
need jq

pids=''
last_line() { tail -n 1 "$1"; }

expect 6 nmw-stat tap orders --text
grep -q '^nmw-stat: ring orders: not there' "$T/err" || fail "missing ring"
expect 6 nmw-stat tap orders --jsonl --json
jq -e .error.message "$T/out" >"$T/jq" || fail "JSON error"
expect 6 nmw-stat tap orders --text --wait 50ms
[ ! -s "$T/out" ] || fail "missing ring: something on stdout"
expect 6 nmw-stat tap orders --wait 50ms
[ ! -s "$T/out" ] || fail "missing ring: a capture on stdout"

# ---- from the first message to the end of the ring: all taps see the same
nmw-recv gen:seed=5,count=3k,symbols=5 -o orders >"$T/recv.log" 2>&1 &
recv=$!
pids="$recv"
nmw-stat tap orders --wait 10s >"$T/tap.pcap" 2>"$T/pcap.err" &
pcap=$!
nmw-stat tap orders --wait 10s --jsonl >"$T/tap.jsonl" 2>"$T/jsonl.err" &
jsonl=$!
nmw-stat tap orders --wait 10s --text --count 7 >"$T/tap.text" 2>"$T/text.err" &
text=$!
pids="$pids $pcap $jsonl $text"
sleep 0.3
nmw-send jsonl:"$T/sink.jsonl" -i orders >"$T/send.log" 2>&1 || fail "nmw-send"
wait $recv || fail "nmw-recv"
for p in $pcap $jsonl $text; do
	wait "$p" || { cat "$T"/*.err; fail "tap: exit $?"; }
done
pids=''
cmp "$T/sink.jsonl" "$T/tap.jsonl" || fail "the tap's lines differ from those of nmw-send jsonl:"
n=$(wc -l <"$T/sink.jsonl")
[ "$(last_line "$T/jsonl.err")" = "nmw-stat: ring orders: $n messages, 0 missed, 0 that this form cannot carry" ] ||
	{ cat "$T/jsonl.err"; fail "figures"; }
[ "$(wc -l <"$T/tap.text")" = 7 ] || fail "--count 7: $(wc -l <"$T/tap.text") lines"
nmw-recv pcap:"$T/tap.pcap" 2>"$T/again.err" | nmw-send jsonl:"$T/again.jsonl" 2>>"$T/again.err" || fail "the capture is not read"
ouch() { jq -c 'select(.channel == "order") | [.session, .type, .order_token, .shares, .price]' "$1"; }
[ "$(ouch "$T/sink.jsonl" | wc -l)" -ge 2900 ] || fail "orders in the capture"
cmp <(ouch "$T/sink.jsonl") <(ouch "$T/again.jsonl") || fail "the capture has other orders"
if command -v tshark >/dev/null; then
	tshark -r "$T/tap.pcap" -d tcp.port==9001,soupbintcp -Y '_ws.malformed || tcp.analysis.flags' >"$T/bad" 2>"$T/tshark.err"
	[ ! -s "$T/bad" ] || { head "$T/bad"; fail "tshark has complaints"; }
	tshark -r "$T/tap.pcap" -d tcp.port==9001,soupbintcp -Y ouch >"$T/ouch" 2>"$T/tshark.err"
	[ "$(wc -l <"$T/ouch")" -ge 2900 ] || fail "tshark decodes $(wc -l <"$T/ouch") orders"
fi

# ---- ends: a signal, a reader that stops, a stdout that is full
start() {
	nmw-recv gen:seed=5,count=500k -o "$1" >"$T/recv.log" 2>&1 &
	recv=$!
	nmw-send null: -i "$1" --pace 5kpps >"$T/send.log" 2>&1 &
	pids="$recv $!"
	for _ in $(seq 100); do
		[ "$(nmw-stat --json | jq "[.rings[] | select(.name == \"$1\" and (.published | tonumber) > 100)] | length")" = 1 ] && return
		sleep 0.05
	done
	fail "nothing comes"
}
end() {
	# shellcheck disable=SC2086
	kill -9 $pids
	# shellcheck disable=SC2086
	wait $pids 2>/dev/null
	pids=''
}
start busy
nmw-stat tap busy >"$T/part.pcap" 2>"$T/part.err" &
tap=$!
sleep 0.3
kill -INT $tap
wait $tap || { cat "$T/part.err"; fail "SIGINT: exit $?"; }
nmw-recv pcap:"$T/part.pcap" --strict 2>"$T/again.err" | nmw-send null: 2>"$T/send.err" || { cat "$T/again.err"; fail "a cut packet"; }
nmw-stat tap busy --text 2>"$T/err" | head -n 3 >"$T/out"
[ "$(wc -l <"$T/out")" = 3 ] || fail "three lines"
nmw-stat tap busy --text 2>"$T/err" >/dev/full && fail "a full stdout is no error"
[ $? != 141 ] || fail "killed by SIGPIPE"
grep -q 'No space left on device' "$T/err" || { cat "$T/err"; fail "a full stdout is not said"; }

# a dead producer's ring stays, the tap waits for it, until it is reaped
nmw-stat tap busy >"$T/dead.pcap" 2>"$T/dead.err" &
tap=$!
sleep 0.2
end
for _ in $(seq 60); do
	grep -q 'its producer died: waiting' "$T/dead.err" && break
	sleep 0.05
done
kill -0 $tap 2>/dev/null || { cat "$T/dead.err"; fail "a tap does not wait for a dead producer"; }
expect 0 nmw-stat reap
wait $tap
[ $? = 6 ] || { cat "$T/dead.err"; fail "a ring that went: exit 6 expected"; }

# ---- too slow: what is missed is counted, and is exit 7; the producer is not held back
nmw-recv gen:seed=5,count=300k --slots 64 -o small >"$T/recv.log" 2>&1 &
recv=$!
pids=$recv
(
	nmw-stat tap small --jsonl --wait 10s 2>"$T/slow.err"
	echo $? >"$T/slow.rc"
) | (
	sleep 2
	cat >"$T/slow.jsonl"
) &
slow=$!
sleep 0.3
nmw-send null: -i small >"$T/send.log" 2>&1 || fail "nmw-send"
wait $recv || fail "nmw-recv"
wait $slow
pids=''
[ "$(cat "$T/slow.rc")" = 7 ] || { cat "$T/slow.err"; fail "overrun: exit $(cat "$T/slow.rc"), 7 expected"; }
grep -q 'overrun: [0-9]* messages missed' "$T/slow.err" || fail "overrun is not said"
jq -es 'map(.seq | tonumber) | . == (sort | unique)' "$T/slow.jsonl" >"$T/jq" || fail "order, or a line that is cut"
read -r seen missed <<<"$(sed -nE 's/.*: ([0-9]+) messages, ([0-9]+) missed.*/\1 \2/p' "$T/slow.err" | tail -n 1)"
[ $((seen + missed)) = "$(sed -nE 's/.*out ([0-9]+), .*/\1/p' "$T/recv.log" | tail -n 1)" ] || fail "seen $seen + missed $missed"
exit 0
