#!/usr/bin/env bash
# nmw-stat list, show, watch, check in each form: with nothing running, and with a pipeline.
. "$(dirname "$0")/lib.sh"
need jq


# ---- nothing is running
expect 0 nmw-stat
grep -q "^nothing is running: no ring and no tool in $NMW_DIR$" "$T/out" || fail "nothing is running: not said"
expect 0 nmw-stat show
expect 0 nmw-stat --json
jq -e '.tools == [] and .rings == [] and (.ts_ns | type) == "string"' "$T/out" >"$T/jq" || fail "empty JSON"
expect 0 nmw-stat --prometheus
grep -q '^nmw_unreadable_files 0$' "$T/out" || fail "empty Prometheus"
expect 0 nmw-stat check
expect 0 nmw-stat reap
expect 6 nmw-stat show orders
grep -q '^nmw-stat: orders: no ring, tool, instance or pid of that name' "$T/err" || fail "missing ring: message"
expect 6 nmw-stat show orders --json
jq -e '.error.exit == 6 and (.error.message | startswith("orders: "))' "$T/out" >"$T/jq" || fail "JSON error"
[ ! -s "$T/err" ] || fail "an error in JSON mode is said twice"

# ---- usage
expect 2 nmw-stat bogus
expect 2 nmw-stat tap
expect 2 nmw-stat list x
expect 2 nmw-stat 5
expect 2 nmw-stat 1ms
grep -q 'out of range' "$T/err" || fail "interval of 1ms"
expect 2 nmw-stat 1s 0
expect 2 nmw-stat --json --prometheus
expect 2 nmw-stat 1s --prometheus
expect 2 nmw-stat reap --prometheus
expect 2 nmw-stat tap x --text --jsonl
for useless in 'list --all' 'show --follow' 'show --count 1' 'watch --wait 1s' 'tap x --hold' 'check --exact' 'doctor -n'; do
	# shellcheck disable=SC2086
	expect 2 nmw-stat $useless
	grep -q 'has no effect on it: leave it out' "$T/err" || fail "$useless: $(cat "$T/err")"
done
nmw-stat >/dev/full 2>"$T/err" && fail "a full stdout is no error"
nmw-stat --json </dev/null >"$T/out" 2>"$T/err" || fail "without a terminal"

# ---- a stage that waits for each message once looks after itself all the same: a reader that died is seen, and figures
# are new, within a second
nmw-recv gen:seed=3,count=0 -o slow -q --pace 150pps 2>/dev/null &
recv=$!
nmw-match -i slow -o said -q --lazy --orders 1k --min-consumers 0 2>/dev/null &
match=$!
until_published slow 30
for _ in $(seq 12); do
	age=$(nmw-stat show nmw-match --json | jq '.tools[0].heartbeat_age_ns | tonumber')
	[ "$age" -lt 1000000000 ] || fail "at 150 messages a second the last heartbeat is $((age / 1000000)) ms old"
	sleep 0.15
done
kill $recv $match
wait

# ---- a pipeline: a paced sink holds it back, so it stands as long as the test needs
nmw-recv gen:seed=3,count=1M,symbols=20 -o orders --name desk >"$T/recv.log" 2>&1 &
recv=$!
nmw-send null: -i orders --pace 20kpps >"$T/send.log" 2>&1 &
send=$!
for _ in $(seq 100); do
	nmw-stat --json >"$T/s.json" || fail "nmw-stat --json"
	[ "$(jq '[.tools[].counters.out_messages | select(. > 100)] | length' "$T/s.json")" = 2 ] && break
	sleep 0.05
done
jq -e '(.tools | length) == 2 and (.rings | length) == 1' "$T/s.json" >"$T/jq" || fail "two tools, one ring"
jq -e --arg p $recv '.tools[] | select(.tool == "nmw-recv") |
	.instance == "desk" and .alive and (.pid | tostring) == $p and .out_ring == "orders" and .state == "running"' \
	"$T/s.json" >"$T/jq" || fail "nmw-recv in JSON"
