"""Where the outputs of a job are meant to go: said at submit, written down, and used by whoever brings them home."""

from __future__ import annotations

import os

from ._errors import local
from ._models import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from pathlib import Path
    from typing import Literal, Union

    from ._native import _Dest

    DestArg = Union[str, PathLike[str], "Destination"]


class Destination(Value):
    """A directory for the outputs of a job, and how they are saved there. Where one is taken, a path is one with the defaults.

    Args:
        dir: The directory; made when something is saved.
        only: Labels of the outputs to save, as the service gives them or without ``_url``; all by default.
        archive: What to do with an archive of frames; ``"keep"`` saves it as one file, ``"both"`` does both.
        frame_name: Names for frames, with ``{frame}`` or ``{frame:04d}`` in it: ``"sh010.{frame:04d}.exr"``. By default the archive's names.
        first_frame: The number of the first frame in such names; by default the archive's numbers.
    """

    __slots__ = ("dir", "only", "archive", "frame_name", "first_frame")

    dir: Path
    """The directory."""
    only: tuple[str, ...] | None
    """Labels of the outputs that are wanted; all of them when ``None``."""
    archive: str
    """What becomes of an archive of frames: ``"unpack"``, ``"keep"`` or ``"both"``."""
    frame_name: str | None
    """Names for frames."""
    first_frame: int | None
    """The number of the first frame."""

    def __init__(
        self,
        dir: str | PathLike[str],
        only: str | Iterable[str] | None = None,
        archive: Literal["unpack", "keep", "both"] = "unpack",
        frame_name: str | None = None,
        first_frame: int | None = None,
    ) -> None:
        from pathlib import Path

        if archive not in ("unpack", "keep", "both"):
            raise local(101, f"archive = {archive!r}: must be unpack, keep or both")
        labels = None if only is None else (only,) if isinstance(only, str) else tuple(only)
        self._set(
            dir=Path(os.fsdecode(os.fspath(dir))), only=labels, archive=archive, frame_name=frame_name, first_frame=first_frame
        )


def given(dest: DestArg | None) -> _Dest | None:
    """What was given, for the native module."""
    if dest is None:
        return None
    if not isinstance(dest, Destination):
        return os.fsdecode(os.fspath(dest)), None, "unpack", None, None
    only = None if dest.only is None else list(dest.only)
    return str(dest.dir), only, dest.archive, dest.frame_name, _whole(dest.first_frame)


def told(dest: _Dest | None) -> Destination | None:
    """What the native module tells."""
    return None if dest is None else Destination(*dest)  # type: ignore[arg-type]


def _whole(number: int | None) -> int | None:
    if number is not None and number < 0:
        raise local(101, f"first_frame = {number}: must be zero or more")
    return number
