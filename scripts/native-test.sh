#!/usr/bin/env bash
# Runs native tests (with whatever sanitizers they were built with) and keeps their `ok NAME` / `not ok NAME` lines as the report.
set -uo pipefail
program=${1:?the test program} report=${2:?a file for the report}
mkdir -p "$(dirname "$report")"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
timeout --kill-after=10 600 "$program" 2>"$report.stderr" | tee "$report" | grep -v '^ok '
status=${PIPESTATUS[0]}
cat "$report.stderr" >&2
# A sanitizer ends the program in the middle of a test: no `not ok` line tells of it.
if [ "$status" != 0 ] && ! grep -q '^not ok ' "$report"; then
  echo "not ok ${program##*/} ends with exit code $status" | tee -a "$report"
fi
exit "$status"
