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

# one's own directory, of a group that one is not in: what mends it is said
rm -f "$NMW_DIR"/*
chown 4243:4242 "$NMW_DIR" && chmod 0770 "$NMW_DIR"
expect 4 $(as 4243 4244) "$B/bin/nmw-recv" gen:count=10 -o x --group -q --min-consumers 0
grep -q 'ring x: .* cannot be given to group 4242, .*: be a member of it, or chgrp' "$T/err" || fail "$(cat "$T/err")"
[ -z "$(ls -A "$NMW_DIR")" ] || fail "left there: $(ls -A "$NMW_DIR")"

# Members by a supplementary group: ring, counters, sessions and the socket that hands them over are the group's.
# The one who reads owns nothing of the directory's group but his membership; so does the one who writes.
port=$((32000 + $$ % 2000))
rm -f "$NMW_DIR"/*
chown 4243:4242 "$NMW_DIR" && chmod 0770 "$NMW_DIR"
mkdir -m 700 "$T/log" && chown 4244 "$T/log"
install -m 600 -o 4243 examples/accounts.json "$T/accounts.json"
$(as 4243 4242) "$B/bin/nmw-recv" -q tcp:127.0.0.1:$port --accounts "$T/accounts.json" -o live \
	--group 2>"$T/recv.err" &
recv=$!
for ((i = 0; i < 200; i++)); do [ -S "$NMW_DIR/tcp-$port.sessions" ] && break; sleep 0.02; done
[ -S "$NMW_DIR/tcp-$port.sessions" ] || fail "nmw-recv: $(cat "$T/recv.err")"
for f in "$NMW_DIR"/*; do
	[ "$(stat -c %g "$f")" = 4242 ] || fail "$(stat -c '%n: group %g, mode %a' "$f")"
done
$(as 4244 4242) "$B/bin/nmw-send" -q "tcp:$port" -i live --group --session-log "$T/log" 2>"$T/send.err" &
send=$!
for ((i = 0; i < 200; i++)); do grep -q 'nmw-send has come\|expected' "$T/recv.err" && break; sleep 0.02; done
grep -q 'nmw-send has come' "$T/recv.err" || fail "$(cat "$T/recv.err" "$T/send.err")"
kill $recv
wait $recv || fail "nmw-recv: exit $?: $(cat "$T/recv.err")"
wait $send || fail "nmw-send: exit $?: $(cat "$T/send.err")"
! grep . "$T/send.err" || fail "nmw-send had something to say"
exit 0
