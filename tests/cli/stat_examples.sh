#!/usr/bin/env bash
# The examples of man/nmw-stat.1 run as they stand there, beside a pipeline.
. "$(dirname "$0")/lib.sh"
need jq
need tshark
mapfile -t examples < <(sed -n 's/^\.Dl //p' man/nmw-stat.1)
[ ${#examples[@]} -ge 4 ] || fail "no examples found"
cd "$T" || exit 1
nmw-recv gen:seed=2,count=10M,symbols=10 -o orders >recv.log 2>&1 &
nmw-match -i orders -o events --orders 50k --ids 12M --lazy >match.log 2>&1 &
nmw-send null: -i events --pace 5kpps >send.log 2>&1 &
for _ in $(seq 100); do
	[ "$(nmw-stat --json | jq '[.rings[] | select(.published | tonumber > 0)] | length')" = 2 ] && break
	sleep 0.05
done
for e in "${examples[@]}"; do
	timeout 60 bash -c "set -o pipefail; $e" >out 2>err || { cat err; fail "exit $?: $e"; }
	[ -s out ] || [ -s nmw.prom ] || fail "nothing written: $e"
	[[ $e != *tshark* ]] || grep -q OUCH out || { head out; fail "nothing decoded: $e"; }
done
exit 0
