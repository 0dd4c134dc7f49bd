#!/usr/bin/env bash
# Builds the Python package as it is shipped, wheel and sdist, into OUT, and checks both; prints every figure with its limit.
#
#   bindings/python/package.sh OUT [--target TARGET] [--no-sdist] [--full]
#
# TARGET: nothing (this machine), or a target of rustc. For Linux it is built with zig, and runs with glibc 2.17 (musl: 1.2) and newer; zig comes from PyPI.
# --full also installs the wheel on every Python of this machine, and installs the sdist, by itself and with the sources of its Cargo.lock that cargo has
# already, into an empty environment. Needs Python 3.10 or newer in $PYTHON; what it installs lies in target/package.
set -euo pipefail

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 1 ] || usage
out=$1
shift
target=
full=
sdist=yes
while [ $# -gt 0 ]; do
    case $1 in
        --target) target=${2?}; shift 2 ;;
        --no-sdist) sdist=; shift ;;
        --full) full=yes; shift ;;
        *) usage ;;
    esac
done

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
artifacts=${CARGO_TARGET_DIR:-$root/target}
case $artifacts in /*) ;; *) artifacts=$root/$artifacts ;; esac
export CARGO_TARGET_DIR=$artifacts
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$root"
host=$(rustc -vV | sed -n 's/^host: //p')
target=${target:-$host}

venv=$artifacts/package/venv
bin=$venv/bin
case $host in *-windows-*) bin=$venv/Scripts ;; esac
if ! cmp -s bindings/python/requirements.txt "$venv/requirements.txt"; then
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$bin/python" -m pip install --quiet --disable-pip-version-check --requirement bindings/python/requirements.txt
    cp bindings/python/requirements.txt "$venv/requirements.txt"
fi
export PATH="$bin:$PATH"

step() { printf '\n-- %s (%dm%02ds)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

step "licences"
python bindings/python/licenses.py --check

step "wheel for $target"
rm -f "$out"/ltx_jobs-*.whl
# Where the sources lay on the machine that built it is nobody's business, and the paths would fill a hundred kilobytes.
cargo fetch --quiet --locked --target "$target"
remap=()
for index in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do remap+=("--remap-path-prefix=$index=/cargo"); done
remap+=("--remap-path-prefix=$root=/ltx-jobs" "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc")
# Nothing unwinds through the C of the crypto library: no room for the tables of it.
case $target in
    *-msvc) ;;
    *) export CFLAGS="${CFLAGS:-} -fno-asynchronous-unwind-tables -fno-unwind-tables" ;;
esac
how=()
case $target in
    *-linux-gnu*) how=(--zig --compatibility manylinux_2_17) ;;
    *-linux-musl*) how=(--zig --compatibility musllinux_1_2) ;;
esac
# The wheel is for every CPython from 3.9 on, whichever builds it.
RUSTFLAGS="${RUSTFLAGS:-} ${remap[*]}" maturin build --quiet --target "$target" "${how[@]+"${how[@]}"}" --compression-level 9 --out "$out" --interpreter python
wheel=$(echo "$out"/ltx_jobs-*.whl)
python bindings/python/anonymous.py "$wheel"
python bindings/python/recompress.py "$wheel"

step "what is in $(basename "$wheel")"
python tests/package.py wheel "$wheel"
abi3audit --strict --summary "$wheel"
twine check --strict "$wheel"
case $target in
    *-linux-*)
        auditwheel show "$wheel" | tee "$artifacts/package/auditwheel.txt"
        grep -q -E "consistent with the following platform tag:? *\"?(manylinux_2_(5|12|17)|musllinux_1_2)_" <(tr '\n' ' ' < "$artifacts/package/auditwheel.txt")
        echo "auditwheel: clean"
        ;;
esac

if [ -n "$sdist" ]; then
    step "sdist"
    rm -f "$out"/ltx_jobs-*.tar.gz
    maturin sdist --out "$out"
    source=$(echo "$out"/ltx_jobs-*.tar.gz)
    python tests/package.py sdist "$source"
    twine check --strict "$source"
fi

if [ -n "$full" ]; then
    step "the wheel on every Python of this machine, installed by its own pip"
    python tests/interpreters.py "$wheel" --install
    if [ -n "$sdist" ]; then
        step "the sdist by itself"
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        python -m venv "$work/venv"
        # Nothing of this directory, and no crate that is not there already. Unoptimised, because it is the files that are tested.
        (cd "$work" && CARGO_NET_OFFLINE=true "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --config-settings=build-args=--profile=dev "$source")
        (cd "$work" && "$work/venv/bin/python" "$root/tests/python/smoke.py")
        echo "sdist: installed and works, from $(basename "$source") and Cargo.lock alone"
    fi
fi
step "packed: $out"
