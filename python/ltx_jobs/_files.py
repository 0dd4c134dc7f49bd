"""Bytes that are elsewhere, as binary file objects: readable and seekable, for `zipfile`, Pillow, `shutil.copyfileobj` and the like."""

from __future__ import annotations

import io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Union

    from _typeshed import WriteableBuffer

    Piece = Union[bytes, memoryview]

# What is fetched at once: this much after a jump, twice as much each time that the reading goes on where it was, up to the most.
_FIRST = 256 << 10
_MOST = 8 << 20


class _ReadableFile(io.RawIOBase):
    """A file of a known size whose bytes come from `_some`; goes under an `io.BufferedReader`."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._at = 0
        self.name = name
        self.mode = "rb"

    def _some(self, start: int, most: int) -> Piece:
        """At least one byte from `start` on, which lies before the end, and at most `most`, which is at least one."""
        raise NotImplementedError

    def readable(self) -> bool:
        self._check()
        return True

    def seekable(self) -> bool:
        self._check()
        return True

    def tell(self) -> int:
        self._check()
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check()
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}
        if whence not in starts:
            raise ValueError(f"whence = {whence!r}: must be 0, 1 or 2")
        place = starts[whence] + offset
        if place < 0:
            raise ValueError(f"seek to {place}: before the beginning")
        self._at = place
        return place

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._check()
        into = memoryview(buffer).cast("B")
        most = min(len(into), self._size - self._at)
        if most <= 0:
            return 0
        part = self._some(self._at, most)
        into[: len(part)] = part
        self._at += len(part)
        return len(part)

    def readall(self) -> bytes:
        self._check()
        parts: list[Piece] = []
        while self._at < self._size:
            part = self._some(self._at, self._size - self._at)
            self._at += len(part)
            parts.append(part)
        # One piece is given as it is: no copy of a whole frame.
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class ContentFile(_ReadableFile):
    """A file that is fetched whole when it is first read from, and then is in memory until it is closed."""

    def __init__(self, fetch: Callable[[], bytes], size: int, name: str) -> None:
        super().__init__(size, name)
        self._fetch = fetch
        self._content: bytes | None = None

    def _some(self, start: int, most: int) -> Piece:
        content = self._content
        if content is None:
            content = self._content = self._fetch()
        return content if start == 0 and most >= len(content) else memoryview(content)[start : start + most]

    def close(self) -> None:
        self._content = None
        super().close()


class RemoteFile(_ReadableFile):
    """A file on the storage, read by ranges as they are asked for; holds one window of it, of 8 MiB at most."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, name: str) -> None:
        super().__init__(size, name)
        self._fetch = fetch
        self._window = b""
        self._begin = 0
        self._ahead = _FIRST

    def _some(self, start: int, most: int) -> Piece:
        end = self._begin + len(self._window)
        if not self._begin <= start < end:
            self._ahead = min(2 * self._ahead, _MOST) if self._window and start == end else _FIRST
            size = max(self._ahead, min(most, _MOST))
            # The old window goes first: never two of them.
            self._window = b""
            self._window = self._fetch(start, min(start + size, self._size))
            self._begin = start
        offset = start - self._begin
        return memoryview(self._window)[offset : offset + most]

    def close(self) -> None:
        self._window = b""
        super().close()
