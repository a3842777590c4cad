#!/usr/bin/env bash
# Runs the native tests (ASan, UBSan) and keeps their `ok NAME` / `not ok NAME` lines as the report.
set -uo pipefail
build=${1:?the CMake build folder} report=${2:?a file for the report}
mkdir -p "$(dirname "$report")"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
timeout --kill-after=10 600 "$build/platypus_tests" 2>"$report.stderr" | tee "$report" | grep -v '^ok '
status=${PIPESTATUS[0]}
cat "$report.stderr" >&2
# A sanitizer ends the program in the middle of a test: no `not ok` line tells of it.
if [ "$status" != 0 ] && ! grep -q '^not ok ' "$report"; then
  echo "not ok platypus_tests ends with exit code $status" | tee -a "$report"
fi
exit "$status"
