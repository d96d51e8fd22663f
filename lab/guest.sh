#!/bin/sh
# The guest's init: a real kernel with open-iscsi, XFS and ext4 on what the array serves. Its root is the host's, read
# only; whatever is written here is on a tmpfs or on the array. lab/run reads the lines that begin with LAB.
# From the kernel's command line: LAB_PORTAL LAB_TARGET LAB_ADDRESS (of this guest), LAB_WORK (a folder of the host).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run LC_ALL=C

# When the lab is not run by root, the host's files seem to be nobody's, and mount with its set-uid bit would become nobody.
if [ -z "$LAB_STARTED" ]; then
  export LAB_STARTED=1
  exec setpriv --no-new-privs /bin/sh "$0"
fi

say() { echo "LAB $*"; }
passed() { say "ok $*"; }
failed() { say "FAIL $*"; }
# check NAME COMMAND...: what the command said is shown when it fails.
check() {
  name=$1
  shift
  if "$@" >/run/said 2>&1; then passed "$name"; else
    failed "$name"
    tail -n 30 /run/said
  fi
}
finish() {
  say "end"
  sync
  poweroff -f
}
give_up() {
  failed "$*"
  dmesg | tail -n 40
  tail -n 20 /run/iscsid.log
  finish
}

set_up_system() {
  mount -t proc proc /proc
  mount -t sysfs sys /sys
  for folder in /run /mnt /etc/iscsi /var/lib; do mount -t tmpfs tmpfs "$folder" || give_up "tmpfs on $folder"; done
  mkdir -p /run/lock/iscsi /run/modules/lib/modules /dev/shm
  mount -t tmpfs tmpfs /dev/shm
  mount -t devpts devpts /dev/pts 2>/dev/null
  cd /run || give_up "no /run"
  ln -s "/usr/lib/uml/modules/$(uname -r)" /run/modules/lib/modules/
  # The kernel asks for modules by itself as well: it is to look where they are.
  printf '#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n' >/run/modprobe
  chmod 755 /run/modprobe
  echo /run/modprobe >/proc/sys/kernel/modprobe
  for module in iscsi_tcp sd_mod sg; do /run/modprobe $module || give_up "no kernel module $module"; done
  ip link set lo up
  ip addr add "$LAB_ADDRESS/24" dev vec0
  ip link set vec0 up
  ip addr show dev vec0 >/run/said || give_up "no network"
}

# A short NOP interval finds a dead array soon; 120 s are what the file system waits before it sees an error.
start_initiator() {
  echo "InitiatorName=iqn.2026-11.io.ashlar.lab:guest" >/etc/iscsi/initiatorname.iscsi
  cat >/etc/iscsi/iscsid.conf <<CONF
node.startup = manual
node.session.timeo.replacement_timeout = 120
node.conn[0].timeo.noop_out_interval = 2
node.conn[0].timeo.noop_out_timeout = 3
node.conn[0].timeo.login_timeout = 5
node.session.initial_login_retry_max = 20
CONF
  iscsid -f -d1 >/run/iscsid.log 2>&1 &
  for _ in $(seq 100); do
    iscsiadm -m session >/run/said 2>&1
    grep -q 'No active sessions' /run/said && return
    sleep 0.1
  done
  give_up "iscsid does not answer"
}

# The block device of LUN $1, made by devtmpfs; it appears some time after the login.
disk_of() {
  for _ in $(seq 300); do
    for each in /sys/class/scsi_device/*:"$1"/device/block/*; do
      [ -b "/dev/${each##*/}" ] && echo "/dev/${each##*/}" && return
    done
    sleep 0.1
  done
}
log_in() { iscsiadm -m node -T "$LAB_TARGET" -p "$LAB_PORTAL" --login; }
log_out() { iscsiadm -m node -T "$LAB_TARGET" -p "$LAB_PORTAL" --logout; }
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
  fio --output=/run/said --verify=crc32c --verify_fatal=1 --do_verify=1 --size=48m --randrepeat=0 --fallocate=none \
    --name=xfs-direct --directory=/mnt/xfs --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=libaio --iodepth=16 \
    --name=ext4-direct --directory=/mnt/ext4 --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=libaio --iodepth=16 \
    --name=xfs-cached --directory=/mnt/xfs --rw=randwrite --bs=8k --ioengine=sync --fsync=64 \
    --name=ext4-cached --directory=/mnt/ext4 --rw=randwrite --bs=8k --ioengine=sync --fsync=64
}
# Reads again what the last load wrote: sequence numbers in the headers differ by pass, so the seed must be kept.
verify_again() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
  fio --output=/run/said --verify=crc32c --verify_fatal=1 --size=32m --randseed=20261120 --fallocate=none --ioengine=libaio \
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

set_up_system
say "booted $(uname -r)"
start_initiator
iscsiadm -m discovery -t sendtargets -p "$LAB_PORTAL" >/run/said 2>&1
grep -q " $LAB_TARGET\$" /run/said || { cat /run/said; give_up "discovery did not show $LAB_TARGET"; }
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
finish
