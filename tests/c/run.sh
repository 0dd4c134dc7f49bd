#!/usr/bin/env bash
# Builds the C library and the command, installs the library into the target directory, builds the C and C++ tests, runs them.
#
#   tests/c/run.sh [c|cpp] [--full]
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

# First the one that panics on purpose, kept aside; then the real one in the same place.
cargo build --locked -p ltx-jobs-c --features test-panics
mkdir -p "$build"
cp -f "$built"/libltx_jobs.so "$build/libltx_jobs_panics.so" 2> /dev/null || cp -f "$built/libltx_jobs.dylib" "$build/libltx_jobs_panics.so"
cargo build --locked -p ltx-jobs-c
cargo build --locked -p ltx-jobs-cli
bindings/c/install.sh "$built" "$prefix"

"$CMAKE" -S tests/c -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix" \
    -DLTX_JOBS_COMMAND="$built/ltx-jobs" -DLTX_JOBS_PANICS="$build/libltx_jobs_panics.so" -DLTX_JOBS_RAW="$built/libltx_jobs.a" -DLTX_JOBS_FULL="$full"
"$CMAKE" --build "$build" --parallel 2
case $part in
    c) "$CTEST" --test-dir "$build" --output-on-failure -R '^(c_|example_c$|header_c[0-9])' ;;
    cpp) "$CTEST" --test-dir "$build" --output-on-failure -R '^(cpp_|example_cpp$|header_cpp)' ;;
    *) "$CTEST" --test-dir "$build" --output-on-failure ;;
esac
