# The command set, file systems, log pages, features, digests and queues of other sizes.
check "discovery tells the subsystem" sh -c "nvme discover -t tcp -a $first -s 4420 | grep -q $subsystem"
connect $first
sleep 1
small=$(disk 1) large=$(disk 2)
check "fio --verify, 4 KiB" verify $small 4k
check "fio --verify, one block" verify $small 512 --size=1M
check "fio --verify, 256 KiB" verify $small 256k
check "fio --verify, 1 MiB, blocks of 4096 bytes" verify $large 1m
check "ext4: made, filled, trimmed, checked" sh -c "mkfs.ext4 -q $small && mount -o discard $small /mnt &&
  dd if=/dev/urandom of=/mnt/x bs=1M count=20 && sync && rm /mnt/x && fstrim /mnt && umount /mnt && fsck.ext4 -fn $small"
check "xfs: made, filled, mounted again" sh -c "mkfs.xfs -f $large && mount -t xfs $large /mnt &&
  dd if=/dev/urandom of=/mnt/x bs=1M count=20 && umount /mnt && mount -t xfs $large /mnt && umount /mnt"
check "nothing was refused to the kernel" sh -c '! dmesg | grep -E "I/O (Error|error)"'
dd if=/dev/urandom of=/tmp/a bs=4096 count=1 2>/dev/null
dd if=/dev/urandom of=/tmp/b bs=4096 count=1 2>/dev/null
check "write" nvme write $small -s 100 -c 7 -z 4096 -d /tmp/a
check "compare what is equal" nvme compare $small -s 100 -c 7 -z 4096 -d /tmp/a
refuses "compare what is not" "Compare Failure" nvme compare $small -s 100 -c 7 -z 4096 -d /tmp/b
check "verify" nvme verify $small -s 0 -c 65535
check "copy" nvme copy $small --sdlba=200 --slbs=100 --blocks=7 --format=0
check "the copy is the same" nvme compare $small -s 200 -c 7 -z 4096 -d /tmp/a
check "write zeroes" nvme write-zeroes $small -s 100 -c 7
check "they are read" sh -c "nvme read $small -s 100 -c 7 -z 4096 -d /tmp/c && cmp -n 4096 /tmp/c /dev/zero"
check "write zeroes and deallocate" nvme write-zeroes $small -s 200 -c 7 -d
check "dataset management" nvme dsm $small -s 0 -b 64 -d
check "flush" nvme flush $small
refuses "write uncorrectable" "Invalid Command Opcode" nvme write-uncor $small -s 0 -c 7
refuses "a read past the end" "LBA Out of Range" nvme read $small -s 99999999 -c 7 -z 4096 -d /tmp/c
for log in smart-log error-log fw-log effects-log ana-log changed-ns-list-log supported-log-pages; do
  check "$log" nvme $log /dev/nvme0
done
check "a persistent event log is put together" nvme persistent-event-log /dev/nvme0 --action=1
check "it tells the kernel's timestamp" sh -c "nvme persistent-event-log /dev/nvme0 --action=0 | grep -q 'Event Type: Timestamp Change'"
check "it is given back" nvme persistent-event-log /dev/nvme0 --action=2
refuses "to read it then" "Command Sequence Error" nvme persistent-event-log /dev/nvme0 --action=0
for words in list-ns list-ctrl id-ctrl nvm-id-ctrl id-iocs; do check "$words" nvme $words /dev/nvme0; done
check "ns-descs" nvme ns-descs $small
check "id-ns" nvme id-ns $small
check "id-ns of the command set independent kind" nvme cmdset-ind-id-ns /dev/nvme0 -n 1
for feature in 1 2 4 5 6 7 0xa 0xb 0xf; do check "feature $feature" nvme get-feature /dev/nvme0 -f $feature; done
check "the timestamp" nvme get-feature /dev/nvme0 -f 0xe -l 8
refuses "to switch the write cache" "Not Changeable" nvme set-feature /dev/nvme0 -f 6 -v 1
check "register" nvme resv-register $small --nrkey=0xabc --rrega=0
check "acquire" nvme resv-acquire $small --crkey=0xabc --rtype=1 --racqa=0
check "the report names the key" sh -c "nvme resv-report $small -e | grep -q 'rkey.*abc'"
check "write as the holder" dd if=/tmp/a of=$small bs=4096 count=1 oflag=direct
refuses "to release with another key" "Reservation Conflict" nvme resv-release $small --crkey=0xabd --rtype=1 --rrela=0
check "release" nvme resv-release $small --crkey=0xabc --rtype=1 --rrela=0
check "unregister" nvme resv-register $small --crkey=0xabc --rrega=1
check "reset" nvme reset /dev/nvme0
check "fio --verify after it" verify $small 16k
before=$(blockdev --getsize64 $small)
ask grow v1 201326592
sleep 2
check "a volume that grew is told" test "$(blockdev --getsize64 $small)" -gt "$before"
ask unmap v2
sleep 2
check "a namespace that went away is gone" test -z "$(disk 2)"
disconnect
connect $first --hdr-digest --data-digest
check "fio --verify under digests, 64 KiB" verify $(disk 1) 64k
check "fio --verify under digests, 4 KiB" verify $(disk 1) 4k
disconnect
connect $first --disable-sqflow --nr-io-queues=2 --queue-size=64 --keep-alive-tmo=2
check "fio --verify without flow control" verify $(disk 1) 32k
sleep 5
check "it is there after five seconds of nothing" dd if=$(disk 1) of=/dev/null bs=4096 count=1 iflag=direct
disconnect
