#!/usr/bin/env bash
# --pace and --rate: the schedule is absolute, and who is told to stop does not wait for it.
. "$(dirname "$0")/lib.sh"
[ -x "$B/bin/nmw-recv" ] || skip "nmw-recv is not built"

ms() { echo $(($(date +%s%N) / 1000000)); }
timed() { # LEAST-MS SPEC ARGS...
	local least=$1 spec=$2 t0 took
	shift 2
	t0=$(ms)
	nmw-recv -q "$spec" 2>"$T/src.err" | nmw-send -q "$@" >"$T/out" 2>"$T/err" || { cat "$T/err"; fail "nmw-send $*"; }
	took=$(($(ms) - t0))
	[ "$took" -ge "$least" ] || fail "$took ms, at least $least expected: nmw-send $*"
}

# 504 messages with the logins. Only the least time is asserted: other programs may have the processors. That the
# schedule is no slower than asked is for tests/unit/test_pace.c, where nobody waits.
timed 480 gen:seed=1,count=500,symbols=1 null: --pace 1kpps
timed 480 gen:seed=1,count=500,symbols=1 null: --rate 1kpps --burst 7
timed 0 gen:seed=1,count=500,symbols=1 null: --pace max
# generated messages are 1 us apart: 1000 of them at 0.001x take 1 s
timed 900 gen:seed=1,count=1000,symbols=1 null: --pace 0.001x
# paced or not, the same bytes
timed 0 gen:seed=1,count=500,symbols=1 pcap:"$T/paced.pcap" --pace 5kpps
timed 0 gen:seed=1,count=500,symbols=1 pcap:"$T/max.pcap"
cmp "$T/paced.pcap" "$T/max.pcap" || fail "the pace changes the capture"

# a few hundred messages a second: both look after themselves as often as at any rate
timeout 20 nmw-recv -q gen:seed=1,count=5000,symbols=1 --pace 300pps -o few 2>"$T/src.err" &
timeout 20 nmw-send -q -i few null: --pace 300pps 2>"$T/err" &
until_published few 400
nmw-stat --json | jq -e '[.tools[].heartbeat_age_ns | tonumber] | length == 2 and max < 900000000' >/dev/null ||
	fail "heartbeats: $(nmw-stat --json | jq -c '[.tools[] | [.tool, .heartbeat_age_ns]]')"
kill %% %-
wait

# a stop ends the waiting: what is there goes at once, and not in the hour and more that the pace would take
nmw-recv -q gen:seed=1,count=5000,symbols=1 -o slow 2>"$T/src.err" &
src=$!
nmw-send -i slow jsonl:"$T/stop.jsonl" --pace 1pps 2>"$T/err" &
pid=$!
until_published slow 5000
kill -TERM $pid
wait $pid || { cat "$T/err"; fail "exit $? after SIGTERM"; }
wait $src
[ "$(wc -l <"$T/stop.jsonl")" -ge 5000 ] || fail "what was there was not sent: $(wc -l <"$T/stop.jsonl") lines"
