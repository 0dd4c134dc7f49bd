"""Showing progress: pulled from memory by the thread that waits, at most ten times a second.

What is to be told is a `Line`, made of what is known; how it is shown is one of three displays: a bar of tqdm, a bar of rich, or lines in `logging`. None of
them is imported before somebody wants to see something.
"""

from __future__ import annotations

import sys
import time

from ._models import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Generic, Literal, Protocol, TypeVar, Union

    from ._native import _Progress

    Displayed = Union[bool, Literal["tqdm", "rich"], None]
    ProgressArg = Union[Displayed, Callable[[Progress], object]]

    Now = TypeVar("Now")
    NowIn = TypeVar("NowIn", contravariant=True)

    class Shown(Protocol):
        """Something that tells how far it is: an operation, or a stream of frames."""

        def progress(self) -> _Progress | None: ...

    class Reporter(Protocol):
        """Looks at something while it is waited for."""

        def look(self, operation: Shown) -> None: ...
        def last_look(self, operation: Shown) -> None: ...
        def close(self) -> None: ...

    class Display(Protocol):
        """Shows lines, one in place of the other."""

        def show(self, line: Line) -> None: ...
        def close(self) -> None: ...

else:
    from ._generic import Generic

    Now = None

# Ten times a second is more than eyes need.
PAUSE = 0.1

# Seconds between two lines of a log.
LOG_PAUSE = 10.0

LOGGER = "ltx_jobs.progress"

# Phases in which bytes move.
MOVING = ("uploading", "downloading", "rehosting")


class Line:
    """What is to be told: what goes on, how far it is in which unit (``"B"``, ``"item"``, or none), and more in words."""

    __slots__ = ("done", "total", "unit", "what", "words")

    def __init__(self, what: str, done: int, total: int | None, unit: str | None, words: list[str]) -> None:
        self.what = what
        self.done = done
        self.total = total
        self.unit = unit
        self.words = words


class Looks(Generic[Now]):
    """Calls somebody with the news, on the waiting thread and not too often. What it raises ends the wait."""

    def __init__(self, call: Callable[[Now], object]) -> None:
        self._call = call
        self._next = 0.0

    def is_time(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + PAUSE
        return True

    def tell(self, now: Now) -> None:
        self._call(now)

    def close(self) -> None:
        pass


class Displays(Looks[Now]):
    """Shows the news as lines."""

    def __init__(self, display: Display, line_of: Callable[[Now], Line]) -> None:
        super().__init__(lambda now: display.show(line_of(now)))
        self._display = display

    def close(self) -> None:
        self._display.close()


class _OfOperation:
    """What looks at an operation, or at a stream of frames."""

    def __init__(self, looks: Looks[Progress]) -> None:
        self._looks = looks

    def look(self, operation: Shown) -> None:
        if self._looks.is_time():
            self.last_look(operation)

    def last_look(self, operation: Shown) -> None:
        now = operation.progress()
        if now is not None:
            self._looks.tell(Progress(*now))

    def close(self) -> None:
        self._looks.close()


def reporter(progress: ProgressArg) -> Reporter | None:
    """What to do with the progress of an operation; ``None`` when nobody looks."""
    looks = looking(progress, line_of)
    return None if looks is None else _OfOperation(looks)


def looking(progress: Displayed | Callable[[Now], object], line_of: Callable[[Now], Line]) -> Looks[Now] | None:
    """Who looks: a function, a display, or nobody.

    Raises:
        ImportError: The package that was asked for by its name is not installed; the message says how to get it.
    """
    if progress is None or progress is False:
        return None
    if progress is True:
        return Displays(_fitting(), line_of)
    if progress == "tqdm":
        return Displays(_Tqdm(_imported("tqdm")), line_of)
    if progress == "rich":
        _imported("rich")
        return Displays(_Rich(), line_of)
    if isinstance(progress, str):
        raise ValueError(f"progress = {progress!r}: must be None, True, 'tqdm', 'rich' or a callable")
    if callable(progress):
        return Looks(progress)
    raise TypeError(f"progress must be None, True, 'tqdm', 'rich' or a callable, not {type(progress).__name__}")


def line_of(now: Progress) -> Line:
    """How far an operation is: bytes where bytes move, else the status and the time."""
    words = [str(now.status)] if now.status else []
    if now.frames_total:
        words.append(f"{now.frames_done}/{now.frames_total} frames")
    if now.unreachable:
        words.append(f"service not reachable for {now.unreachable:.0f} s")
    if now.waiting_for:
        words.append(f"{now.waiting_for} is fetching the same file")
    return Line(now.phase, now.bytes_done, now.bytes_total, "B" if now.phase in MOVING else None, words)


def _fitting() -> Display:
    """A bar when tqdm is there and somebody watches; lines in the log otherwise."""
    watched = _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())
    if watched:
        try:
            return _Tqdm(_imported("tqdm"))
        except ImportError:
            pass
    return _Log()


