"""Where the outputs of a job are meant to go: a directory, or a place in an object store. Said before there is a job, and used by whoever brings them home."""

from __future__ import annotations

import os

from ._errors import local
from ._models import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from pathlib import Path
    from typing import Any, Literal, Union

    from ._native import _Dest, _Store

    DestArg = Union[str, PathLike[str], "Destination"]
    StoreArg = Union[str, "StoreDestination"]


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

        _check_archive(archive)
        self._set(
            dir=Path(os.fsdecode(os.fspath(dir))), only=_labels(only), archive=archive, frame_name=frame_name, first_frame=first_frame
        )


class StoreDestination(Value):
    """A place in an object store for the outputs of a job, and how they are copied there; see `Completed.rehost`. Where one is taken, a URL is one with the
    defaults.

    Args:
        url: ``s3://bucket/prefix/``, ``gs://bucket/prefix/``, ``az://container/prefix/``, ``abfss://container@account.dfs.core.windows.net/prefix/``
            or ``file:///directory/``; without credentials.
        only: Labels of the outputs to copy, as the service gives them or without ``_url``; all by default.
        archive: What to do with an archive of frames; ``"keep"`` copies it as one object, ``"both"`` does both.
        frame_name: Names for frames, with ``{frame}`` or ``{frame:04d}`` in it: ``"sh010.{frame:04d}.exr"``. By default the archive's names.
        first_frame: The number of the first frame in such names; by default the archive's numbers.
        options: Options of the store by the names of its variables, before the environment: ``{"region": "eu-west-1", "endpoint": "https://..."}``. Their
            values are never shown; a pickle has them.
    """

    __slots__ = ("url", "only", "archive", "frame_name", "first_frame", "options")

    url: str
    """The place."""
    only: tuple[str, ...] | None
    """Labels of the outputs that are wanted; all of them when ``None``."""
    archive: str
    """What becomes of an archive of frames: ``"unpack"``, ``"keep"`` or ``"both"``."""
    frame_name: str | None
    """Names for frames."""
    first_frame: int | None
    """The number of the first frame."""
    options: tuple[tuple[str, str], ...]
    """Options of the store, by name."""

    def __init__(
        self,
        url: str,
        only: str | Iterable[str] | None = None,
        archive: Literal["unpack", "keep", "both"] = "unpack",
        frame_name: str | None = None,
        first_frame: int | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        _check_archive(archive)
        pairs = tuple(sorted((str(key), str(value)) for key, value in (options or {}).items()))
        self._set(url=str(url), only=_labels(only), archive=archive, frame_name=frame_name, first_frame=first_frame, options=pairs)

    def _fields(self) -> Iterable[tuple[str, object]]:
        shown = {name: "***" for name, _ in self.options}
        # A URL that has a credential in it is refused where it is used; until then it is not shown either.
        url = "***" if "@" in self.url and not self.url.startswith("abfs") or "?" in self.url else self.url
        return [(name, {"options": shown, "url": url}.get(name, getattr(self, name))) for name in self.__slots__]

    def __repr__(self) -> str:
        return f"StoreDestination({', '.join(f'{name}={value!r}' for name, value in self._fields())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return StoreDestination, (*self._content()[:-1], dict(self.options))


def given(dest: DestArg | None) -> _Dest | None:
    """What was given, for the native module."""
    if dest is None:
        return None
    if not isinstance(dest, Destination):
        return os.fsdecode(os.fspath(dest)), None, "unpack", None, None
    only = None if dest.only is None else list(dest.only)
    return str(dest.dir), only, dest.archive, dest.frame_name, _whole(dest.first_frame)


def given_store(rehost: StoreArg | None) -> _Store | None:
    """The place in a store that was given, for the native module."""
    if rehost is None:
        return None
    if not isinstance(rehost, StoreDestination):
        return str(rehost), None, "unpack", None, None, []
    only = None if rehost.only is None else list(rehost.only)
    return rehost.url, only, rehost.archive, rehost.frame_name, _whole(rehost.first_frame), list(rehost.options)


def one_place(dest: object, rehost: object, of: str = "") -> None:
    """Refuses two places for the same outputs."""
    if dest is not None and rehost is not None:
        raise local(101, f"{of}dest and rehost: the outputs go to one of them")


def told(dest: _Dest | None) -> Destination | None:
    """What the native module tells."""
    return None if dest is None else Destination(*dest)  # type: ignore[arg-type]


def _whole(number: int | None) -> int | None:
    if number is not None and number < 0:
        raise local(101, f"first_frame = {number}: must be zero or more")
    return number


def _labels(only: str | Iterable[str] | None) -> tuple[str, ...] | None:
    return None if only is None else (only,) if isinstance(only, str) else tuple(only)


def _check_archive(word: str) -> None:
    if word not in ("unpack", "keep", "both"):
        raise local(101, f"archive = {word!r}: must be unpack, keep or both")
