#!/usr/bin/env bash
# nmw-fpga run --journal is killed with -9 at random moments under load and started again on the same rings: what the
# sink has at the end is what an undisturbed nmw-match gives, byte for byte.
. "$(dirname "$0")/../cli/fpga_lib.sh"
. "$(dirname "$0")/kill_lib.sh"
export NMW_BITSTREAM=$SO
gen=gen:seed=$seed,count=40k,symbols=20

whole "$gen"
around "$gen" 4kpps
killed "${NMW_KILLS:-6}" 300 2000 nmw-fpga run
[ "$kills" -ge 2 ] || fail "only $kills kills: too slow a machine, or too short a stream"
echo "$kills kills, $(wc -l <"$T/got") outputs"
exit 0
