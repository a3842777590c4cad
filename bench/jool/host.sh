# Sourced by uml.sh and qemu.sh: the host's side of both. Fetches packages (unpacked below build/jool/; nothing is
# installed into the host's /boot or /lib/modules), builds Jool's modules, runs a guest and attends to its console.
# shellcheck shell=bash

export PATH=$PATH:/usr/sbin:/sbin
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/bench/jool
built=$root/build/jool
debian=$built/debian
stamps=$built/.stamps
mkdir -p "$debian" "$stamps"

progress() { printf 'bench/jool: %s\n' "$*" >&2; }

# Says why, in one line that a caller can pass on, and ends: 3 means that it cannot be had here.
unavailable() {
  printf 'not available: %s\n' "$*" >&2
  exit 3
}

[ "$(uname -m)" = x86_64 ] || unavailable "made for amd64, this is $(uname -m)"
case $root in *[[:space:],]*) unavailable "the kernel's command line cannot hold the path '$root'" ;; esac

# quietly NAME COMMAND...: the command's output goes to a file, whose end is shown when it fails.
quietly() {
  local log=$built/$1.log
  shift
  "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; unavailable "'$1' failed; all it said is in $log"; }
}

# unpack PACKAGE...: downloads those that are not there yet and unpacks them into build/jool/debian/.
unpack() {
  local package folder
  folder=$built/download
  for package; do
    [ ! -e "$stamps/$package" ] || continue
    progress "fetching $package"
    rm -rf "$folder" && mkdir -p "$folder"
    (cd "$folder" && quietly download apt-get download -q "$package")
    dpkg-deb -x "$folder"/*.deb "$debian"
    rm -rf "$folder"
    touch "$stamps/$package"
  done
}

# report WAY [--json]: what the guest of build/jool/WAY/ wrote, as a table and records, and beside it what the other way
# said when it was last run.
report() {
  local way=$1 records=$built/$1.json other=uml status=0
  shift
  [ "$way" = qemu ] || other=qemu
  node "$here/results.mjs" --way "$way" --records "$records" "$@" "$built/$way/console.log" || status=$?
  if [ $status = 0 ] && [ -e "$built/$other.json" ]; then
    progress "beside what $other.sh said on $(date -r "$built/$other.json" '+%F %H:%M')"
    node "$here/results.mjs" --compare "$built/uml.json" "$built/qemu.json" >&2
  fi
  return $status
}

# jool_modules NAME KERNEL ARGS...: builds Jool's modules for a prepared kernel tree in build/jool/NAME/modules/.
jool_modules() {
  local folder=$built/$1/modules kernel=$2 part
  shift 2
  rm -rf "$folder"
  cp -r "$debian"/usr/src/jool-dkms-*/src "$folder"
  for part in common nat64 siit; do
    quietly jool-modules nice make -C "$kernel" "$@" M="$folder/mod/$part" modules
  done
}

# jool_programs FOLDER: Jool's command line and the libraries that it loads.
jool_programs() {
  mkdir -p "$1"
  find "$debian" \( -path '*/bin/jool' -o -path '*/bin/jool_siit' -o -name 'libnl-*.so.*' \) -exec cp -L {} "$1" \;
}

# run_guest SECONDS CONSOLE THREAD COMMAND...: runs a guest until it ends, at most so long, with its console in a file.
# To each `@@ clock` on the console it answers with the nanoseconds that the guest's processor has run: those of the
# command's thread of that name.
run_guest() {
  local console=$2 thread=$3 deadline=$((SECONDS + $1)) pipes line task nanos
  shift 3
  : >"$console"
  pipes=$(mktemp -d)
  mkfifo "$pipes/in" "$pipes/out"
  # In a process group of its own, for User Mode Linux has more processes than one.
  setsid "$@" <"$pipes/in" >"$pipes/out" 2>&1 &
  guest=$!
  trap 'kill -KILL -- "-$guest" 2>/dev/null || :' EXIT
  trap 'exit 130' INT TERM
  exec 7>"$pipes/in" 8<"$pipes/out"
  rm -rf "$pipes"
  while [ $SECONDS -lt $deadline ] && read -r -t $((deadline - SECONDS)) -u 8 line; do
    printf '%s\n' "$line" >>"$console"
    case $line in
      *'@@ clock'*)
        nanos=
        for task in "/proc/$guest/task"/*; do
          [ "$(<"$task/comm")" != "$thread" ] || read -r nanos _ <"$task/schedstat"
        done
        [ -n "$nanos" ] || unavailable "the guest's process has no thread '$thread' whose time can be read"
        echo "$nanos" >&7
        ;;
      *'@@ round'*) progress "${line##*@@ }" ;;
    esac
  done
  [ $SECONDS -lt $deadline ] || progress 'the guest has taken too long and is stopped'
  exec 7>&- 8<&-
  kill -KILL -- "-$guest" 2>/dev/null || :
  wait "$guest" 2>/dev/null || :
  trap - EXIT INT TERM
}
