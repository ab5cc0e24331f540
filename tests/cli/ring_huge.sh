#!/usr/bin/env bash
# Rings on huge pages: used when they are there, refused or left for normal ones when they are not,
# in words. Needs root (a private mount) and eight free huge pages of 2 MiB.
. "$(dirname "$0")/lib.sh"
if [ "${1:-}" != inside ]; then
	free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
	[ "${free:-0}" -ge 8 ] || skip "${free:-0} free huge pages, 8 needed: sysctl vm.nr_hugepages=16"
	unshare -m true 2>/dev/null || skip "no private mounts: run as root"
	unshare -m "$0" inside
	exit $?
fi
mkdir "$T/huge"
# huge OPTIONS: the only hugetlbfs that this process sees
huge() {
	umount -a -t hugetlbfs
	mount -t hugetlbfs -o "$1" none "$T/huge" || fail "mount hugetlbfs"
}
huge pagesize=2M
export NMW_DIR=$T/huge
"$B/tests/crash/crash_ring" random "${SEED:-1}" 30 || fail "seed ${SEED:-1}"
[ -z "$(ls -A "$NMW_DIR")" ] || fail "files left"

# what was taken is said
"$B/tests/crash/ring_talk" put big 100 1 2>"$T/said" &
put=$!
"$B/tests/crash/ring_talk" get big >"$T/got"
wait $put
[ "$(cat "$T/got")" = 100 ] || fail "100 messages, got $(cat "$T/got")"
nmw-recv gen:count=10 -o x --min-consumers 0 2>"$T/err" || fail "nmw-recv: $(cat "$T/err")"
grep -q "on $NMW_DIR, 2 MiB pages" "$T/err" || fail "not said: $(cat "$T/err")"

# more than there is: refused where it was asked for
expect 5 nmw-recv gen:count=10 -o y --frames 1T --min-consumers 0
grep -q "huge pages" "$T/err" || fail "$(cat "$T/err")"
[ -z "$(find "$NMW_DIR" -name '*y*')" ] || fail "half a ring left"
expect 5 nmw-recv gen:count=10 -o y --pages normal --min-consumers 0

# without NMW_DIR: the mount that is found, else /dev/shm, and why
unset NMW_DIR
mount -t tmpfs none /dev/shm || fail "mount /dev/shm"
huge pagesize=2M,size=4M
nmw-recv gen:count=10 -o z --min-consumers 0 2>"$T/err" || fail "$(cat "$T/err")"
grep -q "on /dev/shm/nmw, 4 KiB pages: .*huge pages" "$T/err" || fail "not said: $(cat "$T/err")"
expect 5 nmw-recv gen:count=10 -o z2 --pages huge --min-consumers 0
huge pagesize=2M
nmw-recv gen:count=10 -o z3 --min-consumers 0 2>"$T/err" || fail "$(cat "$T/err")"
grep -q "on $T/huge/nmw, 2 MiB pages" "$T/err" || fail "not said: $(cat "$T/err")"

# a mount that is there and not for everybody is not called missing
if command -v setpriv >/dev/null; then
	nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	umount -a -t hugetlbfs
	mount -t tmpfs -o mode=755 none /mnt && mkdir /mnt/huge
	mount -t hugetlbfs -o pagesize=2M,mode=755 none /mnt/huge || fail "mount hugetlbfs"
	chmod 1777 /dev/shm
	expect 4 nobody "$B/bin/nmw-recv" gen:count=10 -o n --pages huge --min-consumers 0
	grep -q "hugetlbfs on /mnt/huge is not writable for uid 65534: let root" "$T/err" || fail "$(cat "$T/err")"
	nobody "$B/bin/nmw-recv" gen:count=10 -o n --min-consumers 0 2>"$T/err" || fail "$(cat "$T/err")"
	grep -q "on /dev/shm/nmw-65534, 4 KiB pages: hugetlbfs on /mnt/huge is not writable" "$T/err" ||
		fail "not said: $(cat "$T/err")"
	install -d -o 65534 -m 700 /mnt/huge/nmw-65534
	nobody "$B/bin/nmw-recv" gen:count=10 -o n2 --pages huge --min-consumers 0 2>"$T/err" || fail "$(cat "$T/err")"
	grep -q "on /mnt/huge/nmw-65534, 2 MiB pages" "$T/err" || fail "not said: $(cat "$T/err")"
	umount /mnt/huge
	expect 5 nobody "$B/bin/nmw-recv" gen:count=10 -o n3 --pages huge --min-consumers 0
	grep -q "no hugetlbfs is mounted: mount" "$T/err" || fail "$(cat "$T/err")"
fi