jq -e --arg p $send '.rings[0] | .name == "orders" and .state == "live" and .producer == "nmw-recv" and
	(.consumers | length) == 1 and .consumers[0].alive and (.consumers[0].pid | tostring) == $p and
	(.published | type) == "string" and (.published | tonumber) >= (.consumers[0].cursor | tonumber)' \
	"$T/s.json" >"$T/jq" || fail "the ring in JSON"
jq -e '.tools[] | .dropped_messages == ([.dropped[]] | add) and (.dropped | has("ring_full")) and .ingress.count > 0 and
	.ingress.p50_ns <= .ingress.p90_ns and .ingress.p90_ns <= .ingress.p99_ns and .ingress.p99_ns <= .ingress.p99_9_ns and
	.ingress.p99_9_ns <= .ingress.p99_99_ns and .ingress.p99_99_ns <= .ingress.max_ns' "$T/s.json" >"$T/jq" || fail "drops, latency"

expect 0 nmw-stat
grep -qE "^nmw-recv +$recv +desk +running" "$T/out" || fail "list: nmw-recv"
grep -qE '^orders +live +nmw-recv +8192 +[0-9]+  unnamed: [0-9]+ behind$' "$T/out" || { cat "$T/out"; fail "list: orders"; }
for name in orders nmw-recv desk $recv; do
	expect 0 nmw-stat show "$name"
	[ "$(grep -cE '^(nmw-|ring )' "$T/out")" = 1 ] || fail "show $name: one object expected"
done
grep -q '  balance   in = out + dropped' "$T/out" || fail "show: balance"
grep -q '  latency   p50 .* p90 .* p99 .* p99.9 .* p99.99 .* max ' "$T/out" || fail "show: latency"
expect 0 nmw-stat show desk --all
grep -q '^    bad_tcp  *0  malformed TCP header$' "$T/out" || fail "show --all: every reason"
expect 0 nmw-stat show
grep -q $'\033' "$T/out" && fail "colour without a terminal"
expect 0 nmw-stat check

# ---- intervals
expect 0 nmw-stat 20ms 3
[ "$(grep -c '^nmw-recv' "$T/out")" = 3 ] || fail "three intervals"
[ "$(grep -c '^TOOL' "$T/out")" = 1 ] || fail "one head"
expect 0 nmw-stat watch 20ms --count 2 --json
[ "$(wc -l <"$T/out")" = 2 ] || fail "a line an interval"
jq -es 'all(.[]; (.tools | length) == 2 and (.interval_ns | tonumber) > 1e6)' "$T/out" >"$T/jq" || fail "JSON Lines"
nmw-stat 10s >"$T/out" 2>&1 &
watch=$!
sleep 0.2
kill -INT $watch
wait $watch || fail "SIGINT in an interval: exit $?"
[ "$(nmw-stat 20ms --json | head -n 1 | wc -l)" = 1 ] || fail "a reader that ends"

# ---- Prometheus
expect 0 nmw-stat --prometheus
cp "$T/out" "$T/prom"
grep -qE "^nmw_out_messages_total\{tool=\"nmw-recv\",pid=\"$recv\",instance=\"desk\"\} [1-9]" "$T/prom" || fail "a counter"
grep -qE '^nmw_dropped_messages_total\{.*reason="ring_full"\} 0$' "$T/prom" || fail "a reason"
grep -qE '^nmw_ring_behind_messages\{ring="orders",consumer="",index="0"\} [0-9]+$' "$T/prom" || fail "occupancy"
awk -F'[{} ]' '/^nmw_ingress_seconds_bucket.*nmw-send/ { if ($NF + 0 < last + 0) exit 1; last = $NF }
	/^nmw_ingress_seconds_count.*nmw-send/ { if ($NF != last) exit 1; seen = 1 } END { exit !seen }' "$T/prom" ||
	fail "buckets do not add up"
if command -v promtool >/dev/null; then
	promtool check metrics <"$T/prom" >"$T/out" 2>&1 || { cat "$T/out"; fail "promtool"; }
	[ ! -s "$T/out" ] || { cat "$T/out"; fail "promtool has remarks"; }
else
	skip "promtool is not installed: the rest passed"
fi
exit 0
