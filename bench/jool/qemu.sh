#!/usr/bin/env bash
# Jool and Platypus beside each other under Debian's stock kernel, where no module can be loaded: an emulated machine
# (QEMU's TCG: no KVM needed) boots it with Jool's modules, and the kernel's packet generator drives both in turn.
# Emulation makes everything some twenty times slower, and not all of it equally: only the ratios count.
#
#   bench/jool/qemu.sh [--json]    records on stdout with --json; the table and what is under way go to stderr
#   ROUNDS=5 PACKETS=40000         how often, and how many packets each measurement takes
#
# Needs dist/ and build/Release/platypus.node (make build). Exit 3 with "not available: why" when this machine cannot.
set -euo pipefail
"$(dirname "$0")/../../scripts/setup.sh" jool >&2
# shellcheck source=bench/jool/host.sh
. "$(dirname "$0")/host.sh"

tree=$built/qemu
rounds=${ROUNDS:-5}
packets=${PACKETS:-40000}
limit_seconds=${LIMIT_SECONDS:-1800}
for product in dist/cli/main.js build/Release/platypus.node; do
  [ -e "$root/$product" ] || unavailable "$product is missing; 'make build' makes it"
done

# What a package of the name depends on first: linux-image-amd64 says which version is the stock one.
stock() { apt-cache depends "$1" | sed -n 's/^ *Depends: //p' | head -n 1; }
image=$(stock linux-image-amd64)
[ -n "$image" ] || unavailable "Debian's package linux-image-amd64 is not known to apt"
version=${image#linux-image-}
headers=linux-headers-$version
unpack "$image" "$headers" "linux-headers-${version%-amd64}-common" linux-kbuild-6.1 linux-source-6.1 \
  jool-dkms jool-tools libnl-3-200 libnl-genl-3-200

extra=$debian/lib/modules/$version/extra
inputs=$(cat "$here/pktgen.sed" <(echo "$version") | sha256sum)
if [ "$(cat "$stamps/qemu-modules" 2>/dev/null)" != "$inputs" ]; then
  progress "building Jool's modules and the packet generator for $version (a minute, once)"
  # The headers' Makefile names the folder in which the package would have been installed.
  echo "include $debian/usr/src/linux-headers-${version%-amd64}-common/Makefile" >"$debian/usr/src/$headers/Makefile"
  mkdir -p "$tree/pktgen" "$extra"
  jool_modules qemu "$debian/usr/src/$headers"
  tar -xJf "$debian"/usr/src/linux-source-6.1.tar.xz --strip-components=3 -C "$tree/pktgen" \
    linux-source-6.1/net/core/pktgen.c
  sed -i -f "$here/pktgen.sed" "$tree/pktgen/pktgen.c"
  echo 'obj-m += pktgen.o' >"$tree/pktgen/Kbuild"
  quietly pktgen nice make -C "$debian/usr/src/$headers" M="$tree/pktgen" modules
  cp "$tree"/pktgen/pktgen.ko "$tree"/modules/mod/{common/jool_common,nat64/jool,siit/jool_siit}.ko "$extra"
  depmod -b "$debian" "$version"
  echo "$inputs" >"$stamps/qemu-modules"
fi

# The guest's root, made anew each time: Platypus changes. Programs come with the libraries that they load.
progress "packing the guest's root"
guest_root=$tree/root
rm -rf "$guest_root"
mkdir -p "$guest_root"/{proc,sys,dev,mnt,tmp,run,modules,jool,usr/{bin,sbin,lib,lib64}}
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$guest_root/$folder"; done
bring() {
  local file library
  for file; do
    install -D "$file" "$guest_root/$file"
    while read -r library; do
      [ -e "$guest_root/$library" ] || install -D "$library" "$guest_root/$library"
    done < <(ldd "$file" 2>/dev/null | grep -o '/[^ ]*')
  done
}
node=$(readlink -f "$(command -v node)")
bring "$node" /usr/bin/bash "$(command -v busybox)" "$(command -v ip)" "$(command -v ethtool)" \
  "$root/build/Release/platypus.node"
jool_programs "$guest_root/jool"
mkdir -p "$guest_root/platypus/build/Release"
cp -r "$root/dist" "$root/package.json" "$guest_root/platypus"
cp "$root/build/Release/platypus.node" "$guest_root/platypus/build/Release"
while read -r folder; do
  [ "$folder" = "$root" ] || { cd "$root" && cp -r --parents "${folder#"$root"/}" "$guest_root/platypus"; }
done < <(cd "$root" && npm ls --omit=dev --parseable --all 2>/dev/null)
cp "$here/guest.sh" "$guest_root/guest.sh"
modules=
while read -r _ module _; do
  cp "$module" "$guest_root/modules"
  module=/modules/${module##*/}
  case ,$modules, in *",$module,"*) ;; *) modules=${modules:+$modules,}$module ;; esac
done < <(for module in veth dummy tun pktgen jool jool_siit; do
  modprobe -d "$debian" -S "$version" --show-depends "$module" | grep ^insmod
done)
(cd "$guest_root" && find . | cpio -o -H newc --quiet) >"$tree/root.cpio"
rm -rf "$guest_root"

console=$tree/console.log
progress "measuring: $rounds rounds of $packets packets each (some minutes a round; the guest's console is in $console)"
run_guest "$limit_seconds" "$console" 'ALL CPUs/TCG' qemu-system-x86_64 -name platypus,debug-threads=on \
  -accel tcg,thread=single,tb-size=256 -cpu max -smp 1 -m 1536 -nodefaults -no-user-config -display none \
  -serial stdio -no-reboot -kernel "$debian/boot/vmlinuz-$version" -initrd "$tree/root.cpio" \
  -append "console=ttyS0 quiet panic=-1 rdinit=/guest.sh ROUNDS=$rounds PACKETS=$packets BURST=5000 WARM=10000 CLIENTS=1 \
    JOOL=/jool NODE=$node PLATYPUS=/platypus MODULES=$modules"

report qemu "$@"
