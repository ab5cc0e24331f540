#!/usr/bin/env bash
# Once a stage is ready it takes no memory, faults no page in, and makes at most one system call a burst.
# Page faults are the stage's own counter; memory and calls are those of a long run less those of a short one.
. "$(dirname "$0")/lib.sh"
case $B in *-address* | *-thread* | *-undefined*) skip "a sanitizer takes memory of its own" ;; esac
need strace
need valgrind
need jq
# pages of a file system are written back and faulted in anew: rings lie where they do in use
NMW_DIR=$(mktemp -d /dev/shm/nmw-steady.XXXXXX) || skip "no /dev/shm"
short=4000 long=40000 burst=32
for n in $short $long; do
	nmw-recv -q --log-level error gen:seed=1,count="$n",symbols=20 | nmw-send -q pcap:"$T/$n.pcap" || fail "capture"
done

# pipeline N WRAPPER...: runs the three stages, each under the wrapper with its standard error in a file
pipeline() {
	local n=$1
	shift
	"$@" nmw-recv -q --log-level error pcap:"$T/$n.pcap" 2>"$T/$n.nmw-recv" |
		"$@" nmw-match -q --log-level error --orders 100000 --ids 200000 2>"$T/$n.nmw-match" |
		"$@" nmw-send -q null: 2>"$T/$n.nmw-send" || fail "$* on $n messages"
}

# ---- page faults: the input stays open for a while after its end
mkfifo "$T/in"
nmw-recv -q --log-level error pcap:- <"$T/in" 2>/dev/null | nmw-match -q --log-level error --orders 100000 --ids 200000 2>/dev/null | nmw-send -q null: &
last=$!
exec 3>"$T/in"
cat "$T/$long.pcap" >&3
faults() {
	nmw-stat show --all --json | jq -r '.tools[] | select(.counters.in_messages != "0" and .counters.in_messages != 0)
		| "\(.tool) \(.counters.in_messages) \(.counters.page_faults)"'
}
for _ in $(seq 60); do
	sleep 0.2
	faults >"$T/faults"
	[ "$(awk -v n=$long '$2 >= n' "$T/faults" | wc -l)" = 3 ] && break
done
sleep 2.2 # the counter is brought up to date every second
faults >"$T/faults"
exec 3>&-
wait $last || fail "pipeline: exit $?"
[ "$(wc -l <"$T/faults")" = 3 ] || { cat "$T/faults"; fail "three stages expected"; }
while read -r tool messages faults; do
	echo "$tool: $messages messages, $faults page faults"
	[ "$faults" = 0 ] || fail "$tool: page faults after it was ready"
done <"$T/faults"

# ---- system calls
pipeline $short strace -f -c -U calls,name
pipeline $long strace -f -c -U calls,name
for tool in nmw-recv nmw-match nmw-send; do
	few=$(awk '$2 == "total" { print $1 }' "$T/$short.$tool")
	many=$(awk '$2 == "total" { print $1 }' "$T/$long.$tool")
	echo "$tool: $few system calls for $short messages, $many for $long"
	[ $((many - few)) -le $(((long - short) / burst)) ] ||
		{ cat "$T/$long.$tool"; fail "$tool: more than a system call a burst"; }
done

# ---- memory
pipeline $short valgrind --tool=memcheck --undef-value-errors=no --num-callers=1
pipeline $long valgrind --tool=memcheck --undef-value-errors=no --num-callers=1
for tool in nmw-recv nmw-match nmw-send; do
	few=$(sed -n 's/.*total heap usage: \([0-9,]*\) allocs.*/\1/p' "$T/$short.$tool")
	many=$(sed -n 's/.*total heap usage: \([0-9,]*\) allocs.*/\1/p' "$T/$long.$tool")
	echo "$tool: $few allocations for $short messages, $many for $long"
	few=${few//,/} many=${many//,/}
	# one a burst would be thousands; a wait for a peer that is said takes one or two
	[ "${many:-none}" -le $((${few:--1000} + 16)) ] || fail "$tool: allocations depend on the number of messages"
done
