#!/usr/bin/env bash
# nmw-fpga selftest: the device passes on rings of several sizes and on a bad bus; what is wrong with one ends it, exit 5.
. "$(dirname "$0")/fpga_lib.sh"
need jq
export NMW_BITSTREAM=$SO
seed=${NMW_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
echo "NMW_SEED=$seed"

expect 0 nmw-fpga selftest --commands 30k --seed "$seed"
grep -q '^book  *30000 commands, .* equal to the software book' "$T/out" || fail "selftest: $(cat "$T/out")"
expect 0 nmw-fpga selftest --json --commands 5k --seed "$seed" --ring 8 --no-push --no-huge \
	--device sim:latency=30,stall=30
jq -e '.commands == 5000 and .ring == 8 and (.memory | startswith("normal pages"))' "$T/out" >"$T/jq" ||
	fail "selftest --json: $(cat "$T/out")"
# the ring of events kept full
expect 0 nmw-fpga selftest --commands 3k --seed "$seed" --ring 16 --device sim:full=1

wrong() { # KIND WORDS...
	bitstream "$T/$1.so" "-DREAL=\"$SO\"" "-D$1"
	expect 5 timeout 120 nmw-fpga selftest --commands 50k --ring 64 --watchdog 20k --bitstream "$T/$1.so"
	shift
	says "$@"
}
wrong DEAF 'watchdog: 0x' ' expected'
wrong LIES 'event of command ' ' found, kind '
wrong MUTE 'no event in '
exit 0
