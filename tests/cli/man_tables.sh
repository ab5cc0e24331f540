#!/usr/bin/env bash
# Every man page fits 80 columns with man(1): a cell that is too wide becomes one word a line there.
. "$(dirname "$0")/lib.sh"
need man
need groff
for page in man/*.[157]; do
	MANWIDTH=80 man -l --warnings "$page" 2>"$T/err" >"$T/out" || fail "$page: man: $(cat "$T/err")"
	! grep "can't break line" "$T/err" || fail "$page: a table is too wide"
done
