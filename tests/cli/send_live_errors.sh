#!/usr/bin/env bash
# What tcp: and udp: say when they cannot: one line, with what was found and what to do.
. "$(dirname "$0")/lib.sh"

says() { # STATUS PATTERN COMMAND...
	local status=$1 pattern=$2
	shift 2
	expect "$status" "$@" </dev/null
	[ "$(wc -l <"$T/err")" = 1 ] || { cat "$T/err"; fail "one line expected: $*"; }
	grep -qE -- "$pattern" "$T/err" || { cat "$T/err"; fail "no '$pattern': $*"; }
}

says 2 "tcp:junk: not a port" nmw-send tcp:junk -i x
says 2 "not a port" nmw-send tcp:70000 -i x
says 2 "cannot open the directory: .*mkdir" nmw-send tcp: -i x --session-log "$T/none"
says 2 "carries none of the channels" nmw-send tcp: -i x --channel feed
says 2 "not an address and port" nmw-send udp:nowhere -i x
says 2 "not an option with a value" nmw-send 'udp:127.0.0.1:9?colour=red' -i x
says 2 "239.1.1.1:26400%none0: there is no interface none0: .ip link" nmw-send udp:239.1.1.1:26400%none0 -i x
says 2 "carries none of the channels" nmw-send udp:reply -i x --channel feed
says 2 "carries none of the channels" nmw-send udp:127.0.0.1:9 -i x --channel reply
says 2 "client-buffer" nmw-send tcp: -i x --client-buffer 1K

says 2 "not an address and port" nmw-recv udp:nowhere -o x
says 2 "not an option with a value" nmw-recv 'udp:127.0.0.1:9?ttl=3' -o x
says 2 "239.1.1.1:26400%none0: there is no interface none0: .ip link" nmw-recv udp:239.1.1.1:26400%none0 -o x
says 2 "cannot bind" nmw-recv udp:192.0.2.77:26400 -o x
says 2 "over UDP there is" nmw-recv udp:127.0.0.1:9999 --framing soup -o x

# an address that somebody has
port=$((30000 + $$ % 2000))
nmw-recv -q udp:127.0.0.1:$port -o first 2>"$T/first.err" &
first=$!
for _ in $(seq 100); do grep -q "ring first" "$T/first.err" && break; sleep 0.05; done
says 5 "ss -lunp" nmw-recv udp:127.0.0.1:$port -o second
kill $first
wait $first || fail "exit $? after SIGTERM"

# one writer a session log
mkdir -m 700 "$T/log"
nmw-recv -q gen:count=0 -o slow --pace 10pps 2>"$T/src.err" &
src=$!
nmw-send -q tcp: -i slow --session-log "$T/log" 2>"$T/w.err" &
writer=$!
sleep 0.5
says 6 "another program writes it" nmw-send tcp: -i slow --session-log "$T/log"
kill $src $writer
wait $src $writer
exit 0
