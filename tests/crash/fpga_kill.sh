#!/usr/bin/env bash
# nmw-fpga run --journal is killed with -9 at random moments under load and started again on the same rings, while symbols
# move between device and software all the time and the device fails now and then: what the sink has at the end is what
# an undisturbed nmw-match gives, byte for byte. The journal knows nothing of where a symbol is.
. "$(dirname "$0")/../cli/fpga_lib.sh"
. "$(dirname "$0")/kill_lib.sh"
export NMW_BITSTREAM=$SO
gen=gen:seed=$seed,count=40k,symbols=20

whole "$gen"
around "$gen" 4kpps
moving() { # to the end of the test
	local ways=(offload return "offload --lost")
	RANDOM=$((seed + 1))
	while :; do
		# shellcheck disable=SC2046,SC2086
		case ${ways[RANDOM % 3]} in
		"offload --lost") nmw-fpga offload --lost ;;
		*) nmw-fpga ${ways[RANDOM % 2]} --timeout 2s $(printf 'S%04d ' $((RANDOM % 20)) $((RANDOM % 20)) $((RANDOM % 20))) ;;
		esac >>"$T/moves.log" 2>"$T/moves.err" || sleep 0.02
	done
}
moving &
mover=$!
killed "${NMW_KILLS:-6}" 300 2500 nmw-fpga run --device sim:reset=$((RANDOM % 4000 + 4000))
{ kill $mover && wait $mover; } 2>/dev/null
[ "$kills" -ge 2 ] || fail "only $kills kills: too slow a machine, or too short a stream"
moves=$(grep -c '^S' "$T/moves.log")
[ "$moves" -ge 20 ] || fail "only $moves moves"
echo "$kills kills, $moves moves, $(grep -c 'nothing is lost' "$T/engine.log") losses of the device, $(wc -l <"$T/got") outputs"
exit 0
