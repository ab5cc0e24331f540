#!/usr/bin/env bash
# What befalls the device while orders flow ends nmw-fpga run at once: exit 5, with the reason; nothing hangs.
. "$(dirname "$0")/fpga_lib.sh"
export NMW_BITSTREAM=$SO

befalls() { # DEVICE OPTION... -- WORDS...
	local device=$1 opts=() rc
	shift
	while [ "$1" != -- ]; do opts+=("$1") && shift; done
	shift
	nmw-recv gen:seed=3,count=20k,symbols=4 -q 2>"$T/recv.log" |
		timeout 100 nmw-fpga run --device "$device" "${opts[@]}" 2>"$T/err" |
		nmw-send null: -q 2>"$T/send.log"
	rc=${PIPESTATUS[1]}
	[ "$rc" = 5 ] || { cat "$T/err"; fail "$device: exit $rc, 5 expected"; }
	says "$@"
}
befalls sim:unmap=3000 -- 'fault: it ' 'an address that is not mapped: address 0x10'
befalls sim:unmap=3000 --no-push --burst 1 -- 'fault: it ' 'an address that is not mapped: address 0x10'
befalls sim:stuck=3000 --watchdog 5000 -- "fault: watchdog: the host's bus did not take"
befalls sim:reset=3000 -- 'somebody else reset it in mid-run'
bitstream "$T/mute.so" "-DREAL=\"$SO\"" -DMUTE
befalls sim --no-push --watchdog 5000 --bitstream "$T/mute.so" -- 'no event in ' 'no fault: reset it'
# --watchdog bounds what would wait for ever
expect 2 nmw-fpga run -i a -o b --watchdog 10
exit 0
