#!/usr/bin/env bash
# A client with a kernel's socket enters OUCH orders over a veth pair and gets its replies through nmw-recv dpdk: |
# nmw-match | nmw-send dpdk:, both on the same end of the link, with net_af_packet and with net_af_xdp and
# net_af_packet for the way back; ARP and ping are answered; the capture of the link decodes.
. "$(dirname "$0")/lib.sh"
nmw-send --version | grep -q dpdk || skip "built without DPDK"
[ "$(id -u)" = 0 ] || skip "not root"
need ip
need tshark
need ping
need ethtool
NMW_DIR=$(mktemp -d /dev/shm/nmw-orders-XXXXXX) # net_af_xdp takes no pages of a disk's files
veth_pair no
# a driver of DPDK's that reads frames as they are on the wire wants their sums to be there
ip netns exec "$ns" ethtool -K "$there" tx off >/dev/null 2>&1

cat >"$T/client.py" <<'PY'
import socket, struct, sys, time
N = 200
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 0))
s.settimeout(10)
name = b"CLIENT0001"
def order(i):
    # enter order of OUCH 4.2: every second one sells what the one before bought
    return struct.pack(">c14scI8sII4scccIcc", b"O", b"T%-13d" % i, b"BS"[i % 2:i % 2 + 1], 100, b"AAPL    ", 1500000,
                       99998, b"FIRM", b"Y", b"P", b"N", 0, b"N", b"R")
types, seq = "", 1
for i in range(N):
    m = order(i)
    s.sendto(name + struct.pack(">QH", i + 1, 1) + struct.pack(">H", len(m)) + m, ("10.9.0.1", 5000))
    want = 1 + i + 1 + 2 * ((i + 1) // 2) # the start of the day, accepted, two executions for each pair
    while len(types) < want:
        p, sender = s.recvfrom(2048)
        assert sender == ("10.9.0.1", 5000), sender
        got, first, count = p[:10], *struct.unpack(">QH", p[10:20])
        assert got == name, got
        if count == 0:
            continue
        assert first == seq, (first, seq)
        at = 20
        for _ in range(count):
            n, = struct.unpack(">H", p[at:at + 2])
            types += p[at + 2:at + 3].decode()
            at += 2 + n
        seq += count
assert types == "S" + "AAEE" * (N // 2), types
print("orders", N, "replies", len(types))
PY

chain() { # NAME RECEIVER SENDER
	local name=$1 in=$2 out=$3
	timeout 120 nmw-recv "dpdk:$in,addr=10.9.0.1/24:5000" -o "$name" -- --no-huge 2>"$T/$name.recv" &
	local recv=$!
	timeout 120 nmw-match -i "$name" -o "$name.out" -q --wait 30s 2>"$T/$name.match" &
	timeout 120 nmw-send "dpdk:$out,addr=10.9.0.1/24:5000,to=reply,answer=off" -i "$name.out" --wait 30s -- --no-huge \
		2>"$T/$name.send" &
	local send=$! i
	for ((i = 0; i < 30; i++)); do
		ip netns exec "$ns" ping -c 1 -W 1 10.9.0.1 >"$T/ping" 2>&1 && break
		kill -0 $recv 2>/dev/null || break
	done
	grep -q ' 0% packet loss' "$T/ping" || fail "$name: no answer to ping: $(cat "$T/ping" "$T/$name.recv")"
	grep -q 'DUP' "$T/ping" && fail "$name: two answers to ping"
	ip netns exec "$ns" ip neigh show 10.9.0.1 | grep -q lladdr || fail "$name: no ARP"
	ip netns exec "$ns" timeout 60 tshark -i "$there" -f 'udp port 5000 or arp or icmp' -w "$T/$name.pcap" -q 2>/dev/null &
	local shark=$!
	for ((i = 0; i < 100; i++)); do # it captures: what was sent after it began is there
		sleep 0.1
		ip netns exec "$ns" ping -c 1 -W 1 10.9.0.1 >"$T/ping" 2>&1
		[ -s "$T/$name.pcap" ] && tshark -r "$T/$name.pcap" -Y icmp.type==0 2>/dev/null | grep -q . && break
	done
	ip netns exec "$ns" timeout 60 python3 "$T/client.py" >"$T/$name.client" 2>&1 ||
		fail "$name: $(cat "$T/$name.client" "$T/$name.recv" "$T/$name.match" "$T/$name.send")"
	seen 200 "$T/$name.pcap" -d udp.port==5000,moldudp64 -o udp.check_checksum:TRUE \
		-Y 'ip.src == 10.9.0.1 && moldudp64 && udp.checksum.status == 1' || fail "$name: the replies do not decode"
	seen 200 "$T/$name.pcap" -d udp.port==5000,moldudp64 -Y 'ip.src == 10.9.0.2 && moldudp64' ||
		fail "$name: the orders do not decode"
	kill -INT $shark
	wait $shark
	kill -INT $recv
	wait $recv $send
	grep -q ' 0 with the driver' "$T/$name.recv" || [ "$name" = xdp ] || fail "$name: buffers: $(cat "$T/$name.recv")"
	echo "$name: $(cat "$T/$name.client")"
}

chain packet "net_af_packet0,iface=$here" "net_af_packet1,iface=$here"
# the program of net_af_xdp takes everything before a packet socket sees it: the next hop must be named
mac=$(ip netns exec "$ns" cat "/sys/class/net/$there/address")
chain xdp "net_af_xdp0,iface=$here,force_copy=1" "net_af_packet1,iface=$here,hop=$mac"
