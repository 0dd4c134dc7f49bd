#!/usr/bin/env bash
# Builds the OpenFX plug-in of examples/openfx against an installed library, and runs it in the small host; with --full also in the host that the OpenFX
# project ships.
#
#   tests/openfx/run.sh PREFIX DIRECTORY CMAKE COMMAND [--full]
#
# PREFIX: where the library is installed; DIRECTORY: where to build; COMMAND: the ltx-jobs command, for its emulator.
#
# The headers of OpenFX come from the folder OPENFX (a checkout of github.com/AcademySoftwareFoundation/openfx), else with cargo from the crate openfx-sys, which
# is the whole of such a checkout. OpenEXR is the system's, or where apt is, its packages unpacked into DIRECTORY. Where one of them cannot be had, it says so
# and does nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
prefix=$1 build=$2 cmake=$3
export LTX_JOBS_COMMAND=$4
full=${5:-}
mkdir -p "$build"
build=$(cd "$build" && pwd)

skip() {
    echo "openfx: SKIPPED, $*"
    exit 0
}

openfx_checkout() {
    if [ -n "${OPENFX:-}" ]; then
        echo "$OPENFX"
        return
    fi
    local crate=$build/openfx-sys manifest
    mkdir -p "$crate/src"
    printf '[package]\nname = "headers"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\nopenfx-sys = "=0.1.0"\n' > "$crate/Cargo.toml"
    : > "$crate/src/lib.rs"
    # What was fetched once is not asked for again.
    manifest=$({ cargo metadata --offline --format-version 1 --manifest-path "$crate/Cargo.toml" 2> /dev/null ||
        timeout 120 cargo metadata --format-version 1 --manifest-path "$crate/Cargo.toml" 2> "$build/cargo.log"; } |
        grep -o '"manifest_path":"[^"]*openfx-sys-0[^"]*"' | head -1)
    manifest=${manifest#*:\"}
    echo "$(dirname "${manifest%\"}")/openfx"
}

# Packages of OpenEXR, unpacked into the build directory; prints the folder.
unpack_openexr() {
    local packages=$build/openexr-packages
    if [ ! -e "$packages/done" ]; then
        command -v apt-get > /dev/null && command -v dpkg > /dev/null || return 1
        rm -rf "$packages"
        mkdir -p "$packages"
        # shellcheck disable=SC2046 # one word each
        (cd "$packages" && timeout 120 apt-get download $(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
            --no-enhances libopenexr-dev | grep -E '^lib(openexr|imath)') && for package in *.deb; do dpkg -x "$package" root; done) > "$build/apt.log" 2>&1 || return 1
        touch "$packages/done"
    fi
    echo "$packages/root/usr"
}

configure() {
    # What an earlier run found, the unpacked packages too, is looked for anew.
    rm -f "$build/CMakeCache.txt"
    "$cmake" -S tests/openfx -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix${1:+;$1}" -DOPENFX_INCLUDE_DIR="$checkout/include" \
        -DLTX_JOBS_OPENFX_CHECKOUT="$([ -z "$full" ] || echo "$checkout")" > "$build/configure.log" 2>&1
}

checkout=$(openfx_checkout) && [ -e "$checkout/include/ofxImageEffect.h" ] || skip "no headers of OpenFX: neither a registry of crates nor OPENFX=/path/of/a/checkout"
unpacked=
if ! configure ""; then
    grep -q OpenEXR "$build/configure.log" || {
        cat "$build/configure.log" >&2
        exit 1
    }
    unpacked=$(unpack_openexr) || skip "no OpenEXR: install its development files (libopenexr-dev, openexr-devel)"
    configure "$unpacked" || {
        cat "$build/configure.log" >&2
        exit 1
    }
fi
"$cmake" --build "$build" --parallel 2 > "$build/build.log" 2>&1 || {
    cat "$build/build.log" >&2
    exit 1
}
plugin=$(echo "$build"/plugin/ltx_shot.ofx.bundle/Contents/*/ltx_shot.ofx)
if [ -n "$unpacked" ]; then
    LD_LIBRARY_PATH=$(dirname "$(find "$unpacked" -name 'libOpenEXR*.so.*' | head -1)")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
fi
export LTX_JOBS_CLIP=$PWD/crates/ltx-jobs-cli/assets/plate.mp4

if [ "$(uname)" = Linux ]; then
    shown=$(nm -D --defined-only "$plugin" | awk '{print $3}' | sort | tr '\n' ' ')
    [ "$shown" = "OfxGetNumberOfPlugins OfxGetPlugin " ] || {
        echo "the plug-in shows its host: $shown" >&2
        exit 1
    }
fi
"$build/openfx_run_host" "$plugin"
[ -n "$full" ] || exit 0

if command -v valgrind > /dev/null; then
    valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
        "$build/openfx_run_host" "$plugin" --patient > "$build/valgrind.log" 2>&1 || {
        cat "$build/valgrind.log" >&2
        exit 1
    }
    echo "openfx: the same under valgrind: 0 findings (limit 0)"
fi

# The demo as it is: it looks for a plug-in of its own and ends, after it has loaded, described and unloaded what is there. It leaves its cache where it runs.
export OFX_PLUGIN_PATH=$build/plugin
(cd "$build" && rm -f hostDemoPluginCache.xml && ./openfx_demo > demo.log)
grep -q '^Plug-in:org.ltx-jobs.examples.Shot' "$build/demo.log"
echo "openfx, the project's host: its demo lists $(sed -n 's/^Plug-in://p' "$build/demo.log")"
"$build/openfx_project_host"
