#!/bin/sh
# Prints how many kernels the object files of each folder hold, every instance of a template counted:
# print-kernels.sh NM OBJECT... Kernels are told by their names, which end in _kernel.
nm=$1
shift
for object in "$@"; do
    echo "$(basename "$(dirname "$object")") $("$nm" -C "$object" | grep -c ' [tTW] .*_kernel[<(]')"
done | awk '
    $2 > 0 && !($1 in of) { folders[++n] = $1 }
    $2 > 0 { of[$1] += $2; total += $2 }
    END {
        for (i = 1; i <= n; i++) list = list (i > 1 ? ", " : "") folders[i] " " of[folders[i]]
        print "libcce: " total " CUDA kernels, instances of templates counted: " list
    }'
