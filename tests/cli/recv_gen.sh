#!/usr/bin/env bash
# The generator: the same flow at any burst, as a capture and back, and its own errors.
. "$(dirname "$0")/lib.sh"
need jq
spec=seed=3,count=20k,symbols=10,sessions=3

for burst in 1 7 64; do
	nmw-recv -q --burst $burst gen:$spec 2>"$T/f" | nmw-send -q text:"$T/t.$burst"
	cmp "$T/t.$burst" "$T/t.1" || fail "--burst $burst"
done
[ "$(wc -l <"$T/t.1")" = 20003 ] || fail "count"
# ingress times differ from run to run, everything else is the same to the bit
nmw-recv -q gen:$spec,codec=ouch50 2>"$T/f" | nmw-send -q jsonl:"$T/j"
[ "$(jq -r 'select(.channel == "order") | .codec' "$T/j" | sort -u)" = ouch50 ] || fail "codec=ouch50"
[ "$(head -n 4 "$T/j" | jq -r '[.ts_ns, .name, .session] | join(" ")' | xargs)" = \
	"1767623400000000000 login 1 1767623400000001000 login 2 1767623400000002000 login 3 1767623400000003000 enter_order $(sed -n 4p "$T/j" | jq -r .session)" ] ||
	fail "logins come first, a microsecond apart"

# Through a capture: the same orders, at the same times, of the same sessions.
for codec in ouch42 ouch50; do
	nmw-recv -q gen:$spec,codec=$codec 2>"$T/f" | nmw-send -q pcap:"$T/c.pcap"
	nmw-recv -q gen:$spec,codec=$codec 2>"$T/f" | nmw-send -q jsonl:"$T/direct"
	nmw-recv -q --strict pcap:"$T/c.pcap" 2>"$T/f" | nmw-send -q jsonl:"$T/captured"
	[ "${PIPESTATUS[0]}" = 0 ] || fail "$codec: a capture of our own is not clean"
	for j in direct captured; do
		jq -c 'select(.channel == "order") | del(.ingress_ns, .in_seq)' "$T/$j" >"$T/$j.orders"
	done
	[ -s "$T/direct.orders" ] || fail "$codec: no orders"
	cmp "$T/direct.orders" "$T/captured.orders" || fail "$codec: through a capture"
done

errs() { # PATTERN ARGUMENTS...
	local pattern=$1
	shift
	expect 2 nmw-recv -o never "$@"
	grep -qE -- "$pattern" "$T/err" || { cat "$T/err"; fail "$*: no '$pattern'"; }
	[ "$(wc -l <"$T/err")" = 1 ] || fail "$*: one line of message expected"
}
errs '^nmw-recv: gen: unknown key cuont: did you mean count\?' gen:cuont=5
errs '^nmw-recv: gen: symbols: .*1\.\.' gen:symbols=0
errs '^nmw-recv: gen: add \+ cancel' gen:add=99
errs '^nmw-recv: gen: .*codec=ouch50' gen: --codec ouch50
[ -z "$(ls "$NMW_DIR")" ] || fail "an error left something behind"

# An endless flow stops at a signal, drains, and ends well.
nmw-recv gen:count=0 2>"$T/f" | nmw-send -q null: &
pipe=$!
for _ in $(seq 100); do
	sleep 0.05
	recv=$(pgrep -P $$ -x nmw-recv) && break
done
sleep 0.3
kill -INT "$recv" || fail "no process to stop"
wait $pipe || fail "the pipeline ended with $?"
grep -q 'dropped 0' "$T/f" || { cat "$T/f"; fail "final figures"; }

# Thousands of sessions at once.
many=seed=4,count=20k,sessions=6000,symbols=2
nmw-recv -q gen:$many 2>"$T/f" | nmw-send -q pcap:"$T/c.pcap"
nmw-recv -q gen:$many 2>"$T/f" | nmw-send -q jsonl:"$T/direct"
nmw-recv -q --strict pcap:"$T/c.pcap" 2>"$T/f" | nmw-send -q jsonl:"$T/captured"
for j in direct captured; do
	grep '"channel":"order"' "$T/$j" | sed 's/"in_seq":"[0-9]*",//' >"$T/$j.orders"
done
cmp "$T/direct.orders" "$T/captured.orders" || fail "6000 sessions through a capture"
