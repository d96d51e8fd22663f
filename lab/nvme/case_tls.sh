# TLS: the kernel encrypts, after handshaker has shaken hands for it. The first port requires it, the second allows it.
# nvme-cli 2.3 does not know the word: what it would write to /dev/nvme-fabrics is written here.
words_of() { word "$1" | tr , ' '; }
come() { # ADDRESS NQN [,tls]
  echo -n "transport=tcp,traddr=$1,trsvcid=4420,nqn=$2,hostnqn=$(cat /etc/nvme/hostnqn),hostid=$(cat /etc/nvme/hostid)$3" \
    >/dev/nvme-fabrics
}
come_by_tls() {
  come "$1" "$subsystem" ,tls
  eventually is_there 2
}
bytes_of_entry() { od -An -tu1 -j "$1" -N 1 /tmp/found | tr -d ' '; }
check "the kernel's keyring takes the key" handshaker add "$(words_of identity)" "$(word psk)"
check "and that of discovery" handshaker add "$(words_of discovery)" "$(word discovery_psk)"
refuses "the kernel, while nobody shakes hands" "" come $first $subsystem ,tls
handshaker serve 2>/tmp/handshaker &
sleep 1
refuses "in the clear, where TLS is required" "" come $first $subsystem
refuses "in the clear at the second port, with a key" "" come $other $subsystem
check "discovery by TLS" come $first nqn.2014-08.org.nvmexpress.discovery ,tls
check "its log page" sh -c "nvme get-log /dev/nvme0 --log-id=0x70 --log-len=3072 --raw-binary >/tmp/found"
check "it tells of TLS" [ "$(bytes_of_entry 1027) $(bytes_of_entry 1792) $(bytes_of_entry 2051)" = "5 2 5" ]
nvme disconnect -d nvme0 >/dev/null 2>&1
check "connect by TLS" come_by_tls $first
small=$(disk 1) large=$(disk 2)
ask secured
check "the kernel encrypts" sh -c "grep -E 'TlsCurrTxSw[[:space:]]+[1-9]' /proc/net/tls_stat"
check "fio --verify, 4 KiB" verify $small 4k --size=1M
check "fio --verify, 1 MiB, blocks of 4096 bytes" verify $large 1m --size=4M --iodepth=2
check "ext4: made, filled, checked" sh -c "mkfs.ext4 -q $small && mount $small /mnt &&
  dd if=/dev/urandom of=/mnt/x bs=1M count=4 && umount /mnt && fsck.ext4 -fn $small"
check "nothing was refused to the kernel" sh -c '! dmesg | grep -E "I/O (Error|error)"'
ask kill
ask start
check "fio --verify, by another handshake" verify $small 64k --size=1M
ask secured
nvme disconnect -n "$subsystem" >/dev/null 2>&1
check "the second port, too" come_by_tls $other
ask secured
check "fio --verify there" verify $(disk 1) 16k --size=1M
disconnect
cat /tmp/handshaker
