# DH-HMAC-CHAP: one way, both ways, wrong keys, groups and hashes.
nqn=$(cat /etc/nvme/hostnqn)
key=$(nvme gen-dhchap-key --hmac=1 --key-length=32 --nqn="$nqn" | tail -1)
long=$(nvme gen-dhchap-key --hmac=3 --key-length=64 --nqn="$nqn" | tail -1)
plain=$(nvme gen-dhchap-key --hmac=0 --key-length=48 | tail -1)
own=$(nvme gen-dhchap-key --hmac=2 --key-length=48 --nqn="$subsystem" | tail -1)
other=$(nvme gen-dhchap-key --hmac=1 --key-length=32 --nqn="$nqn" | tail -1)
address="-t tcp -a 10.0.2.2 -s $first_port -n $subsystem"
told() { dmesg | tail -40 | grep -q "$1"; }
gone() { for each in /sys/class/nvme/nvme*; do [ ! -e "$each" ] || return 1; done; }

connect $first_port
check "without a key at the array nothing is asked for" dd if=$(disk 1) of=/dev/null bs=4096 count=1 iflag=direct
disconnect
ask key $key - - -
check "discovery is open" sh -c "nvme discover -t tcp -a 10.0.2.2 -s $first_port | grep -q $subsystem"
refuses "to come without a key" "" nvme connect $address
refuses "to come with another key" "" nvme connect $address --dhchap-secret="$other"
check "nothing is left of them" gone
connect $first_port --dhchap-secret="$key"
check "the usual hash and group" told "authenticated with hash hmac(sha256) dhgroup ffdhe3072"
check "fio --verify on queues that proved themselves" verify $(disk 1) 16k
disconnect
refuses "an array without a key for its host" "" nvme connect $address --dhchap-secret="$key" --dhchap-ctrl-secret="$own"
ask key $key $own - -
refuses "an array with another key than the host has" "" nvme connect $address --dhchap-secret="$key" --dhchap-ctrl-secret="$other"
dmesg -c >/dev/null
connect $first_port --dhchap-secret="$key" --dhchap-ctrl-secret="$own"
check "both have proved themselves" told "controller authenticated"
check "fio --verify, both ways" verify $(disk 1) 16k
disconnect
for way in "$plain null sha-256 hmac(sha256)" "$long ffdhe2048 sha-512 hmac(sha512)"; do
  set -- $way
  ask key $1 $own $2 $3
  connect $first_port --dhchap-secret="$1" --dhchap-ctrl-secret="$own"
  check "$2 and $3" told "authenticated with hash $4 dhgroup $2"
  check "fio --verify with them" verify $(disk 1) 64k --size=2M
  disconnect
done
