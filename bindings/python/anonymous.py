#!/usr/bin/env python3
"""Takes the place of the sources on the machine that built a wheel out of the wheel's SBOM, where maturin puts it into every reference to a package of ours.

    python bindings/python/anonymous.py ltx_jobs-....whl

The same sources then give the same SBOM wherever they are built.
"""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
THERE = b"file:///ltx-jobs"


def line(name: str, content: bytes) -> str:
    """A file's line in RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}"


def main(path: pathlib.Path) -> None:
    with zipfile.ZipFile(path) as wheel:
        files = [(info, wheel.read(info)) for info in wheel.infolist()]
    changed = {}
    for info, content in files:
        if ".dist-info/sboms/" in info.filename:
            changed[info.filename] = content.replace(ROOT.as_uri().encode(), THERE)
    beside = path.with_suffix(".new")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for info, content in files:
            content = changed.get(info.filename, content)
            if info.filename.endswith(".dist-info/RECORD"):
                text = content.decode()
                for name, new in changed.items():
                    # A name with a comma would be in quotes, and ours have none.
                    text, count = re.subn(rf"^{re.escape(name)},.*$", line(name, new), text, flags=re.MULTILINE)
                    if count != 1:
                        raise SystemExit(f"{path}: {name} has {count} lines in RECORD")
                content = text.encode()
            wheel.writestr(info, content, zipfile.ZIP_DEFLATED, 9)
    os.replace(beside, path)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
