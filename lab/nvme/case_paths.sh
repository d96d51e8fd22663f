# Native multipath over two ports while fio writes and verifies: states that change, an engine that is killed and comes back.
connect $first_port --ctrl-loss-tmo=600 --reconnect-delay=1
connect $other_port --ctrl-loss-tmo=600 --reconnect-delay=1
disk=$(disk 1)
paths() { cat /sys/class/nvme/nvme*/nvme*c*n*/ana_state 2>/dev/null | sort | uniq -c | tr -s ' \n' ' '; }
# The kernel looks for namespaces on its own time.
check "two paths to one disk" sh -c 'for i in $(seq 50); do
  [ "$(ls -d /sys/class/nvme/nvme*/nvme*c*n1 2>/dev/null | wc -l)" != 2 ] || exit 0
  sleep 0.2
done; exit 1'
echo "states:$(paths)"

load() { # runs until /tmp/stop is there; its verdict is /tmp/verdict
  rm -f /tmp/stop /tmp/verdict
  (
    rounds=0 verdict=good
    while [ ! -e /tmp/stop ]; do
      verify $disk 16k --randseed=$rounds >/tmp/load 2>&1 || { verdict=bad; break; }
      rounds=$((rounds + 1))
    done
    echo "$verdict $rounds" >/tmp/verdict
  ) &
}
end_load() {
  touch /tmp/stop
  wait
  check "$1: no error reached the disk's user" grep -q "^good [1-9]" /tmp/verdict
  grep -q good /tmp/verdict || tail -5 /tmp/load
}

load
sleep 3
ask states non_optimized optimized
sleep 2
check "the states are told: $(paths)" sh -c "cat /sys/class/nvme/nvme*/nvme*c*n*/ana_state | grep -q non-optimized"
ask states standby optimized
sleep 3
ask states optimized standby
sleep 3
ask states transitioning transitioning
sleep 3
ask states optimized optimized
sleep 2
end_load "changing states"

load
sleep 2
ask kill
sleep 3
ask start
sleep 6
ask kill
sleep 2
ask start
sleep 6
end_load "a killed engine"
check "two paths again" sh -c "sleep 3; grep -c live /sys/class/nvme/nvme*/state | grep -c :1 | grep -q 2"
check "ext4 is whole" sh -c "mkfs.ext4 -q $disk && mount $disk /mnt && dd if=/dev/urandom of=/mnt/x bs=1M count=10 &&
  umount /mnt && fsck.ext4 -fn $disk"
disconnect
