#!/usr/bin/env bash
# With --on-device-loss exit what befalls the device while orders flow ends nmw-fpga run: exit 5, with the reason;
# nothing hangs. What came out up to then is nmw-match's output, and with a journal a sound device gives the rest of it.
. "$(dirname "$0")/fpga_lib.sh"
export NMW_BITSTREAM=$SO
gen=gen:seed=3,count=20k,symbols=4
small="-q --orders 50k --ids 50k --symbols-max 64 --sessions 64"

# shellcheck disable=SC2086
nmw-recv "$gen" -q 2>"$T/log" | nmw-match $small 2>>"$T/log" | nmw-send -q "jsonl:$T/want" 2>>"$T/log" ||
	{ cat "$T/log"; fail "nmw-match"; }

begins() { # DEVICE: what came out is the beginning of the whole, and not all of it
	local n
	n=$(stat -c %s "$T/got")
	[ "$n" -gt 0 ] || fail "$1: no output"
	[ "$n" -lt "$(stat -c %s "$T/want")" ] || fail "$1: nothing befell it"
	cmp -n "$n" "$T/got" "$T/want" || fail "$1: other output before the end"
}

befalls() { # DEVICE OPTION... -- WORDS...
	local device=$1 opts=() rc
	shift
	while [ "$1" != -- ]; do opts+=("$1") && shift; done
	shift
	# shellcheck disable=SC2086
	nmw-recv "$gen" -q 2>"$T/recv.log" |
		timeout 100 nmw-fpga run $small --on-device-loss exit --device "$device" "${opts[@]}" 2>"$T/err" |
		nmw-send -q "jsonl:$T/got" --wait 60s 2>"$T/send.log"
	rc=${PIPESTATUS[1]}
	[ "$rc" = 5 ] || { cat "$T/err"; fail "$device: exit $rc, 5 expected"; }
	says "$@"
	begins "$device ${opts[*]}"
}
befalls sim:unmap=3000 -- 'fault: it ' 'an address that is not mapped: address 0x10'
befalls sim:unmap=3000 --no-push --burst 1 -- 'fault: it ' 'an address that is not mapped: address 0x10'
befalls sim:stuck=3000 --watchdog 5000 -- "fault: watchdog: the host's bus did not take"
befalls sim:reset=3000 -- 'somebody else reset it in mid-run'
bitstream "$T/mute.so" "-DREAL=\"$SO\"" -DMUTE
befalls sim --no-push --watchdog 5000 --bitstream "$T/mute.so" -- 'no event in ' 'no fault: reset it'
# a design that counts wrong
bitstream "$T/lies.so" "-DREAL=\"$SO\"" -DLIES
befalls sim --bitstream "$T/lies.so" -- 'event of kind 2, ' 'the design is faulty: load another'
befalls sim --ring 16 --burst 1 --bitstream "$T/lies.so" -- 'the design is faulty'

# A device that was reset remembers nothing: what it was given is said by who gave it.
# shellcheck disable=SC2086
nmw-recv "$gen" -q 2>"$T/recv.log" | nmw-fpga run ${small#-q } --on-device-loss exit --device sim:reset=3000 2>"$T/err" |
	nmw-send -q null: 2>"$T/send.log"
says ' (the device was lost)'
grep -q ' 0 commands, 0 events' "$T/err" && { cat "$T/err"; fail "figures of a device that was lost"; }

# ---- lost with a journal, twice; then a sound one
run() { # OPTION...
	# shellcheck disable=SC2086,SC2317
	timeout 100 nmw-fpga run $small --on-device-loss exit -i orders -o events --slots 1K --wait 60s --journal "$T/journal" "$@"
}
nmw-send -q "jsonl:$T/got" -i events --consumer sink --wait 60s 2>"$T/send.log" &
send=$!
nmw-recv -q "$gen" -o orders --slots 1K --wait 60s 2>"$T/recv.log" &
recv=$!
expect 5 run --device sim:unmap=3000
says 'an address that is not mapped'
expect 5 run --bitstream "$T/lies.so" --snapshot-every 1000
says 'the design is faulty'
expect 0 run
wait "$recv" || { cat "$T/recv.log"; fail "nmw-recv: exit $?"; }
wait "$send" || { cat "$T/send.log"; fail "nmw-send: exit $?"; }
cmp "$T/want" "$T/got" || fail "other output after the device was lost with a journal"

# --watchdog bounds what would wait for ever
expect 2 nmw-fpga run -i a -o b --watchdog 10
exit 0
