#!/usr/bin/env bash
# Every exit status, from every tool that can end with it. What the message says is part of it.
. "$(dirname "$0")/lib.sh"

said() { grep -qE -- "$1" "$T/err" || { cat "$T/err"; fail "no '$1' in the message"; }; }
# outcome STATUS PATTERN COMMAND...: exit status and message
outcome() {
	local status=$1 pattern=$2
	shift 2
	expect "$status" "$@" </dev/null
	said "$pattern"
}
# stages "STATUS STATUS..." COMMAND: the exit status of each stage of a pipeline
stages() {
	local got
	got=$(bash -c "$2; echo \"\${PIPESTATUS[*]}\"" 2>"$T/err" | tail -n 1)
	[ "$got" = "$1" ] || { cat "$T/err"; fail "exit $got, expected $1: $2"; }
}
unprivileged() { # runs a command without root's rights
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}

# 0: finished
stages "0 0 0" 'nmw-recv gen:seed=1,count=1k -q | nmw-match -q --orders 10k --ids 10k | nmw-send null: -q'
expect 0 nmw-stat list

# 1: failed
outcome 1 '/proc/self/mem: read: Input/output error' nmw-recv itch:/proc/self/mem -o x
# shellcheck disable=SC2016
outcome 1 'stdout: cannot write: No space left on device' bash -c 'nmw-stat list >/dev/full'

# 2: usage and configuration, before anything is opened or waited for
outcome 2 'foo:bar: not a source' nmw-recv foo:bar -o x
outcome 2 'an argument is missing: usage: nmw-recv SOURCE' nmw-recv
outcome 2 'gen: count: junk: not a count' nmw-recv gen:count=junk -o x
outcome 2 'pace' nmw-recv gen:count=1 --pace fast -o x
outcome 2 'no output: name a ring with -o RING' nmw-recv gen:count=1
for option in --name --consumer --after -i -o; do # one rule for every name
	for name in ../x .x a/b/c 'a b' $'a\033' "$(printf 'x%.0s' {1..64})"; do
		case $option in
		-o | --name) outcome 2 "$option: .*: not a name: 1 to (31|63) letters" nmw-recv gen:count=1 "$option" "$name" ;;
		*) outcome 2 "$option: .*: not a name: 1 to (31|63) letters" nmw-send null: "$option" "$name" ;;
		esac
	done
done
for command in tap show check; do
	outcome 2 '../x: not a name: 1 to 63 letters' nmw-stat $command ../x
done
outcome 2 'slots' nmw-recv gen:count=1 --slots 3K -o x
outcome 2 'unexpected argument' nmw-match something
# a file that is not there, whoever reads or writes it
outcome 2 'none.pcap: open: No such file' nmw-recv "pcap:$T/none.pcap" -o x
outcome 2 'none.itch: .*No such file' nmw-recv "itch:$T/none.itch" -o x
expect 2 nmw-recv pcap:- -o x <&-
said 'stdin: is closed'
outcome 2 'none: cannot open it: No such file' nmw-recv "journal:$T/none" -o x
outcome 2 'none.json: cannot open' nmw-match --symbols "$T/none.json"
outcome 2 'none.json: cannot open' nmw-recv --config "$T/none.json"
outcome 2 'none/a.pcap: cannot open for writing: No such file' nmw-send "pcap:$T/none/a.pcap" -i x
outcome 2 'none/a.txt: cannot open for writing: No such file' nmw-send "text:$T/none/a.txt" -i x
echo '{"symbols": [{"symbol": "A", "tcik": 1}]}' >"$T/symbols.json"
outcome 2 'symbols\[0\].tcik: unknown key: did you mean tick' nmw-match --symbols "$T/symbols.json"
outcome 2 'foo:x: not a sink' nmw-send foo:x -i x
outcome 2 'usage: nmw-send SINK' nmw-send
outcome 2 'x: no such command' nmw-stat x
echo junk | expect 2 nmw-match -o none --orders 10k --ids 10k
said 'a line "nmw-ring 1 NAME" expected'
echo junk | expect 2 nmw-send null:
said 'a line "nmw-ring 1 NAME" expected'

NMW_DIR=/etc/passwd outcome 2 'ring x: directory /etc/passwd: Not a directory: set NMW_DIR' nmw-recv gen:count=1 -o x
NMW_DIR=/etc/passwd outcome 2 'ring x: directory /etc/passwd: Not a directory: set NMW_DIR' nmw-send null: -i x
NMW_DIR=/etc/passwd outcome 2 'directory /etc/passwd: cannot read it: Not a directory: set NMW_DIR' nmw-stat list
NMW_DIR=$(printf '/%.0s' {1..5000}) outcome 2 'directory ///.*: File name too long: set NMW_DIR' nmw-stat tap x

