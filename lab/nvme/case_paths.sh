# Native multipath over two networks while fio writes and verifies: states that change, an engine that is killed and comes back,
# networks that are cut.
connect $first --ctrl-loss-tmo=600 --reconnect-delay=1 --keep-alive-tmo=3
connect $other --ctrl-loss-tmo=600 --reconnect-delay=1 --keep-alive-tmo=3
disk=$(disk 1)
paths() { cat /sys/class/nvme/nvme*/nvme*c*n*/ana_state 2>/dev/null | sort | uniq -c | tr -s ' \n' ' '; }
# The kernel looks for namespaces on its own time.
both() { [ "$(ls -d /sys/class/nvme/nvme*/nvme*c*n1 2>/dev/null | wc -l)" = 2 ]; }
check "two paths to one disk" eventually both
echo "states:$(paths)"

load $disk
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

load $disk
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
check "two paths again" eventually live 2

load $disk
cut_each
ask cut 0
ask cut 1
check "without any network both are given up" eventually live 0
standing() { before=$(completed) && sleep 2 && [ "$(completed)" = "$before" ]; }
check "and it waits" standing
ask mend 1
check "and goes on with the first that is back" goes_on
ask mend 0
check "two paths at the end" eventually live 2
end_load "networks that are cut"
check "nothing was refused to the kernel" sh -c '! dmesg | grep -E "I/O (Error|error)"'
disconnect
