#!/bin/sh
# sg3_utils against a unit of 256 MiB ($disk), reached by two portals of two target port groups, and two more units.
# In the names sg is the character device of a disk.

sg_of() { for each in /sys/block/"${1##*/}"/device/scsi_generic/*; do echo "/dev/${each##*/}"; done; }
says() {
  pattern=$1
  shift
  "$@" >/run/output 2>&1 || { code=$?; cat /run/output; return $code; }
  grep -Eq "$pattern" /run/output || { cat /run/output; return 1; }
}
says_not() {
  pattern=$1
  shift
  "$@" >/run/output 2>&1 || { code=$?; cat /run/output; return $code; }
  ! grep -Ei "$pattern" /run/output || { cat /run/output; return 1; }
}

# Of page 18h sg_logs knows that of SAS alone, and page 30h is a vendor's.
log_pages_decode() {
  sg_logs --All "$disk" >/run/output 2>&1 || { code=$?; cat /run/output; return $code; }
  ! grep -Ei "unable to|malformed|bad field|bad page" /run/output | grep -Eiv "decode page = 0x(18|30), here" ||
    { cat /run/output; return 1; }
}

# --- what describes the unit
vpd_pages() { sg_vpd --page=0 --raw "$disk" | od -An -v -tx1 -j4 | tr -s ' \n' '\n\n' | sed '/^$/d'; }
check_pages() {
  check "sg_inq" says "Vendor identification" sg_inq "$disk"
  pages=$(vpd_pages)
  [ "$(echo "$pages" | wc -l)" -ge 8 ] || failed "few VPD pages: $pages"
  for page in $pages; do
    check "sg_vpd page ${page}h decodes" says_not "only hex output|unable to|malformed|too short" \
      sg_vpd "--page=0x$page" "$disk"
    check "sg_inq page ${page}h" sg_inq "--page=0x$page" "$disk"
  done
  check "sg_vpd --all" sg_vpd --all "$disk"
  check_exit 5 "a VPD page that is not there is refused" sg_vpd --force --page=0xc5 "$disk"
  check "sg_opcodes" says "Extended copy" sg_opcodes --rctd "$disk"
  check "sg_opcodes, one command" says "supported \[conforming" sg_opcodes --opcode=0x89 "$disk"
  check "sg_opcodes, task management" says "Abort task" sg_opcodes --tmf "$disk"
  check "sg_readcap --16" says "Last LBA=524287 .*Number of logical blocks=524288" sg_readcap --16 "$disk"
  check "sg_readcap" sg_readcap "$disk"
  check "sg_luns" says "Lun list length = 24" sg_luns "$disk"
  check "sg_logs, all pages and subpages" log_pages_decode
  check "sg_logs, the list" says "Supported log pages" sg_logs --list "$disk"
  check "sg_modes, all pages" says_not "unable to|malformed|bad field" sg_modes --all --all "$disk"
  for control in 0 1 2 3; do
    check "sg_modes, page control $control" sg_modes --all "--control=$control" "$disk"
    check "sg_modes --six, page control $control" sg_modes --six --all "--control=$control" "$disk"
  done
  check "sg_turs" sg_turs --num=3 "$disk"
  check "sg_requests" sg_requests "$disk"
  check "sg_senddiag, the self-test" sg_senddiag --test "$disk"
  check "sg_sync" sg_sync "$disk"
  check "sg_start" sg_start --start "$disk"
  check "sg_copy_results, operating parameters" sg_copy_results --params "$sg"
}

