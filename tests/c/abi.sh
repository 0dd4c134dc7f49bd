#!/usr/bin/env bash
# Whether a program compiled against the header as it was would still run: types, functions and constants against the committed ones.
#
#   abi.sh WORK_DIRECTORY [--bless]       needs abidiff and abidw (Debian: abigail-tools); --bless writes the committed files
#
# What is compared is what a C compiler makes of include/ltx_jobs.h: a library of empty functions with debug information. That the Rust library is what the
# header says is for another test (bindings/c/tests/header.rs); its own debug information would be megabytes of what no program sees.
# What is added passes, and is guarded from the next --bless on. A struct that only grew at its end is shown, and is fine: bless it.
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$1
bless=${2:-}
baseline=$root/bindings/c/abi/ltx_jobs.abi
constants=$root/bindings/c/abi/constants.txt
mkdir -p "$work"

{
    echo '#include <stdlib.h>'
    echo '#include "ltx_jobs.h"'
    # Every declaration, which may be several lines, as a function that does nothing.
    awk '/^LTX_API( |$)/{ inside = 1 } inside { line = line " " $0 } inside && /;$/ { sub(/;$/, " { abort(); }", line); print line; line = ""; inside = 0 }' \
        "$root/include/ltx_jobs.h"
} > "$work/abi.c"
"${CC:-cc}" -std=c99 -g -O0 -w -shared -fPIC -Wl,-soname,libltx_jobs.so.0 -I"$root/include" -o "$work/abi.so" "$work/abi.c"
sed -n 's/^  \(LTX_[A-Z0-9_]*\) = \(-\{0,1\}[0-9]*\),\{0,1\}$/\1 \2/p; s/^#define \(LTX_ABI_VERSION\) \(.*\)$/\1 \2/p' "$root/include/ltx_jobs.h" | sort > "$work/constants.txt"

if [ "$bless" = --bless ]; then
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --drop-private-types --out-file "$baseline" "$work/abi.so"
    cp "$work/constants.txt" "$constants"
    echo "written: $baseline, $constants"
    exit
fi

if lost=$(grep -vxFf "$work/constants.txt" "$constants"); then
    echo "constants that are gone or have another value: $lost" >&2
    exit 1
fi
if ! changes=$(abidiff --no-added-syms "$baseline" "$work/abi.so"); then
    echo "$changes" >&2
    echo "the binary interface is another one than the committed; if that is meant: tests/c/abi.sh WORK --bless" >&2
    exit 1
fi
functions=$(grep -c 'elf-symbol name=' "$baseline")
added=$(($(wc -l < "$root/bindings/c/abi/symbols.txt") - functions))
echo "binary interface: $functions functions with their types and $(wc -l < "$constants") constants as committed: 0 changes (limit 0); $added added since"
