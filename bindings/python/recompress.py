"""Packs a wheel anew, with deflate that takes its time: the same files, a few per cent smaller, for every installer there is.

    python bindings/python/recompress.py WHEEL

Nothing but the compression changes: names, order, times and modes are those of the wheel, and RECORD has the hashes of what is unpacked.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import zopfli


def recompress(wheel: Path) -> tuple[int, int]:
    """Replaces the wheel once the new one is whole and equal; gives the sizes before and after."""
    packed = wheel.with_suffix(".packed")
    # More rounds find less and less: fifteen take three times as long for a tenth of a per cent.
    with zipfile.ZipFile(wheel) as old, zopfli.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, iterations=5) as new:
        for info in old.infolist():
            new.writestr(info, old.read(info), zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(packed) as new:
        assert new.testzip() is None, "the new wheel is damaged"
        for before, after in zip(old.infolist(), new.infolist(), strict=True):
            assert (before.filename, before.CRC, before.date_time, before.external_attr) == (
                after.filename,
                after.CRC,
                after.date_time,
                after.external_attr,
            ), before.filename
    sizes = wheel.stat().st_size, packed.stat().st_size
    os.replace(packed, wheel)
    return sizes


if __name__ == "__main__":
    before, after = recompress(Path(sys.argv[1]))
    print(f"packed anew: {before / 1e6:.2f} MB, now {after / 1e6:.2f} MB")
