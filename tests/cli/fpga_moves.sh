#!/usr/bin/env bash
# Symbols move between software and device in mid-stream, by the commands that people give: a thousand moves under load,
# and the output is nmw-match's to the byte. Which symbols come at the start, what is listed, what is refused.
# NMW_SEED=N repeats a choice of moves, NMW_MOVES=N sets how many.
. "$(dirname "$0")/fpga_lib.sh"
need jq
export NMW_BITSTREAM=$SO
seed=${NMW_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
moves=${NMW_MOVES:-1000}
[ -n "${NMW_STEPS:-}" ] && moves=$((moves / 10))
echo "NMW_SEED=$seed"
RANDOM=$seed
SMALL="-q --orders 50k --ids 100k --symbols-max 64 --sessions 64"
made=0 stopped=0

# flow NAME SOURCE OPTION... -- RUN-OPTION...: nmw-match's output to NAME.want; the same source through nmw-fpga run in the
# background, to NAME.got
flow() {
	local name=$1 source=$2 opts=()
	shift 2
	while [ "$1" != -- ]; do opts+=("$1") && shift; done
	shift
	# shellcheck disable=SC2086
	nmw-recv -q "$source" 2>"$T/log" | nmw-match $SMALL "${opts[@]}" 2>>"$T/log" | nmw-send -q "jsonl:$T/$name.want" 2>>"$T/log" ||
		{ cat "$T/log"; fail "nmw-match: $source"; }
	nmw-send -q "jsonl:$T/$name.got" -i "$name.out" --wait 60s 2>"$T/$name.send" &
	send=$!
	# shellcheck disable=SC2086
	nmw-fpga run $SMALL "${opts[@]}" "$@" -i "$name.in" -o "$name.out" --name "$name" --wait 60s 2>"$T/$name.err" &
	run=$!
	nmw-recv -q "$source" -o "$name.in" --slots 1K --pace "$pace" --wait 60s 2>"$T/$name.recv" &
	recv=$!
	until nmw-fpga symbols --instance "$name" >"$T/out" 2>&1; do
		kill -0 $run 2>/dev/null || { cat "$T/$name.err"; fail "$name: nmw-fpga run ended"; }
		sleep 0.02
	done
}
ends() { # NAME
	local p
	for p in $recv $run $send; do
		wait "$p" || { cat "$T/$1".{recv,err,send}; fail "$1: the pipeline"; }
	done
	cmp "$T/$1.want" "$T/$1.got" || [ $stopped = 1 ] || fail "$1: other output than nmw-match's"
}
some() { # FORMAT COUNT: a few of the symbols
	local i
	for ((i = RANDOM % 6 + 1; i > 0; i--)); do
		# shellcheck disable=SC2059
		printf "$1 " $((RANDOM % $2))
	done
}
# move NAME FORMAT COUNT: a command for a few symbols, as long as the run is there
move() {
	local name=$1 ways=(offload return) way list rc
	way=${ways[RANDOM % 2]}
	list=$(some "$2" "$3")
	# shellcheck disable=SC2086
	nmw-fpga $way --instance "$name" $list >"$T/out" 2>"$T/err"
	rc=$?
	made=$((made + $(grep -cE '^[^ ]+ +(device|software)' "$T/out")))
	case $way$rc in
	*0) ;;
	offload5) grep -qE 'no book was free|no slot|window|hidden|minimum' "$T/out" || { cat "$T/out" "$T/err"; fail "$way $list"; } ;;
	*6) return 1 ;; # it has ended
	*) cat "$T/out" "$T/err"; fail "$way $list: exit $rc" ;;
	esac
}

# ---- a thousand moves: bursts of all sizes, both protocols, more symbols than books
part=0
for opts in "--burst 1 codec=ouch42 30" "--burst 32 codec=ouch50 20" "--burst 7 codec=ouch42 6" "--burst 256 codec=ouch50 3"; do
	read -r _ burst codec symbols <<<"$opts"
	part=$((part + 1))
	until=$((made + moves / 4))
	stp=$([ $part -gt 2 ] && echo cancel-old || echo allow)
	while [ $made -lt $until ]; do
		pace=2500pps
		flow p$part "gen:seed=$((seed + part)),count=6k,symbols=$symbols,$codec" --self-match "$stp" -- --burst "$burst"
		while [ $made -lt $until ] && move p$part S%04d "$symbols"; do :; done
		ends p$part
	done
