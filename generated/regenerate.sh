#!/bin/sh
# Makes symbols.txt and the bindings anew from native/include/cce.h: regenerate.sh JEXTRACT
# JEXTRACT is built from commit 0b89a462146940a2ec90e34eeb5df3d46d8980d2 of github.com/openjdk/jextract, the newest
# whose output compiles for Java 22.
set -eu
jextract=$1
generated=$(cd "$(dirname "$0")" && pwd)
cd "$generated/../native/include"  # the header by its bare name: no path of this machine gets into the output

symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT
"$jextract" --dump-includes "$symbols" cce.h
{
    echo "# What jextract takes from native/include/cce.h: all of it and nothing else. Written by regenerate.sh."
    awk '/^--include.*\/cce\.h$/ { print $1, $2 }' "$symbols" | LC_ALL=C sort
} > "$generated/symbols.txt"

rm -rf "$generated/src/main/java/io/github/cce4j/bindings"
"$jextract" --output "$generated/src/main/java" --target-package io.github.cce4j.bindings "@$generated/symbols.txt" cce.h
