#!/usr/bin/env bash
# Runs every libFuzzer target for so many seconds, two at a time. Seeds: native/fuzz/corpus/TARGET; what it finds stays
# in build/fuzz-found/TARGET, with the log and any input that fails. Then the DNS decoders, the BGP speaker, the OSPF
# announcer and the responder get DNS64_INPUTS, BGP_INPUTS, OSPF_INPUTS and STUN_INPUTS mutated messages
# (scripts/fuzz-dns64.mjs, fuzz-bgp.mjs, fuzz-ospf.mjs, fuzz-stun.mjs). Writes one TAP line each into the report.
set -uo pipefail
build=${1:?the CMake build folder} seconds=${2:?seconds} report=${3:?a file for the report}
mkdir -p "$(dirname "$report")"
: >"$report"

one() {
  local target=$1 seconds=$2 report=$3 name found seeds
  name=$(basename "$target")
  found=build/fuzz-found/$name
  seeds=native/fuzz/corpus/$name
  [ -d "$seeds" ] || seeds=
  mkdir -p "$found/corpus"
  if timeout --kill-after=10 $((seconds + 120)) "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
    -print_final_stats=1 -artifact_prefix="$found/" "$found/corpus" $seeds >"$found/log" 2>&1; then
    echo "ok fuzz: $name, $seconds s, $(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log") inputs" | tee -a "$report"
  else
    echo "not ok fuzz: $name (log: $found/log)" | tee -a "$report"
    tail -n 40 "$found/log" >&2
  fi
}
export -f one

mapfile -t targets < <(find "$build" -type f -name 'fuzz_*' -perm -u+x | sort)
if [ ${#targets[@]} = 0 ]; then
  echo 'not ok fuzz: there is no target' | tee -a "$report"
  exit 1
fi
printf '%s\0' "${targets[@]}" | xargs -0 -P 2 -I {} bash -c 'one "$@"' _ {} "$seconds" "$report"
most=$((seconds * 20000 > 1000000 ? seconds * 20000 : 1000000))

# mutated NAME INPUTS: scripts/fuzz-NAME.mjs
mutated() {
  local name=$1 inputs=$2
  timeout --kill-after=10 $((inputs / 1000 + 120)) node "scripts/fuzz-$name.mjs" --inputs "$inputs" --report "$report"
  case $? in
    0 | 1) ;;
    *) echo "not ok fuzz: $name does not end" | tee -a "$report" ;;
  esac
}
mutated dns64 "${DNS64_INPUTS:-$most}"
mutated bgp "${BGP_INPUTS:-$most}"
mutated ospf "${OSPF_INPUTS:-$most}"
mutated stun "${STUN_INPUTS:-$most}"
! grep -q '^not ok' "$report"
