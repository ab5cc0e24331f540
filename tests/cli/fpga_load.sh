#!/usr/bin/env bash
# nmw-fpga load, info, regs, reset: what they say, and every bitstream that is refused: exit 5, with the reason.
. "$(dirname "$0")/fpga_lib.sh"
need jq

expect 5 nmw-fpga info
says 'no bitstream is loaded' 'nmw-fpga load'
expect 0 nmw-fpga load hw/build/nmw_book.so
grep -q '^loaded  *sim: ' "$T/out" || fail "load: $(cat "$T/out")"
expect 0 nmw-fpga info --json
jq -e '.id == "0x4e4d5731" and .books == 16 and .orders == 16384 and .ticks == 6000' "$T/out" >"$T/jq" ||
	fail "info: $(cat "$T/out")"
[ "$(jq -r .bitstream "$T/out")" = "$SO" ] || fail "info: another bitstream: $(cat "$T/out")"
expect 0 nmw-fpga regs
[ "$(grep -c '(type [0-9]*, version 1)$' "$T/out")" = 6 ] || fail "regs: $(cat "$T/out")"
expect 0 nmw-fpga regs --json
jq -e '[.blocks[].name] == ["ident", "params", "control", "rings", "counters", "push"]' "$T/out" >"$T/jq" ||
	fail "regs --json: blocks"
[ "$(jq -r '.blocks[] | .registers[] | select(.name == "ticks") | .value' "$T/out")" = 6000 ] || fail "regs --json: ticks"
expect 0 nmw-fpga reset
grep -q '^reset ' "$T/out" || fail "reset: $(cat "$T/out")"

# ---- what was loaded changes or goes
cp "$SO" "$T/a.so"
expect 0 nmw-fpga load "$T/a.so"
echo >>"$T/a.so"
expect 5 nmw-fpga info
says "$T/a.so: hash" 'it has changed since it was loaded'
expect 0 nmw-fpga info --bitstream "$SO"
# or could be changed by anybody
cp "$SO" "$T/a.so"
for mode in 0775 0757; do
	chmod $mode "$T/a.so"
	expect 4 nmw-fpga load "$T/a.so"
	says "a.so: belongs to user $(id -u), mode $mode: " 'chmod go-w'
done
chmod 755 "$T/a.so"
expect 0 nmw-fpga load "$T/a.so"
chmod 777 "$T/a.so"
expect 4 nmw-fpga info
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$T/a.so"
	chown 1 "$T/a.so"
	expect 4 nmw-fpga info
	says 'belongs to user 1, '
fi
rm "$T/a.so"
expect 5 nmw-fpga info
says "$T/a.so: cannot read it: No such file"
chmod 666 "$NMW_DIR/device.sim" # anybody could say what code is run
expect 4 nmw-fpga info
says 'writable by nobody else'
chmod 600 "$NMW_DIR/device.sim"
echo junk >"$NMW_DIR/device.sim"
expect 5 nmw-fpga info
says 'not a record of a bitstream'
expect 0 nmw-fpga load "$SO"

# ---- what is no bitstream; what was loaded stays
expect 5 nmw-fpga load "$T/none.so"
says 'none.so: cannot read it: No such file'
expect 5 nmw-fpga load README.md
says 'README.md: cannot be loaded: ' 'make hw builds'
expect 5 nmw-fpga load "$T"
: >"$T/empty.so"
expect 5 nmw-fpga load "$T/empty.so"
says 'empty.so: cannot be loaded: '
size=$(stat -c %s "$SO")
for part in 5 50 90; do # of it in percent: a copy that was broken off
	head -c $((size * part / 100)) "$SO" >"$T/part.so"
	expect 5 nmw-fpga load "$T/part.so"
	says "part.so: $((size * part / 100)) bytes found, more expected" 'copy it again'
	expect 5 nmw-fpga info --bitstream "$T/part.so"
