#!/bin/sh
# CHAP both ways with each algorithm, digests, and several sessions of one host. The array knows this host by its secret alone.

set_node() { iscsiadm -m node -T "$LAB_TARGET" -p "$LAB_PORTAL" -o update -n "$1" -v "$2"; }
log_in_by() {
  set_node node.session.auth.chap_algs "$1" && log_in && wait_path "${LAB_PORTAL%:*}" 1 && log_out
}
refuses_login() { ! log_in; }
refuses_discovery() { ! iscsiadm -m discovery -t sendtargets -p "$LAB_PORTAL"; }
set_secrets() {
  set_node node.session.auth.authmethod CHAP && set_node node.session.auth.username lab &&
    set_node node.session.auth.password "$1" && set_node node.session.auth.username_in array &&
    set_node node.session.auth.password_in "$2"
}
set_digests() { set_node 'node.conn[0].iscsi.HeaderDigest' "$1" && set_node 'node.conn[0].iscsi.DataDigest' "$1"; }
digests_are() {
  iscsiadm -m session -P 2 >/run/session
  grep -q "HeaderDigest: $1" /run/session && grep -q "DataDigest: $1" /run/session || { cat /run/session; return 1; }
}
write_and_verify() {
  fio --eta=never --output=/run/fio --name=digests --filename="$1" --rw=randwrite --bsrange=512-256k --size=24m --direct=1 \
    --ioengine=libaio --iodepth=16 --verify=crc32c --verify_fatal=1 || { cat /run/fio; return 1; }
}
sessions_are() { [ "$(iscsiadm -m session | wc -l)" -eq "$1" ]; }
disks() { for each in /sys/class/scsi_device/*:1/device/block/*; do [ -b "/dev/${each##*/}" ] && echo "/dev/${each##*/}"; done; }
disks_are() { [ "$(disks | wc -l)" -eq "$1" ]; }
# Each session writes a part, and every other reads it there at once.
see_each_other() {
  at=0
  for writer in $(disks); do
    some_bytes 65536 >/run/part
    dd if=/run/part of="$writer" bs=64k seek=$at oflag=direct conv=notrunc status=none || return 1
    for reader in $(disks); do dd if="$reader" bs=64k skip=$at count=1 iflag=direct status=none | cmp - /run/part || return 1; done
    at=$((at + 1))
  done
}

iscsid_settings="discovery.sendtargets.auth.authmethod = None"
start_initiator
check "discovery without a proof is refused" refuses_discovery
cat >>/etc/iscsi/iscsid.conf <<CONF
discovery.sendtargets.auth.authmethod = CHAP
discovery.sendtargets.auth.username = lab
discovery.sendtargets.auth.password = the host proves this
discovery.sendtargets.auth.username_in = array
discovery.sendtargets.auth.password_in = the array this one
CONF
discover
passed "discovery with CHAP both ways"
set_node node.session.initial_login_retry_max 1 >/run/said
check "login without a proof is refused" refuses_login
set_secrets "the host proves that" "the array this one"
check "login with a wrong secret is refused" refuses_login
set_secrets "the host proves this" "the array that one"
check "an array with a wrong secret is refused by the host" refuses_login
set_secrets "the host proves this" "the array this one"
for algorithm in MD5 SHA1 SHA256 SHA3-256; do check "login with CHAP both ways by $algorithm" log_in_by $algorithm; done
set_node node.session.auth.chap_algs SHA3-256,SHA256,SHA1,MD5 >/run/said
set_digests None
check "login without digests" log_in
check "there are none" digests_are None
check "logout" log_out
set_digests CRC32C
check "login with digests" log_in
check "both are CRC32C" digests_are CRC32C
disk=$(wait_path "${LAB_PORTAL%:*}" 1) || give_up "no disk"
check "fio verifies with digests" write_and_verify "$disk"
check "logout with digests" log_out
set_node node.session.nr_sessions 4 >/run/said
check "four sessions log in" log_in
check "there are four" wait_until 30 sessions_are 4
check "each has the unit" wait_until 30 disks_are 4
check "what one writes the others read" see_each_other
check "the engine is killed" ask kill
check "all four are there again" wait_until 60 see_each_other
check "four sessions log out" log_out
