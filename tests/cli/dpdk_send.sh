#!/usr/bin/env bash
# nmw-send dpdk: over net_af_packet on a veth pair: a kernel's socket at the other end gets the feed to the byte,
# gathered from the ring and copied; the next hop is asked for; replies find their client; captures have right sums.
. "$(dirname "$0")/lib.sh"
nmw-send --version | grep -q dpdk || skip "built without DPDK"
[ "$(id -u)" = 0 ] || skip "not root"
need ip
need tshark
veth_pair ns
ip -n "$ns" -6 addr add fd00:9::2/64 dev "$there" nodad
away() { ip netns exec "$ns" env NMW_DIR="$NMW_DIR" "$@"; }
dev=dpdk:net_af_packet0,iface=$here,blocksz=1048576,framesz=2048,framecnt=2048
flow=gen:seed=5,count=4k,symbols=10

nmw-recv "$flow" -q 2>/dev/null | nmw-match -q 2>/dev/null | nmw-send itch:"$T/want" -q 2>/dev/null

# feed NAME DEVICE TO EAL...: the feed as the other end takes it in
feed() {
	local name=$1 device=$2 to=$3
	shift 3
	away nmw-recv udp:"$to" --once -o "$name" -q 2>"$T/$name.recv" &
	timeout 60 nmw-send -i "$name" itch:"$T/$name" -q --wait 20s 2>/dev/null &
	local got=$!
	sleep 0.3
	nmw-recv "$flow" --pace 20kpps -q 2>/dev/null | nmw-match -q 2>/dev/null |
		nmw-send "$device,to=$to,session=S1" --name "$name" -- --no-huge "$@" 2>"$T/$name.err" ||
		fail "$name: exit $?: $(cat "$T/$name.err")"
	wait $got
	cmp "$T/want" "$T/$name" || fail "$name: $(cat "$T/$name.err" "$T/$name.recv")"
}
feed gathered "$dev,addr=10.9.0.1/24:9000" 10.9.0.2:26400
grep -q 'messages are copied' "$T/gathered.err" && fail "$(cat "$T/gathered.err")"
feed copied "$dev,addr=10.9.0.1/24:9000,gather=off" 10.9.0.2:26400
grep -q 'gather=off: messages are copied' "$T/copied.err" || fail "$(cat "$T/copied.err")"
feed short "$dev,addr=10.9.0.1/24:9000,gather=32" 10.9.0.2:26400
feed six "$dev,addr=[fd00:9::1]/64:9000" '[fd00:9::2]:26400'
feed again "$dev,addr=10.9.0.1/24:9000,rerequest=on" 10.9.0.2:26400
away ip neigh show 10.9.0.1 | grep -q . || fail "the other end was not asked"

# sums of what is gathered: a capture of the link
away timeout 60 tshark -i "$there" -f 'udp port 26400 or arp' -w "$T/link.pcap" -q 2>/dev/null &
shark=$!
for ((i = 100; i < 200; i++)); do # it captures: a neighbor that is asked for
	sleep 0.1
	away bash -c "echo >/dev/udp/10.9.0.$i/9"
	[ -s "$T/link.pcap" ] && tshark -r "$T/link.pcap" -Y arp 2>/dev/null | grep -q . && break
done
nmw-recv "$flow" --pace 20kpps -q 2>/dev/null | nmw-match -q 2>/dev/null |
	nmw-send "$dev,addr=10.9.0.1/24:9000,to=10.9.0.2:26400" -q -- --no-huge 2>/dev/null || fail "no feed"
seen 101 "$T/link.pcap" -d udp.port==26400,moldudp64 -Y moldudp64 || fail "no MoldUDP64"
# shellcheck disable=SC2046
kill -INT $(offspring $shark) # it is below a shell, which does not care
wait $shark
[ "$(tshark -r "$T/link.pcap" -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -Y udp -T fields -e ip.checksum.status \
	-e udp.checksum.status 2>/dev/null | sort -u)" = $'1\t1' ] || fail "sums are wrong"

# who does not answer is named, and the rest goes on
nmw-recv gen:seed=5,count=100,symbols=1 -q 2>/dev/null | nmw-match -q 2>/dev/null |
	nmw-send "$dev,addr=10.9.0.1/24,to=10.9.0.77:1" -- --no-huge 2>"$T/err" || fail "$(cat "$T/err")"
grep -q '10.9.0.77.* does not say where it is' "$T/err" || fail "$(cat "$T/err")"
grep -q 'no_neighbor' "$T/err" || fail "$(cat "$T/err")"

# what was written wrong
refused() { # STATUS WORDS SINK...
	local want=$1 words=$2
	shift 2
	expect "$want" nmw-send "$@" -i none
	grep -qe "$words" "$T/err" || fail "$*: $(cat "$T/err")"
}
refused 2 'to= is missing' "$dev,addr=10.9.0.1/24"
refused 2 'addr= is missing' "$dev,to=10.9.0.2:1"
refused 2 'addr= has no port' "$dev,addr=10.9.0.1/24,to=reply"
refused 2 'one is IPv4, the other IPv6' "$dev,addr=10.9.0.1/24,to=[fd00:9::2]:1"
refused 2 'is addr=' "$dev,addr=10.9.0.1/24,to=10.9.0.2:1+10.9.0.1:1"
refused 2 'to=10.9.0.255:1: no host can have it' "$dev,addr=10.9.0.1/24,to=10.9.0.255:1"
refused 2 "to=10.8.0.2:1: lies outside of addr='s network: .*gateway=ADDR or hop=MAC" "$dev,addr=10.9.0.1/24,to=10.8.0.2:1"
refused 2 'hop=00:00:00:00:00:00: no card has it' "$dev,addr=10.9.0.1/24,to=10.9.0.2:1,hop=00:00:00:00:00:00"
refused 2 'hop=ff:ff:ff:ff:ff:ff: no card has it' "$dev,addr=10.9.0.1/24,to=10.9.0.2:1,hop=ff:ff:ff:ff:ff:ff"
own=$(cat "/sys/class/net/$here/address")
expect 2 nmw-send "$dev,addr=10.9.0.1/24,to=10.9.0.2:1,hop=$own" -i none -- --no-huge
grep -q 'hop=: is the address of net_af_packet0 itself' "$T/err" || fail "hop: $(cat "$T/err")"
refused 2 'not an Ethernet address' "$dev,addr=10.9.0.1/24,to=10.9.0.2:1,hop=1:2"
refused 2 "longer than the device's mtu=1500" "$dev,addr=10.9.0.1/24,to=10.9.0.2:1" --mtu 9000
refused 5 'no such interface' dpdk:net_af_packet0,iface=none,addr=10.9.0.1/24,to=10.9.0.2:1
refused 2 "lies outside of addr='s network" "$dev,addr=[fd00:9::1]/64,to=[fd00:8::2]:1"
refused 5 'no such interface' 'dpdk:net_af_packet0,iface=none,addr=[fd00:9::1]/64,to=[fe80::2]:1' # on every link
