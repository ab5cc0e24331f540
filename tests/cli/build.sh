#!/usr/bin/env bash
# The Makefile: a changed header reaches all who include it, variants share nothing, install is undone by uninstall.
. "$(dirname "$0")/lib.sh"
# what this is run by must not show through
unset MAKEFLAGS MAKELEVEL MFLAGS CC O SAN COV
case $B in */gcc-O2) ;; *) skip "tried in build/gcc-O2 only" ;; esac
plan() { env -u B make --no-print-directory -n "$@" 2>"$T/err"; }

plan all | grep -q ' -c ' && fail "make all is not up to date after make all"
plan -W libcommon/base/hist.h all >"$T/plan"
for f in libcommon/base/hist.c libcommon/stat/metrics.c; do
	grep -q -- "-c .* $f$" "$T/plan" || fail "$f is not built anew after a change of hist.h"
done
grep -q -- '-c .* libcommon/base/err.c$' "$T/plan" && fail "err.c is built anew although it does not include hist.h"
for tool in "$B"/bin/nmw-*; do
	grep -q -- "-o build/gcc-O2/bin/${tool##*/} " "$T/plan" || fail "${tool##*/} is not linked anew"
done

declare -A folder=(
	[CC=clang]=clang-O2 [O=0]=gcc-O0 [O=3]=gcc-O3 [COV=1]=gcc-O2-cov
	[SAN=thread]=gcc-O2-thread [SAN=address,undefined]=gcc-O2-address-undefined
)
for variant in "${!folder[@]}"; do
	plan -B "$variant" all tests | grep -oE '^[^ ]+ .* -o [^ ]+' | sed 's/.* -o //' | sort -u >"$T/made"
	[ -s "$T/made" ] || fail "$variant: nothing would be made"
	grep -v "^build/${folder[$variant]}/" "$T/made" && fail "$variant: writes outside build/${folder[$variant]}"
done

# other flags build anew, and the user's come behind ours
for flag in ARCH=-march=native CFLAGS=-g3 CPPFLAGS=-DX LDFLAGS=-s VERSION=9; do
	plan "$flag" all | grep -q -- '-fno-strict-aliasing .*-c .* libcommon/base/err.c$' || fail "$flag: nothing is built anew"
done
plan CFLAGS=-O1 all | grep -qE -- '-O2 .* -O1 .*-c ' || fail "CFLAGS do not come last"
# a source that goes leaves the archive
plan LIB_SRC=libcommon/base/err.c all | grep -q 'ar rcsD build/gcc-O2/libnmw.a build/gcc-O2/libcommon/base/err.o$' ||
	fail "the archive keeps an object whose source is gone"

env -u B make -s install DESTDIR="$T/root" PREFIX=/opt/nmw >"$T/out" 2>&1 || { cat "$T/out"; fail "install"; }
for tool in "$B"/bin/nmw-*; do
	tool=${tool##*/}
	cmp "$B/bin/$tool" "$T/root/opt/nmw/bin/$tool" || fail "$tool is not installed"
	bash -n "$T/root/opt/nmw/share/bash-completion/completions/$tool" || fail "$tool: completion"
done
[ -s "$T/root/opt/nmw/share/man/man7/nmw.7" ] || fail "no manual page"
[ -s "$T/root/opt/nmw/share/doc/nmw/LICENSE" ] || fail "no license"
env -u B make -s uninstall DESTDIR="$T/root" PREFIX=/opt/nmw || fail "uninstall"
[ -z "$(find "$T/root" -type f)" ] || fail "left behind: $(find "$T/root" -type f)"

targets=$(env -u B make -s help)
for t in deps demo all check lint fmt install uninstall bench help clean; do
	grep -q "^  $t  " <<<"$targets" || fail "make help does not name $t"
done
