"""Small pictures of OpenEXR frames, for notebooks: tone-mapped, as PNG, without more than numpy and OpenEXR.

For looking at, not for judging: exposure is left as it is, colours are brought to those of a screen by the primaries in the file's header.
"""

from __future__ import annotations

import struct
import zlib
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

# Pixels across, at least, and less than twice as many; a smaller frame is shown as it is.
WIDTH = 160

# Samples of the frame for one pixel, in each direction: enough against flicker of single bright pixels.
SAMPLES = 3

# Primaries and white of a screen (Rec. 709).
SCREEN = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def can_be_made() -> bool:
    """Whether numpy and OpenEXR are there. Imports them: asked only where pictures are wanted."""
    try:
        for name in ("numpy", "OpenEXR"):
            _module(name)
    except ImportError:
        return False
    return True


def _module(name: str) -> Any:
    """A package that may not be there: to type checkers it is the same in either case."""
    return import_module(name)


def spread(count: int, most: int) -> list[int]:
    """At most `most` places out of `count`, from the first to the last; one place is the middle."""
    if most >= count:
        return list(range(count))
    if most == 1:
        return [count // 2]
    return [round(turn * (count - 1) / (most - 1)) for turn in range(most)]


def thumbnail(file: IO[bytes]) -> bytes:
    """A PNG of an EXR file. What cannot be read raises whatever OpenEXR raises; `ValueError` when it has no picture that we know."""
    numpy = _module("numpy")
    picture = _to_screen(*_samples(file))
    height, width = picture.shape[:2]
    return png(width, height, numpy.rint(picture * 255).astype("u1").tobytes())


def png(width: int, height: int, rgb: bytes) -> bytes:
    """A PNG of 8-bit RGB pixels, row by row from the top."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = width * 3
    # Each row begins with its filter: none.
    lines = b"".join(b"\0" + rgb[start : start + row] for start in range(0, height * row, row))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 6)) + chunk(b"IEND", b"")


def _samples(file: IO[bytes]) -> tuple[Any, dict[str, Any]]:
    """The picture reduced to thumbnail size, linear in the file's primaries, and the header."""
    numpy = _module("numpy")
    opened: Any = _module("OpenEXR").InputFile(file)
    try:
        header: dict[str, Any] = opened.header()
        kinds = header["channels"]
        names = ("R", "G", "B") if {"R", "G", "B"} <= set(kinds) else ("Y",) * 3
        if names[0] not in kinds:
            raise ValueError("neither R, G and B nor Y is in it")
        window = header["dataWindow"]
        width, height = window.max.x - window.min.x + 1, window.max.y - window.min.y + 1
        step = max(1, width // (WIDTH * SAMPLES))
        planes: dict[str, Any] = {}
        for name in names:
            if name not in planes:
                kind = numpy.dtype({"HALF": "<f2", "FLOAT": "<f4", "UINT": "<u4"}[str(kinds[name].type)])
                whole = numpy.frombuffer(opened.channel(name), kind).reshape(height, width)
                planes[name] = whole[::step, ::step].astype("f4")
        picture = numpy.stack([planes[name] for name in names], axis=-1)
    finally:
        opened.close()
    if isinstance(header.get("colorSpace"), bytes) and header["colorSpace"].lower() == b"acescct":
        # ACEScct is logarithmic above its toe (S-2016-001).
        picture = numpy.where(picture > 0.155251141552511, numpy.exp2(picture * 17.52 - 9.72), (picture - 0.0729055341958355) / 10.5402377416545)
    # A highlight beyond all measure must not whiten what is beside it.
    picture = numpy.clip(numpy.nan_to_num(picture, nan=0.0, posinf=64.0, neginf=0.0), 0.0, 64.0)
    across = max(1, picture.shape[1] // WIDTH)
    down = min(across, picture.shape[0])
    rows, columns = picture.shape[0] // down, picture.shape[1] // across
    tiles = picture[: rows * down, : columns * across].reshape(rows, down, columns, across, 3)
    return tiles.mean(axis=(1, 3)), header


def _to_screen(picture: Any, header: dict[str, Any]) -> Any:
    """Values from 0 to 1 for a screen: its primaries, a filmic curve, its gamma."""
    numpy = _module("numpy")
    told = header.get("chromaticities")
    if told is not None:
        points = (told.red, told.green, told.blue, told.white)
        source = [number for point in points for number in (point.x, point.y)]
        matrix = numpy.linalg.inv(_to_xyz(SCREEN)) @ _to_xyz(source)
        # White stays white, whatever light it was made for.
        matrix /= matrix.sum(axis=1, keepdims=True)
        picture = numpy.maximum(picture @ matrix.T.astype("f4"), 0.0)
    # The fit of the ACES curve by Krzysztof Narkowicz.
    shown = numpy.clip(picture * (2.51 * picture + 0.03) / (picture * (2.43 * picture + 0.59) + 0.14), 0.0, 1.0)
    return numpy.where(shown <= 0.0031308, shown * 12.92, 1.055 * shown ** (1 / 2.4) - 0.055)


def _to_xyz(chromaticities: Any) -> Any:
    """The matrix from RGB with these primaries and this white to CIE XYZ."""
    numpy = _module("numpy")
    corners = numpy.array(chromaticities, dtype="f8").reshape(4, 2)
    xyz = numpy.column_stack([corners, 1 - corners.sum(axis=1)]) / corners[:, 1:]
    primaries, white = xyz[:3].T, xyz[3]
    return primaries * numpy.linalg.solve(primaries, white)
