#!/bin/sh
# ext4 on a multipath device over two portals: the first is of an optimized group, the second is not. Debian's kernel for
# User-mode Linux has dm-multipath and no device handler for ALUA: multipathd reads the states and chooses.

first_portal=${LAB_PORTAL%:*}
second_portal=${LAB_OTHER_PORTAL%:*}
start_udev() {
  /usr/lib/systemd/systemd-udevd --daemon --resolve-names=never || return 1
  udevadm trigger --action=add --subsystem-match=block && udevadm settle --timeout=60
}
# /etc is the host's: multipathd gets one of its own.
make_etc() {
  mkdir -p /run/etc && cp -r /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache /etc/alternatives /etc/iscsi /run/etc/ || return 1
  cat >/run/etc/multipath.conf <<CONF
defaults {
  user_friendly_names no
  find_multipaths no
  polling_interval 1
  max_polling_interval 1
  path_grouping_policy group_by_prio
  prio alua
  path_checker tur
  failback immediate
  no_path_retry 120
}
blacklist {
  devnode "^(ubd|ram|loop)"
}
CONF
  mkdir -p /run/etc/multipath && mount --bind /run/etc /etc
}
start_multipath() {
  for module in dm_multipath dm_round_robin dm_service_time; do modprobe -d /run/modules "$module"; done
  multipathd -d -v2 >/run/multipathd.log 2>&1 &
  wait_until 60 multipathd show daemon >/run/said 2>&1
}
# What multipathd thinks of a path: its state in the map, what the checker saw, the priority.
path_is() {
  multipathd show paths raw format "%d %t %T %p" >/run/paths 2>&1
  grep -q "^${1##*/} *$2" /run/paths
}
map_of() {
  for each in /sys/block/dm-*; do [ -e "$each/slaves/${1##*/}" ] && echo "/dev/${each##*/}" && return; done
  return 1
}
has_paths() { [ -e "/sys/block/${map##*/}/slaves/${1##*/}" ] && [ -e "/sys/block/${map##*/}/slaves/${2##*/}" ]; }
writes_of() { awk '{ print $5 }' "/sys/block/${1##*/}/stat"; }
# Writes go by path $1, and by path $2 none.
goes_by() {
  here=$(writes_of "$1") there=$(writes_of "$2")
  sleep 0.5
  [ "$(writes_of "$1")" -gt $((here + 5)) ] && [ "$(writes_of "$2")" -eq "$there" ] && return
  echo "$1: $here, $2: $there writes, then $(writes_of "$1") and $(writes_of "$2")"
  return 1
}
keep_writing() {
  while [ ! -e /run/enough ]; do
    fio --eta=never --output=/run/fio --verify=crc32c --verify_fatal=1 --do_verify=1 --size=24m --randrepeat=0 --fallocate=none \
      --name=direct --directory=/mnt/paths --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=libaio --iodepth=16 \
      --name=cached --directory=/mnt/paths --rw=randwrite --bs=8k --ioengine=sync --fsync=16 || { touch /run/broken; return 1; }
  done
}
still_writing() { [ ! -e /run/broken ] || { cat /run/fio; return 1; }; }
file_system_complaints() {
  ! dmesg | grep -E "EXT4-fs (error|warning)|I/O error.* dev dm-|JBD2: .*error|Remounting"
}
see_paths() {
  check "$1: writes go on" wait_until 60 goes_by "$2" "$3" || { multipath -ll; tail /run/multipathd.log; cat /run/fio; }
  check "$1: fio saw nothing" still_writing
}

replacement_timeout=3
start_initiator
discover
check "/etc for multipathd" make_etc
check "udev" start_udev
check "multipathd starts" start_multipath
check "login by the first portal" log_in
check "login by the second portal" log_in "$LAB_OTHER_PORTAL"
first=$(wait_path "$first_portal" 1) || give_up "no disk by the first portal"
second=$(wait_path "$second_portal" 1) || give_up "no disk by the second portal"
wait_until 60 map_of "$first" >/run/said || { cat /run/multipathd.log; give_up "no multipath device"; }
map=$(map_of "$first")
check "the device has both paths" wait_until 60 has_paths "$first" "$second"
check "the optimized path is preferred" wait_until 30 path_is "$first" "active *ready *50"
check "the other is there" wait_until 30 path_is "$second" "active *ready *10"
say "$(tr '\n' ';' </run/paths)"
mkdir -p /mnt/paths
check "mkfs.ext4" mkfs.ext4 -q -F "$map"
check "mount" mount -t ext4 "$map" /mnt/paths
keep_writing &
writer=$!
see_paths "at first by the optimized path" "$first" "$second"
check "the cable of the first is pulled" ask cut "$first_portal"
see_paths "without the first" "$second" "$first"
check "its cable is put back" ask mend "$first_portal"
check "the first is back" wait_until 120 path_is "$first" "active *ready *50"
see_paths "with the first again" "$first" "$second"
check "the states are swapped" ask states non_optimized optimized
see_paths "after the swap" "$second" "$first"
check "the portal of the second is removed" ask portals first0
see_paths "without the second" "$first" "$second"
check "the portal is added" ask portals first0 second0
check "the second is back" wait_until 120 path_is "$second" "active *ready *50"
see_paths "with the second again" "$second" "$first"
check "the engine is killed" ask kill
see_paths "after the engine was killed" "$second" "$first"
check "the second is back after it" wait_until 120 path_is "$second" "active *ready *50"
check "and the first" wait_until 120 path_is "$first" "active *ready *10"
touch /run/enough
check "fio ends well" wait $writer
check "unmount" umount /mnt/paths
check "e2fsck finds nothing" e2fsck -f -n "$map"
check "no error reached the file system" file_system_complaints
