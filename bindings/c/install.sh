#!/usr/bin/env bash
# Installs the built C library into a directory: shared library with its versioned names, static library, headers, files for pkg-config and CMake.
#
#   bindings/c/install.sh DIRECTORY_WITH_THE_BUILT_LIBRARY PREFIX
#
# Linux, macOS, and Windows (from a shell such as that of Git; the shared library only). The result may be moved: nothing in it names the prefix.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: install.sh DIRECTORY_WITH_THE_BUILT_LIBRARY PREFIX" >&2
    exit 2
fi
built=$1
prefix=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=$(sed -n 's/^#define LTX_VERSION "\(.*\)"$/\1/p' "$root/include/ltx_jobs.h")
names=$here/abi/symbols.txt

mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/lib/cmake/ltx_jobs" "$prefix/share/doc/ltx_jobs"
cp "$root/include/ltx_jobs.h" "$root/include/ltx_jobs.hpp" "$prefix/include/"
cp "$root/LICENSE-MIT" "$root/LICENSE-APACHE" "$prefix/share/doc/ltx_jobs/"

# What a program that links the static library needs besides, as rustc says it (`--print native-static-libs`).
private="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
static=$prefix/lib/libltx_jobs.a
if [ -f "$built/ltx_jobs.dll" ]; then
    mkdir -p "$prefix/bin"
    cp "$built/ltx_jobs.dll" "$prefix/bin/"
    cp "$built/ltx_jobs.dll.lib" "$prefix/lib/ltx_jobs.lib"
    static=
elif [ -f "$built/libltx_jobs.dylib" ]; then
    private="-framework Security -framework SystemConfiguration -framework CoreFoundation -liconv -lSystem -lc -lm"
    cp "$built/libltx_jobs.dylib" "$prefix/lib/libltx_jobs.0.dylib"
    ln -sf libltx_jobs.0.dylib "$prefix/lib/libltx_jobs.dylib"
else
    # Removed first: a program that has the old one open keeps it.
    rm -f "$prefix/lib/libltx_jobs.so.$version"
    cp "$built/libltx_jobs.so" "$prefix/lib/libltx_jobs.so.$version"
    ln -sf "libltx_jobs.so.$version" "$prefix/lib/libltx_jobs.so.0"
    ln -sf libltx_jobs.so.0 "$prefix/lib/libltx_jobs.so"
fi
if [ -n "$static" ] && { [ ! -f "$static" ] || [ "$built/libltx_jobs.a" -nt "$static" ] || [ "$names" -nt "$static" ] || [ "$here/relink.sh" -nt "$static" ]; }; then
    "$here/relink.sh" "$built/libltx_jobs.a" "$names" "$static"
fi

cp "$here/cmake/ltx_jobs-config.cmake" "$prefix/lib/cmake/ltx_jobs/"
sed "s/@VERSION@/$version/" "$here/cmake/ltx_jobs-config-version.cmake.in" > "$prefix/lib/cmake/ltx_jobs/ltx_jobs-config-version.cmake"

about() {
    cat << PC
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: $1
Description: Client library for the LTX video generation service$2
Version: $version
PC
}
{
    about ltx_jobs ""
    cat << PC
Cflags: -I\${includedir}
Libs: -L\${libdir} -lltx_jobs
Libs.private: $private
PC
} > "$prefix/lib/pkgconfig/ltx_jobs.pc"
if [ -n "$static" ]; then
    # Names the archive itself, so that no shared library beside it is taken instead.
    {
        about ltx_jobs-static ", linked statically"
        cat << PC
Cflags: -I\${includedir} -DLTX_JOBS_STATIC
Libs: \${libdir}/libltx_jobs.a $private
PC
    } > "$prefix/lib/pkgconfig/ltx_jobs-static.pc"
fi
