#!/usr/bin/env bash
# Every check and test, one part after the other, each to its end. Reports in build/reports; the summary decides.
set -uo pipefail
reports=build/reports
mkdir -p "$reports"
part() { printf '\n== %s\n' "$1"; }

part 'lint'
scripts/lint.sh "$reports/lint.tap"

# native REPORT STAMP SCRIPT ARGUMENTS: builds quietly, then runs.
native() {
  local report=$reports/$1 stamp=$2
  shift 2
  if make --no-print-directory "$stamp" >"$report.build" 2>&1; then
    "$@" "$report"
  else
    tail -n 60 "$report.build" >&2
    echo "not ok $stamp does not build" | tee "$report"
  fi
}
part 'native tests (ASan, UBSan)'
native native.tap build/.stamps/native-test scripts/native-test.sh build/native-test/platypus_tests
part 'native tests of threads (TSan)'
TSAN_OPTIONS=halt_on_error=1 native threads.tap build/.stamps/threads scripts/native-test.sh build/threads/platypus_thread_tests
part 'native tests on a big-endian machine'
native big-endian.tap build/.stamps/big-endian scripts/big-endian-test.sh
part "fuzzing, ${FUZZ_SECONDS:=10} s each"
DNS64_INPUTS=${DNS64_INPUTS:-250000} BGP_INPUTS=${BGP_INPUTS:-250000} OSPF_INPUTS=${OSPF_INPUTS:-100000} \
  native fuzz.tap build/.stamps/fuzz scripts/fuzz.sh build/fuzz "$FUZZ_SECONDS"

# vitest PROJECT REPORT FILES: `within` runs it, where a project needs that.
vitest() {
  local name=$1 report=$2
  shift 2
  ${within:-} node_modules/.bin/vitest run --project "$name" --reporter=default --reporter=json \
    --outputFile.json="$reports/$report.json" "$@"
}
part 'unit and conformance tests'
vitest unit unit

part 'end-to-end tests in network namespaces'
within=scripts/in-namespaces.sh vitest e2e e2e

part 'packets, sessions and sizes with three workers'
PLATYPUS_WORKERS=3 within=scripts/in-namespaces.sh vitest e2e e2e-workers \
  test/e2e/{bulk,fragments,hairpin,icmp,offload,reach,sessions,siit}.test.ts

part 'conformance'
node scripts/conformance.mjs --check

part 'summary'
node scripts/summary.mjs