done
echo "$made moves"

# ---- a capture of an exchange's feed, one symbol: its book goes and comes
DATA=$SHARED/aapl-20190130
[ -f "$DATA/feed.itch" ] || DATA=$SHARED/data/aapl-20190130
if [ -f "$DATA/feed.itch" ]; then
	pace=20kpps
	flow aapl "itch:$DATA/feed.itch" --codec itch50 --check --
	for ((i = 0; i < 40; i++)); do
		for way in return offload; do
			nmw-fpga $way AAPL >>"$T/aapl.moves" 2>"$T/err"
			[ $? = 6 ] && break 2 # it has ended
		done
	done
	ends aapl
	for place in device software; do
		grep -qE "^AAPL +$place +[0-9]+ order" "$T/aapl.moves" || { cat "$T/aapl.moves" "$T/err"; fail "AAPL: no move to $place"; }
	done
	grep -q 'the final book equals the passive book' "$T/aapl.err" || { cat "$T/aapl.err"; fail "--check"; }
fi

# ---- what is where, and why
pace=300pps # it is stopped when all was asked
flow where gen:seed=5,count=60k,symbols=6 -- --offload S0000,S0001,LATER --software S0005
for ((i = 0; i < 200; i++)); do
	[ "$(nmw-fpga symbols --json | jq -r .run.software)" = 4 ] && break
	sleep 0.02
done
expect 0 nmw-fpga symbols
grep -qE '^S0000 +device +[0-9]+ order' "$T/out" || { cat "$T/out"; fail "S0000 is not on the device"; }
grep -qE '^S0005 +software +asked for$' "$T/out" || { cat "$T/out"; fail "S0005 is not in software"; }
grep -qE "^run $run where: device in use: 2 symbols on it, 14 of 16 books free; 4 in software$" "$T/out" || { cat "$T/out"; fail "the last line"; }
expect 0 nmw-fpga offload S0002 S0005
grep -qE '^S0005 +device +[0-9]+ order' "$T/out" || { cat "$T/out"; fail "offload S0005"; }
expect 0 nmw-fpga return S0000 --json
jq -e '.symbols[0] | .symbol == "S0000" and .place == "software" and .why == "asked for" and .done' "$T/out" >"$T/jq" || { cat "$T/out"; fail "return --json"; }
expect 0 nmw-fpga return NEVER
grep -q '^NEVER *unused' "$T/out" || { cat "$T/out"; fail "a symbol without orders"; }
nmw-stat --json | jq -e '[.. | objects | select(has("software_symbols"))][0] | (.software_symbols | tonumber) == 3 and
	(.held_came | tonumber) >= 2 and (.device_in_use | tonumber) == 1' >"$T/jq" || fail "nmw-stat: $(nmw-stat --json | grep -E 'software_s|came|in_use')"
expect 2 nmw-fpga offload
grep -q 'which symbols' "$T/err" || fail "offload without symbols"
expect 2 nmw-fpga offload S0001 --all
expect 2 nmw-fpga offload 'A B'
expect 2 nmw-fpga return NINELETTE
expect 6 nmw-fpga symbols --instance nobody
grep -q 'nmw-fpga run nobody: none is running here' "$T/err" || fail "another instance"
if [ "$(id -u)" = 0 ] && command -v setpriv >"$T/jq"; then # another user's is there, and may not be asked
	chmod o+x "$(dirname "$T")" # tests/run gives each test a folder of its own
	chmod 755 "$T" "$NMW_DIR"
	expect 4 setpriv --reuid=65534 --regid=65534 --clear-groups nmw-fpga symbols
	grep -q 'nmw-fpga run: 1 found that belong to another user' "$T/err" || fail "another user: $(cat "$T/err")"
	chmod 700 "$NMW_DIR" # nobody can say what runs there
	expect 4 setpriv --reuid=65534 --regid=65534 --clear-groups nmw-fpga symbols
	grep -q "directory $NMW_DIR: cannot read it: Permission denied: set NMW_DIR" "$T/err" || fail "closed: $(cat "$T/err")"
