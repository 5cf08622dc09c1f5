#!/bin/sh
# Sums up the test reports that a build left: a line a module, why tests were skipped and how many, and the total.
# Exits with 1 if a test failed or none ran.
set -u
cd "$(dirname "$0")/.."

for report in */target/surefire-reports/TEST-*.xml */target/ctest-reports/*.xml; do
    [ -f "$report" ] || continue
    # One line a test: module, passed|failed|skipped, why. A reason is an attribute or the text that follows.
    awk -v module="${report%%/*}" '
        BEGIN { RS = "<" }
        function put() { if (outcome) print module "\t" outcome "\t" why }
        /^testcase[ \t\r\n\/>]/ { put(); outcome = "passed"; why = "" }
        /^(failure|error)[ \t\r\n\/>]/ { outcome = "failed" }
        outcome == "skipped" && why == "" && /^!\[CDATA\[/ { split($0, lines, "\n"); why = lines[1]; sub(/^!\[CDATA\[([A-Za-z0-9_.]*: )?/, "", why) }
        /^skipped[ \t\r\n\/>]/ { outcome = "skipped"; if (match($0, /message="[^"]*"/)) why = substr($0, RSTART + 9, RLENGTH - 10) }
        /^system-out>skipped: / && outcome == "skipped" { split($0, lines, "\n"); why = lines[1]; sub(/^system-out>skipped: /, "", why) }
        END { put() }' "$report"
done | awk -F '\t' '
    !($1 in seen) { seen[$1]; modules[++n] = $1 }
    { count[$1, $2]++; total[$2]++ }
    $2 == "skipped" { reasons[$3]++ }
    END {
        for (i = 1; i <= n; i++)
            printf "%-10s %6d passed, %d failed, %d skipped\n", modules[i], count[modules[i], "passed"], count[modules[i], "failed"], count[modules[i], "skipped"]
        for (reason in reasons)
            printf "skipped %d: %s\n", reasons[reason], reason
        printf "%d passed, %d failed, %d skipped\n", total["passed"], total["failed"], total["skipped"]
        exit total["failed"] > 0 || total["passed"] == 0
    }'
