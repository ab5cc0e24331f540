#!/usr/bin/env bash
# dpdk: what is missing or wrong is said with its remedy, and by the exit status; nothing is left behind.
. "$(dirname "$0")/lib.sh"

said() { # STATUS WORDS ARGUMENTS...
	local want=$1 words=$2
	shift 2
	expect "$want" timeout 20 nmw-recv "$@"
	grep -q -e "$words" "$T/err" || { cat "$T/err"; fail "not said: $words: $*"; }
	[ "$(grep -c '^nmw-recv' "$T/err")" = 1 ] || { cat "$T/err"; fail "more than one line: $*"; }
	[ -z "$(ls "$NMW_DIR")" ] || { ls "$NMW_DIR"; fail "left behind: $*"; }
}

if ! nmw-recv --version | grep -q 'dpdk [0-9]'; then
	nmw-recv --version | grep -q 'without dpdk' || fail "--version does not say that it is without"
	said 5 'built without DPDK: install libdpdk-dev' dpdk:net_null0 -o r
	skip "built without DPDK: the rest has nothing to fail"
fi

bare=(-- --no-huge -m 64)
# what was written wrong
said 2 'not a device' dpdk: -o r
said 2 'queues: 17: out of range' dpdk:net_null0,queues=17 -o r
said 2 'addr=10.0.0.1/33:5000' dpdk:net_null0,addr=10.0.0.1/33:5000 -o r
said 2 'group=10.0.0.1:5' dpdk:net_null0,group=10.0.0.1:5 -o r
said 2 'between two commas' dpdk:net_null0,,queues=1 -o r
said 2 'option behind -- is not one of EAL' dpdk:net_null0 -o r -- --no-huge --no-such-option
said 2 'rubbish: behind --: options of EAL' dpdk:net_null0 -o r -- rubbish --no-huge -m 64
said 2 'help behind --' dpdk:net_null0 -o r -- -h
said 2 'addr=10.0.0.2: one too many' dpdk:net_null0,addr=10.0.0.1,addr=10.0.0.2 -o r
said 2 'what stands behind -- is for dpdk:DEV' gen:count=1 -o r -- --no-huge
said 2 'over UDP there is mold, plain' dpdk:net_null0 -o r --framing soup
said 2 'name them: -o RING makes RING.0 to RING.3' dpdk:net_null0,queues=4 "${bare[@]}"
# what is missing
said 5 'no driver of that name' dpdk:net_nosuch0 -o r "${bare[@]}"
said 5 'no such interface: ip link' dpdk:net_af_packet0,iface=nosuch0 -o r "${bare[@]}"
said 5 'no such device' dpdk:0000:7f:1f.7 -o r "${bare[@]}"
said 5 'check its options' dpdk:net_af_packet0 -o r "${bare[@]}"
said 5 'Frame size' dpdk:net_af_packet0,iface=lo,mtu=9000 -o r "${bare[@]}"
said 5 'queues=2: the device has 1: at most queues=1' \
	dpdk:net_pcap0,rx_pcap=examples/day.pcap,queues=2 -o r "${bare[@]}"

# memory
expect 5 timeout 20 nmw-recv dpdk:net_null0 -o small --frames 1M --discard "${bare[@]}"
grep -q -e '--frames: .* hold .* receive buffers' "$T/err" || { cat "$T/err"; fail "frames"; }

# what is not there, on a machine that has it: hugepages hidden from this process, another user
hidden="mount -t tmpfs none /sys/kernel/mm/hugepages"
if [ "$(id -u)" = 0 ] && unshare -m sh -c "$hidden" 2>/dev/null; then
	expect 5 unshare -m sh -c "$hidden && exec timeout 20 nmw-recv dpdk:net_null0 -o r"
	grep -q 'hugepages: none, DPDK needs some: sysctl vm.nr_hugepages=256, or go without by -- --no-huge' "$T/err" ||
		{ cat "$T/err"; fail "no hugepages"; }
	nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	mkdir -m 0700 "$T/bin" "$T/theirs"
	cp "$B/bin/nmw-recv" "$B/bin/nmw-send" "$T/bin" # the tree may be where others cannot look
	chown -R 65534:65534 "$T/bin" "$T/theirs"
	chmod 0711 "$T"
	for tool in "nmw-recv dpdk:net_af_packet0,iface=lo -o r" \
		"nmw-send dpdk:net_af_packet0,iface=lo,addr=10.0.0.1/24:5000,to=10.0.0.2:5000 -i r"; do
		# shellcheck disable=SC2086
		NMW_DIR=$T/theirs expect 4 timeout 20 "${nobody[@]}" "$T/bin/"$tool "${bare[@]}"
		grep -q 'the driver refused: not root: run it as root, or with CAP_NET_RAW' "$T/err" || { cat "$T/err"; fail "$tool"; }
	done
else
	echo "not root: no hugepages and exit 4 are not tried"
fi