def _in_notebook() -> bool:
    """Whether the output of this interpreter is shown by a notebook. Imports nothing."""
    python = sys.modules.get("IPython")
    get = getattr(python, "get_ipython", None)
    return get is not None and type(get()).__name__ == "ZMQInteractiveShell"


def _imported(package: str) -> Any:
    """tqdm's bar, in the form that fits the place; or the package rich."""
    try:
        if package == "rich":
            return _module("rich.progress")
        if _in_notebook():
            import warnings

            with warnings.catch_warnings():
                # That ipywidgets is missing: a bar of text does as well.
                warnings.simplefilter("ignore")
                return _module("tqdm.auto").tqdm
        return _module("tqdm").tqdm
    except ImportError as error:
        raise ImportError(f"progress={package!r} needs the package {package}: pip install {package} ({error})", name=package) from None


def _module(name: str) -> Any:
    """A package that may not be there: to type checkers it is the same in either case."""
    from importlib import import_module

    return import_module(name)


class _Tqdm:
    """A bar of tqdm, a new one for each phase."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._what = ""

    def show(self, line: Line) -> None:
        if self._bar is None or line.what != self._what:
            self.close()
            self._what = line.what
            self._bar = self._tqdm(
                desc=line.what or None,
                total=line.total,
                unit=line.unit or "it",
                unit_scale=line.unit == "B",
                leave=True,
                bar_format=None if line.unit else "{desc}: {elapsed} {postfix}",
            )
        self._bar.total = line.total
        self._bar.n = line.done
        self._bar.set_postfix_str(", ".join(line.words), refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Rich:
    """A line of rich for each phase, on standard error; those of all that runs at the same time stand together."""

    def __init__(self) -> None:
        self._screen = _rich_screen()
        self._task: Any = None
        self._what = ""

    def show(self, line: Line) -> None:
        if self._task is None:
            self._task = self._screen.begin(line.what)
        elif line.what != self._what:
            self._screen.restart(self._task, line.what)
        self._what = line.what
        self._screen.update(self._task, line)

    def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            self._screen.end(task)


class _RichScreen:
    """rich draws one display at a time: this one, as long as something is to be seen on it. It is drawn by those who look, by no thread of its own."""

    def __init__(self) -> None:
        import threading

        self._alone = threading.Lock()
        self._drawn: Any = None
        self._open = 0

    def begin(self, what: str) -> Any:
        with self._alone:
            if self._drawn is None:
                self._drawn = _rich_bars()
                self._drawn.start()
            self._open += 1
            return self._drawn.add_task(what, total=None, amount="", words="")

    def restart(self, task: Any, what: str) -> None:
        self._drawn.reset(task, description=what, total=None)

    def update(self, task: Any, line: Line) -> None:
        from ._measures import size

        amount = ""
        if line.unit == "B":
            amount = size(line.done) if line.total is None else f"{size(line.done)} of {size(line.total)}"
        elif line.unit:
            amount = f"{line.done}/{line.total} {line.unit}s"
        self._drawn.update(task, completed=line.done, total=line.total, amount=amount, words=", ".join(line.words))
        self._drawn.refresh()

    def end(self, task: Any) -> None:
        with self._alone:
            drawn = self._drawn
            drawn.stop_task(task)
            self._open -= 1
            if self._open == 0:
                self._drawn = None
                drawn.stop()


def _rich_bars() -> Any:
    rich = _module("rich.progress")
    columns = [
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[amount]}", markup=False),
        rich.TimeElapsedColumn(),
        rich.TextColumn("{task.fields[words]}", markup=False),
    ]
    return rich.Progress(*columns, console=_module("rich.console").Console(stderr=True), auto_refresh=False)


_screens: list[_RichScreen] = []


def _rich_screen() -> _RichScreen:
    if not _screens:
        _screens.append(_RichScreen())
    return _screens[0]


class _Log:
    """Lines in `logging`, at each change of phase, every ten seconds, and at the end; none in a program without `logging`."""

    def __init__(self) -> None:
        self._last: Line | None = None
        self._next = 0.0
        self._began = time.monotonic()

    def show(self, line: Line) -> None:
        now = time.monotonic()
        if self._last is None or line.what != self._last.what or now >= self._next:
            self._next = now + LOG_PAUSE
            self._say(line, now)
        self._last = line

    def close(self) -> None:
        last, self._last = self._last, None
        if last is not None and last.unit is not None and last.done:
            self._say(last, time.monotonic())

    def _say(self, line: Line, now: float) -> None:
        get = getattr(sys.modules.get("logging"), "getLogger", None)
        if get is None:
            return
        from ._measures import duration, size

        parts = [line.what] if line.what else []
        if line.unit == "B":
            parts.append(size(line.done) if line.total is None else f"{size(line.done)} of {size(line.total)}")
        elif line.unit:
            parts.append(f"{line.done} of {line.total} {line.unit}s")
        parts += line.words
        parts.append(f"after {duration(now - self._began)}")
        fields = {"phase": line.what, "done": line.done, "total": line.total}
        get(LOGGER).info("%s", ", ".join(parts), extra={"ltx_fields": fields, "ltx_spans": ()})
