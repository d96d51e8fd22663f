#!/bin/sh
# The engine runs in here and passes the kernel's own made-up SCSI device (scsi_debug) through, by its generic nodes; the guest
# logs in to itself by two portals. What the host sees by iSCSI is held against what the device says without us.

LAB_PORTAL=127.0.0.1:3260 LAB_OTHER_PORTAL=127.0.0.2:3260
debug=/sys/bus/pseudo/drivers/scsi_debug
says() {
  pattern=$1
  shift
  "$@" >/run/output 2>&1 || { code=$?; cat /run/output; return $code; }
  grep -Eq "$pattern" /run/output || { cat /run/output; return 1; }
}
# find_local TYPE: the local device of that type, its generic node and its address "H:C:T:L".
find_local() {
  for each in /sys/class/scsi_generic/sg*; do
    [ "$(cat "$each/device/type")" = "$1" ] || continue
    place=$(readlink -f "$each/device")
    case $place in *pseudo*) sg=/dev/${each##*/} address=${place##*/} && return ;; esac
  done
  return 1
}
# serve NAME PATH [OPTION]: a document with that device as LUN 1 of both portals.
serve() {
  cat >/run/document.json <<JSON
{"volumes": [{"name": "$1", "store": {"kind": "scsi", "options": {"path": "$2"$3}}}],
 "hosts": [{"name": "any", "any": true}],
 "portals": [{"name": "one", "address": "127.0.0.1"}, {"name": "two", "address": "127.0.0.2", "group_tag": 2}],
 "targets": [{"name": "$LAB_TARGET"}],
 "mappings": [{"host": "any", "target": "$LAB_TARGET", "volume": "$1", "lun": 1}]}
JSON
  "$LAB_BIN/ashlar" engine apply -f /run/document.json
}
array() { "$LAB_BIN/ashlar" engine "$@"; }
log_in_twice() {
  log_in && log_in "$LAB_OTHER_PORTAL" || return
  disk=$(wait_path 127.0.0.1 1) && second=$(wait_path 127.0.0.2 1)
}
log_out_twice() { log_out && log_out "$LAB_OTHER_PORTAL"; }
holds_direct() { dd if="$1" bs=256k iflag=direct status=none | cmp - "$2"; }
same_page() {
  sg_vpd --page="$1" "$sg" --hex >/run/local && sg_vpd --page="$1" "$disk" --hex >/run/remote && cmp /run/local /run/remote
}
same_inquiry() {
  for line in Vendor Product 'Product revision' 'Unit serial'; do
    sg_inq "$sg" | grep "$line" >/run/local
    sg_inq "$disk" | grep "$line" | cmp - /run/local || return
  done
}
names_of() { sg_vpd --page=di "$1" 2>/run/said; }
sees_its_name() {
  naa=$(names_of "$sg" | grep -Eo '0x[0-9a-f]{16}' | head -n 1)
  test -n "$naa" && names_of "$disk" | grep -q "$naa" && names_of "$disk" | grep -q "$LAB_TARGET,t,0x0001"
}
fills_a_file_system() {
  mkfs.ext4 -q -F "$disk" && mkdir -p /run/there && mount "$disk" /run/there &&
    cp -r "${0%/*}" /run/there/ && umount /run/there && e2fsck -fn "$disk" &&
    mount -o ro "$disk" /run/there && diff -r "${0%/*}" "/run/there/$(basename "${0%/*}")" && umount /run/there
}
device_resets() { cat /proc/scsi/scsi_debug/* | grep -Eo 'RESETs: device=[0-9]+' | head -n 1; }
was_reset() { [ "$(device_resets)" != "$1" ]; }

/run/modprobe scsi_debug dev_size_mb=32 lbpu=1 || give_up "no scsi_debug"
wait_until 30 find_local 0 || give_up "no local device"
local_disk=/dev/$(ls "/sys/bus/scsi/devices/$address/block")
wait_until 30 test -b "$local_disk" || give_up "no local disk"
say "the local device is $sg, $address, $local_disk"
export ASHLAR_SOCKET=/run/array/engine.sock
mkdir -p /run/array
"$LAB_BIN/ashlar-engine" --state-dir /run/array --shards 1 --memory-mib 32 >/run/array/log 2>&1 &
engine=$!
wait_until 60 array status >/run/said 2>&1 || { tail -n 20 /run/array/log; give_up "no engine"; }
check_exit 1 "what is no SCSI device is refused" serve local /dev/null
check "the device is served" serve local "$sg"
check "status says what it is" says "disk" array status
start_initiator
discover
check "login by both portals" log_in_twice

check "its names and serial number are the device's" same_inquiry
for page in sn 0xb1 0xb2; do check "VPD page $page is the device's" same_page $page; done
check "its designator is the device's, its port ours" sees_its_name
check "transfers are bound by the way to it" says "Maximum transfer length: [1-9]" sg_vpd --page=bl "$disk"
check_exit 5 "there is no page of third-party copies" sg_raw -r 64 "$disk" 12 01 8f 00 40 00
some_bytes 33554432 >/run/big
check "write by iSCSI" write_direct /run/big "$disk" 256k
check "it is on the device" holds_direct "$local_disk" /run/big
check "read by the other portal" holds "$second" /run/big
check "sg_unmap" sg_unmap --force --lba=0 --num=2048 "$disk"
check "the device has unmapped it" says "^0x0+  0x[0-9a-f]+  1 " sg_get_lba_status --brief --lba=0 "$sg"
check "a file system" fills_a_file_system
check "fio --verify" fio --eta=never --output=/run/fio --name=device --filename="$disk" --rw=randwrite --bsrange=512-256k --size=24m \
  --direct=1 --ioengine=libaio --iodepth=16 --verify=crc32c --verify_fatal=1

echo 2 >$debug/opts
check_exit 3 "a medium error" sg_raw -r 512 "$disk" 28 00 00 00 12 34 00 00 01 00
cp /run/said /run/sense
check "its sense data is the device's" grep -q "Unrecovered read error" /run/sense
echo 0 >$debug/opts
echo 1 >$debug/virtual_gb
check_exit 6 "a unit attention" sg_raw "$disk" 00 00 00 00 00 00
check_exit 6 "the other nexus hears of it" sg_raw "$second" 00 00 00 00 00 00
check "once" sg_raw "$second" 00 00 00 00 00 00
check "and the first" sg_raw "$disk" 00 00 00 00 00 00
echo 0 >$debug/virtual_gb
sg_turs "$disk" >/run/said 2>&1
sg_turs "$second" >/run/said 2>&1

check_exit 9 "EXTENDED COPY is refused" sg_raw "$disk" 83 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
check_exit 9 "FORMAT UNIT is refused" sg_raw "$disk" 04 00 00 00 00 00
check_exit 5 "a firmware download is refused" sg_raw "$disk" 3b 05 00 00 00 00 00 00 00 00
check "register" sg_persist --no-inquiry --out --register --param-sark=0xa1 "$disk"
check "reserve" sg_persist --no-inquiry --out --reserve --param-rk=0xa1 --prout-type=1 "$disk"
check_exit 24 "the other nexus is kept from writing" sg_write_same --lba=0 --num=1 "$second"
check "and reads" sg_raw -r 512 "$second" 28 00 00 00 00 00 00 00 01 00
check "clear" sg_persist --no-inquiry --out --clear --param-rk=0xa1 "$disk"
before=$(device_resets)
check "sg_reset --device" sg_reset --no-esc --device "$disk"
check "the device was reset" was_reset "$before"
check "it goes on" wait_until 60 sg_turs "$disk"
wait_until 60 sg_turs "$second" >/run/said 2>&1

echo -1 >$debug/add_host
check_exit 3 "a device that is gone says so" sg_raw "$disk" 00 00 00 00 00 00
check "status says so" says "failed" array status
check "logout" log_out_twice
echo 1 >$debug/add_host
wait_until 30 find_local 0 || give_up "no new device"
check "served by its bsg node" serve again "/dev/bsg/$address" ', "allow": "firmware"'
check "login again" log_in_twice
check "write by bsg" write_direct /run/big "$disk" 256k
check "read by bsg" holds "$second" /run/big
check "what is allowed goes to the device" sg_raw "$disk" 3b 05 00 00 00 00 00 00 00 00
check_exit 6 "which has other microcode now" sg_raw "$disk" 00 00 00 00 00 00
check_exit 6 "as the other nexus hears" sg_raw "$second" 00 00 00 00 00 00
check "logout again" log_out_twice

# It knows no command of tapes, but it is one to all who ask.
/run/modprobe st || give_up "no kernel module st"
echo 1 >$debug/ptype
echo 1 >$debug/add_host
tape_node() { find_local 1 && ls "/sys/bus/scsi/devices/$address/scsi_tape" | grep -E '^st[0-9]+$'; }
wait_until 30 tape_node >/run/said || give_up "no tape"
check "a tape is served by its tape node" serve tape "/dev/$(tape_node)"
check "status says that it is a tape" says "tape" array status
check "login to the tape" log_in
host_has_tape() { ls -d /sys/class/iscsi_session/*/device/target*/*:1/scsi_tape; }
check "the host has a tape drive" wait_until 30 host_has_tape
check "logout from the tape" log_out
kill -TERM $engine
wait $engine
check "the engine ends when it is asked to" test $? -eq 0
