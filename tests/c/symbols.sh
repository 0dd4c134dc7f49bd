#!/usr/bin/env bash
# What the shared library shows to a host: only names of ours, its versioned name, and that it must not be unloaded. Linux.
#
#   symbols.sh LIBRARY [NAMES]      writes the names it exports to NAMES
set -euo pipefail
library=$1
names=$(nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//' | sort)
foreign=$(grep -v '^ltx_' <<< "$names" || true)
if [ -n "$foreign" ]; then
    echo "exports that are not ours: $foreign" >&2
    exit 1
fi
if grep -q '^ltx_test_' <<< "$names"; then
    echo "exports for tests only are in the library" >&2
    exit 1
fi
dynamic=$(readelf -d "$library")
grep -q 'SONAME.*\[libltx_jobs\.so\.0\]' <<< "$dynamic" || { echo "the versioned name is missing: $dynamic" >&2; exit 1; }
grep -q 'NODELETE' <<< "$dynamic" || { echo "not marked as not to be unloaded" >&2; exit 1; }
grep -q 'NOW' <<< "$dynamic" || { echo "names are not bound at load" >&2; exit 1; }
if strings -a "$library" | grep -q 'OpenSSL [0-9]'; then
    echo "OpenSSL is in the library" >&2
    exit 1
fi
if [ $# -gt 1 ]; then
    printf '%s\n' "$names" > "$2"
fi
