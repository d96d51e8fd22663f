# DH-HMAC-CHAP: one way, both ways, wrong keys, groups and hashes.
nqn=$(cat /etc/nvme/hostnqn)
key=$(nvme gen-dhchap-key --hmac=1 --key-length=32 --nqn="$nqn" | tail -1)
long=$(nvme gen-dhchap-key --hmac=3 --key-length=64 --nqn="$nqn" | tail -1)
plain=$(nvme gen-dhchap-key --hmac=0 --key-length=48 | tail -1)
own=$(nvme gen-dhchap-key --hmac=2 --key-length=48 --nqn="$subsystem" | tail -1)
wrong=$(nvme gen-dhchap-key --hmac=1 --key-length=32 --nqn="$nqn" | tail -1)
address="-t tcp -a $first -s 4420 -n $subsystem"
told() { dmesg | tail -40 | grep -q "$1"; }
gone() { for each in /sys/class/nvme/nvme*; do [ ! -e "$each" ] || return 1; done; }

connect $first
check "without a key at the array nothing is asked for" dd if=$(disk 1) of=/dev/null bs=4096 count=1 iflag=direct
disconnect
ask key $key - - -
check "discovery is open" sh -c "nvme discover -t tcp -a $first -s 4420 | grep -q $subsystem"
refuses "to come without a key" "" nvme connect $address
refuses "to come with another key" "" nvme connect $address --dhchap-secret="$wrong"
check "nothing is left of them" gone
connect $first --dhchap-secret="$key"
check "the usual hash and group" told "authenticated with hash hmac(sha256) dhgroup ffdhe3072"
check "fio --verify on queues that proved themselves" verify $(disk 1) 16k
disconnect
refuses "an array without a key for its host" "" nvme connect $address --dhchap-secret="$key" --dhchap-ctrl-secret="$own"
ask key $key $own - -
refuses "an array with another key than the host has" "" nvme connect $address --dhchap-secret="$key" --dhchap-ctrl-secret="$wrong"
dmesg -c >/dev/null
connect $first --dhchap-secret="$key" --dhchap-ctrl-secret="$own"
check "both have proved themselves" told "controller authenticated"
check "fio --verify, both ways" verify $(disk 1) 16k
disconnect
# The array gives a proof 30 seconds. An emulated processor that shares its machine with much else may need longer for the largest groups.
seconds() { cut -d. -f1 /proc/uptime; }
come() { # GROUP MORE...: connects, or says that it does not or that it is only too slow
  group=$1 began=$(seconds)
  shift
  nvme connect $address --nr-io-queues=1 "$@" >/tmp/said 2>&1 && eventually is_there 1 && return
  if [ $(($(seconds) - began)) -ge 30 ]; then echo "LAB slow $group: not shown on a machine as busy as this one"
  else echo "LAB FAIL $group: $(cat /tmp/said)"; fi
  return 1
}
for way in "$plain null sha-256 hmac(sha256)" "$long ffdhe2048 sha-512 hmac(sha512)" "$long ffdhe4096 sha-384 hmac(sha384)" \
  "$plain ffdhe6144 sha-256 hmac(sha256)" "$long ffdhe8192 sha-512 hmac(sha512)"; do
  set -- $way
  ask key $1 $own $2 $3
  dmesg -c >/dev/null
  come $2 --dhchap-secret="$1" --dhchap-ctrl-secret="$own" || continue
  check "$2 and $3" told "authenticated with hash $4 dhgroup $2"
  check "$2 and $3: both have proved themselves" told "controller authenticated"
  check "fio --verify with them" verify $(disk 1) 64k --size=2M
  disconnect
done

# Once more on the queues that are there, while they are in use.
again() { # KEY: the kernel proves itself anew when it is given one
  dmesg -c >/dev/null
  echo -n "$1" >/sys/class/nvme/nvme0/dhchap_secret
}
proved() { told "controller authenticated"; } # which it tells of the first queue alone
ask key $key $own - -
connect $first --dhchap-secret="$key" --dhchap-ctrl-secret="$own"
disk=$(disk 1)
load $disk
check "the same key once more" again "$key"
check "both have proved themselves again" eventually proved
ask key $long $own - -
check "goes on after a change of keys" goes_on
check "another key" again "$long"
check "both have proved themselves by it" eventually proved
check "nothing was refused" sh -c '! dmesg | grep "authentication failed"'
check "and goes on" goes_on
end_load "proofs under load"
again "$wrong"
check "with a wrong key the connection is lost" eventually told "reset\|reconnect\|error recovery"
check "and does not come back by it" sh -c "sleep 3; ! grep -q live /sys/class/nvme/nvme0/state"
again "$long"
check "with the right one it does" eventually live 1
check "fio --verify after it" verify $disk 16k
disconnect
