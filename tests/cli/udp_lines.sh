#!/usr/bin/env bash
# Market data over UDP: two lines that lose 10 % each, requests for what both lost; the order of the sequence.
. "$(dirname "$0")/lib.sh"
need python3
need jq
P=$((20000 + $$ % 10000)) # ports from here on
run=()
cleanup() { for p in "${run[@]}"; do kill "$p" 2>/dev/null; done; rm -rf "$T"; }
trap cleanup EXIT
GEN=gen:seed=7,count=20k,symbols=5

wait_for() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "waited in vain: $*"
		sleep 0.05
	done
}

lossy() { # PERCENT PAIR...
	# shellcheck disable=SC2154
	python3 tests/cli/lossy.py 42 "$@" >"$T/lossy.out" &
	lossy=$!
	run+=("$lossy")
	wait_for 10 grep -q ready "$T/lossy.out"
}

receive() { # SPEC
	nmw-recv -q "$1" --once --io "${IO:-auto}" 2>"$T/recv.err" | nmw-send -q itch:"$T/got.itch" 2>"$T/got.err" &
	receiver=$!
	run+=("$receiver")
	wait_for 10 grep -q "ring nmw-recv" "$T/recv.err"
}

send() { # SPEC
	nmw-recv -q $GEN 2>"$T/gen.err" | nmw-match -q 2>"$T/match.err" |
		nmw-send -q "$1" itch:"$T/sent.itch" --heartbeat 100ms --linger 1s --pace 300kpps 2>"$T/send.err" ||
		{ cat "$T/send.err"; fail "nmw-send $1"; }
}

same() { # WHAT
	wait $receiver || { cat "$T/recv.err" "$T/got.err"; fail "$1: the receiver ended with $?"; }
	cmp "$T/sent.itch" "$T/got.itch" || { cat "$T/recv.err"; fail "$1: not what was sent"; }
	kill "$lossy" && wait "$lossy" 2>/dev/null
	P=$((P + 10))
}

# one line of two loses: the other has it
lossy 10 $P:$((P + 2))
receive "udp:127.0.0.1:$((P + 2)),udp:127.0.0.1:$((P + 1))?first=1"
send "udp:127.0.0.1:$P,udp:127.0.0.1:$((P + 1))"
same "one line loses"
grep -q "line 1: .* first" "$T/recv.err" || fail "how the lines did is not said"

# both lose: what both lost is asked for
lossy 10 $P:$((P + 2)) $((P + 1)):$((P + 3))
receive "udp:127.0.0.1:$((P + 2)),udp:127.0.0.1:$((P + 3))?first=1&rerequest=127.0.0.1:$((P + 4))"
send "udp:127.0.0.1:$P,udp:127.0.0.1:$((P + 1))?rerequest=127.0.0.1:$((P + 4))"
same "both lines lose"
grep -q "requests for what was lost; 0 gaps" "$T/recv.err" || { cat "$T/recv.err"; fail "no requests, or gaps"; }

# the same without io_uring
IO=epoll
lossy 10 $P:$((P + 2)) $((P + 1)):$((P + 3))
receive "udp:127.0.0.1:$((P + 2)),udp:127.0.0.1:$((P + 3))?first=1&rerequest=127.0.0.1:$((P + 4))"
send "udp:127.0.0.1:$P,udp:127.0.0.1:$((P + 1))?rerequest=127.0.0.1:$((P + 4))"
same "both lines lose, epoll"
IO=auto

# one line that loses half
lossy 50 $P:$((P + 2))
receive "udp:127.0.0.1:$((P + 2))?first=1&rerequest=127.0.0.1:$((P + 4))"
send "udp:127.0.0.1:$P?rerequest=127.0.0.1:$((P + 4))"
same "half is lost"

# what is answered after the end is counted at once
nmw-recv -q gen:seed=7,count=100,symbols=1 2>"$T/gen.err" | nmw-match -q 2>"$T/match.err" |
	nmw-send -q "udp:127.0.0.1:$P?session=DAY&rerequest=127.0.0.1:$((P + 4))" --linger 30s 2>"$T/send.err" &
sender=$!
run+=("$sender")
all_sent() { [ "$(nmw-stat --json | jq '[.tools[] | select(.tool == "nmw-recv" or .tool == "nmw-match")] | length')" = 0 ]; }
asked() {
	python3 - $((P + 4)) <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.sendto(b"DAY".ljust(10) + struct.pack(">QH", 1, 5), ("127.0.0.1", int(sys.argv[1])))
sys.exit(s.recv(2000)[10:20] != struct.pack(">QH", 1, 5))
END
}
counted() {
	[ "$(nmw-stat --json | jq -r '.tools[] | select(.tool == "nmw-send") | .counters | "\(.rerequests) \(.rerequest_messages)"')" = "1 5" ]
}
sleep 0.5
wait_for 10 all_sent
asked || fail "no answer after the end"
wait_for 5 counted
kill -TERM $sender
sleep 0.2
kill -TERM $sender
wait $sender
P=$((P + 10))

# a line that nothing goes out on any more is counted apart; the other has everything
gone() {
	ip link set lo up && ip link add gone type veth peer name far || exit 77
	ip addr add 10.9.0.1/24 dev gone && ip link set far up && ip link set gone up || exit 77
	(
		sleep 0.5
		ip link set gone down
		nmw-recv -q gen:seed=7,count=100,symbols=1
	) 2>"$T/gen.err" | nmw-match -q 2>"$T/match.err" | nmw-send udp:127.0.0.1:9,udp:10.9.0.9:9 2>"$T/send.err"
}
if [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
	export -f gone
	unshare -n bash -c gone
	rc=$?
	[ $rc = 0 ] || [ $rc = 77 ] || fail "a line gone: $(cat "$T/send.err")"
	[ $rc = 77 ] || grep -qE 'out ([0-9]+), dropped .*, line_missed \1' "$T/send.err" || fail "not counted: $(cat "$T/send.err")"
fi

# a group
ip link show lo | grep -q MULTICAST || ip route get 239.255.77.7 >"$T/route" 2>&1 || { echo "no multicast here"; exit 0; }
lossy 0 $((P + 5)):$((P + 6))
receive "udp:239.255.77.7:$P%lo?first=1"
send "udp:239.255.77.7:$P%lo?ttl=1"
same "multicast"
