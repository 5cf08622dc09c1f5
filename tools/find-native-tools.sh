#!/bin/sh
# Checks that what builds the native library is there: a platform that it is made for, cmake, a C++ compiler and make.
# Silent if all is well; otherwise says on stderr what is missing and which package has it, and exits with 1.
set -u
missing=0
lacks() {
    echo "cce4j: $1" >&2
    missing=1
}

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-aarch64) ;;
    *) lacks "the native library is built on Linux, x86_64 or aarch64; this is $(uname -s), $(uname -m)" ;;
esac

if ! command -v cmake > /dev/null; then
    lacks "cmake 3.22 or later is needed to build the native library and is not in PATH: apt install cmake"
else
    cmake=$(cmake --version | awk 'NR == 1 { print $3 }')
    echo "$cmake" | awk -F. '{ exit !($1 > 3 || ($1 == 3 && $2 >= 22)) }' ||
        lacks "cmake 3.22 or later is needed; $(command -v cmake) is $cmake: apt install cmake, or cmake.org/download"
fi

compiler=
for candidate in ${CXX:-c++ g++ clang++}; do
    command -v "$candidate" > /dev/null && compiler=$candidate && break
done
[ -n "$compiler" ] ||
    lacks "a C++17 compiler is needed to build the native library and ${CXX:-none of c++, g++, clang++} is not in PATH: apt install g++"

[ -n "${CMAKE_GENERATOR:-}" ] || command -v make > /dev/null ||
    lacks "make is needed to build the native library and is not in PATH: apt install make"

exit $missing
