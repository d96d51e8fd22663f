# Two hosts of one guest, each with a name and a controller of its own and no multipath: what one reserves keeps the other out.
connect_as() { # ADDRESS HOST: connects; the new disk of namespace 1
  before=" $(ls /sys/block | xargs) "
  nvme connect -t tcp -a "$1" -s 4420 -n "$subsystem" --hostnqn="nqn.2014-08.org.nvmexpress:uuid:00000000-0000-4000-8000-0000000000$2" \
    --hostid="00000000-0000-4000-8000-0000000000$2" >/tmp/said 2>&1 || echo "LAB FAIL connect as $2: $(cat /tmp/said)" >/dev/ttyS0
  eventually new_disk || echo "LAB FAIL no disk as $2" >/dev/ttyS0
}
new_disk() {
  for each in /sys/block/nvme*n*; do
    case $before in *" ${each##*/} "*) continue ;; esac
    [ "$(cat $each/nsid 2>/dev/null)" = 1 ] && echo /dev/${each##*/} && return
  done
  return 1
}
writes() { dd if=/dev/zero of="$1" bs=4096 count=1 oflag=direct conv=fsync; }
reads() { dd if="$1" of=/dev/null bs=4096 count=1 iflag=direct; }
one=$(connect_as $first a1)
two=$(connect_as $other a2)
check "each host has a disk of its own" sh -c "[ -b $one ] && [ -b $two ] && [ $one != $two ]"
check "the first registers" nvme resv-register $one --nrkey=0xa1 --rrega=0
check "the second registers" nvme resv-register $two --nrkey=0xa2 --rrega=0
check "the report has both" sh -c "nvme resv-report $two -e | grep -c rkey | grep -q 2"
for type in 1 2 3 4 5 6; do
  check "type $type: acquired by the first" nvme resv-acquire $one --crkey=0xa1 --rtype=$type --racqa=0
  check "type $type: the holder writes" writes $one
  case $type in
    1) check "type 1: the second reads" reads $two
      refuses "type 1: and may not write" "Invalid exchange" writes $two ;;
    2) refuses "type 2: the second may not read" "Invalid exchange" reads $two
      refuses "type 2: nor write" "Invalid exchange" writes $two ;;
    *) check "type $type: a registrant reads and writes" sh -c "dd if=$two of=/dev/null bs=4096 count=1 iflag=direct &&
        dd if=/dev/zero of=$two bs=4096 count=1 oflag=direct" ;;
  esac
  check "type $type: released" nvme resv-release $one --crkey=0xa1 --rtype=$type --rrela=0
done
check "acquired once more" nvme resv-acquire $one --crkey=0xa1 --rtype=1 --racqa=0
refuses "the second may not release it" "Reservation Conflict" nvme resv-release $two --crkey=0xa1 --rtype=1 --rrela=0
check "the second preempts and aborts" nvme resv-acquire $two --crkey=0xa2 --prkey=0xa1 --rtype=1 --racqa=2
check "it writes" writes $two
refuses "the first may not any more" "Invalid exchange" writes $one
refuses "nor release" "Reservation Conflict" nvme resv-release $one --crkey=0xa1 --rtype=1 --rrela=0
check "the second clears" nvme resv-release $two --crkey=0xa2 --rrela=1
check "nobody is registered" sh -c "nvme resv-report $one -e | grep -q 'regctl.*: 0'"
check "the first writes again" writes $one
echo A line of the first >/tmp/line
check "what one writes" sh -c "dd if=/tmp/line of=$one bs=4096 count=1 conv=sync,fsync oflag=direct"
check "the other reads" sh -c "dd if=$two bs=4096 count=1 iflag=direct | grep -q 'A line of the first'"
disconnect
