#!/bin/sh
# The guest's init: a real kernel with open-iscsi. Its root is the host's, read only; whatever is written here is on a
# tmpfs or on the array. lab/run reads the lines that begin with LAB. What a case does stands in case_$LAB_CASE.sh.
# From the kernel's command line: LAB_CASE, LAB_NAME (the end of the initiator's name), LAB_ADDRESS (of this guest),
# LAB_PORTAL and LAB_OTHER_PORTAL (of the array), LAB_TARGET, LAB_WORK (a folder of the host).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run LC_ALL=C

# When the lab is not run by root, the host's files seem to be nobody's, and mount with its set-uid bit would become nobody.
if [ -z "$LAB_STARTED" ]; then
  export LAB_STARTED=1
  exec setpriv --no-new-privs /bin/sh "$0"
fi

exec 3>&1
say() { echo "LAB $*" >&3; }
passed() { say "ok $*"; }
failed() { say "FAIL $*"; }
# check NAME COMMAND...: what the command said is shown when it fails.
check() {
  name=$1
  shift
  if "$@" >/run/said 2>&1; then passed "$name"; else
    failed "$name"
    tail -n 30 /run/said
    return 1
  fi
}
# check_exit CODE NAME COMMAND...: it has to end with that code.
check_exit() {
  wanted=$1 name=$2
  shift 2
  "$@" >/run/said 2>&1
  code=$?
  if [ $code -eq "$wanted" ]; then passed "$name"; else
    failed "$name: ended with $code, not $wanted"
    tail -n 30 /run/said
  fi
}
# wait_until SECONDS COMMAND...: by the clock, however long the command takes.
uptime_seconds() { cut -d. -f1 /proc/uptime; }
wait_until() {
  deadline=$(($(uptime_seconds) + $1))
  shift
  until "$@"; do
    [ "$(uptime_seconds)" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}
# ask WORDS...: has lab/run do something and gives what it answers. The answer's first line is its exit code.
ask() {
  answer=$LAB_WORK/$(cat /proc/sys/kernel/random/uuid)
  say "ask ${answer##*/} $*"
  wait_until 300 test -e "$answer" || return 1
  tail -n +2 "$answer"
  return "$(head -n 1 "$answer")"
}
finish() {
  say "end"
  sync
  poweroff -f
}
give_up() {
  failed "$*"
  dmesg | tail -n 40
  tail -n 20 /run/iscsid.log
  finish
}

set_up_system() {
  mount -t proc proc /proc
  mount -t sysfs sys /sys
  for folder in /run /mnt /etc/iscsi /var/lib; do mount -t tmpfs tmpfs "$folder" || give_up "tmpfs on $folder"; done
  mkdir -p /run/lock/iscsi /run/modules/lib/modules /dev/shm
  mount -t tmpfs tmpfs /dev/shm
  mount -t devpts devpts /dev/pts 2>/dev/null
  cd /run || give_up "no /run"
  ln -s "/usr/lib/uml/modules/$(uname -r)" /run/modules/lib/modules/
  # The kernel asks for modules by itself as well: it is to look where they are.
  printf '#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n' >/run/modprobe
  chmod 755 /run/modprobe
  echo /run/modprobe >/proc/sys/kernel/modprobe
  for module in iscsi_tcp sd_mod sg; do /run/modprobe $module || give_up "no kernel module $module"; done
  ip link set lo up
  ip addr add "$LAB_ADDRESS/24" dev vec0
  ip link set vec0 up
  ip addr show dev vec0 >/run/said || give_up "no network"
}

# A short NOP interval finds a dead array soon; 120 s are what the file system waits before it sees an error. With a
# second path it need not wait that long: a case sets replacement_timeout.
start_initiator() {
  echo "InitiatorName=iqn.2026-11.io.ashlar.lab:$LAB_NAME" >/etc/iscsi/initiatorname.iscsi
  cat >/etc/iscsi/iscsid.conf <<CONF
node.startup = manual
node.session.timeo.replacement_timeout = ${replacement_timeout:-120}
node.conn[0].timeo.noop_out_interval = 2
node.conn[0].timeo.noop_out_timeout = 3
node.conn[0].timeo.login_timeout = 5
node.session.initial_login_retry_max = 20
$iscsid_settings
CONF
  iscsid -f -d1 >/run/iscsid.log 2>&1 &
  for _ in $(seq 100); do
    iscsiadm -m session >/run/said 2>&1
    grep -q 'No active sessions' /run/said && return
    sleep 0.1
  done
  give_up "iscsid does not answer"
}

# The block device of LUN $1, made by devtmpfs; it appears some time after the login.
disk_of() {
  for _ in $(seq 300); do
    for each in /sys/class/scsi_device/*:"$1"/device/block/*; do
      [ -b "/dev/${each##*/}" ] && echo "/dev/${each##*/}" && return
    done
    sleep 0.1
  done
}
# The block device of LUN $2 by the portal at address $1.
path_of() {
  for each in /sys/class/iscsi_connection/*; do
    [ "$(cat "$each/persistent_address")" = "$1" ] || continue
    session=${each##*/connection}
    for disk in "/sys/class/iscsi_session/session${session%:*}"/device/target*/*:"$2"/block/*; do
      [ -b "/dev/${disk##*/}" ] && echo "/dev/${disk##*/}" && return
    done
  done
  return 1
}
wait_path() { wait_until 30 path_of "$1" "$2" >/dev/null && path_of "$1" "$2"; }
# To the portal $1, by default the first.
log_in() { iscsiadm -m node -T "$LAB_TARGET" -p "${1:-$LAB_PORTAL}" --login; }
log_out() { iscsiadm -m node -T "$LAB_TARGET" -p "${1:-$LAB_PORTAL}" --logout; }
discover() {
  iscsiadm -m discovery -t sendtargets -p "$LAB_PORTAL" >/run/said 2>&1
  grep -q " $LAB_TARGET\$" /run/said || { cat /run/said; give_up "discovery did not show $LAB_TARGET"; }
}
# Random bytes and zeroes, to be compared with what the array has.
some_bytes() { head -c "$1" /dev/urandom; }
holds() { head -c "$(stat -c %s "$2")" "$1" | cmp - "$2"; }
holds_zeroes() { head -c "$2" "$1" | cmp -n "$2" - /dev/zero; }
write_direct() { dd if="$1" of="$2" bs="${3:-64k}" oflag=direct conv=notrunc status=none; }
forget_pages() { blockdev --flushbufs "$1"; }

set_up_system
say "booted $(uname -r)"
# shellcheck source=/dev/null
. "${0%/*}/case_$LAB_CASE.sh"
finish
