#!/usr/bin/env bash
# Installs the OS packages that are missing for `lab` (build and run), `test` (lab, and clang, CMake, a MIPS compiler
# and qemu-user for the big-endian run), `bench` (lab, and what Platypus is measured beside) or `jool` (lab, and what
# builds and runs the kernels of bench/jool).
# A tool that is there counts, wherever it came from; so a second run does nothing.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

lab='python3:python3 make:make g++:g++ ip:iproute2 ping:iputils-ping curl:curl traceroute:traceroute iperf3:iperf3
  unshare:util-linux nsenter:util-linux setpriv:util-linux unbound:unbound dig:bind9-dnsutils
  bird:bird2 radvd:radvd dnsmasq:dnsmasq-base nft:nftables'
test='clang++:clang clang-format:clang-format cmake:cmake /usr/include/doctest/doctest.h:doctest-dev
  mips-linux-gnu-g++:g++-mips-linux-gnu qemu-mips:qemu-user named:bind9 kdig:knot-dnsutils openssl:openssl
  dhcpcd:dhcpcd-base /usr/lib/frr/bgpd:frr gobgpd:gobgpd gobgp:gobgpd'
bench='taskset:util-linux ethtool:ethtool tayga:tayga named:bind9 dnsperf:dnsperf'
jool='gcc:gcc flex:flex bison:bison bc:bc cpio:cpio xz:xz-utils /usr/include/libelf.h:libelf-dev busybox:busybox-static
  ethtool:ethtool depmod:kmod qemu-system-x86_64:qemu-system-x86'

purpose=${1:-lab}
case $purpose in
  lab) wanted=$lab ;;
  test) wanted="$lab $test" ;;
  bench) wanted="$lab $bench" ;;
  jool) wanted="$lab $jool" ;;
  *) echo "setup.sh: '$purpose' is not a purpose; expected lab, test, bench or jool" >&2; exit 2 ;;
esac

if ! command -v node >/dev/null; then
  echo 'platypus: node is missing; install Node.js 20 or newer with npm' >&2
  exit 1
fi
if [ "$(node -p 'process.versions.node.split(".")[0] >= 20')" != true ]; then
  echo "platypus: node $(node --version) is too old; expected 20 or newer" >&2
  exit 1
fi

missing=()
need() { case " ${missing[*]-} " in *" $1 "*) ;; *) missing+=("$1") ;; esac; }

for pair in $wanted; do
  case $pair in
    /*) [ -e "${pair%%:*}" ] || need "${pair#*:}" ;;
    *) command -v "${pair%%:*}" >/dev/null || need "${pair#*:}" ;;
  esac
done

# clang brings its compiler, not the sanitizer and libFuzzer runtimes; their package carries clang's major number.
if [ "$purpose" = test ]; then
  major=14
  if command -v clang++ >/dev/null; then major=$(clang++ -dumpversion | cut -d. -f1); fi
  runtime=libclang_rt.fuzzer-$(uname -m).a
  found=
  if command -v clang++ >/dev/null; then found=$(clang++ -print-file-name="$runtime"); fi
  [ -e "$found" ] || [ -e "$(clang++ -print-runtime-dir 2>/dev/null)/$runtime" ] || need "libclang-rt-$major-dev"
fi

[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=(sudo)
  else
    echo "platypus: packages missing and no right to install them (neither root nor sudo): ${missing[*]}" >&2
    exit 1
  fi
fi
if ! command -v apt-get >/dev/null; then
  echo "platypus: tools missing and no apt-get to install them with; Debian calls their packages: ${missing[*]}" >&2
  exit 1
fi

echo "installing: ${missing[*]}"
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Some packages bring daemons, and Debian starts these: unbound would take port 53 of this machine. The tests start
# their own in their namespaces; so no service is started now, unless the administrator has a rule already.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f "$log"; "${as_root[@]}" rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin $policy
fi
# A fresh machine has no package lists; an old list may name versions that are gone. Both: update, then again.
if ! ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || ! install >"$log" 2>&1; then
  "${as_root[@]}" apt-get update -q >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  install >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
