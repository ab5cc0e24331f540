#!/usr/bin/env bash
# The steps of man/nmw-migration.7 run as they stand there, and what each says is what one nmw-match says.
. "$(dirname "$0")/lib.sh"
need jq
page=$PWD/man/nmw-migration.7
SO=$PWD/hw/build/nmw_book.so
steps() { sed -n "/^\.\\\\\" TEST $1\$/,/^\.Ed/p" "$page" | grep -v '^\.'; }
export NMW_BITSTREAM=$SO
ln -s "$PWD/examples" "$T/examples"
cd "$T" || exit 1
set -m

# replies FILE...: what was said, without times and numbers of a run
replies() { jq -rc 'select(.name != "system_event") | del(.seq, .in_seq, .ts_ns, .timestamp)' "$@"; }
reference() { nmw-recv -q "$1" 2>ref.log | nmw-match -q 2>>ref.log | nmw-send -q jsonl:ref.jsonl 2>>ref.log || fail "$(cat ref.log)"; }
stage() { # NAME: pid of the tool of that name
	nmw-stat --json | jq -r "[.tools[] | select(.tool == \"$1\")][0].pid // empty"
}
until_stage() {
	local i
	for ((i = 0; i < 500; i++)); do [ -z "$(stage "$1")" ] || return 0; sleep 0.02; done
	fail "$1 does not run"
}

mapfile -t lines < <(sed -n 's/^\.Dl //p' "$page")
[ ${#lines[@]} = 3 ] || fail "commands before all steps: ${#lines[@]}"
for l in "${lines[@]}"; do
	bash -c "$l" >out 2>err
	rc=$?
	[ $rc = 0 ] || { [[ $l = *doctor ]] && [ $rc = 5 ]; } || { cat out err; fail "exit $rc: $l"; }
done

reference pcap:examples/day.pcap
port=$((20000 + $$ % 20000))
for step in sockets uring; do
	block=$(steps $step)
	[ -n "$block" ] || fail "$step: no commands"
	eval "${block//26400/$port}" >log 2>&1
	until_stage nmw-recv
	for ((i = 0; i < 500; i++)); do
		nmw-stat --json | jq -e '[.rings[] | select(.name == "orders" or .name == "sw") | .consumers | length] == [1, 1]' >/dev/null && break
		sleep 0.02
	done
	[ $step = sockets ] || ! grep -q 'io_uring_disabled' log || { echo "io_uring is forbidden here"; continue; }
	nmw-recv -q pcap:examples/day.pcap 2>src.log | nmw-send -q "udp:127.0.0.1:$port" --pace 5kpps 2>>src.log || fail "$(cat src.log)"
	for ((i = 0; i < 500; i++)); do
		[ "$(wc -l <sw.jsonl)" -ge "$(wc -l <ref.jsonl)" ] && break
		sleep 0.02
	done
	nmw-stat show nmw-recv >figures
	kill "$(stage nmw-recv)"
	wait
	[ "$(replies sw.jsonl | grep -c accepted)" = "$(replies ref.jsonl | grep -c accepted)" ] || { cat log figures; fail "$step: other replies"; }
	echo "step $step: $(wc -l <sw.jsonl) messages"
	rm -f sw.jsonl
done

[ -e "$SO" ] || skip "sockets and io_uring are right; hw/build/nmw_book.so is not there: make hw builds it"
eval "$(steps shadow)" >log 2>&1
sleep 0.5
kill -TERM "$(stage nmw-stat)"
wait
jq -es '.[-1] | .event == "end" and .same and .compared > 4000' shadow.jsonl >/dev/null || { cat log shadow.jsonl; fail "shadow"; }
echo "step shadow: $(jq -s '.[-1].compared' shadow.jsonl) messages compared"

reference gen:seed=1,count=20k,symbols=5
eval "$(steps offload)" >log 2>&1
grep -qE '^S0001 +device' log || { cat log; fail "offload: S0001 is not on the device"; }
end_of=$(replies ref.jsonl | sha256sum)
wait
[ "$(replies sw.jsonl | sha256sum)" = "$end_of" ] || { cat log; fail "offload: other output"; }
rm -f sw.jsonl
echo "step offload: the same output"

reference pcap:examples/day.pcap
eval "$(steps device)" >log 2>&1
wait
[ "$(replies sw.jsonl | sha256sum)" = "$(replies ref.jsonl | sha256sum)" ] || { cat log; fail "device: other output"; }
echo "step device: the same output"
exit 0
