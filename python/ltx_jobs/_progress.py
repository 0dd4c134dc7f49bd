"""Showing progress: pulled from memory by the thread that waits, at most ten times a second."""

from __future__ import annotations

import sys
import time

from ._models import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Protocol, Union

    from ._native import _Progress

    ProgressArg = Union[bool, Callable[[Progress], object], None]

    class Shown(Protocol):
        """Something that tells how far it is: an operation, or a stream of frames."""

        def progress(self) -> _Progress | None: ...

    class Reporter(Protocol):
        """Looks at something while it is waited for."""

        def look(self, operation: Shown) -> None: ...
        def last_look(self, operation: Shown) -> None: ...
        def close(self) -> None: ...


# Ten times a second is more than eyes need.
_PAUSE = 0.1


def reporter(progress: ProgressArg) -> Reporter | None:
    """What to do with progress; ``None`` when nobody looks."""
    if progress is None or progress is False:
        return None
    if progress is True:
        return _bar()
    if callable(progress):
        return _Calls(progress)
    raise TypeError(f"progress must be None, True or a callable, not {type(progress).__name__}")


class _Calls:
    """Calls the user's function on the waiting thread. Its exception ends the wait."""

    def __init__(self, call: Callable[[Progress], object]) -> None:
        self._call = call
        self._next = 0.0

    def look(self, operation: Shown) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PAUSE
            self.last_look(operation)

    def last_look(self, operation: Shown) -> None:
        now = operation.progress()
        if now is not None:
            self._call(Progress(*now))

    def close(self) -> None:
        pass


def _bar() -> Reporter | None:
    """A bar when tqdm is there and somebody watches; silence otherwise."""
    tqdm = watched_tqdm()
    return None if tqdm is None else _Bar(tqdm)


def watched_tqdm() -> Any:
    """tqdm, when it is there and somebody watches; else ``None``."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return None
    return tqdm


class _Bar(_Calls):
    """A tqdm bar: bytes where there are bytes, else the status and the time."""

    def __init__(self, tqdm: Any) -> None:
        super().__init__(self._show)
        self._tqdm = tqdm
        self._bar: Any = None
        self._phase = ""

    def _show(self, now: Progress) -> None:
        if self._bar is None or now.phase != self._phase:
            self.close()
            self._phase = now.phase
            plain = "{desc}: {elapsed} {postfix}"
            moving = now.phase in ("uploading", "downloading", "rehosting")
            self._bar = self._tqdm(
                desc=now.phase,
                total=now.bytes_total,
                unit="B",
                unit_scale=True,
                leave=True,
                bar_format=None if moving else plain,
            )
        self._bar.total = now.bytes_total
        self._bar.n = now.bytes_done
        words = [str(now.status)] if now.status else []
        if now.frames_total:
            words.append(f"{now.frames_done}/{now.frames_total} frames")
        if now.unreachable:
            words.append(f"service not reachable for {now.unreachable:.0f} s")
        if now.waiting_for:
            words.append(f"{now.waiting_for} is fetching the same file")
        self._bar.set_postfix_str(", ".join(words), refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