fi
expect 0 nmw-fpga symbols S0001 --instance $run
[ -S "$NMW_DIR/control.nmw-fpga.$run" ] || fail "no control socket"
[ "$(stat -c %a "$NMW_DIR/control.nmw-fpga.$run")" = 600 ] || fail "who may ask"
# who says nothing, or nonsense, or goes, is no harm
python3 - "$NMW_DIR/control.nmw-fpga.$run" <<'PY' || fail "a client without a word"
import os, socket, sys, time
os.chdir(os.path.dirname(sys.argv[1]))
name = os.path.basename(sys.argv[1])
def client():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(name)
    return s
client().close()
s = client()
s.send(b"x" * 99)
s.settimeout(5)
assert s.recv(9999) == b"", "an answer to nonsense"
s = client()
began = time.time()
assert s.recv(9999) == b"" and time.time() - began < 5, "it waits for ever"
many = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(20)]
for s in many:
    s.setblocking(False)
    s.connect(name) # as many may wait
PY
expect 0 nmw-fpga symbols S0001
kill -INT $recv
stopped=1
ends where >"$T/out"
[ ! -e "$NMW_DIR/control.nmw-fpga.$run" ] || fail "the control socket stays"
expect 6 nmw-fpga symbols

# ---- who reads the answer slowly gets all of it
pace=8kpps
flow wide gen:seed=7,count=40k,symbols=8000 --symbols-max 8192 --
until [ "$(nmw-fpga symbols | wc -l)" -gt 3000 ]; do
	kill -0 $run 2>/dev/null || { cat "$T/wide.err"; fail "wide: nmw-fpga run ended"; }
	sleep 0.02
done
n=$(nmw-fpga symbols | (sleep 1.5 && wc -l))
[ "$n" -gt 3000 ] || fail "$n lines came to a slow reader"
ends wide

# ---- of a run that was killed nothing stays
flow killed gen:seed=6,count=3k,symbols=2 --
kill -STOP $run
nmw-fpga offload S0000 >"$T/out" 2>"$T/err" &
asks=$!
for ((i = 0; i < 300; i++)); do
	[ "$(readlink /proc/$asks/fd/* 2>/dev/null | grep -c socket)" = 1 ] && break
	sleep 0.02
done
kill -9 $run $recv $send
wait $asks
rc=$?
[ $rc = 6 ] || fail "a run that dies before it answers: exit $rc"
grep -q 'ended before it answered' "$T/err" || { cat "$T/err"; fail "what is said of a run that dies"; }
wait $run $recv $send 2>/dev/null
[ -S "$NMW_DIR/control.nmw-fpga.$run" ] || fail "it was not killed"
expect 6 nmw-fpga symbols
expect 0 nmw-stat reap
[ ! -e "$NMW_DIR/control.nmw-fpga.$run" ] || fail "the control socket of a killed run stays"

# ---- two runs are told apart
# shellcheck disable=SC2086
nmw-fpga run $SMALL -i none -o one --name one --wait 60s 2>"$T/err1" &
one=$!
# shellcheck disable=SC2086
nmw-fpga run $SMALL -i none -o two --name two --wait 60s 2>"$T/err2" &
two=$!
for ((i = 0; i < 300; i++)); do
	[ "$(nmw-stat --json | jq '[.tools[] | select(.tool == "nmw-fpga")] | length')" = 2 ] && break
	sleep 0.02
done
expect 2 nmw-fpga symbols
grep -q '2 are running' "$T/err" || { cat "$T/err"; fail "two runs"; }
kill -9 $one $two
wait $one $two 2>/dev/null
for bad in "--offload A,,B" "--offload A,TOOLONGNAME" "--offload A,B --software C,A" "--software ," "--offload auto,A" "--software manual"; do
	# shellcheck disable=SC2086
	expect 2 nmw-fpga run -i a -o b $bad
done
expect 2 nmw-fpga run -i a -o b --on-device-loss never
exit 0
