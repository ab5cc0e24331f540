#!/usr/bin/env bash
# The examples of man/nmw-send.1 run as they stand there.
. "$(dirname "$0")/lib.sh"
for tool in nmw-recv nmw-match; do [ -x "$B/bin/$tool" ] || skip "$tool is not built"; done
need tshark
mapfile -t examples < <(sed -n "s/^\.Dl //p" man/nmw-send.1 | grep -v -- "-i events")
[ ${#examples[@]} -ge 3 ] || fail "no examples found"
cd "$T" || exit 1
for e in "${examples[@]}"; do
	bash -c "set -o pipefail; $e" >"$T/out" 2>"$T/err"
	rc=$?
	# a consumer that ends before its producer (--count) leaves those before it with 6 or 7
	[[ $rc = 0 || ($e = *--count* && ($rc = 6 || $rc = 7)) ]] || { cat "$T/err"; fail "exit $rc: $e"; }
	[ -s "$T/out" ] || [ -s "$T/orders.pcap" ] || fail "nothing written: $e"
done
