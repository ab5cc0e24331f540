#!/usr/bin/env bash
# The examples of man/nmw-recv.1 run as they stand there.
. "$(dirname "$0")/lib.sh"
for tool in nmw-send nmw-match; do [ -x "$B/bin/$tool" ] || skip "$tool is not built"; done
mapfile -t examples < <(sed -n '/^\.Sh EXAMPLES/,$s/^\.Dl //p' man/nmw-recv.1)
[ ${#examples[@]} -ge 5 ] || fail "no examples found"
cd "$T" || exit 1
for e in "${examples[@]}"; do
	bash -c "set -o pipefail; $e" >"$T/out" 2>"$T/err" || { cat "$T/err"; fail "exit $?: $e"; }
	[ -s "$T/out" ] || [[ $e = *null:* ]] || [ -s "$T/orders.pcap" ] || fail "nothing written: $e"
done
