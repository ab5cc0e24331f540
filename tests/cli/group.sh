#!/usr/bin/env bash
# A directory that another user owns is only shared on purpose: --group, open to a group that both are in.
# shellcheck disable=SC2046 # words in front of a command
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root, to be several users"
need setpriv

parent=$(dirname "$T")
[ "$(stat -c %a "$parent")" != 700 ] || chmod 711 "$parent" # a scratch folder of the run's
chmod 755 "$T" && chown 65534:4242 "$NMW_DIR"
as() { # UID GROUPS: the words in front of a command
	echo "setpriv --reuid=$1 --regid=$1 --groups=$2"
}

# MODE STATUS WHO...: nmw-recv --group in a directory of uid 65534 and group 4242
case_of() {
	local mode=$1 want=$2
	shift 2
	rm -f "$NMW_DIR"/*
	chmod "$mode" "$NMW_DIR"
	expect "$want" timeout 20 "$@" "$B/bin/nmw-recv" gen:count=10 -o x --group -q --min-consumers 0
	[ "$want" = 0 ] || grep -q 'belongs to another user\|not writable' "$T/err" || fail "$mode $*: $(cat "$T/err")"
}
case_of 0700 4 env
case_of 0770 4 env
case_of 0770 4 $(as 4243 4244)
case_of 0770 0 $(as 4243 4242)
case_of 0750 4 $(as 4243 4242)
