# What discovery tells is true here: connect-all comes by all of it, and hears when it changes.
nqn=nqn.2014-08.org.nvmexpress
found() { nvme discover -t tcp -a "${1:-$first}" -s 4420 $2 >/tmp/found 2>&1; }
# told SUBSYSTEM: the addresses at which the last discovery said that it is.
told() {
  awk -v wanted="$1" '$1 == "trsvcid:" { port = $2 } $1 == "subnqn:" { name = $2 }
    $1 == "traddr:" && name == wanted { print $2 ":" port }' /tmp/found | sort | xargs
}
tells() { [ "$(told "$1")" = "$2" ] || { cat /tmp/found; return 1; }; }
has_disk() { [ -b "$(disk_of "$1")" ]; }
disk_of() { # SUBSYSTEM: its first disk
  for each in /sys/class/nvme-subsystem/nvme-subsys*; do
    [ "$(cat $each/subsysnqn)" = "$1" ] || continue
    for found in $each/nvme*n*; do
      case ${found##*/} in *c[0-9]*) ;; nvme*n*) echo /dev/${found##*/} && return ;; esac
    done
  done
}
paths_of() { # SUBSYSTEM: the addresses that it is connected by
  grep -lx "$1" /sys/class/nvme/nvme*/subsysnqn | while read -r each; do
    sed 's/.*traddr=\([^,]*\),trsvcid=\([^,]*\).*/\1:\2/' "${each%subsysnqn}address"
  done | sort | xargs
}
comes_by() { [ "$(paths_of "$1")" = "$2" ]; }
comes_not() { ! grep -qx "$1" /sys/class/nvme/nvme*/subsysnqn; }
both="$first:4420 $other:4420"
private=$(word private) elsewhere=$(word elsewhere) later=$(word later)

check "discovery" found
check "it tells both portals of the subsystem" tells $subsystem "$both"
check "and nothing of what is others'" tells $private ""
check "the referral" sh -c "grep -q 'traddr: *$other' /tmp/found && grep -q 'trsvcid: *8009' /tmp/found && grep -q referral /tmp/found"
check "discovery at the other portal" found $other
check "which tells the same" tells $subsystem "$both"
check "discovery as another host" found $first "--hostnqn=$nqn:uuid:00000000-0000-4000-8000-0000000000b2"
check "it is told of its own" tells $private "$both"
check "and not of this one's" tells $subsystem ""
check "discovery as a host that nobody knows" found $first "--hostnqn=$nqn:uuid:00000000-0000-4000-8000-0000000000b3"
check "it is told of neither" sh -c "! grep -E '$subsystem|$private' /tmp/found"
check "nor let in" sh -c "! nvme connect -t tcp -a $first -s 4420 -n $private"

check "connect-all" nvme connect-all -t tcp -a $first -s 4420 --reconnect-delay=1
check "the disk is there" eventually has_disk $subsystem
check "by both portals" eventually comes_by $subsystem "$both"
check "the other array, by the referral" eventually has_disk $elsewhere
check "at its own portal" eventually comes_by $elsewhere "$other:8009"
check "nobody else's" comes_not $private
check "fio --verify on two paths" verify $(disk_of $subsystem) 16k --size=2M
check "fio --verify by the referral" verify $(disk_of $elsewhere) 16k --size=2M
check "disconnect-all" nvme disconnect-all

uevent /rediscover &
check "connect-all that stays" nvme connect-all --persistent -t tcp -a $first -s 4420 --reconnect-delay=1
controllers() { grep -lx discovery /sys/class/nvme/nvme*/cntrltype | xargs -n1 dirname; }
stays() { [ "$(cat "$(controllers | head -1)/state")" = live ]; }
check "a controller of discovery stays" eventually stays
check "the disk is there again" eventually comes_by $subsystem "$both"
ask offer
check "a subsystem that is new is told and connected" eventually has_disk $later
check "by both portals, too" eventually comes_by $later "$both"
ask portal 4421
check "a portal that is new is one more path" eventually comes_by $subsystem "$first:4420 $first:4421 $other:4420"
check "fio --verify on three paths" verify $(disk_of $subsystem) 16k --size=2M
ask kill
ask start
check "after a killed engine it is there again" eventually stays
check "and is asked again" eventually grep -q rediscover /tmp/news
ask withdraw
check "what is taken away is not told any more" sh -c "sleep 1; nvme discover -t tcp -a $first -s 4420 | grep -c $later | grep -qx 0"
nvme disconnect-all
cat /tmp/news
