"""What a download or a copy is told, as the native module takes it, and what it tells when it has ended or was interrupted."""

from __future__ import annotations

from ._errors import local
from ._frames import check_first_frame
from ._models import Object, Rehosted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# Notes of an interrupt.
DOWNLOAD_GOES_ON = "the download can go on: what is complete is on disk, and the same call fetches the rest"
COPY_GOES_ON = "the copy can go on: complete objects are in the store, and the same call copies the rest"


def download_options(
    only: str | Iterable[str] | None,
    archive: str,
    overwrite: bool,
    verify: str,
    frame_name: str | None,
    first_frame: int | None,
    connections: int | None,
    resume: bool,
    bandwidth: int | str | None,
    lock_timeout: float | None,
) -> dict[str, Any]:
    """What a download is told, as the native module takes it."""
    check_first_frame(first_frame)
    return {
        "only": _labels(only),
        "archive": archive,
        "overwrite": overwrite,
        "verify": verify,
        "frame_name": frame_name,
        "first_frame": first_frame,
        "connections": connections,
        "resume": resume,
        "bandwidth": speed(bandwidth),
        "lock_timeout": lock_timeout,
    }


def rehost_options(
    only: str | Iterable[str] | None,
    archive: str,
    overwrite: bool,
    frame_name: str | None,
    first_frame: int | None,
    options: Mapping[str, str] | None,
) -> dict[str, Any]:
    """What a copy is told, as the native module takes it."""
    check_first_frame(first_frame)
    return {
        "only": _labels(only),
        "archive": archive,
        "overwrite": overwrite,
        "frame_name": frame_name,
        "first_frame": first_frame,
        "options": [(str(key), str(value)) for key, value in (options or {}).items()],
    }


def rehosted(raw: tuple[list[tuple[str, int, int | None, str | None]], int, float]) -> Rehosted:
    """What was copied, from the native module's words."""
    objects, size, elapsed = raw
    return Rehosted(tuple(Object(*one) for one in objects), size, elapsed)


def _labels(only: str | Iterable[str] | None) -> list[str] | None:
    return None if only is None else [only] if isinstance(only, str) else list(only)


def speed(limit: int | str | None) -> str | None:
    """A limit of speed as text, which the core reads."""
    if limit is None or isinstance(limit, str):
        return limit
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise local(101, f"bandwidth = {limit!r}: must be bytes per second, or a text such as '20MB/s'")
    return str(limit)
