#!/bin/bash
# Measures, inside the guest kernel that uml.sh or qemu.sh booted: this is its init, and when it ends the guest is
# turned off. What it finds goes to the console in lines that begin with @@; results.mjs reads them.
#
#   pktgen -> gen === in -> [ forwarding | Jool | Platypus ] -> out (a dummy device: takes a packet and drops it)
#
# What a packet costs is the time that the guest's only processor ran, divided by the packets that came out: everything
# counts, generator too. The generator alone is measured by the same packets with another station's MAC
# address, which the receiving side drops at its first look. results.mjs subtracts it.
#
# From the kernel's command line: ROUNDS, PACKETS (of one measurement), BURST (packets sent before the guest waits until
# all have come out: no queue may overflow), WARM (packets sent before it), CLIENTS (60,000 new sessions each), JOOL (folder of its programs and their libraries), MODULES (files to load,
# with commas), and NODE and PLATYPUS (its program and the root of our package; without them Platypus is left out).
set -uo pipefail
# shellcheck disable=SC2153 # PACKETS is not a misspelling of packets.
: "$ROUNDS" "$PACKETS" "$BURST" "$WARM" "$CLIENTS" "$JOOL" "$MODULES"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

say() { printf '@@ %s\n' "$*"; }
finish() {
  say "end ${1:-ok}"
  busybox poweroff -f
}
fail() { finish "failed: $*"; }
need() { "$@" || fail "$*"; }

pool6=2001:db8:64::/96
server6=2001:db8:64::c633:6402
server4=198.51.100.2
client6=2001:db8:1::2
pool4=192.0.2.2
first=1024
mac_gen=02:00:00:00:00:01
mac_in=02:00:00:00:00:02
mac_other=02:00:00:00:00:99
sink=/sys/class/net/out/statistics/tx_packets
# A folder that every root has; /tmp and /run may hold what is mounted from outside.
scratch=/mnt

