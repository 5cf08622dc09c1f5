#!/bin/sh
# Runs a CUDA compiler whose options include -Xptxas=-v, and fails if ptxas had to serialise wgmma (remarks C7510 to
# C7519) or to spill registers.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" > "$log" 2>&1
status=$?
grep -v -e '^ptxas info' -e 'bytes stack frame' "$log" >&2
[ $status -eq 0 ] || exit $status
if grep -E 'C75[0-9][0-9]|[1-9][0-9]* bytes spill' "$log" >&2; then
    echo "a kernel is not what it should be: see the remarks of ptxas above" >&2
    exit 1
fi
