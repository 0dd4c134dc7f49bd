"""Telling event loops what has ended: one daemon thread for all of them, which takes what the native side has ready in batches.

The native side calls nobody. First is written down whom a token wakes, then it is armed; the thread waits for tokens with the GIL released. A loop is woken
once for all its tokens of a batch. A loop that was closed meanwhile is nobody's error: its futures are gone with it.

Starts with the first await. A forked child starts a thread of its own; at the exit of the interpreter it is ended and joined, and nothing is told any more.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from itertools import count
from weakref import WeakKeyDictionary

from . import _logs, _native, _wait
from ._errors import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import Callable, Optional, Protocol

    Waker = Callable[[], object]
    # The loop on which to wake somebody, or none: then it happens on the thread itself.
    Asleep = tuple[Optional[AbstractEventLoop], Waker]

    class Armable(Protocol):
        """Something that will have something to take."""

        def arm(self, completions: _native.Completions, token: int) -> None: ...
        def wait_slice(self, milliseconds: int, interruptible: bool) -> bool: ...


# How often lines of the log are handed over while somebody waits.
SLICE_MS = 100

# Most that are woken in one turn of a loop, so that others on it have theirs in between.
PORTION = 32

# Seconds for the thread to end at the exit; it may be in somebody's log handler.
END = 2.0

# A synchronous signal is the fault of its thread and stays deliverable.
FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS", "SIGABRT")


class Dispatcher:
    """The thread, and who is to be woken by which token."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._completions = _native.Completions()
        self._tokens = count()
        self._asleep: dict[int, Asleep] = {}
        self._of_loop: WeakKeyDictionary[AbstractEventLoop, _Wakers] = WeakKeyDictionary()
        self._alone = threading.Lock()
        self._thread: threading.Thread | None = None
        self._over = False

    def arm(self, waited: Armable, loop: AbstractEventLoop | None, wake: Waker) -> int:
        """Has `wake` called on the loop's thread, once, when there may be something to take. Gives the token to forget it by."""
        _wait.stay_at_exit()
        if self._over or _wait.exiting:
            raise local(170, "the interpreter is ending: nothing can be awaited any more")
        with self._alone:
            first = not self._asleep
            token = next(self._tokens)
            self._asleep[token] = (loop, wake)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
        if first:
            # It sleeps without a limit while nobody waits.
            self._completions.wake()
        waited.arm(self._completions, token)
        return token

    def forget(self, token: int) -> None:
        """Wakes nobody for it any more."""
        self._asleep.pop(token, None)

    def __len__(self) -> int:
        return len(self._asleep)

    def _run(self) -> None:
        leave_signals_alone()
        while not self._over:
            tokens = self._completions.next_batch(SLICE_MS if self._asleep else None)
            if not self._over:
                self._tell(tokens)
                _logs.hand_over()

    def _tell(self, tokens: list[int]) -> None:
        by_loop: dict[AbstractEventLoop, list[Waker]] = {}
        for token in tokens:
            loop, wake = self._asleep.pop(token, (None, None))
            if loop is not None and wake is not None:
                by_loop.setdefault(loop, []).append(wake)
            elif wake is not None:
                try:
                    wake()
                except BaseException:  # noqa: BLE001
                    # A callback that wants to end its thread (SystemExit) would end it for everybody.
                    continue
        for loop, wakers in by_loop.items():
            due = self._of_loop.setdefault(loop, _Wakers())
            due.add(wakers)
            try:
                loop.call_soon_threadsafe(due.more, loop)
            except RuntimeError:
                # It is closed, and so are those who waited.
                self._of_loop.pop(loop, None)

    def end(self) -> None:
        """Ends the thread, and tells nobody any more."""
        self._over = True
        self._completions.wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(END)


class _Wakers:
    """Who is to be woken on one loop: a portion in each of its turns. Added to by the thread, the rest happens on the loop's."""

    def __init__(self) -> None:
        self._due: deque[Waker] = deque()
        self._going = False

    def add(self, wakers: list[Waker]) -> None:
        self._due.extend(wakers)

    def more(self, loop: AbstractEventLoop) -> None:
        if not self._going:
            self._going = True
            self._portion(loop)

    def _portion(self, loop: AbstractEventLoop) -> None:
        try:
            for _ in range(min(PORTION, len(self._due))):
                self._due.popleft()()
        finally:
            # Also when Ctrl-C comes here: what is left is told all the same.
            self._going = bool(self._due)
            if self._going:
                loop.call_soon(self._portion, loop)


def leave_signals_alone() -> None:
    """Signals belong to the main thread: a handler in Python runs there, and only a system call of that thread ends early for it."""
    import signal

    if sys.platform != "win32":
        faults = {getattr(signal, name) for name in FAULTS if hasattr(signal, name)}
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - faults)


_of_process: dict[tuple[int, str], Dispatcher] = {}


def dispatcher(name: str = "ltx-dispatch") -> Dispatcher:
    """The one of this process. A child of a fork leaves its parent's alone: the thread is not there, and a lock may be held by it."""
    key = (os.getpid(), name)
    found = _of_process.get(key)
    return _of_process.setdefault(key, Dispatcher(name)) if found is None else found


def end() -> None:
    """At the exit of the interpreter."""
    for (pid, _), one in list(_of_process.items()):
        if pid == os.getpid():
            one.end()
