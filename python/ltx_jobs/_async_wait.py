"""Awaiting a native operation: the twin of `_wait`. Belongs to no event loop; whichever runs is the one that is told."""

from __future__ import annotations

import asyncio
from functools import partial

from . import _logs
from ._dispatch import dispatcher
from ._errors import unwrap
from ._wait import add_note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    from ._client_base import BaseClient
    from ._job import BaseJob
    from ._native import BatchRun, FrameStream, Operation, Race
    from ._progress import Reporter

    T = TypeVar("T")

# Seconds between two looks at the progress, if somebody wants to see it.
PAUSE = 0.1


async def run(
    operation: Operation[T],
    client: BaseClient | None,
    *,
    reporter: Reporter | None = None,
    job: BaseJob | None = None,
    interrupted: str | None = None,
) -> T:
    """Waits for the end of an operation and gives its value, or raises.

    Whatever interrupts the wait, a cancellation above all, cancels the operation and propagates; `interrupted` becomes its note.
    """
    _logs.attend()
    try:
        await until_ready(operation, None if reporter is None else partial(reporter.look, operation))
        value = operation.take()
        if reporter is not None:
            reporter.last_look(operation)
    except BaseException as stop:
        operation.cancel()
        if interrupted is not None and isinstance(stop, (asyncio.CancelledError, KeyboardInterrupt)):
            add_note(stop, interrupted)
        raise
    finally:
        if reporter is not None:
            reporter.close()
        _logs.hand_over()
    return unwrap(value, client, job)


async def until_ready(waited: Operation[Any] | FrameStream | Race | BatchRun, look: Callable[[], object] | None = None) -> None:
    """Sleeps until there is something to take, with a look now and then. Gives the loop its turn in any case."""
    loop = asyncio.get_running_loop()
    told = dispatcher()
    while True:
        future = loop.create_future()

        def wake(future: asyncio.Future[None] = future) -> None:
            if not future.done():
                future.set_result(None)

        token = told.arm(waited, loop, wake)
        try:
            if look is None:
                await future
            else:
                while not (await asyncio.wait((future,), timeout=PAUSE))[0]:
                    look()
        finally:
            told.forget(token)
        # News may be about less than something to take.
        if waited.wait_slice(0, False):
            return
