# Shared by the tests of nmw-fpga: lib.sh, the simulated device's bitstream (made by `make hw`), a compiler.
# shellcheck shell=bash
# shellcheck source=tests/cli/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
umask 022 # a bitstream that others may write is refused
SO=$PWD/hw/build/nmw_book.so
[ -e "$SO" ] || skip "hw/build/nmw_book.so is not there: make hw builds it, where verilator is"
export SO
says() { # WORDS...: all of them are in the last command's message
	local w
	for w in "$@"; do
		grep -qF -- "$w" "$T/err" || { cat "$T/err"; fail "not said: $w"; }
	done
}
# bitstream FILE [-DNAME=VALUE]...: a stand-in built of tests/cli/fpga_standin.c
bitstream() {
	local file=$1
	shift
	"${CC:-gcc}" -shared -fPIC -O1 -Ihw "$@" -o "$file" tests/cli/fpga_standin.c || fail "cannot build a stand-in"
}
