#!/bin/sh
# Two nodes of a cluster, as fence_scsi has them: both register, `a` reserves for registrants, then shuts `b` out while it writes.

persist() { sg_persist --no-inquiry "$@"; }
says() {
  pattern=$1
  shift
  "$@" >/run/output 2>&1 || { code=$?; cat /run/output; return $code; }
  grep -Eq "$pattern" /run/output || { cat /run/output; return 1; }
}
other_said() { [ "$(ask said "$1" "$2")" = 1 ]; }
wait_other() { wait_until 120 other_said "$1" "$2" || give_up "$1 never said $2"; }
write_block() { sg_write_same --in=/run/block --lba="$1" --num=8 "$disk"; }
keys_are() {
  persist --in --read-keys "$disk" >/run/keys 2>&1
  [ "$(grep -c '^ *0x' /run/keys)" -eq "$1" ] || { cat /run/keys; return 1; }
}
region_holds() { dd if="$disk" bs=1M skip=16 count=16 iflag=direct status=none | cmp - /run/region; }

node_a() {
  check "a registers" persist --out --register-ignore --param-sark=0xa --param-aptpl "$disk"
  check "a reserves" persist --out --reserve --param-rk=0xa --prout-type=5 "$disk"
  say "reserved"
  wait_other b writing
  check "two keys" keys_are 2
  check "a preempts and aborts b" persist --out --preempt-abort --param-rk=0xa --param-sark=0xb --prout-type=5 "$disk"
  # What b had under way is over: nothing of it may come after this.
  some_bytes 16777216 >/run/region
  check "a writes where b did" dd if=/run/region of="$disk" bs=1M seek=16 oflag=direct conv=notrunc status=none
  say "fenced"
  check "one key" keys_are 1
  wait_other b shut
  check "nothing of b came after" region_holds
  check "a writes" write_block 0
  check "the engine is killed" ask kill
  check "a writes after it" wait_until 60 write_block 0
  check "still one key" keys_are 1
  check "still reserved" says "Key=0xa" persist --in --read-reservation "$disk"
  say "killed"
  wait_other b still-shut
  check "what a wrote is there" region_holds
  say "let b in"
  wait_other b back
  check "two keys again" keys_are 2
  check "a clears" persist --out --clear --param-rk=0xa "$disk"
  check "no key is left" says "NO registered reservation keys" persist --in --read-keys "$disk"
  say "cleared"
}

write_until_refused() {
  while [ ! -e /run/enough ] && fio --eta=never --output=/run/fio --name=fenced --filename="$disk" --offset=16m --size=16m \
    --rw=randwrite --bs=64k --direct=1 --ioengine=libaio --iodepth=16; do :; done
}
has_written() { [ "$(awk '{ print $5 }' "/sys/block/${disk##*/}/stat")" -gt "$1" ]; }
gone() { ! kill -0 "$1" 2>/run/said; }
# An attention of the preemption comes first, once for each.
shut_out() {
  check_exit 24 "b's write meets the reservation, $1" write_block 0
  check "b still reads, $1" dd if="$disk" of=/run/read bs=64k count=1 iflag=direct status=none
}
node_b() {
  wait_other a reserved
  check_exit 24 "b may not write before it registers" write_block 0
  check "b registers" persist --out --register-ignore --param-sark=0xb --param-aptpl "$disk"
  check "b writes" write_block 0
  # What another nexus aborts is not answered unless TAS says so (SPC-4 7.5.8): the host's own time-out ends it.
  echo 5 >"/sys/block/${disk##*/}/device/timeout"
  write_until_refused &
  writer=$!
  wait_until 60 has_written 200 || failed "b's writes do not flow"
  say "writing"
  wait_other a fenced
  check "b's writes under way end with an error" wait_until 120 gone $writer
  touch /run/enough
  sg_turs "$disk" >/run/said 2>&1
  shut_out "at once"
  check_exit 24 "b's key is not known any more" persist --out --reserve --param-rk=0xb --prout-type=5 "$disk"
  say "shut"
  wait_other a killed
  wait_until 60 sg_turs "$disk" >/run/said 2>&1
  shut_out "after the engine was killed"
  say "still-shut"
  wait_other a "let"
  check "b registers anew" persist --out --register-ignore --param-sark=0xb --param-aptpl "$disk"
  check "b writes anew" write_block 0
  say "back"
  wait_other a cleared
  sg_turs "$disk" >/run/said 2>&1
  check "b writes without a reservation" write_block 0
}

start_initiator
discover
check "login" log_in
disk=$(wait_path "${LAB_PORTAL%:*}" 1) || give_up "no disk"
some_bytes 512 >/run/block
"node_$LAB_NAME"
check "logout" log_out