# 3: bad data, under --strict only
printf '\0\014S\0\0\0\0\0\0\0\0\0\0O\0\044A' >"$T/cut.itch"
stages "3 6" "nmw-recv itch:$T/cut.itch --strict -q | nmw-send null: -q"
said 'ends inside a message'
stages "0 0" "nmw-recv itch:$T/cut.itch -q | nmw-send null: -q"
head -c 100000 examples/day.pcap >"$T/cut.pcap"
stages "3 6" "nmw-recv pcap:$T/cut.pcap --strict -q | nmw-send null: -q"
stages "0 0" "nmw-recv pcap:$T/cut.pcap -q | nmw-send null: -q"

# 4: not permitted
chmod 0711 "$T"
mkdir -m 0700 "$T/theirs"
[ "$(id -u)" != 0 ] || chown 65534 "$T/theirs"
echo '{}' >"$T/secret"
chmod 0 "$T/secret"
if unprivileged test -x "$B/bin/nmw-recv"; then
	export NMW_DIR=$T/theirs
	outcome 4 'secret: open: Permission denied' unprivileged nmw-recv "pcap:$T/secret" -o x
	outcome 4 'secret: cannot open: Permission denied' unprivileged nmw-match --symbols "$T/secret" --orders 10k --ids 10k
	outcome 4 'secret: cannot open.*: Permission denied' unprivileged nmw-send "pcap:$T/secret" -i x
	export NMW_DIR=$T/rings
	if [ "$(id -u)" = 0 ]; then
		outcome 4 'rings: cannot read it: Permission denied' unprivileged nmw-stat list
		expect 4 unprivileged nmw-stat --json
		grep -q '"error":{"exit":4' "$T/out" || fail "nmw-stat --json: the error is not JSON"
	fi
	chmod 0777 "$T/rings"
	outcome 4 'writable by everybody: chmod o-w' nmw-recv gen:count=1 -o x
	chmod 0700 "$T/rings"
else
	echo "not tried without root's rights: $B/bin is not open to others"
fi

# 5: a resource is missing
outcome 5 'not on hugetlbfs, but huge pages were asked for: mount' nmw-recv gen:count=1 -o x --pages huge
NMW_DIR=$T/none/rings outcome 5 'cannot be made: No such file or directory: set NMW_DIR' nmw-recv gen:count=1 -o x
if [[ $B != *address* && $B != *thread* ]]; then # a sanitizer needs address space of its own
	# shellcheck disable=SC2016
	outcome 5 'no .* of memory: .*lower --orders' bash -c 'ulimit -v 400000; exec nmw-match -i x --orders 100M'
fi
stages "0 5" 'nmw-recv gen:seed=1,count=1k -q | nmw-send text:/dev/full -q'
said 'text:/dev/full: write: No space left on device'

# 6: a peer is missing, not one of ours, or died
outcome 6 'stdin: the tool before ended without naming a ring' nmw-match -o none --orders 10k --ids 10k
outcome 6 'stdin: the tool before ended without naming a ring' nmw-send null:
outcome 6 'ring none: not there after .* start its producer with -o none' nmw-match -i none -o never --wait 10ms --orders 10k --ids 10k
outcome 6 'ring none: not there after .* start its producer with -o none' nmw-send null: -i none --wait 10ms
outcome 6 'nosuch: no ring, tool, instance or pid' nmw-stat show nosuch
outcome 6 'ring nosuch: not there' nmw-stat tap nosuch
head -c 65536 /dev/zero >"$NMW_DIR/zero.ring"
outcome 6 'ring zero: ' nmw-send null: -i zero --wait 100ms
rm -f "$NMW_DIR/zero.ring"
stages "6 0" 'nmw-recv gen:seed=1,count=1M -q | head -c 5 >/dev/null'
said 'the stage behind this one ended'

# 7: stopped with loss: a second signal while what is behind does not take anything
mkfifo "$T/pipe"
nmw-send null: -q <"$T/pipe" 2>"$T/send.err" &
send=$!
nmw-recv gen:seed=1,count=10M -q >"$T/pipe" 2>"$T/err" &
recv=$!
for _ in $(seq 200); do
	nmw-stat --json | jq -e '[.rings[].published | tonumber] | add > 1000' >"$T/jq" && break
	sleep 0.05
done
kill -STOP $send
sleep 0.5
kill -TERM $recv
sleep 0.5
kill -0 $recv 2>/dev/null || { kill -CONT $send; fail "one signal: it did not wait for what is behind"; }
kill -TERM $recv
wait $recv
rc=$?
kill -CONT $send
wait $send
[ $rc = 7 ] || fail "two signals: exit $rc, 7 expected"
said 'stopped at once by a second signal'
echo "0 to 7"
