"""What is transferred: bodies of seeded random bytes, which nothing can compress, made anew for each run."""

from __future__ import annotations

import random
import zipfile
import zlib
from pathlib import Path

# The first bytes tell the library what a file is: an MP4, whose rest is media (a box that goes to the end of the file), and EXR frames.
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x00\x00\x00mdat"
EXR = b"\x76\x2f\x31\x01"
PIECE = 8 << 20


def clip(path: Path, size: int) -> None:
    """A video of `size` bytes."""
    source = random.Random(path.name)
    left = size
    with path.open("wb") as file:
        left -= file.write(MP4)
        while left > 0:
            left -= file.write(source.randbytes(min(PIECE, left)))


def archive(path: Path, size: int, frames: int) -> None:
    """A ZIP of stored EXR frames, all of one length, `size` bytes of them in all."""
    source = random.Random(path.name)
    each = size // frames - len(EXR)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for number in range(1, frames + 1):
            made.writestr(f"frame_{number:05}.exr", EXR + source.randbytes(each))


def check_equal(found: Path, wanted: Path) -> None:
    """Raises unless both files hold the same."""
    with found.open("rb") as left, wanted.open("rb") as right:
        while True:
            one, other = left.read(PIECE), right.read(PIECE)
            if one != other:
                raise ValueError(f"{found} is not what was sent")
            if not one:
                return


def check_frame(found: Path, wanted: Path, index: int) -> None:
    """Raises unless the file is the frame at this place of the archive."""
    with zipfile.ZipFile(wanted) as members:
        if found.read_bytes() != members.read(members.infolist()[index]):
            raise ValueError(f"{found} is not what was sent")


def check_frames(found: list[Path], wanted: Path) -> None:
    """Raises unless the files are the frames of the archive."""
    by_name = {path.name: path for path in found}
    with zipfile.ZipFile(wanted) as members:
        names = {member.filename: member for member in members.infolist()}
    if by_name.keys() != names.keys():
        raise ValueError(f"{len(by_name)} frames instead of {len(names)}")
    for name, member in names.items():
        if zlib.crc32(by_name[name].read_bytes()) != member.CRC:
            raise ValueError(f"{name} is not what was sent")