done
mkfifo "$T/fifo.so"
expect 5 timeout 20 nmw-fpga info --bitstream "$T/fifo.so"
says 'fifo.so: not a regular file'
bitstream "$T/symbol.so" -Dnmw_bitstream=something_else
expect 5 nmw-fpga load "$T/symbol.so"
says 'it has no symbol nmw_bitstream'
bitstream "$T/abi.so" -DABI=7
expect 5 nmw-fpga load "$T/abi.so"
says 'interface 7 of ' ' found, 1 of '
bitstream "$T/id.so" -DID=0xdeadbeef
expect 5 nmw-fpga load "$T/id.so"
says 'identity 0xdeadbeef found, 0x4e4d5731 expected'
bitstream "$T/version.so" -DVERSION_IS=9
expect 5 nmw-fpga load "$T/version.so"
says 'version 9 found, 1 expected'
bitstream "$T/ticks.so" -DTICKS_IS=4000
expect 5 nmw-fpga load "$T/ticks.so"
says 'parameter NMW_HW_TICKS: 4000 found, 6000 expected' 'hw/nmw_params.vh'
expect 5 nmw-fpga load "$T/ticks.so" --json
jq -e '.error.exit == 5' "$T/out" >"$T/jq" || fail "an error as JSON: $(cat "$T/out")"
bitstream "$T/ready.so" -DNEVER_READY
expect 5 nmw-fpga load "$T/ready.so"
says 'not ready 4194304 cycles after a reset'
expect 0 nmw-fpga info
grep -qF "$SO" "$T/out" || fail "a refused bitstream was remembered"
# run refuses them too, before it touches a ring
expect 5 nmw-fpga run -i none -o other --bitstream "$T/version.so"
says 'version 9 found, 1 expected'
# and before the device is opened, which takes a while, what is wrong with the rings
expect 2 nmw-fpga run -i none -o none --bitstream "$T/version.so"
says 'are one ring'
expect 6 nmw-fpga run -i none -o other --wait 10ms --lazy
grep -q 'commands' "$T/err" && fail "figures of a run that never began: $(cat "$T/err")"

# ---- the command line
[ "${NMW_GOLDEN:-}" = no ] || diff -u tests/golden/help/nmw-fpga-run.txt <(nmw-fpga run --help) ||
	fail "nmw-fpga run --help changed: run make golden if that was meant"
expect 0 nmw-fpga --completion bash
complete() { # WORD...: the last is to be completed
	# shellcheck disable=SC2016
	env -i PATH="$PATH" bash --norc -c '. "$0"; COMP_WORDS=(nmw-fpga "$@") COMP_CWORD=$#; _nmw_fpga; echo "${COMPREPLY[*]}"' \
		"$T/out" "$@"
}
[ "$(complete self)" = selftest ] || fail "completion of a command: $(complete self)"
[ "$(complete run --snap)" = --snapshot-every ] || fail "completion of run's options: $(complete run --snap)"
expect 2 nmw-fpga
says 'an argument is missing'
expect 2 nmw-fpga frobnicate
says 'no such command: load, info, regs, reset, selftest, run'
expect 2 nmw-fpga load
expect 2 nmw-fpga info now
expect 2 nmw-fpga info --device pci
says 'no such device: sim'
expect 2 nmw-fpga info --device vfio:0000:03:00.0,irq=maybe
says 'irq: neither on nor off'
expect 2 nmw-fpga info --device sim:speed=3
says 'speed: not known' 'latency=1..1023'
expect 2 nmw-fpga info --device sim:latency=1,latency=2
says '--device sim: latency: given twice: '
expect 2 nmw-fpga info --device sim:stall=101
says 'stall: ' '0..100'
expect 2 nmw-fpga selftest --ring 100
says 'not a power of two'
# what a command has no use for
useless() { # COMMAND OPTION...
	expect 2 nmw-fpga "$@"
	says 'has no effect on it: leave it out'
}
for opt in --device=sim --bitstream=x --ring=64 --watchdog=5k --no-push --no-huge --commands=5 --seed=1; do
	useless load "$SO" $opt
done
for opt in --ring=1024 --watchdog=5k --no-push --no-huge --commands=5 --seed=1; do
	useless info $opt
	useless regs $opt
done
useless reset --commands 5
useless reset --seed 5
expect 0 nmw-fpga reset --ring 64 --no-huge
# the defaults of what a journal has, without one
for opt in --sync=batch --snapshot-every=0 --segment-size=64M; do
	expect 2 nmw-fpga run -i none -o none $opt
	says "${opt%=*}: there is no journal without --journal"
done
exit 0