boot() {
  busybox mount -t proc proc /proc
  busybox mount -t sysfs sysfs /sys
  busybox mount -t devtmpfs dev /dev
  busybox mount -t tmpfs -o size=64m tmpfs $scratch
  echo 4 >/proc/sys/kernel/printk
  local module
  for module in ${MODULES//,/ }; do need busybox insmod "$module"; done
  # The host's answers are not to be seen twice.
  busybox stty -echo
  # To wait without a process: a pipe that nobody writes.
  busybox mkfifo $scratch/never
  exec 9<>$scratch/never
}

network() {
  local setting
  for setting in ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 ipv6/conf/default/accept_dad=0 \
    ipv4/conf/all/rp_filter=0 ipv4/conf/default/rp_filter=0; do
    echo "${setting#*=}" >"/proc/sys/net/${setting%=*}"
  done
  need ip link add gen address $mac_gen type veth peer name in address $mac_in
  need ip link add out type dummy
  # As a packet from a wire: its checksum is whole, and what goes out goes in single packets.
  ethtool -K gen tx off >/dev/null
  ethtool -K out tx off gso off tso off >/dev/null
  local device
  for device in gen in out lo; do need ip link set $device addrgenmode none up; done
  need ip addr add 203.0.113.1/24 dev out
  need ip addr add 2001:db8:2::1/64 dev out nodad
  need ip neigh add 203.0.113.2 lladdr $mac_other dev out nud permanent
  need ip neigh add 2001:db8:2::2 lladdr $mac_other dev out nud permanent
  need ip route add 198.51.100.0/24 via 203.0.113.2 dev out
  need ip -6 route add 2001:db8:1::/64 via 2001:db8:2::2 dev out
}

# The pools have a route of the kernel's own only for plain forwarding, so what comes out otherwise was translated.
pool_routes() {
  need ip route "$1" 192.0.2.0/24 via 203.0.113.2 dev out
  need ip -6 route "$1" $pool6 via 2001:db8:2::2 dev out
}

pg() {
  echo "$2" >"/proc/net/pktgen/$1" || fail "pktgen refuses '$2' for $1"
}

# load DIRECTION FLOWS MAC [CLIENT]: what the next bursts look like. 64 bytes of IP are 78 with the Ethernet header.
# Flows differ in the port of the IPv6 host, or the one that stands for it: sets `flows` and `ports`.
load() {
  local direction=$1 mac=$3 client=${4:-$client6} line
  flows=$2
  pg kpktgend_0 rem_device_all
  pg kpktgend_0 'add_device gen'
  local lines=('pkt_size 78' 'delay 0' "dst_mac $mac" "src_mac $mac_gen" 'flag UDPCSUM' 'flag NO_TIMESTAMP')
  if [ "$direction" = 6to4 ]; then
    ports=udp_src
    lines+=("src6 $client" "dst6 $server6" 'udp_dst_min 443' 'udp_dst_max 443')
  else
    ports=udp_dst
    lines+=("src_min $server4" "src_max $server4" "dst_min $pool4" "dst_max $pool4" 'udp_src_min 443' 'udp_src_max 443')
  fi
  for line in "${lines[@]}"; do pg gen "$line"; done
}

# The nanoseconds that the guest's processor has run so far: the host knows them, and answers on the console. Time in
# which the guest idles, or in which the host's other processes have the processor, is not among them.
clock() {
  say clock
  read -r "$1" || fail 'nobody answers on the console'
}
came_out() { read -r "$1" <$sink; }

# drive PACKETS EXPECTED(yes|no): sends in bursts, each when the one before has come out; sets `busy` (nanoseconds of the
# guest's processor) and `delivered`.
drive() {
  local packets=$1 expected=$2 sent=0 begin end before at count target naps from
  came_out before
  clock begin
  while [ $sent -lt "$packets" ]; do
    count=$((packets - sent < BURST ? packets - sent : BURST))
    # The generator begins anew at the lowest port of its range, so the range moves: as many ports as the burst has
    # packets, if there are so many flows. It stops short of the range's end, unless that is its beginning.
    from=$((first + sent % flows))
    pg gen "${ports}_min $from"
    pg gen "${ports}_max $((flows == 1 ? from : from + count < first + flows ? from + count : first + flows))"
    pg gen "count $count"
    pg pgctrl start
    sent=$((sent + count))
    if [ "$expected" = yes ]; then
      target=$((before + sent))
      naps=0
      # A packet that has not come out after two seconds is lost.
      while came_out at && [ "$at" -lt $target ] && [ $((naps += 1)) -le 40 ]; do read -r -t 0.05 -u 9; done
      [ "$at" -ge $target ] || break
    fi
  done
  clock end
  came_out at
  delivered=$((at - before))
  busy=$((end - begin))
}

# measure MODE SCENARIO DIRECTION FLOWS MAC
measure() {
  local expected=yes packets
  [ "$1" != generator ] || expected=no
  load "$3" "$4" "$5"
  # Every flow once, unmeasured: what follows finds warm caches and, in a translator, its session.
  drive $(($4 > WARM ? $4 : WARM)) $expected
  drive "$PACKETS" $expected
  packets=$PACKETS
  if [ $expected = yes ] && [ "$delivered" -lt "$packets" ]; then
    say "lost mode=$1 scenario=$2 direction=$3 round=$round packets=$packets delivered=$delivered"
    return
  fi
  say "run mode=$1 scenario=$2 direction=$3 round=$round packets=$packets busyNanos=$busy"
}

both() {
  measure "$1" "$2" 6to4 "$3" "$4"
  measure "$1" "$2" 4to6 "$3" "$4"
}
both_forwarding() {
  pool_routes add
  both forwarding "$1" "$2" $mac_in
  pool_routes del
}

jool() { LD_LIBRARY_PATH=$JOOL "$JOOL/jool" "$@" || fail "jool $*"; }
jool_siit() { LD_LIBRARY_PATH=$JOOL "$JOOL/jool_siit" "$@" || fail "jool_siit $*"; }

# The pool has as many ports as there are flows, so that any of its ports leads back to one of them.
with_jool() {
  jool instance add --netfilter --pool6 $pool6
  jool pool4 add --udp --max-iterations infinity $pool4 $first-$((first + $2 - 1))
  both jool "$1" "$2" $mac_in
  jool instance remove
}
with_jool_siit() {
  jool_siit instance add --netfilter --pool6 $pool6
  jool_siit eamt add 2001:db8:1::/120 192.0.2.0/24
  both jool "$1" 1 $mac_in
  jool_siit instance remove
}

# Each packet is a new flow: some clients' worth of ports, sent once.
new_sessions() {
  local mode=$1 mac=$2 expected=yes client total=0 new=60000
  [ "$mode" != generator ] || expected=no
  for ((client = 11; client < 11 + CLIENTS; client++)); do
    load 6to4 $new "$mac" 2001:db8:1::$client
    drive $new $expected
    if [ $expected = yes ] && [ "$delivered" -lt $new ]; then
      say "lost mode=$mode scenario=new-sessions direction=6to4 round=$round packets=$new delivered=$delivered"
      return
    fi
    total=$((total + busy))
  done
  say "run mode=$mode scenario=new-sessions direction=6to4 round=$round packets=$((CLIENTS * new)) busyNanos=$total"
}
with_new_jool() {
  jool instance add --netfilter --pool6 $pool6
  # By its defaults Jool refuses a few of these flows although the pool has room.
  jool pool4 add --udp --max-iterations infinity 192.0.2.0/28 1024-65535
  new_sessions jool $mac_in
  jool instance remove
}

# platypus COMMAND ARGS: starts it, and returns when it has its routes.
platypus() {
  "$NODE" "$PLATYPUS/dist/cli/main.js" "$@" --pool6 $pool6 --socket $scratch/platypus.sock >$scratch/platypus.log 2>&1 &
  pid=$!
  local tries=0
  until [ -n "$(ip -6 route show $pool6)" ] && [ -n "$(ip route show root 192.0.2.0/24)" ]; do
    if [ $((tries += 1)) -gt 300 ] || ! kill -0 $pid; then fail "platypus does not start: $(<$scratch/platypus.log)"; fi
    read -r -t 0.2 -u 9
  done
  # Started is not yet at rest: Node goes on compiling for some seconds. At rest is less than 50 ms of a second.
  local begin end
  for ((tries = 0; tries < 20; tries++)); do
    clock begin
    read -r -t 1 -u 9
    clock end
    [ $((end - begin)) -gt 50000000 ] || break
  done
}
without_platypus() {
  kill $pid
  wait $pid
}
with_platypus() {
  platypus plat --pool4 "$pool4/32#$first-$((first + $2 - 1))"
  both platypus "$1" "$2" $mac_in
  without_platypus
}
with_platypus_siit() {
  printf '192.0.2.0/24 2001:db8:1::/120\n' >$scratch/eamt
  platypus siit --eamt $scratch/eamt
  both platypus "$1" 1 $mac_in
  without_platypus
}
with_new_platypus() {
  platypus plat --pool4 192.0.2.0/28
  new_sessions platypus $mac_in
  without_platypus
}

boot
network
say "kernel $(</proc/sys/kernel/osrelease)"
for ((round = 1; round <= ROUNDS; round++)); do
  say "round $round"
  for many in 1 10000; do
    scenario=nat64-$many
    both generator $scenario $many $mac_other
    both_forwarding $scenario $many
    with_jool $scenario $many
    [ -z "${NODE-}" ] || with_platypus $scenario $many
  done
  with_jool_siit siit
  [ -z "${NODE-}" ] || with_platypus_siit siit
  new_sessions generator $mac_other
  with_new_jool
  [ -z "${NODE-}" ] || with_new_platypus
done
finish
