#!/usr/bin/env bash
# Installs the built C library into a directory: headers, library with its versioned names, pkg-config file. Linux and macOS.
#
#   bindings/c/install.sh DIRECTORY_WITH_THE_BUILT_LIBRARY PREFIX
#
# The result may be moved: nothing in it names the prefix.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: install.sh DIRECTORY_WITH_THE_BUILT_LIBRARY PREFIX" >&2
    exit 2
fi
built=$1
prefix=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's/^#define LTX_VERSION "\(.*\)"$/\1/p' "$root/include/ltx_jobs.h")

mkdir -p "$prefix/include" "$prefix/lib/pkgconfig"
cp "$root/include/ltx_jobs.h" "$root/include/ltx_jobs.hpp" "$prefix/include/"
if [ -f "$built/libltx_jobs.dylib" ]; then
    cp "$built/libltx_jobs.dylib" "$prefix/lib/libltx_jobs.0.dylib"
    ln -sf libltx_jobs.0.dylib "$prefix/lib/libltx_jobs.dylib"
else
    # Removed first: a program that has the old one open keeps it.
    rm -f "$prefix/lib/libltx_jobs.so.$version"
    cp "$built/libltx_jobs.so" "$prefix/lib/libltx_jobs.so.$version"
    ln -sf "libltx_jobs.so.$version" "$prefix/lib/libltx_jobs.so.0"
    ln -sf libltx_jobs.so.0 "$prefix/lib/libltx_jobs.so"
fi
cat > "$prefix/lib/pkgconfig/ltx_jobs.pc" <<PC
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: ltx_jobs
Description: Client library for the LTX video generation service
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lltx_jobs
PC
