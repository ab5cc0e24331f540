#!/usr/bin/env bash
# What --strict does not forgive is named with its place; options that mean nothing are refused; signals.
. "$(dirname "$0")/lib.sh"
said() { grep -qE -- "$1" "$T/err" || { cat "$T/err"; fail "no '$1' in the message"; }; }

# A record whose length cannot be: its own offset, not how far the file was read.
head -c 24 examples/day.pcap >"$T/bad.pcap"
printf '\0\0\0\0\0\0\0\0\377\377\377\177\377\377\377\177' >>"$T/bad.pcap"
head -c 300000 /dev/zero >>"$T/bad.pcap"
nmw-recv pcap:"$T/bad.pcap" --strict -q 2>"$T/err" | nmw-send -q null:
[ "${PIPESTATUS[0]}" = 3 ] || fail "damage: exit ${PIPESTATUS[0]}"
said 'bad.pcap: damaged at byte 24: '
said 'was damaged, cut, or has holes: truncated_file 1'
nmw-recv pcap:"$T/bad.pcap" --filter udp --strict -q 2>"$T/err" | nmw-send -q null:
said 'bad.pcap: damaged at byte 24: '
if [ -f "$SHARED/data/nasdaq-real/Multiple.Packets.pcap" ]; then
	nmw-recv pcap:"$SHARED/data/nasdaq-real/Multiple.Packets.pcap" --direction both --strict -q 2>"$T/err" | nmw-send -q null:
	said 'mold_gaps 1, mold_gap_messages 4244620'
fi

for option in '--filter udp' '--direction out' '--framing mold' '--flows 3' --cancel-on-disconnect \
	'--direction auto' '--framing auto' '--flows 20k' '--reassembly 32M'; do # the defaults too
	# shellcheck disable=SC2086
	expect 2 nmw-recv gen:count=1 $option -o x
	said "${option%% *}: is for packets, and gen:SPEC has none"
done

# SIGHUP stops like SIGTERM, SIGUSR2 does nothing, and two signals at once are one.
for stop in HUP 'TERM TERM'; do
	nmw-recv gen:seed=1,count=0 --pace 1kpps -o flow 2>"$T/err" &
	recv=$!
	nmw-send -q null: -i flow 2>"$T/send.err" &
	send=$!
	until_published flow 10
	kill -USR2 $recv $send
	for s in $stop; do kill -"$s" $recv; done
	wait $recv || { cat "$T/err"; fail "$stop: exit $?"; }
	wait $send || { cat "$T/send.err"; fail "$stop: the sink: exit $?"; }
	said 'in [0-9]+ messages'
done

# A symbolic link is called one.
ln -s /etc/passwd "$NMW_DIR/l.ring"
expect 6 nmw-send -i l null: --wait 10ms
said 'is a symbolic link'
expect 2 nmw-send null: null: null: null: null:
said 'one argument too many: at most 4'
