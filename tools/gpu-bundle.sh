#!/bin/sh
# Packs what a GPU machine without Maven and JDK needs to run the contract suite, the native tests and the benchmarks:
# gpu-bundle.sh [ARCHIVE.tar.gz]. There: tar xzf ARCHIVE.tar.gz && cce4j-gpu-bundle/run-tests REPORT_FOLDER
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
archive=${1:-$root/target/cce4j-gpu-bundle.tar.gz}
limit_megabytes=64

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
bundle=$stage/cce4j-gpu-bundle
jars=$bundle/jars
mkdir -p "$jars" "$bundle/native" "$(dirname "$archive")"

JAVA_HOME=$("$root/tools/find-jdk.sh")
export JAVA_HOME
cd "$root"
# libtorch is too large; tests that need it carry the tag "libtorch". So would be the tokenizer, which trainings alone
# need. libcce comes once, beside the native tests.
./mvnw -q -B -pl test,benchmark -am -DskipTests package \
    dependency:copy-dependencies -DoutputDirectory="$jars" -DexcludeGroupIds=org.bytedeco,com.knuddels \
    -DexcludeArtifactIds=cce4j-native
cp test/target/*-tests.jar benchmark/target/cce4j-benchmark.jar "$jars"
cp native/target/cmake/native/test/*_test "$(find native/target/classes -name libcce.so)" "$bundle/native"

# JUnit opens jars as file systems, which no class file says. jdeps refuses a module whose optional terminal library is
# not here: the progress bar's, which needs no module that others do not.
modules=jdk.zipfs,$(find "$jars" -name '*.jar' ! -name 'progressbar-*' \
    -exec "$JAVA_HOME/bin/jdeps" --multi-release 22 --ignore-missing-deps --print-module-deps {} +)
"$JAVA_HOME/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages --compress zip-9 \
    --output "$bundle/runtime"
cp tools/gpu-bundle/* "$bundle"

tar czf "$archive" -C "$stage" cce4j-gpu-bundle
megabytes=$(($(wc -c < "$archive") / 1000000))
echo "$archive: $megabytes MB, modules $modules"
[ "$megabytes" -lt "$limit_megabytes" ] || { echo "that is not under $limit_megabytes MB" >&2; exit 1; }
