#!/usr/bin/env bash
# The back end for cards without one: a virtual machine of QEMU (emulated: no rights and no KVM are needed) with an IOMMU,
# two edu devices and an NVMe controller; Debian's kernel, busybox, the tools and vfio_guest in a RAM disk.  What runs in
# there is tests/vm/vfio_init.sh; it says PASS for each test on the serial console.  Some 15 seconds of a processor; its clock
# is the count of instructions, so that a host that is busy elsewhere makes it late, not wrong.
. "$(dirname "$0")/lib.sh"
limit=${NMW_VM_TIMEOUT:-240} # seconds
vm=build/vm                  # where tools/deps unpacks the kernel
need qemu-system-x86_64
[ -x /bin/busybox ] || skip "busybox-static is not installed"
kernel=$(find $vm/boot -name 'vmlinuz-*' 2>/dev/null | sort | tail -n 1)
[ -n "$kernel" ] || skip "no kernel to boot is in $vm: tools/deps vm unpacks Debian's there (27 MB)"
release=${kernel#*/vmlinuz-}

# ---- the RAM disk: programs with the libraries that they ask for, six modules
disk=$T/disk
mkdir -p "$disk/bin"
cp /bin/busybox "$disk/bin"
ln -s busybox "$disk/bin/sh"
cp tests/vm/vfio_init.sh "$disk/init"
programs=("$B/bin/nmw-fpga" "$B/bin/nmw-stat" "$B/tests/vm/vfio_guest")
cp "${programs[@]}" "$disk/bin" || fail "the programs are not built"
ldd "${programs[@]}" | grep -oE '/[^ :]+\.so[^ :]*' | sort -u | while read -r so; do
	mkdir -p "$disk${so%/*}"
	cp -L "$so" "$disk$so"
done
for m in virt/lib/irqbypass drivers/vfio/{vfio,vfio_virqfd,vfio_iommu_type1,pci/vfio-pci-core,pci/vfio-pci}; do
	from=lib/modules/$release/kernel/$m.ko
	[ -e "$vm/$from" ] || continue # another kernel has it built in, or under another name
	mkdir -p "$disk/${from%/*}"
	cp "$vm/$from" "$disk/$from"
done
[ -d "$disk/lib/modules/$release" ] || skip "the kernel $release in $vm has no modules of VFIO"
mkdir -p "$disk/dev"
(cd "$disk" && find . | /bin/busybox cpio -o -H newc 2>"$T/cpio") >"$T/disk.cpio" || fail "cpio: $(cat "$T/cpio")"

# ---- the machine
# shellcheck disable=SC2054 # the commas are QEMU's
devices=(
	-device intel-iommu,intremap=on,aw-bits=39
	-device edu,addr=2.0,dma_mask=0xffffffffffff
	-device pcie-root-port,id=port1,addr=3.0,chassis=1 -device nvme,bus=port1,serial=nmw-serial
	-device pcie-root-port,id=port2,addr=4.0,chassis=2 -device edu,bus=port2
	-device i6300esb,addr=5.0
	-device nvme,addr=6.0,multifunction=on,serial=other -device edu,addr=6.1
)
timeout --kill-after=5 "$limit" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
	-accel tcg -icount shift=2,sleep=off -machine q35,kernel-irqchip=split -cpu max -m 256 "${devices[@]}" \
	-kernel "$kernel" -initrd "$T/disk.cpio" \
	-append 'console=ttyS0 intel_iommu=on no_timer_check loglevel=1 panic=-1 rdinit=/init' -serial stdio \
	</dev/null 2>"$T/qemu" | tr -d '\r' >"$T/console"
status=${PIPESTATUS[0]}
grep -aE '^(PASS|FAIL|END) ' "$T/console"
trouble() { # WHY
	cat "$T/qemu" "$T/console"
	fail "$*"
}
case $status in
0) ;;
124 | 137) trouble "the virtual machine did not come to its end in $limit s" ;;
*) trouble "qemu: exit $status" ;;
esac
grep -aq '^END ' "$T/console" || trouble "the virtual machine ended before its tests"
! grep -aq '^FAIL ' "$T/console" || trouble "a test failed"
cat >"$T/expected" <<-END
	no_such no_driver no_driver_mended other_driver other_driver_mended
	no_type1 identity identity_json identity_nvme identity_selftest identity_run bar_small bar_none not_viable doctor doctor_rights
	registers interrupt dma_round_trip dma_refused bus_master addresses one_process rights bars rings removal
END
diff <(tr ' ' '\n' <"$T/expected") <(sed -n 's/^PASS //p' "$T/console") || fail "not every test was run"
exit 0
