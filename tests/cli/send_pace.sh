#!/usr/bin/env bash
# --pace and --rate: the schedule is absolute, and who is told to stop does not wait for it.
. "$(dirname "$0")/lib.sh"
[ -x "$B/bin/nmw-recv" ] || skip "nmw-recv is not built"

ms() { echo $(($(date +%s%N) / 1000000)); }
timed() { # LEAST-MS MOST-MS SPEC ARGS...
	local least=$1 most=$2 spec=$3 t0 took
	shift 3
	t0=$(ms)
	nmw-recv -q "$spec" 2>"$T/src.err" | nmw-send -q "$@" >"$T/out" 2>"$T/err" || { cat "$T/err"; fail "nmw-send $*"; }
	took=$(($(ms) - t0))
	[ "$took" -ge "$least" ] || fail "$took ms, at least $least expected: nmw-send $*"
	[ "$took" -le "$most" ] || fail "$took ms, at most $most expected: nmw-send $*"
}

# 504 messages with the logins; upper bounds are wide: other programs may have the processors
timed 480 3000 gen:seed=1,count=500,symbols=1 null: --pace 1kpps
timed 480 3000 gen:seed=1,count=500,symbols=1 null: --rate 1kpps --burst 7
timed 0 2500 gen:seed=1,count=500,symbols=1 null: --pace max
# generated messages are 1 us apart: 1000 of them at 0.001x take 1 s
timed 900 4000 gen:seed=1,count=1000,symbols=1 null: --pace 0.001x
# paced or not, the same bytes
timed 0 9000 gen:seed=1,count=500,symbols=1 pcap:"$T/paced.pcap" --pace 5kpps
timed 0 9000 gen:seed=1,count=500,symbols=1 pcap:"$T/max.pcap"
cmp "$T/paced.pcap" "$T/max.pcap" || fail "the pace changes the capture"

# a stop ends the waiting: what is there goes at once
nmw-recv -q gen:seed=1,count=500,symbols=1 -o slow 2>"$T/src.err" &
src=$!
nmw-send -i slow jsonl:"$T/stop.jsonl" --pace 1pps 2>"$T/err" &
pid=$!
sleep 0.5
t0=$(ms)
kill -TERM $pid
wait $pid || { cat "$T/err"; fail "exit $? after SIGTERM"; }
[ $(($(ms) - t0)) -le 3000 ] || fail "the pace went on after SIGTERM"
wait $src
[ "$(wc -l <"$T/stop.jsonl")" -ge 500 ] || fail "what was there was not sent: $(wc -l <"$T/stop.jsonl") lines"
