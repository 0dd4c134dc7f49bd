"""A batch for asyncio: the twin of `_batch`. Items come from a plain iterable, or from an asynchronous one."""

from __future__ import annotations

from collections.abc import Iterable

from . import _logs
from ._async_job import AsyncCompleted, AsyncJob
from ._async_wait import until_ready
from ._batch import BaseBatch
from ._batch_outcome import BatchOutcome
from ._errors import make, unwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator
    from types import TracebackType
    from typing import Union

    from typing_extensions import Self

    from . import _native
    from ._batch_item import ItemArg

    Items = Union[Iterable[ItemArg], AsyncIterable[ItemArg]]


class _Room(Exception):
    """There is room for an item: nothing is waited for."""


class _Plain:
    """A plain iterable as an asynchronous iterator, which leaves no event loop anything to clean up."""

    def __init__(self, items: Iterable[ItemArg]) -> None:
        self._items = iter(items)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemArg:
        for item in self._items:
            return item
        raise StopAsyncIteration


def source_of(items: Items) -> AsyncIterator[ItemArg]:
    """The items one by one, whichever kind they are."""
    return _Plain(items) if isinstance(items, Iterable) else items.__aiter__()


class AsyncBatch(BaseBatch):
    """A batch that runs: an asynchronous iterator of its outcomes, in the order they happen. Made by `AsyncClient.batch`.

    The loop drives it: items are taken and outcomes told while somebody iterates. What is submitted already goes on meanwhile. Leaving the loop and letting
    go of the batch stops it, as `close` and the end of an ``async with`` do. Belongs to one task at a time, and to the process that made it.
    """

    __slots__ = ()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BatchOutcome[AsyncJob, AsyncCompleted]:
        """The next outcome.

        Raises:
            InvalidRequest: An item can never be right, or its key was there before. Nothing more is submitted then, and so with every exception that comes
                out of the items, and with whatever interrupts the wait; iterating further tells what became of the items before it.
        """
        if self._over:
            raise StopAsyncIteration
        _logs.attend()
        try:
            outcome = await self._next()
        except BaseException as stop:
            self._left(stop)
            raise
        finally:
            _logs.hand_over()
        if outcome is None:
            self._over = True
            self._end_show()
            raise StopAsyncIteration
        return outcome

    async def _next(self) -> BatchOutcome[AsyncJob, AsyncCompleted] | None:
        while True:
            taken = self._native.take()
            if taken is True:
                return None
            if taken is not False:
                return self._outcome(unwrap(taken, self._client))
            items = self._items
            if items is not None and self._wants_items():
                await self._take_item(items)
                continue
            watched = self._show is not None or self._items is not None
            try:
                await until_ready(self._native, self._look if watched else None)
            except _Room:
                continue

    def _look(self) -> None:
        if self._show is not None:
            self._show.look(self)
        if self._wants_items():
            raise _Room

    async def _take_item(self, items: AsyncIterator[ItemArg]) -> None:
        try:
            given = await items.__anext__()
        except StopAsyncIteration:
            self._no_more_items()
        else:
            self._push(given)

    def _outcome(self, raw: _native._Outcome) -> BatchOutcome[AsyncJob, AsyncCompleted]:
        from pathlib import Path

        key, label, state, ref, completed, paths, urls, size, failure = raw
        job = None if ref is None or ref.startswith("intent:") else AsyncJob(self._client, ref, label)
        done = None if completed is None or job is None else AsyncCompleted(job, completed)
        error = None if failure is None else make(failure, self._client, job)
        return BatchOutcome(key, label, state, ref, job, done, map(Path, paths), urls, size, error)

    async def close(self) -> None:
        """Stops it, and waits until it has ended: for a paid POST on the wire, otherwise for nothing. Outcomes that nobody took are in the `summary`."""
        self.stop()
        async for _ in self:
            pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.close()
