#!/bin/sh
# A CD-ROM drive as Linux has it: sr_mod finds it, its ISO is mounted, hosts and the array open the tray and change the medium.

drive_of() {
  for each in /sys/class/scsi_device/*:1/device/block/sr*; do [ -b "/dev/${each##*/}" ] && echo "/dev/${each##*/}" && return; done
  return 1
}
medium_is() { [ "$(blkid -p -o value -s LABEL "$drive")" = "$1" ]; }
no_medium() { ! dd if="$drive" of=/dev/null bs=2048 count=1 status=none 2>/run/said_by_dd; }
mounts() { mount -t iso9660 -o ro "$drive" /mnt/cd; }
# name and sum of each file, as the array wrote them: read through the page cache and past it
files_are() {
  ask sums "$1" >/run/wanted || return 1
  (cd /mnt/cd && sha256sum ./* | sed 's|\./||' | sort) >/run/found
  diff /run/wanted /run/found
}
whole_is() {
  ask sum_of_image "$1" >/run/wanted || return 1
  blocks=$(ask blocks_of_image "$1")
  dd if="$drive" bs=2048 count="$blocks" iflag=direct status=none | sha256sum | cut -d' ' -f1 | diff /run/wanted -
}
size_is() { [ "$(blockdev --getsize64 "$drive")" -eq "$(($(ask blocks_of_image "$1") * 2048))" ]; }
writes_are_refused() { ! dd if=/dev/zero of="$drive" bs=2048 count=1 oflag=direct status=none; }
eject_is_refused() { ! ask insert nothing; }
kernel_complaints() {
  if dmesg | grep -E "I/O error.*sr0.*WRITE|offlined|timed out after|isofs.*(error|corrupt)"; then return 1; fi
}

mkdir -p /mnt/cd
for module in cdrom sr_mod isofs; do /run/modprobe $module || give_up "no kernel module $module"; done
start_initiator
discover
check "login" log_in || give_up "login"
wait_until 60 drive_of >/run/drive || give_up "no CD-ROM drive appeared"
drive=$(drive_of)
sg=$(for each in /sys/block/"${drive##*/}"/device/scsi_generic/*; do echo "/dev/${each##*/}"; done)
say "drive $drive, $(dmesg | grep -m 1 -o 'scsi3-mmc drive.*\|sr0:.*')"
check "sg_inq tells a drive" sh -c "sg_inq $sg | grep -q 'PDT=5.*RMB=1' || { sg_inq $sg; false; }"
for page in 00 80 83 86 87 88; do check "sg_vpd page ${page}h" sg_vpd "--page=0x$page" "$sg"; done
check "sg_modes, all pages" sg_modes --all "$sg"
check "sg_modes, capabilities" sh -c "sg_modes --page=0x2a $sg | grep -qi 'capabilities' || { sg_modes --page=0x2a $sg; false; }"
check "sg_opcodes" sh -c "sg_opcodes $sg | grep -qi 'read toc' || { sg_opcodes $sg; false; }"
check "sg_get_config" sh -c "sg_get_config $sg >/run/config 2>&1 && grep -q 'CD-ROM\|DVD-ROM' /run/config || { cat /run/config; false; }"
check "sg_readcap" sg_readcap "$sg"
check "its size is that of the image" size_is first
check "its label" medium_is FIRST
check "the whole image" whole_is first
# Before it is mounted: Linux unlocks the door when an attempt to write ends.
check "nothing writes to it" writes_are_refused
check "mount" mounts
check "the files are those that were written" files_are first
check "the array does not take out what is mounted" eject_is_refused
check "files are still there" files_are first
check "unmount" umount /mnt/cd
check "the array takes it out" ask insert nothing
check "there is no medium" no_medium
check "the array puts another in" ask insert second
check "its label is another" wait_until 30 medium_is SECOND
check "its size is another" size_is second
check "the other image" whole_is second
check "mount the other" mounts
check "its files" files_are second
check "the array takes out what is mounted, by force" ask force nothing
check "the mount can be given up" umount /mnt/cd
check "the first again" ask insert first
check "its label again" wait_until 30 medium_is FIRST
check "the host opens the tray" sg_start --eject "$sg"
check_exit 2 "there is no medium in an open tray" sg_turs "$sg"
check "the host closes the tray" sg_start --load "$sg"
check "the medium is back" wait_until 30 medium_is FIRST
check "the host opens the tray again" sg_start --eject "$sg"
check "who opens the drive closes its tray" dd if="$drive" of=/dev/null bs=2048 count=1 status=none
check "the whole image again" whole_is first
check "the engine is killed" ask kill
check "the image after a kill" whole_is first
check "no other complaint of the kernel" kernel_complaints
check "logout" log_out
