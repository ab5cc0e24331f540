#!/usr/bin/env bash
# dpdk: over net_memif between two processes: dpdk-testpmd sends, nmw-recv publishes, a third process reads.
. "$(dirname "$0")/lib.sh"
need dpdk-testpmd
nmw-recv --version | grep -q 'dpdk [0-9]' || skip "built without DPDK"

nmw-recv "dpdk:net_memif0,role=server,socket=$T/memif" --framing plain --codec itch50 --pages normal -o in \
	-- --no-huge -m 64 2>"$T/recv" &
recv=$!
nmw-send null: -i in 2>"$T/send" &
reader=$!
for ((i = 0; i < 200; i++)); do
	grep -q MAC "$T/recv" && break
	sleep 0.05
done
sleep 6 | timeout 20 dpdk-testpmd --no-pci --no-huge -m 128 --no-shconf --no-telemetry --lcores 0@0,1@0 \
	--vdev "net_memif0,role=client,socket=$T/memif" -- --total-num-mbufs=16384 --forward-mode=txonly --txpkts=64 \
	--no-lsc-interrupt -a >"$T/testpmd" 2>&1 &
until_published in 100000
kill -INT $recv
wait $recv || { rc=$?; cat "$T/recv"; fail "nmw-recv: exit $rc"; }
wait $reader || { rc=$?; cat "$T/send"; fail "nmw-send: exit $rc"; }
[ ! -e "/var/run/dpdk/nmw-$recv" ] || fail "left there: /var/run/dpdk/nmw-$recv"
grep -q ' 0 with the driver' "$T/recv" || { cat "$T/recv"; fail "buffers"; }
out=$(sed -nE 's/.* out ([0-9]+),.*/\1/p' "$T/recv" | tail -n 1)
taken=$(sed -nE 's/.*in ([0-9]+) messages,.*/\1/p' "$T/send" | tail -n 1)
[ "$out" = "$taken" ] || { cat "$T/recv" "$T/send"; fail "$out published, $taken read"; }

# a server that was killed leaves its socket, which is in nobody's way; that of a living one is
mkdir -m 700 "$T/own"
server=dpdk:net_memif0,role=server,socket=$T/own/s,socket-abstract=no
up() { # LOG PID
	local i
	for ((i = 0; i < 200; i++)); do
		grep -q MAC "$1" && return
		kill -0 "$2" 2>/dev/null || break
		sleep 0.05
	done
	fail "the server does not start: $(cat "$1")"
}
nmw-recv "$server" -o k -- --no-huge -m 64 2>"$T/first" &
first=$!
up "$T/first" $first
expect 5 nmw-recv "${server/memif0/memif1}" -o l -- --no-huge -m 64
kill -9 $first
wait $first
[ -S "$T/own/s" ] || fail "it left no socket"
nmw-recv "$server" -o k --discard -- --no-huge -m 64 2>"$T/again" &
again=$!
up "$T/again" $again
kill -INT $again
wait $again || fail "exit $?: $(cat "$T/again")"
