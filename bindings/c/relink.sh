#!/usr/bin/env bash
# Makes the static library that is shipped out of the one cargo built: one object in which only our functions have names, and those are hidden.
#
#   bindings/c/relink.sh ARCHIVE NAMES RESULT
#
# NAMES lists the functions, one a line. What cargo builds shows tens of thousands of names of the Rust standard library and of everything below it: a host
# or another plug-in with its own copy of one of them would not link, or would call into ours; and a plug-in would show all our functions to its host.
# Here the linker puts all into one object, a second input asks for our names as hidden (the strictest wish wins), and every other name becomes local.
#
# Linux and the like: GNU binutils for the object's processor (LD, AS, OBJCOPY, AR). macOS: Apple's tools, one processor at a time.
set -euo pipefail

if [ $# -ne 3 ]; then
    echo "usage: relink.sh ARCHIVE NAMES RESULT" >&2
    exit 2
fi
archive=$1
names=$2
result=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$(uname)" = Darwin ]; then
    # What the list leaves out becomes private to the object; `nmedit` then removes those names.
    sed 's/^/_/' "$names" > "$work/names"
    for arch in $(lipo -archs "$archive"); do
        lipo "$archive" -thin "$arch" -output "$work/$arch.a" 2> /dev/null || cp "$archive" "$work/$arch.a"
        sed 's/^/-u /' "$work/names" | tr '\n' ' ' > "$work/wanted"
        # shellcheck disable=SC2046
        ld -r -arch "$arch" $(cat "$work/wanted") -exported_symbols_list "$work/names" -o "$work/$arch.o" "$work/$arch.a"
        nmedit -s "$work/names" "$work/$arch.o"
        libtool -static -o "$work/$arch.one.a" "$work/$arch.o"
    done
    lipo -create "$work"/*.one.a -output "$result"
    exit
fi

sed 's/.*/.globl &\n.hidden &/' "$names" > "$work/hidden.s"
echo '.section .note.GNU-stack,"",%progbits' >> "$work/hidden.s"
"${AS:-as}" -o "$work/hidden.o" "$work/hidden.s"
sed 's/^/-u /' "$names" > "$work/wanted"
# Groups are dissolved: one whose name became local would be taken for that of another Rust library.
"${LD:-ld}" -r --gc-sections --force-group-allocation -o "$work/one.o" "@$work/wanted" "$work/hidden.o" "$archive"
# The bitcode that the standard library carries along is of no use any more, and two of it after another confuse tools that look. Names that nothing refers
# to go too: what only removed code asked for, and could do without, would be asked for in earnest.
"${OBJCOPY:-objcopy}" --keep-global-symbols="$names" --remove-section=.llvmbc --remove-section=.llvmcmd --strip-unneeded "$work/one.o" "$work/ltx_jobs.o"
rm -f "$work/one.a"
"${AR:-ar}" rcsD "$work/one.a" "$work/ltx_jobs.o"
mv "$work/one.a" "$result"
