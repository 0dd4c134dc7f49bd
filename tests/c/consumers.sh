#!/usr/bin/env bash
# The installed package in the hands of its users: moved elsewhere, found by CMake and pkg-config, linked shared, static and from C++, into plug-ins; and the
# static library next to everything else that a host may have linked.
#
#   consumers.sh PREFIX WORK_DIRECTORY CMAKE RAW_ARCHIVE
#
# RAW_ARCHIVE is the static library as cargo built it: what would clash if it were shipped like that.
set -euo pipefail
cd "$(dirname "$0")"
prefix=$1
work=$2
cmake=$3
raw=$4

fail() { echo "$*" >&2; exit 1; }
linux() { [ "$(uname)" = Linux ]; }

rm -rf "$work"
mkdir -p "$work"
cp -R "$prefix" "$work/moved"
moved=$(cd "$work/moved" && pwd)
# Where it was is forgotten.
if grep -rIl "$prefix" "$moved/lib/cmake" "$moved/lib/pkgconfig" "$moved/include"; then
    fail "the package names the directory it was installed into"
fi

"$cmake" -S consumers -B "$work/cmake" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$moved" > "$work/configure.log" || fail "$(cat "$work/configure.log")"
grep -q "ltx_jobs_DIR:PATH=$moved" "$work/cmake/CMakeCache.txt" || fail "another package was found"
"$cmake" --build "$work/cmake" --parallel 2 > "$work/build.log" || fail "$(cat "$work/build.log")"
cd "$work/cmake"
for program in shared_c shared_cpp static_c static_cpp; do
    ./$program > /dev/null || fail "find_package, $program"
done
for plugin in shared static; do
    ./plugin_host "$PWD/libplugin_$plugin.so" || fail "plug-in, $plugin"
done
# What is asked for and not there: another minor version.
mkdir -p "$work/newer"
printf 'cmake_minimum_required(VERSION 3.16)\nproject(newer C)\nfind_package(ltx_jobs 0.999 CONFIG REQUIRED)\n' > "$work/newer/CMakeLists.txt"
if "$cmake" -S "$work/newer" -B "$work/newer/build" -DCMAKE_PREFIX_PATH="$moved" > /dev/null 2>&1; then
    fail "version 0.999 was asked for, and found"
fi
cd - > /dev/null

cc=${CC:-cc}
if command -v pkg-config > /dev/null; then
    export PKG_CONFIG_PATH=$moved/lib/pkgconfig
    # shellcheck disable=SC2046
    "$cc" -o "$work/pc_shared" consumers/consumer.c $(pkg-config --cflags --libs ltx_jobs) -Wl,-rpath,"$moved/lib"
    "$work/pc_shared" > /dev/null || fail "pkg-config, shared"
    # shellcheck disable=SC2046
    "$cc" -o "$work/pc_static" consumers/consumer.c $(pkg-config --cflags --libs ltx_jobs-static)
    "$work/pc_static" > /dev/null || fail "pkg-config, static"
    # shellcheck disable=SC2046
    "${CXX:-c++}" -std=c++17 -o "$work/pc_cpp" consumers/consumer.cpp $(pkg-config --cflags --libs ltx_jobs) -Wl,-rpath,"$moved/lib"
    "$work/pc_cpp" > /dev/null || fail "pkg-config, C++"
    [ "$(pkg-config --modversion ltx_jobs)" = "$(sed -n 's/^#define LTX_VERSION "\(.*\)"/\1/p' "$moved/include/ltx_jobs.h")" ] || fail "pkg-config has another version"
    echo "package: moved, then find_package (shared, static, C++, plug-ins) and pkg-config (shared, static, C++): built and run"
else
    echo "package: moved, then find_package (shared, static, C++, plug-ins): built and run; pkg-config is not here"
fi
linux || exit 0

for plugin in shared static; do
    shown=$(readelf --wide --dyn-syms "$work/cmake/libplugin_$plugin.so" | awk '$7 ~ /^[0-9]+$/ && ($5 == "GLOBAL" || $5 == "WEAK" || $5 == "UNIQUE") { print $8 }')
    [ "$shown" = example_plugin_run ] || fail "the plug-in, $plugin, shows: $shown"
done
readelf -d "$work/cmake/libplugin_static.so" | grep -q NODELETE || fail "the plug-in with the static library may be unloaded"
! readelf -d "$work/cmake/static_c" | grep NEEDED | grep -q ltx_jobs || fail "the static program needs the shared library"

# Everything the raw archive defines, defined once more by the host: as it would be if the host, or another plug-in, had linked the same things.
nm -g --defined-only "$raw" 2> /dev/null | awk 'NF == 3 && $2 ~ /[A-TX-Z]/ && $3 !~ /^(ltx_|DW\.ref)/ { print $3 }' | LC_ALL=C sort -u > "$work/names"
[ "$(wc -l < "$work/names")" -gt 1000 ] || fail "the raw archive has too few names for this test"
sed 's/.*/.globl "&"\n"&": .quad 0/' "$work/names" > "$work/clash.s"
echo '.section .note.GNU-stack,"",%progbits' >> "$work/clash.s"
"$cc" -c -o "$work/clash.o" "$work/clash.s"
libs=$(pkg-config --libs ltx_jobs-static 2> /dev/null | sed "s|[^ ]*libltx_jobs.a||")
libs=${libs:--lgcc_s -lutil -lrt -lpthread -lm -ldl}
# shellcheck disable=SC2086
if "$cc" -o "$work/raw" -I"$moved/include" consumers/consumer.c "$work/clash.o" "$raw" $libs 2> "$work/raw.log"; then
    fail "the raw archive clashes with nothing, so this test shows nothing"
fi
grep -q 'multiple definition' "$work/raw.log" || fail "$(head -5 "$work/raw.log")"
# shellcheck disable=SC2086
"$cc" -o "$work/clashing" -I"$moved/include" consumers/consumer.c "$work/clash.o" "$moved/lib/libltx_jobs.a" $libs
"$work/clashing" > /dev/null || fail "the static library uses something of the host's"
# The same names in a host that shows them to its plug-ins.
"$cc" -rdynamic -o "$work/clashing_host" consumers/host.c "$work/clash.o" -ldl
for plugin in shared static; do
    "$work/clashing_host" "$work/cmake/libplugin_$plugin.so" || fail "the plug-in, $plugin, uses something of the host's"
done
echo "static library: $(wc -l < "$work/names") names of what is inside defined by the host too: links, runs; the raw archive does not link"

rustc --edition 2024 --crate-type staticlib -O -o "$work/libother.a" consumers/other.rs
# shellcheck disable=SC2086
"$cc" -o "$work/two_libraries" -I"$moved/include" consumers/two_libraries.c "$work/libother.a" "$moved/lib/libltx_jobs.a" $libs
"$work/two_libraries" > /dev/null || fail "two Rust libraries in one program"
echo "static library: beside another Rust library with its own standard library: links, runs"
