#!/usr/bin/env bash
# Builds the C library as it is shipped and packs it: OUT/ltx_jobs-VERSION-PLATFORM.tar.gz, and its sum into OUT/SHA256SUMS.
#
#   bindings/c/package.sh OUT [--target TARGET | --built DIRECTORY --platform NAME]
#
# TARGET: nothing (this machine), x86_64-unknown-linux-gnu.2.28 and the like (Linux with an older C library: needs cargo-zigbuild and zig, from PyPI as
# `cargo-zigbuild` and `ziglang`), universal-apple-darwin (both processors of a Mac; on a Mac), or
# x86_64-pc-windows-msvc (on Windows). With --built nothing is built: what is in DIRECTORY is packed.
set -euo pipefail

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 1 ] || usage
out=$1
shift
target=
built=
platform=
while [ $# -gt 0 ]; do
    case $1 in
        --target) target=${2?}; shift 2 ;;
        --built) built=${2?}; shift 2 ;;
        --platform) platform=${2?}; shift 2 ;;
        *) usage ;;
    esac
done

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
artifacts=${CARGO_TARGET_DIR:-$root/target}
version=$(sed -n 's/^#define LTX_VERSION "\(.*\)"$/\1/p' "$root/include/ltx_jobs.h")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build() { (cd "$root" && cargo "$@" --locked --package ltx-jobs-c --profile dist); }

if [ -z "$built" ]; then
    case $target in
        "")
            host=$(rustc -vV | sed -n 's/^host: //p')
            build build
            built=$artifacts/dist
            platform=${platform:-$host}
            ;;
        universal-apple-darwin)
            for one in x86_64-apple-darwin aarch64-apple-darwin; do build build --target "$one"; done
            mkdir "$work/universal"
            for file in libltx_jobs.dylib libltx_jobs.a; do
                lipo -create "$artifacts"/{x86_64,aarch64}-apple-darwin/dist/$file -output "$work/universal/$file"
            done
            built=$work/universal
            platform=${platform:-$target}
            ;;
        *-windows-*)
            build build --target "$target"
            built=$artifacts/$target/dist
            platform=${platform:-$target}
            ;;
        *)
            build zigbuild --target "$target"
            built=$artifacts/$(sed 's/\.[0-9.]*$//' <<< "$target")/dist
            platform=${platform:-$(sed 's/\.\([0-9.]*\)$/-\1/' <<< "$target")}
            ;;
    esac
fi
[ -n "$platform" ] || usage

name=ltx_jobs-$version-$platform
"$here/install.sh" "$built" "$work/$name"
mkdir -p "$out"
if tar --version 2> /dev/null | grep -q GNU; then
    # The same bytes from the same files.
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -cf - "$name" | gzip -n > "$out/$name.tar.gz"
else
    tar -C "$work" -czf "$out/$name.tar.gz" "$name"
fi
sum() { if command -v sha256sum > /dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
(cd "$out" && sum ltx_jobs-*.tar.gz > SHA256SUMS)
echo "$out/$name.tar.gz"
