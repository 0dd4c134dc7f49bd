#!/usr/bin/env bash
# What the shared library shows to a host and asks of it: the names on the list and no others, its versioned name, that it must not be unloaded, nothing of
# OpenSSL, no libraries but those of every system, and, for the library that is shipped, no C library newer than it promises. Linux.
#
#   symbols.sh LIBRARY LIST [GLIBC]      LIST: the names it must export, one a line; GLIBC: the newest version of the C library it may ask for, as 2.28
set -euo pipefail
export LC_ALL=C
library=$1
list=$2
newest=${3:-}
fail() { echo "$library: $*" >&2; exit 1; }

table=$(readelf --wide --dyn-syms "$library" | awk '$1 ~ /^[0-9]+:$/ && $5 != "LOCAL" { sub(/@.*/, "", $8); print ($7 == "UND" ? "asked" : "shown"), $8 }')
shown=$(awk '$1 == "shown" { print $2 }' <<< "$table" | sort)
asked=$(awk '$1 == "asked" { print $2 }' <<< "$table" | sort)
if ! differences=$(diff "$list" <(printf '%s\n' "$shown")); then
    fail "exports are not those of $list (left: listed, right: exported): $differences"
fi
if foreign=$(grep -v '^ltx_' <<< "$shown"); then fail "exports that are not ours: $foreign"; fi
openssl='^(SSL|EVP|CRYPTO|OPENSSL|BIO|X509|RSA|ERR|RAND)_'
# The memory hooks of aws-lc: asked for weakly and under names nobody has.
if found=$(grep -E "$openssl" <<< "$asked" | grep -v -E '^OPENSSL_memory_'); then fail "asks the host for OpenSSL's names: $found"; fi
if strings -a "$library" | grep -q 'OpenSSL [0-9]'; then fail "OpenSSL is inside"; fi

dynamic=$(readelf --wide -d "$library")
grep -q 'SONAME.*\[libltx_jobs\.so\.0\]' <<< "$dynamic" || fail "the versioned name is missing"
grep -q 'NODELETE' <<< "$dynamic" || fail "not marked as not to be unloaded"
grep -q 'NOW' <<< "$dynamic" || fail "names are not bound at load"
if grep -q -E 'RPATH|RUNPATH|TEXTREL' <<< "$dynamic"; then fail "a search path or code that is changed at load"; fi
needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<< "$dynamic")
if other=$(grep -v -E '^(libc|libm|libdl|libpthread|librt|libutil|libgcc_s|ld-linux-[a-z0-9-]+)\.so\.[0-9]+$' <<< "$needed"); then
    fail "needs a library that not every system has: $other"
fi

glibc=$(readelf --wide --version-info "$library" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -1)
printf 'symbols: %s exported, all listed, all ltx_; soname, nodelete, bound at load; needs %s\n' "$(wc -l < "$list")" "$(tr '\n' ' ' <<< "$needed")"
printf 'newest glibc symbol: %s (limit %s)\n' "$glibc" "${newest:-none for this build}"
if [ -n "$newest" ] && [ "$(printf '%s\n%s\n' "$glibc" "$newest" | sort -V | tail -1)" != "$newest" ]; then
    fail "asks for glibc $glibc"
fi
