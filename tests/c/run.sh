#!/usr/bin/env bash
# Builds the C library and the command, installs the library into the target directory, builds the C and C++ tests, runs them.
#
#   tests/c/run.sh [c|cpp] [--full]
#
# --full: the long loops with the limits of time as they are promised; every program under valgrind; all of it built with the address and undefined-behaviour
# sanitizers, and once more with the library instrumented too; the library as it is shipped, built for glibc 2.28 with zig (from PyPI, into TARGET/zig).
#
# The command named by LTX_JOBS_COMMAND is used if it is there, else one is built.
#
# CARGO_TARGET_DIR (default: target/), CMAKE and CTEST (paths of the tools; else from PATH, else from a virtual environment in the target directory) may be set.
# The performers of the scenario suite are left in TARGET/c-tests/performer_c and performer_cpp.
set -euo pipefail
cd "$(dirname "$0")/../.."

part=
full=OFF
for argument in "$@"; do
    case $argument in
        c | cpp) part=$argument ;;
        --full) full=ON ;;
        *) echo "usage: run.sh [c|cpp] [--full]" >&2; exit 2 ;;
    esac
done

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
built=$target/debug
prefix=$target/c-install
build=$target/c-tests

if [ -z "${CMAKE:-}" ]; then
    if command -v cmake > /dev/null; then
        CMAKE=$(command -v cmake)
    else
        [ -x "$target/venv/bin/python" ] || python3 -m venv "$target/venv"
        [ -x "$target/venv/bin/cmake" ] || "$target/venv/bin/python" -m pip install --quiet 'cmake>=3.25,<5'
        CMAKE=$target/venv/bin/cmake
    fi
fi
CTEST=${CTEST:-$(dirname "$CMAKE")/ctest}
# What the tests save goes with the last of them.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# First the one that panics on purpose, kept aside; then the real one in the same place.
cargo build --locked -p ltx-jobs-c --features test-panics
mkdir -p "$build"
cp -f "$built"/libltx_jobs.so "$build/libltx_jobs_panics.so" 2> /dev/null || cp -f "$built/libltx_jobs.dylib" "$build/libltx_jobs_panics.so"
cargo build --locked -p ltx-jobs-c
command=${LTX_JOBS_COMMAND:-}
if [ ! -x "$command" ]; then
    cargo build --locked -p ltx-jobs-cli
    command=$built/ltx-jobs
fi
bindings/c/install.sh "$built" "$prefix"

"$CMAKE" -S tests/c -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix" \
    -DLTX_JOBS_COMMAND="$command" -DLTX_JOBS_PANICS="$build/libltx_jobs_panics.so" -DLTX_JOBS_RAW="$built/libltx_jobs.a" -DLTX_JOBS_FULL="$full"
"$CMAKE" --build "$build" --parallel 2
# Runs what was asked for, and repeats what the tests measured: a figure and its limit on a line.
tests() {
    local directory=$1
    shift
    local result=0
    case $part in
        c) "$CTEST" --test-dir "$directory" --output-on-failure --parallel 2 -R '^(c_|example_c$|header_c[0-9])' "$@" || result=$? ;;
        cpp) "$CTEST" --test-dir "$directory" --output-on-failure --parallel 2 -R '^(cpp_|example_cpp$|example_render_cpp$|header_cpp)' "$@" || result=$? ;;
        *) "$CTEST" --test-dir "$directory" --output-on-failure --parallel 2 "$@" || result=$? ;;
    esac
    # Under valgrind everything takes its time, and no limit counts.
    awk '/ Testing: /{skip=/memcheck/} !skip' "$directory/Testing/Temporary/LastTest.log" | grep -E '\(limit |^(package|compilers?:|static library|without the pin|symbols|newest glibc)\b' || true
    return "$result"
}
tests "$build"
if [ "$part" != c ]; then
    openfx=("$prefix" "$target/openfx" "$CMAKE" "$command")
    [ "$full" = OFF ] || openfx+=(--full)
    tests/openfx/run.sh "${openfx[@]}"
fi
[ "$full" = ON ] || exit 0

step() { printf '\n== %s\n' "$*"; }
sanitized() {
    local name=$1 from=$2
    "$CMAKE" -S tests/c -B "$target/c-$name" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$from" -DLTX_JOBS_SANITIZED=ON -DLTX_JOBS_COMMAND="$command" \
        -DCMAKE_C_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all" -DCMAKE_CXX_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"
    "$CMAKE" --build "$target/c-$name" --parallel 2
    # The leak sanitizer is part of the address sanitizer.
    ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 tests "$target/c-$name" --no-tests=error
    echo "$name: address, undefined-behaviour and leak sanitizers: 0 findings (limit 0)"
}
step "sanitizers, the programs"
sanitized sanitized-programs "$prefix"

if [ "$(uname)" = Linux ]; then
    triple=$(rustc -vV | sed -n 's/^host: //p')
    step "sanitizers, the library too"
    # A stable compiler does it when it is told to: only the standard library stays as it is, and the undefined-behaviour sanitizer is not for Rust.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=$target/sanitized cargo build --locked -p ltx-jobs-c --target "$triple"
    bindings/c/install.sh "$target/sanitized/$triple/debug" "$target/c-install-sanitized"
    sanitized sanitized-library "$target/c-install-sanitized"

    step "the library as it is shipped, for glibc 2.28"
    [ -x "$target/zig/bin/cargo-zigbuild" ] || { python3 -m venv "$target/zig" && "$target/zig/bin/pip" install --quiet --disable-pip-version-check ziglang cargo-zigbuild; }
    archive=$(PATH=$target/zig/bin:$PATH bindings/c/package.sh "$target/c-packages" --target "$triple.2.28" | tail -1)
    (cd "$target/c-packages" && sha256sum --check SHA256SUMS)
    rm -rf "$target/c-shipped"
    mkdir "$target/c-shipped"
    tar -C "$target/c-shipped" --strip-components=1 -xzf "$archive"
    tests/c/symbols.sh "$target/c-shipped/lib/libltx_jobs.so" bindings/c/abi/symbols.txt 2.28
    tests/c/consumers.sh "$target/c-shipped" "$target/c-shipped-consumers" "$CMAKE" "$target/$triple/dist/libltx_jobs.a"
fi
