#!/usr/bin/env bash
# Layout and types: biome, tsc, clang-format. Writes one TAP line each into the given report.
set -uo pipefail
report=${1:?a file for the report}
mkdir -p "$(dirname "$report")"
: >"$report"
status=0
check() {
  local name=$1
  shift
  if "$@"; then echo "ok lint: $name" >>"$report"; else echo "not ok lint: $name" >>"$report"; status=1; fi
}
native_layout() { find native \( -name '*.h' -o -name '*.cpp' \) -print0 | xargs -0 -r clang-format --dry-run -Werror; }

check 'biome' node_modules/.bin/biome check --error-on-warnings .
check 'tsc' node_modules/.bin/tsc --noEmit
check 'clang-format' native_layout
exit $status