# --- what changes blocks
# The same block again, 2 to the power of $1 times.
repeat_block() {
  cp /run/block /run/doubled
  for _ in $(seq "$1"); do cat /run/doubled /run/doubled >/run/twice && mv /run/twice /run/doubled; done
  cat /run/doubled
}
blocks_hold() { dd if="$disk" iflag=direct bs=512 skip="$1" count="$2" status=none | cmp - "$3"; }
lba_status() { sg_get_lba_status --brief --lba="$1" "$disk"; }
check_blocks() {
  some_bytes 65536 >/run/bytes
  head -c 512 /run/bytes >/run/block
  tail -c 512 /run/bytes >/run/other
  head -c 65536 /dev/zero >/run/zeroes
  cat /run/block /run/other >/run/both
  check "write" write_direct /run/bytes "$disk"
  check "sg_compare_and_write, equal" sg_compare_and_write --in=/run/both --lba=0 --num=1 --xferlen=1024 "$disk"
  check "the block was written" blocks_hold 0 1 /run/other
  check_exit 14 "sg_compare_and_write, not equal" sg_compare_and_write --quiet --in=/run/both --lba=0 --num=1 --xferlen=1024 "$disk"
  check "the block was left alone" blocks_hold 0 1 /run/other
  check "write again" write_direct /run/bytes "$disk"
  check "sg_verify" sg_verify --count=128 "$disk"
  check "sg_verify --16" sg_verify --16 --count=524288 --bpc=65535 "$disk"
  check "sg_verify, the data" sg_verify --count=128 --ndo=65536 --in=/run/bytes "$disk"
  check_exit 14 "sg_verify, other data" sg_verify --quiet --lba=1 --count=128 --ndo=65536 --in=/run/bytes "$disk"
  check "sg_get_lba_status, mapped" says "^0x0+  0x[0-9a-f]+  0 " lba_status 0
  check "sg_unmap" sg_unmap --force --lba=0 --num=128 "$disk"
  check "sg_get_lba_status, deallocated" says "^0x0+  0x[0-9a-f]+  1 " lba_status 0
  check "unmapped blocks read zeroes" blocks_hold 0 128 /run/zeroes
  repeat_block 7 >/run/same
  for how in --10 --16 --32; do
    check "sg_write_same $how" sg_write_same $how --in=/run/block --lba=1024 --num=128 "$disk"
    check "all its blocks are the same" blocks_hold 1024 128 /run/same
    check "sg_write_same $how of zeroes" sg_write_same $how --lba=1024 --num=128 "$disk"
    check "all its blocks are zeroes" blocks_hold 1024 128 /run/zeroes
  done
  check "sg_write_same again" sg_write_same --in=/run/block --lba=1024 --num=128 "$disk"
  check "sg_write_same --unmap" sg_write_same --16 --unmap --lba=1024 --num=128 "$disk"
  check "its blocks are deallocated" says "^0x0+400  0x[0-9a-f]+  1 " lba_status 1024
  check "sg_write_same once more" sg_write_same --in=/run/block --lba=1024 --num=128 "$disk"
  check "sg_write_same --ndob" sg_write_same --16 --ndob --lba=1024 --num=128 "$disk"
  check "without data they are zeroes" blocks_hold 1024 128 /run/zeroes
}

same_on_both() { cmp -n 33554432 "$disk" "$copy"; }
check_copies() {
  some_bytes 33554432 >/run/big
  check "write 32 MiB" write_direct /run/big "$disk" 1M
  check "sg_xcopy to another unit" sg_xcopy if="$sg" of="$copy_sg" bs=512 count=65536 bpt=8192
  forget_pages "$disk"
  forget_pages "$copy"
  check "the copy is the same" same_on_both
  check "it is what was written" holds "$copy" /run/big
  check "sg_xcopy within a unit, sent to the source" sg_xcopy if="$sg" of="$sg" bs=512 skip=128 seek=131072 count=4096 --on_src
  tail -c +65537 /run/big | head -c 2097152 >/run/part
  check "that copy is the same" blocks_hold 131072 4096 /run/part
  rm -f /run/big /run/part
}

# --- reservations: $disk and $second are two I_T nexus of this host
persist() { sg_persist --no-inquiry "$@"; }
check_reservations() {
  check "register" persist --out --register-ignore --param-sark=0xa1 --param-aptpl "$disk"
  check "register by the other portal" persist --out --register --param-sark=0xb2 --param-aptpl "$second"
  check "read keys" says "2 registered reservation keys" persist --in --read-keys "$disk"
  check "reserve" persist --out --reserve --param-rk=0xa1 --prout-type=5 "$disk"
  check "read reservation" says "type: Write Exclusive, registrants only" persist --in --read-reservation "$second"
  check "read full status" says "Relative port address: 0x2" persist --in --read-full-status "$disk"
  check "report capabilities" says "Persist Through Power Loss Active\(PTPL_A\): 1" persist --in --report-capabilities "$disk"
  check "a lost reservation could be replaced" says "\(RLR_C\): 1" persist --in --report-capabilities "$disk"
  check_exit 24 "reserve meets a conflict" persist --out --reserve --param-rk=0xb2 --prout-type=1 "$second"
  check "the engine is killed" ask kill
  check "keys outlive the engine" wait_until 60 says "2 registered reservation keys" persist --in --read-keys "$disk"
  check "the reservation outlives the engine" says "Key=0xa1" persist --in --read-reservation "$disk"
  wait_until 60 sg_turs "$second" >/run/said 2>&1
  check "preempt" persist --out --preempt --param-rk=0xb2 --param-sark=0xa1 --prout-type=6 "$second"
  check "the preempted key is gone" says "1 registered reservation key" persist --in --read-keys "$second"
  check "the reservation is the other's" says "Key=0xb2" persist --in --read-reservation "$second"
  sg_turs "$disk" >/run/said 2>&1
  check_exit 24 "the preempted nexus is kept out" sg_write_same --in=/run/block --lba=0 --num=1 "$disk"
  check "clear" persist --out --clear --param-rk=0xb2 "$second"
  check "no key is left" says "there are NO registered reservation keys" persist --in --read-keys "$second"
  sg_turs "$disk" >/run/said 2>&1
  check "writing is free again" sg_write_same --in=/run/block --lba=0 --num=1 "$disk"
}

