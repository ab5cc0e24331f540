#!/bin/sh
# The only process of the virtual machine that tests/cli/vfio_qemu.sh boots: what nmw-fpga and nmw-stat say of cards that
# are there, bound or not, then vfio_guest.  Prints PASS NAME or FAIL NAME and what was said; shell and tools: busybox.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin NMW_DIR=/run/nmw
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -m 700 $NMW_DIR
echo 16 >/proc/sys/vm/nr_hugepages
depmod

edu=0000:00:02.0 nvme=0000:01:00.0 leaving=0000:02:00.0 small=0000:00:05.0 half=0000:00:06.1

# t NAME STATUS WORDS... -- COMMAND...: its exit status, and words that are all in what it says
t() {
	name=$1 status=$2 bad=
	shift 2
	: >/tmp/words
	while [ "$1" != -- ]; do
		echo "$1" >>/tmp/words
		shift
	done
	shift
	"$@" >/tmp/said 2>&1
	got=$?
	[ $got = "$status" ] || bad="exit $got"
	while read -r word; do
		grep -qF -- "$word" /tmp/said || bad="not said: $word"
	done </tmp/words
	if [ -z "$bad" ]; then
		echo "PASS $name"
	else
		echo "FAIL $name: $bad"
		cat /tmp/said
	fi
}

# the commands that the last message ends with
remedy() { sh -c "$(sed -n 's/.*vfio-pci expected: //p' /tmp/said)"; }
driver() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }

t no_such 5 'there is no such PCI function' -- nmw-fpga info --device vfio:0000:1f:1f.7
t no_driver 5 "card        $edu, PCI 1234:11e8, class 00ff00" 'driver      none, IOMMU group ' \
	'BARs        0: 1048576 bytes of memory' 'driver (none) holds it, vfio-pci expected' -- \
	nmw-fpga info --device vfio:$edu
remedy
t no_driver_mended 0 vfio-pci -- driver $edu
t other_driver 5 'driver nvme holds it, vfio-pci expected' -- nmw-fpga info --device vfio:$nvme
remedy
t other_driver_mended 0 vfio-pci -- driver $nvme
for f in $leaving $small $half; do
	nmw-fpga info --device "vfio:$f" >/tmp/said 2>&1
	remedy
done

t no_type1 5 'no driver for an IOMMU of type 1: modprobe vfio_iommu_type1' -- nmw-fpga info --device vfio:$edu
modprobe vfio_iommu_type1 # the modprobe of kmod has loaded it with vfio-pci

t identity 5 'interrupts  0 MSI-X, 1 MSI, 1 INTx' 'has no reset of its own; addresses up to 0x7fffffffff' 'identity    0x' \
	'found, 0x4e4d5731 expected: it is of another design: program the card' -- nmw-fpga info --device vfio:00:02.0
t identity_json 5 '{"error":{"exit":5,' 'it is of another design' -- nmw-fpga info --json --device vfio:$edu
t identity_nvme 5 'PCI 1b36:0010, class 010802' 'resets by itself' 'it is of another design' -- \
	nmw-fpga info --device vfio:$nvme,bar=0,mhz=200,irq=off
t identity_selftest 5 'it is of another design' -- nmw-fpga selftest --device vfio:$edu
t identity_run 5 'it is of another design' -- nmw-fpga run -i none -o nobody --device vfio:$edu
t bar_small 5 'BAR 0: 16 bytes' '4096 of memory or more expected' -- nmw-fpga info --device vfio:$small
t bar_none 5 'BAR 3: 0 bytes found' -- nmw-fpga info --device vfio:$edu,bar=3
t not_viable 5 'is not viable: other drivers hold 0000:00:06.0 (nvme)' -- nmw-fpga info --device vfio:$half
t doctor 0 'IOMMU on; vfio-pci there; vfio_iommu_type1 there; /dev/vfio/vfio may be opened' \
	'5 bound to vfio-pci, of which this user may open 5' -- nmw-stat doctor
mkdir -m 700 /run/other /etc
echo 'other:x:65534:65534::/:/bin/sh' >/etc/passwd
chown 65534 /run/other
t doctor_rights 0 'of which this user may open 0' 'chown 65534 /dev/vfio/' -- \
	start-stop-daemon -S -c other -x /usr/bin/env -- NMW_DIR=/run/other nmw-stat doctor

vfio_guest $edu $nvme $leaving || echo "FAIL vfio_guest: exit $?"
echo "END after $(cut -d ' ' -f 1 /proc/uptime) s"
poweroff -f
