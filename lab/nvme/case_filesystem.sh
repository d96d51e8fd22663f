# ext4 on native multipath: states that change, networks that are cut and an engine that is killed, and no error gets to it.
connect $first --ctrl-loss-tmo=600 --reconnect-delay=1 --keep-alive-tmo=3
connect $other --ctrl-loss-tmo=600 --reconnect-delay=1 --keep-alive-tmo=3
disk=$(disk 1)
check "two paths" eventually live 2
check "ext4: made and mounted" sh -c "mkfs.ext4 -q -e remount-ro $disk && mount $disk /mnt && mkdir /mnt/tree /tmp/sums"

# By the page cache and the journal, beside fio which goes past them: files that are written over, each with its sum.
files() {
  number=0
  while [ ! -e /tmp/stop ]; do
    dd if=/dev/urandom of=/mnt/tree/$number bs=64k count=4 2>/dev/null || break
    (cd /mnt/tree && sha256sum $number) >/tmp/sums/$number || break
    [ $((number % 5)) != 0 ] || sync
    number=$(((number + 1) % 60))
    sleep 0.1
  done
  [ -e /tmp/stop ] || echo "LAB FAIL files: one could not be written"
}
load /mnt/file
files &
sleep 1
ask states non_optimized optimized
check "the first is not optimized: goes on" goes_on
ask states standby optimized
check "the first stands by: goes on" goes_on
ask states optimized standby
check "the second stands by: goes on" goes_on
ask states transitioning transitioning
sleep 2
ask states optimized optimized
check "after a transition: goes on" goes_on
cut_each
ask kill
sleep 2
ask start
check "after a killed engine: goes on" goes_on
check "two paths again" eventually live 2
ask kill
ask start
check "after another: goes on" goes_on
end_load "all of it under ext4"
check "many files" test "$(ls /tmp/sums | wc -l)" -ge 20
check "they are as they were written" sh -c "cd /mnt/tree && cat /tmp/sums/* | sha256sum -c"
check "unmounted" umount /mnt
check "no error got to the file system" sh -c "! dmesg | grep -E 'EXT4-fs.*(error|warning)|I/O error|Remounting|JBD2'"
check "ext4 is whole" fsck.ext4 -fn $disk
check "mounted again" mount $disk /mnt
check "the files are still as they were written" sh -c "cd /mnt/tree && cat /tmp/sums/* | sha256sum -c"
check "so is what fio wrote last" verify /mnt/file 16k --randseed=$(($(cut -d' ' -f2 /tmp/verdict) - 1)) --verify_only
check "unmounted at the end" umount /mnt
disconnect
