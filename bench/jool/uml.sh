#!/usr/bin/env bash
# Jool's cost relative to plain forwarding, where no module can be loaded: a User Mode Linux kernel (a process of ours,
# whose kernel code runs at native speed) is built from Debian's sources with Jool's modules, and its packet generator
# drives it. Needs no root once the packages are there.
#
#   bench/jool/uml.sh [--json]     records on stdout with --json; the table and what is under way go to stderr
#   ROUNDS=5 PACKETS=1000000        how often, and how many packets each measurement takes
#
# Exit 3 with "not available: why" when this machine cannot do it.
set -euo pipefail
"$(dirname "$0")/../../scripts/setup.sh" jool >&2
# shellcheck source=bench/jool/host.sh
. "$(dirname "$0")/host.sh"

tree=$built/uml/linux
rounds=${ROUNDS:-5}
packets=${PACKETS:-1000000}
limit_seconds=${LIMIT_SECONDS:-900}

unpack linux-source-6.1 jool-dkms jool-tools libnl-3-200 libnl-genl-3-200

inputs=$(cat "$here/uml.config" "$here/pktgen.sed" "$stamps"/linux-source-6.1 | sha256sum)
if [ "$(cat "$stamps/uml-kernel" 2>/dev/null)" != "$inputs" ]; then
  progress 'building the User Mode Linux kernel (5 to 10 minutes, once)'
  rm -rf "$built/uml" && mkdir -p "$built/uml"
  tar -xJf "$debian"/usr/src/linux-source-6.1.tar.xz -C "$built/uml"
  mv "$built"/uml/linux-source-6.1 "$tree"
  sed -i -f "$here/pktgen.sed" "$tree/net/core/pktgen.c"
  (
    cd "$tree"
    quietly uml-config make -s ARCH=um defconfig
    quietly uml-config scripts/kconfig/merge_config.sh -m .config "$here/uml.config"
    quietly uml-config make -s ARCH=um olddefconfig
    quietly uml-kernel nice make -s ARCH=um -j"$(nproc)" linux modules
  )
  echo "$inputs" >"$stamps/uml-kernel"
  rm -f "$stamps/uml-modules"
fi
if [ ! -e "$stamps/uml-modules" ]; then
  progress "building Jool's modules for it"
  jool_modules uml "$tree" ARCH=um
  touch "$stamps/uml-modules"
fi

mod=$built/uml/modules/mod
jool=$built/uml/jool
jool_programs "$jool"

console=$built/uml/console.log
progress "measuring: $rounds rounds of $packets packets each (half a minute a round; the guest's console is in $console)"
# Its root is ours, read-only; it has no network to outside.
run_guest "$limit_seconds" "$console" linux "$tree/linux" mem=1024M root=none rootfstype=hostfs rootflags=/ ro \
  con=null con0=fd:0,fd:1 quiet init="$here/guest.sh" ROUNDS="$rounds" PACKETS="$packets" BURST="$packets" WARM=10000 CLIENTS=4 \
  JOOL="$jool" MODULES="$mod/common/jool_common.ko,$mod/nat64/jool.ko,$mod/siit/jool_siit.ko"

report uml "$@"
