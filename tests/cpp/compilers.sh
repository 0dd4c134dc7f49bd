#!/usr/bin/env bash
# The headers and the programs of the tests under every compiler of C and C++ that is found, every standard that is promised, with exceptions and RTTI and
# without, and every warning an error. Compiling is the test.
#
#   compilers.sh INCLUDE [--full]      INCLUDE: where ltx_jobs.h and ltx_jobs.hpp are
#
# g++, and the newest clang++ on PATH. Without --full what the other tests do not build anyway: the headers under clang, and its word on the programs once.
set -euo pipefail
include=$(cd "$1" && pwd)
full=${2:-}
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

names=(clang++ clang++-{25..14})
[ -z "$full" ] || names=(g++ "${names[@]}")
compilers=()
for name in "${names[@]}"; do
    case "${compilers[*]:-} $name" in *clang*clang*) continue ;; esac
    if command -v "$name" > /dev/null; then compilers+=("$name"); fi
done
case ${compilers[*]:-} in *clang*) ;; *) echo "compilers: SKIPPED clang, not found" ;; esac
[ ${#compilers[@]} -gt 0 ] || exit 0

printf '#include "ltx_jobs.h"\n#include "ltx_jobs.h"\nltx_status seen(void);\nltx_status seen(void) { return LTX_OK; }\n' > "$work/twice.c"
printf '#include "ltx_jobs.hpp"\n#include "ltx_jobs.hpp"\nint seen();\nint seen() { return ltx::Config().c_ptr() == nullptr; }\n' > "$work/twice.cpp"
printf '#include "ltx_jobs.h"\n#include "ltx_jobs.hpp"\n' > "$work/both.cpp"

strict=(-Wall -Wextra -Werror -pedantic -Wconversion -I"$include" -Itests/c -Itests/cpp -fsyntax-only)
# One build a line: what it is, then the command.
builds=$work/builds
for compiler in "${compilers[@]}"; do
    c=${compiler/clang++/clang}
    c=${c/g++/gcc}
    for standard in 99 11 17; do
        echo "$c -std=c$standard ${strict[*]} -Wstrict-prototypes -Wmissing-prototypes $work/twice.c"
        echo "$c -std=c$standard ${strict[*]} examples/c/hdr.c"
    done
    for standard in 17 20 2b; do
        for kind in "" "-fno-exceptions -fno-rtti"; do
            echo "$compiler -std=c++$standard ${strict[*]} -Wshadow -Wnon-virtual-dtor $kind $work/twice.cpp"
        done
        [ -n "$full" ] || [ "$standard" = 17 ] || continue
        echo "$compiler -std=c++$standard ${strict[*]} -Wshadow -Wnon-virtual-dtor $work/both.cpp"
        echo "$compiler -std=c++$standard ${strict[*]} -Wshadow -Wnon-virtual-dtor -fno-exceptions -fno-rtti tests/cpp/without_exceptions.cpp"
        for unit in tests/cpp/{job,callbacks,frames,performer}.cpp examples/cpp/*.cpp; do
            echo "$compiler -std=c++$standard ${strict[*]} -Wshadow -Wnon-virtual-dtor $unit"
        done
    done
done > "$builds"
# The whole list is tried before anything is said, so that one run shows all that is wrong.
xargs -a "$builds" -d '\n' -P 2 -I{} bash -c '{} || { echo "failed: {}" >&2; exit 1; }'
for compiler in "${compilers[@]}"; do printf 'compiler: %s\n' "$("$compiler" --version | head -1)"; done
echo "headers and programs as C 99, 11, 17 and C++ 17, 20, 23: $(wc -l < "$builds") builds, 0 warnings (limit 0)"
