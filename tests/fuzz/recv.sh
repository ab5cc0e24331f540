#!/usr/bin/env bash
# Damaged packets and captures: nothing crashes, everything is counted. NMW_SEED, NMW_INPUTS choose others.
. "$(dirname "$0")/../cli/lib.sh"
F=$B/tests/fuzz
seed=${NMW_SEED:-1}
inputs=${NMW_INPUTS:-40}
for p in fuzz_packet make_capture; do [ -x "$F/$p" ] || skip "$p is not built: make tests"; done

"$F/fuzz_packet" "$seed" $((inputs * 5000)) || fail "fuzz_packet $seed $((inputs * 5000))"

# run SEED FILE: nmw-recv takes it, ends with 0 or 3, and what came in is what went out and what was dropped
run() {
	local status line in out dropped
	nmw-recv --strict --direction both pcap:"$2" 2>"$T/f" | nmw-send -q null: 2>"$T/g"
	status=${PIPESTATUS[0]}
	case $status in
	0) ;;
	3) grep -qE 'not a capture|link layer|damaged' "$T/f" || { cat "$T/f"; fail "seed $1: exit 3 without a reason"; } ;;
	*) cat "$T/f"; fail "seed $1: exit $status" ;;
	esac
	line=$(grep -oE 'in [0-9]+ messages, out [0-9]+, dropped [0-9]+' "$T/f") || return 0
	read -r in out dropped < <(tr -dc '0-9 \n' <<<"$line" | tr -s ' ')
	[ "$in" = $((out + dropped)) ] || { cat "$T/f"; fail "seed $1: $line"; }
}
cases=(eth4 qinq6 sll26 null6 segments hole midstream flows ends both mold molddisorder moldwindow plain noise)
for ((i = seed; i < seed + inputs; i++)); do
	"$F/make_capture" "${cases[i % ${#cases[@]}]}" "$i" | "$F/fuzz_packet" mutate "$i" >"$T/c.pcap"
	run "$i" "$T/c.pcap"
done
