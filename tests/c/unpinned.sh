#!/usr/bin/env bash
# The test of unloading can fail: without its pin the same plug-in crashes the same host.
#
#   unpinned.sh HOST PLUGIN TIMES      PLUGIN: with the static library, and not marked as not to be unloaded
set -uo pipefail
host=$1
plugin=$2
times=$3
if readelf -d "$plugin" | grep -q NODELETE; then
    echo "the plug-in is marked as not to be unloaded; this shows nothing" >&2
    exit 1
fi
# The pin at run time alone holds it.
"$host" "$plugin" "$times" || exit 1
# The host is asked for nothing but the core file it would leave.
ulimit -c 0
"$host" "$plugin" "$times" --stripped-of-its-pin
ended=$?
case $ended in
    139 | 138 | 132 | 134) echo "without the pin: the host dies of signal $((ended - 128)), as it must for this test to mean anything" ;;
    *) echo "without the pin the host ended with $ended: the pin is not needed, or this test does not see what it is for" >&2; exit 1 ;;
esac
