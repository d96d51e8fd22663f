#!/bin/sh
# XFS and ext4 on two LUNs, worked on while lab/run kills the engine again and again: nothing may be lost.

find_disks() {
  xfs_disk=$(disk_of 1)
  ext4_disk=$(disk_of 2)
  if [ ! -b "$xfs_disk" ] || [ ! -b "$ext4_disk" ]; then give_up "the disks did not appear"; fi
}
mount_both() {
  mkdir -p /mnt/xfs /mnt/ext4
  mount -t xfs "$xfs_disk" /mnt/xfs && mount -t ext4 "$ext4_disk" /mnt/ext4
}

# Files that are written once, and whose sums are compared after everything.
fill() {
  for each in xfs ext4; do
    cp -r /usr/share/doc/xfsprogs /usr/share/doc/fio /usr/lib/uml/port-helper "/mnt/$each/" || return 1
    (cd "/mnt/$each" && find . -type f -exec sha256sum {} + >"/run/$each.sums") || return 1
  done
  sync
}
compare_files() {
  for each in xfs ext4; do (cd "/mnt/$each" && sha256sum --quiet -c "/run/$each.sums") || return 1; done
}

# Two jobs on each file system: one direct and deep, one through the page cache with an fsync now and then.
load() {
  fio --eta=never --output=/run/said --verify=crc32c --verify_fatal=1 --do_verify=1 --size=48m --randrepeat=0 --fallocate=none \
    --name=xfs-direct --directory=/mnt/xfs --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=libaio --iodepth=16 \
    --name=ext4-direct --directory=/mnt/ext4 --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=libaio --iodepth=16 \
    --name=xfs-cached --directory=/mnt/xfs --rw=randwrite --bs=8k --ioengine=sync --fsync=64 \
    --name=ext4-cached --directory=/mnt/ext4 --rw=randwrite --bs=8k --ioengine=sync --fsync=64
}
# Reads again what the last load wrote: sequence numbers in the headers differ by pass, so the seed must be kept.
verify_again() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
  fio --eta=never --output=/run/said --verify=crc32c --verify_fatal=1 --size=32m --randseed=20261120 --fallocate=none --ioengine=libaio \
    --direct=1 --iodepth=16 --bs=16k --rw=write "$1" --name=kept-xfs --directory=/mnt/xfs --name=kept-ext4 --directory=/mnt/ext4
}
load_until_enough() {
  rounds=0
  while [ $rounds -eq 0 ] || [ ! -e "$LAB_WORK/enough" ]; do
    load || return 1
    rounds=$((rounds + 1))
    say "round $rounds"
  done
}
# Errors that reached a block device, a file system, or cost the session its device.
kernel_complaints() {
  if dmesg | grep -E "I/O error|EXT4-fs (error|warning)|XFS .*(error|corrupt|shut)|rejecting I/O|offlined|timed out after"; then
    return 1
  fi
}

start_initiator
discover
passed "discovery"
log_in >/run/said 2>&1 || { cat /run/said; give_up "login"; }
passed "login"
find_disks
passed "disks appear"
say "cache $(cat /sys/block/"${xfs_disk##*/}"/queue/write_cache), discard up to" \
  "$(cat /sys/block/"${xfs_disk##*/}"/queue/discard_max_bytes)"
check "mkfs.xfs" mkfs.xfs -q -f "$xfs_disk"
check "mkfs.ext4" mkfs.ext4 -q -F "$ext4_disk"
check "mount" mount_both
check "files written" fill
say "begin load"
check "fio under a dying engine" load_until_enough
say "end load"
check "fio writes what is kept" verify_again --do_verify=0
check "trim XFS" fstrim -v /mnt/xfs
check "trim ext4" fstrim -v /mnt/ext4
check "unmount" umount /mnt/xfs /mnt/ext4
check "logout" log_out
check "login again" log_in
find_disks
check "mount again" mount_both
check "fio verifies again" verify_again --verify_only
check "files are the same" compare_files
check "unmount again" umount /mnt/xfs /mnt/ext4
check "xfs_repair finds nothing" xfs_repair -n "$xfs_disk"
check "e2fsck finds nothing" e2fsck -f -n "$ext4_disk"
check "no error reached a file system" kernel_complaints
check "logout at the end" log_out
