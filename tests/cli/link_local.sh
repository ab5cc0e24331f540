#!/usr/bin/env bash
# Link-local addresses of IPv6: a group and a listener on their interface; without one the message says so.
if [ -z "$NMW_TEST_NETNS" ]; then
	unshare -n true 2>/dev/null || { echo "no network namespaces here"; exit 77; }
	NMW_TEST_NETNS=1 exec unshare -n "$0"
fi
. "$(dirname "$0")/lib.sh"
need python3
need ip
PORT=26400
run=()
cleanup() { for p in "${run[@]}"; do kill "$p" 2>/dev/null; done; rm -rf "$T"; }
trap cleanup EXIT

wait_for() { # COMMAND...: until it holds, 10 s at most
	for _ in $(seq 200); do
		"$@" && return 0
		sleep 0.05
	done
	cat "$T"/*.err
	fail "did not happen in 10 s: $*"
}

refused() { # WORDS TOOL ARGS...
	local words=$1 status
	shift
	timeout 10 "$@" >"$T/out" 2>"$T/err"
	status=$?
	[ $status = 2 ] || { cat "$T/err"; fail "$*: exit $status, 2 expected"; }
	grep -q "$words" "$T/err" || { cat "$T/err"; fail "$*: '$words' expected"; }
}

ip link add va type veth peer name vb || skip "no veth here"
for i in va vb; do
	echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad 2>/dev/null || skip "no IPv6 here"
	ip link set $i up
done
ip link set lo up
link_local() { ip -6 -o addr show dev "$1" scope link | sed -n 's/.*inet6 \([^/]*\).*/\1/p'; }
has_address() { [ -n "$(link_local va)" ] && [ -n "$(link_local vb)" ]; }
wait_for has_address

# a group
nmw-recv -q "udp:[ff02::77]:$PORT%vb?first=1" --once 2>"$T/recv.err" | nmw-send -q itch:"$T/got.itch" 2>"$T/got.err" &
receiver=$!
run+=("$receiver")
wait_for grep -q "ring nmw-recv" "$T/recv.err"
nmw-recv -q gen:seed=3,count=2k,symbols=3 2>"$T/gen.err" | nmw-match -q 2>"$T/match.err" |
	nmw-send -q "udp:[ff02::77]:$PORT%va" itch:"$T/sent.itch" 2>"$T/send.err" || { cat "$T/send.err"; fail "nmw-send"; }
wait $receiver || { cat "$T/recv.err" "$T/got.err"; fail "the receiver ended with $?"; }
cmp "$T/sent.itch" "$T/got.itch" || fail "not what was sent"

# a listener
cat >"$T/accounts.json" <<END
{"accounts":[{"user":"ALICE","password":"\$6\$rounds=1000\$nmwnmwnmw\$da106AGvfX3MqnXSAY.AhklV5lww5WVqGKpieU7MQvzd6gkW.5kCMt7Ql6XDDz47oFO2ftmP.mXXWMoEuluOI."}]}
END
chmod 600 "$T/accounts.json"
here=$(link_local va)
nmw-recv -q "tcp:[$here]:$PORT%va" --accounts "$T/accounts.json" -o o --min-consumers 0 2>"$T/tcp.err" &
run+=($!)
wait_for grep -q "port $PORT:" "$T/tcp.err"
python3 - "$here" $PORT <<'END' || fail "nobody answers at $here%va"
import socket, sys
s = socket.create_connection((sys.argv[1] + "%va", int(sys.argv[2])), 5)
s.sendall(b"\0\1?")
s.settimeout(5)
assert s.recv(1) == b""  # nonsense: it is closed
END

# a client and its replies, and a request for one that was lost
nmw-recv -q "udp:[$here]:$((PORT + 1))%va" 2>"$T/orders.err" | nmw-match -q --no-feed 2>"$T/engine.err" |
	nmw-send -q "udp:reply%va?rerequest=[$here]:$((PORT + 2))" 2>"$T/reply.err" &
run+=($!)
wait_for grep -q "engine:" "$T/engine.err"
wait_for grep -q "udp: 1 lines" "$T/orders.err"
python3 - "$here" "$(link_local vb)" $((PORT + 1)) <<'END' || { cat "$T"/{orders,engine,reply}.err; fail "no replies to a client at $(link_local vb)%vb"; }
import socket, struct, sys
server, own, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
vb = socket.if_nametoindex("vb")
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind((own, 0, 0, vb))
s.settimeout(5)
order = b"O" + b"A1".ljust(14) + b"B" + struct.pack(">I", 100) + b"AAPL".ljust(8) + struct.pack(">II", 10000, 99999)
order += b"FIRM" + b"YPN" + struct.pack(">I", 0) + b"NR"
s.sendto(b"CLIENT".ljust(10) + struct.pack(">QH", 1, 1) + struct.pack(">H", len(order)) + order, (server, port, 0, vb))
def reply(kind):
    p, source = s.recvfrom(2048)
    assert source[:2] == (server, port + 1), source
    name, seq, count = struct.unpack(">10sQH", p[:20])
    return name == b"CLIENT".ljust(10) and count not in (0, 0xffff) and kind in (p[22 + i:23 + i] for i in (0, 12))
while not reply(b"A"):
    pass
s.sendto(b"CLIENT".ljust(10) + struct.pack(">QH", 1, 1), (server, port + 1, 0, vb))
while not reply(b"S"):
    pass
END

# without their interface, or with one that is not there
refused "link-local address, and no interface: \[ff02::77\]:1%eth0" nmw-recv "udp:[ff02::77]:1" -o x
refused "link-local address, and no interface" nmw-send "udp:[ff02::77]:1" -i x --wait 1s
refused "link-local address, and no interface" nmw-recv "tcp:[$here]:1" --accounts "$T/accounts.json" -o x
refused "link-local address, and no interface" nmw-send "udp:reply?rerequest=[$here]:1" -i x
refused "no interface nope0" nmw-send "udp:reply%nope0" -i x
refused "no interface nope0" nmw-recv "tcp:[$here]:1%nope0" --accounts "$T/accounts.json" -o x
