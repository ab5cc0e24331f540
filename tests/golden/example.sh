#!/usr/bin/env bash
# The bundled capture is what the generator writes, to the byte, and the demonstration runs.
. "$(dirname "$0")/../cli/lib.sh"
nmw-recv gen:seed=1,count=4k,symbols=5 -q | nmw-send "pcap:$T/day.pcap" -q || fail "the generator"
cmp "$T/day.pcap" examples/day.pcap || fail "examples/day.pcap is not what gen:seed=1,count=4k,symbols=5 gives"
expect 0 tools/demo
grep -q '^executed ' "$T/out" || fail "the demonstration shows no fill"
grep -q '^    fills  *[1-9]' "$T/out" || fail "the demonstration shows no counters"
