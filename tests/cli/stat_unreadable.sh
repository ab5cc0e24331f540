#!/usr/bin/env bash
# A ring or block that this user may not read: said once, by every command, with exit 4.
. "$(dirname "$0")/lib.sh"
AS=(env)
if [ "$(id -u)" = 0 ]; then
	need setpriv
	AS=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
nmw-recv gen:seed=1,count=10 -o pr >"$T/recv.log" 2>&1 &
until [ -e "$NMW_DIR/pr.ring" ]; do sleep 0.02; done
chmod go+x "$(dirname "$T")" # of this run alone, closed to others
chmod 755 "$T" "$NMW_DIR"
[ "$(id -u)" = 0 ] || chmod 000 "$NMW_DIR"/*
stat=$T/nmw-stat # where everybody may execute it
cp "$B/bin/nmw-stat" "$stat"
expect 4 "${AS[@]}" "$stat" show pr
grep -q '^ring pr: Permission denied' "$T/out" || { cat "$T/out" "$T/err"; fail "show"; }
expect 4 "${AS[@]}" "$stat" check
grep -q 'cannot be read$' "$T/out" || { cat "$T/out"; fail "check"; }
expect 0 "${AS[@]}" "$stat" 20ms 1
grep -q 'stat.nmw-recv.*Permission denied' "$T/out" || { cat "$T/out"; fail "watch shows nothing"; }
exit 0