# --- target port groups
# The line after the one with the group's tag.
group_is() {
  sg_rtpg --decode "$1" >/run/groups || return
  sed -n "/group id : $2 /{n;p}" /run/groups | grep -q "$3" || { cat /run/groups; return 1; }
}
check_groups() {
  check "sg_rtpg, the first group is optimized" group_is "$disk" 0x1 "active/optimized"
  check "sg_rtpg, the second is not" group_is "$disk" 0x2 "active/non optimized"
  check "sg_rtpg by the other portal" group_is "$second" 0x1 "active/optimized"
  check "sg_rtpg --extended" sg_rtpg --extended "$disk"
  check "sg_vpd names the group, first portal" says "Target port group: 0x1" sg_vpd --page=di "$disk"
  check "sg_vpd names the group, second portal" says "Target port group: 0x2" sg_vpd --page=di "$second"
  check "sg_stpg" sg_stpg --tp=1,2 --state=an,ao "$disk"
  check "the first group is not optimized now" group_is "$disk" 0x1 "active/non optimized"
  check "the second is" group_is "$disk" 0x2 "active/optimized"
}

# --- sanitize, on the small unit
zero_file() { holds_zeroes "$small" 8388608; }
check_sanitize() {
  some_bytes 8388608 >/run/small
  check "fill the small unit" write_direct /run/small "$small" 1M
  check "sg_sanitize --block" sg_sanitize --block --quick --wait "$small"
  forget_pages "$small"
  check "it reads zeroes" zero_file
  check "fill it again" write_direct /run/small "$small" 1M
  check "sg_sanitize --overwrite" sg_sanitize --overwrite --pattern=/run/block --quick --wait "$small"
  forget_pages "$small"
  repeat_block 14 >/run/small
  check "all of it holds the pattern" holds "$small" /run/small
  check "sg_sanitize --early" sg_sanitize --block --quick --early "$small"
  check "it ends, and is ready then" wait_until 60 sg_turs "$small"
  forget_pages "$small"
  check "it reads zeroes again" zero_file
  rm -f /run/small
}

# --- what blkdiscard gives back
check_discard() {
  check "blkdiscard of all" blkdiscard -f "$disk"
  check "an empty volume takes no space" test "$(ask allocated disk.img)" -le 1048576
  some_bytes 33554432 >/run/big
  check "write 32 MiB more" write_direct /run/big "$disk" 1M
  full=$(ask allocated disk.img)
  check "they take space" test "$full" -ge 33554432
  check "blkdiscard" blkdiscard --offset 0 --length 33554432 "$disk"
  after=$(ask allocated disk.img)
  say "the file of the volume took $full, then $after bytes"
  check "blkdiscard gives the space back" test "$after" -le $((full - 33000000))
  check "discarded blocks read zeroes" holds_zeroes "$disk" 33554432
  check "write them again" write_direct /run/big "$disk" 1M
  check "blkdiscard -z" blkdiscard -z --offset 0 --length 33554432 "$disk"
  forget_pages "$disk"
  check "zeroed blocks read zeroes" holds_zeroes "$disk" 33554432
  rm -f /run/big
}

check_resets() {
  check "sg_reset --device" sg_reset --no-esc --device "$sg"
  check "sg_turs after it" wait_until 60 sg_turs "$disk"
  check "sg_reset --target" sg_reset --no-esc --target "$sg"
  check "sg_turs after that" wait_until 60 sg_turs "$disk"
  check "write after resets" write_direct /run/bytes "$disk"
  check "the other session still has its unit" wait_until 60 sg_turs "$second"
}

start_initiator
discover
check "login by the first portal" log_in
check "login by the second portal" log_in "$LAB_OTHER_PORTAL"
disk=$(wait_path "${LAB_PORTAL%:*}" 1) || give_up "no disk by the first portal"
copy=$(wait_path "${LAB_PORTAL%:*}" 2) || give_up "no second disk"
small=$(wait_path "${LAB_PORTAL%:*}" 3) || give_up "no third disk"
second=$(wait_path "${LAB_OTHER_PORTAL%:*}" 1) || give_up "no disk by the second portal"
sg=$(sg_of "$disk")
copy_sg=$(sg_of "$copy")
check_pages
check_blocks
check_copies
check_groups
check_sanitize
check_discard
check_resets
check_reservations
check "logout" log_out
check "logout of the second portal" log_out "$LAB_OTHER_PORTAL"
