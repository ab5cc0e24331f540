#!/usr/bin/env bash
# The bundled capture is what the generator writes, to the byte, and the demonstration runs.
. "$(dirname "$0")/../cli/lib.sh"
spec=$(sed -n 's/^EXAMPLE := //p' Makefile)
nmw-recv "$spec" -q | nmw-send "pcap:$T/day.pcap" -q || fail "the generator"
cmp "$T/day.pcap" examples/day.pcap || fail "examples/day.pcap is not what $spec gives: run make golden if that was meant"
expect 0 tools/demo
grep -q '^executed ' "$T/out" || fail "the demonstration shows no fill"
grep -q '^    fills  *[1-9]' "$T/out" || fail "the demonstration shows no counters"
