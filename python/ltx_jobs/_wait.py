"""Waiting for a native operation, so that every interruption works and no other thread is held up.

The loop is Python on purpose: between two slices the interpreter runs signal handlers and raises what other threads asked for, and the slice itself, in
which the GIL is released, ends at once when a signal comes to the main thread. Nothing is installed for that.
"""

from __future__ import annotations

import sys
import threading
import time

from . import _logs
from ._errors import local, unwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar

    from ._client_base import BaseClient
    from ._job import BaseJob
    from ._native import BatchRun, Failure, FrameStream, Operation, Race
    from ._progress import Reporter

    T = TypeVar("T")

# Longest time without a look at what cannot end a slice: `interrupt_main`, asynchronous exceptions, the progress callback.
SLICE_MS = 100 if sys.platform != "win32" else 50

# Set by the package's exit hook, when only daemon threads are left.
exiting = False


def run(
    operation: Operation[T],
    client: BaseClient | None,
    *,
    reporter: Reporter | None = None,
    job: BaseJob | None = None,
    interrupted: str | None = None,
) -> T:
    """Waits for the end of an operation and gives its value, or raises.

    Whatever interrupts the wait cancels the operation and propagates; `interrupted` becomes a note of a `KeyboardInterrupt`.
    """
    _logs.attend()
    try:
        for _ in slices(operation):
            if reporter is not None:
                reporter.look(operation)
        value = operation.take()
        if reporter is not None:
            reporter.last_look(operation)
    except BaseException as stop:
        operation.cancel()
        if interrupted is not None and isinstance(stop, KeyboardInterrupt):
            add_note(stop, interrupted)
        raise
    finally:
        if reporter is not None:
            reporter.close()
        _logs.hand_over()
    stay_at_exit()
    return unwrap(value, client, job)


def slices(waited: Operation[Any] | Race | FrameStream | BatchRun) -> Iterator[None]:
    """Sleeps in slices until there is something to take; gives control back after each."""
    interruptible = threading.current_thread() is threading.main_thread()
    while not waited.wait_slice(SLICE_MS, interruptible):
        _logs.hand_over()
        yield


def started(value: Operation[T] | Failure, client: BaseClient, job: BaseJob | None = None) -> Operation[T]:
    """The operation, or the exception for the failure to start it."""
    stay_at_exit()
    operation = unwrap(value, client, job)
    try:
        client._give_keys()
    except BaseException:
        # There is no thread for it: nobody would answer.
        operation.cancel()
        raise
    return operation


def add_note(error: BaseException, note: str) -> None:
    """Adds a note to an exception, where Python has notes (3.11)."""
    add = getattr(error, "add_note", None)
    if add is not None:
        add(note)


def seconds(what: str, value: object) -> float | None:
    """A time limit as seconds: from a number or a ``timedelta``; ``None`` has no limit."""
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        limit = float(value)
    else:
        total = getattr(value, "total_seconds", None)
        if total is None:
            raise TypeError(f"{what} must be seconds, a timedelta or None, not {type(value).__name__}")
        limit = float(total())
    if not limit >= 0:
        raise local(101, f"{what} = {limit}: must be zero or more seconds")
    return limit


def stay_at_exit() -> None:
    """Ends a daemon thread at the exit of the interpreter the way Python ends it anywhere else: silently.

    Its wait was ended by the exit hook; an exception now would only print a traceback while the process goes away.
    """
    while exiting and threading.current_thread() is not threading.main_thread():
        time.sleep(3600)
