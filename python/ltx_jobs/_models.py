"""Plain values: what the client hands out and takes in. Immutable, comparable, with a repr that shows no secret."""

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from os import PathLike
    from pathlib import Path
    from typing import IO, Any, Literal, NoReturn, Union

    from ._errors import Error

    # A str is an address, never a path: no local name is sent to the service by mistake.
    MediaInput = Union[str, PathLike[str], bytes, bytearray, memoryview, IO[bytes]]
    Colorspace = Union[Literal["acescg", "acescct", "srgb_linear", "aces2065-1"], str]


class Status(str, Enum):
    """The state of a job as the service words it; compares equal to that word.

    A word this version does not know becomes a member of its own with that text. It is not taken as an end.
    """

    PENDING = "pending"
    """Queued."""
    PROCESSING = "processing"
    """Running."""
    COMPLETED = "completed"
    """Done; its outputs can be fetched."""
    FAILED = "failed"
    """Given up by the service, and not billed."""

    @classmethod
    def _missing_(cls, value: object) -> Status | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = value.upper()
        word._value_ = value
        return word

    def __str__(self) -> str:
        return str(self.value)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return Status, (str(self.value),)

    @property
    def is_terminal(self) -> bool:
        """Whether the job is over."""
        return self in (Status.COMPLETED, Status.FAILED)


class Value:
    """Base of the values: no changes after it was made, equality by content."""

    __slots__: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _content(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or type(other) is not type(self):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash((type(self), self._content()))

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({parts})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._content()


class Progress(Value):
    """How far an operation has come. Numbers never go backwards within a phase."""

    __slots__ = ("phase", "bytes_done", "bytes_total", "frames_done", "frames_total", "status", "unreachable", "elapsed")

    phase: str
    """``"preparing"``, ``"uploading"``, ``"submitting"``, ``"waiting"`` or ``"downloading"``."""
    bytes_done: int
    """Bytes moved in this phase."""
    bytes_total: int | None
    """Bytes to move in this phase, once known."""
    frames_done: int
    """Frames whole on disk."""
    frames_total: int | None
    """Frames to come, once known."""
    status: Status | None
    """The job's last known status, while waiting. The service reports no percentage."""
    unreachable: float | None
    """Seconds for which the service has not been reachable, while waiting."""
    elapsed: float
    """Seconds since the operation began."""

    def __init__(
        self,
        phase: str,
        bytes_done: int,
        bytes_total: int | None,
        frames_done: int,
        frames_total: int | None,
        status: str | None,
        unreachable: float | None,
        elapsed: float,
    ) -> None:
        self._set(
            phase=phase,
            bytes_done=bytes_done,
            bytes_total=bytes_total,
            frames_done=frames_done,
            frames_total=frames_total,
            status=None if status is None else Status(status),
            unreachable=unreachable,
            elapsed=elapsed,
        )


class Snapshot(Value):
    """What is known of a job, from memory."""

    __slots__ = ("status", "created_at", "last_contact", "last_error", "unreachable_since", "warnings", "done")

    status: Status | None
    """The last status the service gave; ``None`` when it was never asked."""
    created_at: datetime | None
    """When the service accepted the job, by its clock (aware, UTC)."""
    last_contact: datetime | None
    """When the service last answered, by this machine's clock (aware, UTC)."""
    last_error: Error | None
    """What the last poll met, if it was not the service's answer."""
    unreachable_since: datetime | None
    """Since when the service cannot be reached (aware, UTC)."""
    warnings: tuple[str, ...]
    """What is odd but harmless, for people."""
    done: bool
    """Whether the job is over and nothing more will be learned."""

    def __init__(
        self,
        status: str | None,
        created_at: datetime | None,
        last_contact: datetime | None,
        last_error: Error | None,
        unreachable_since: datetime | None,
        warnings: tuple[str, ...],
        done: bool,
    ) -> None:
        self._set(
            status=None if status is None else Status(status),
            created_at=created_at,
            last_contact=last_contact,
            last_error=last_error,
            unreachable_since=unreachable_since,
            warnings=tuple(warnings),
            done=done,
        )


class Saved(Value):
    """What a download left on disk. Every file is complete and verified."""

    __slots__ = ("paths", "crc32c", "bytes", "elapsed")

    paths: tuple[Path, ...]
    """The files, those of one output together, frames in the order of the archive. Files that were there and equal are among them."""
    crc32c: tuple[int, ...]
    """The CRC-32C of each file, in the order of `paths`."""
    bytes: int
    """Bytes of all the files."""
    elapsed: float
    """Seconds it took."""

    def __init__(self, paths: tuple[Path, ...], crc32c: tuple[int, ...], bytes: int, elapsed: float) -> None:
        self._set(paths=tuple(paths), crc32c=tuple(crc32c), bytes=bytes, elapsed=elapsed)

    def __repr__(self) -> str:
        return f"Saved({len(self.paths)} files, {self.bytes} bytes, {self.elapsed:.1f} s)"


class Checked(Value):
    """What `Client.check` found: the service answered, and took the key."""

    __slots__ = ("request_id", "elapsed")

    request_id: str | None
    """The service's id of the request."""
    elapsed: float
    """Seconds from the call to the answer, connecting included."""

    def __init__(self, request_id: str | None, elapsed: float) -> None:
        self._set(request_id=request_id, elapsed=elapsed)


class VideoToVideoHdr(Value):
    """A request for HDR frames from a clip (``video-to-video-hdr``), for `Client.submit`.

    Input: MP4, MOV or MKV with H.264 or H.265, at most 3840x2160 and 200 MB. Result: a ZIP of half-float OpenEXR frames and, where the service offers it,
    an HLG video. Billed per second of the input, by its pixel count; failed jobs are not billed.

    Args:
        video_uri: A ``Path`` (or open binary file, or bytes) is uploaded; a ``str`` is an address the service fetches itself.
        output_colorspace: Colour space of the frames; the service's default is ACEScg.
        extra: Further parameters by the service's names, passed on as they are.
    """

    __slots__ = ("video_uri", "output_colorspace", "extra")

    endpoint = "video-to-video-hdr"
    """The endpoint's name."""

    video_uri: MediaInput
    output_colorspace: Colorspace | None
    extra: Mapping[str, object] | None

    def __init__(
        self,
        video_uri: MediaInput,
        output_colorspace: Colorspace | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self._set(video_uri=video_uri, output_colorspace=output_colorspace, extra=extra)

    def __hash__(self) -> int:
        # Not by content: a mapping in it has no hash.
        return hash((type(self), self.output_colorspace))

    def __repr__(self) -> str:
        # An address may carry credentials in its query, bytes are long.
        video = self.video_uri
        if isinstance(video, str):
            shown = repr(video.split("?")[0][:80])
        elif isinstance(video, (bytes, bytearray, memoryview)):
            shown = f"<{len(video)} bytes>"
        else:
            shown = repr(video)
        return f"VideoToVideoHdr({shown}, output_colorspace={self.output_colorspace!r})"

    def params(self) -> dict[str, object]:
        """The parameters by the service's names."""
        params: dict[str, object] = {"video_uri": self.video_uri}
        if self.output_colorspace is not None:
            params["output_colorspace"] = self.output_colorspace
        params.update(self.extra or {})
        return params


def when(seconds: float | None) -> datetime | None:
    """An aware UTC time from seconds since 1970."""
    if seconds is None:
        return None
    from datetime import datetime, timedelta, timezone

    # Not fromtimestamp: it fails for times before 1970 on Windows.
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
