#!/usr/bin/env bash
# Runs the core's tests on a big-endian 32-bit machine: cross-compiled for MIPS, run by qemu-user. What talks to the
# kernel (netlink, the CLAT's client, tun, the engine of bench, IP_PKTINFO, IP_MTU, SO_MEMINFO, OSPF's multicast options,
# packet sockets, routing rules) is left out: qemu-user does not know those messages.
set -uo pipefail
report=${1:?a file for the report}
build=build/big-endian
mkdir -p "$(dirname "$report")"
without='netlink*,tun*,engine*,steering: the*,steering: with*,steering: packets*,batch socket: a peer record names*'
without+=',OSPF-PKT*,OSPFv3*,OSPF socket: own*,OSPF socket: what*,OSPF socket: IPv4 options*,XLAT-PREF-04 with*'
without+=',link socket*,batch socket: the path MTU*,batch socket: what the kernel*,CLAT client*'
timeout --kill-after=10 900 qemu-mips "$build/platypus_tests" --test-case-exclude="$without" 2>"$report.stderr" |
  sed -E 's/^((not )?ok )/\1big-endian: /' | tee "$report" | grep -v '^ok '
status=${PIPESTATUS[0]}
cat "$report.stderr" >&2
if [ "$status" != 0 ] && ! grep -q '^not ok ' "$report"; then
  echo "not ok big-endian: platypus_tests ends with exit code $status" | tee -a "$report"
fi
exit "$status"
