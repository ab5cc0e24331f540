#!/usr/bin/env bash
# The examples of man/nmw-fpga.1 run as they stand there.
. "$(dirname "$0")/fpga_lib.sh"
need jq
mapfile -t examples < <(sed -n 's/^\.Dl //p' man/nmw-fpga.1 | sed 's/\\(dq/"/g')
[ ${#examples[@]} -ge 4 ] || fail "no examples found"
cp -r examples "$T/examples"
mkdir -p "$T/hw/build"
cp "$SO" "$T/hw/build/"
cd "$T" || exit 1
for e in "${examples[@]}"; do
	bash -c "set -o pipefail; $e" >out 2>err || { cat err; fail "$e"; }
done
[ -s hw.itch ] || fail "nothing written"
nmw-recv pcap:examples/day.pcap 2>recv.err | nmw-match 2>match.err | nmw-send itch:sw.itch 2>send.err
cmp hw.itch sw.itch || fail "another output than nmw-match's"
exit 0
