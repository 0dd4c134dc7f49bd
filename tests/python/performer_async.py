"""The scenario suite's performer for the client for asyncio: the steps of `performer`, each of them awaited.

Every call that gives something to await runs in a loop of its own thread, so that one client meets several loops, as it may. What the steps hold looks like
the objects of the other client, and is shown (for the search for secrets) as what it is.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any, Iterator

import performer

import ltx_jobs

_of_thread = threading.local()


def wait_for(awaitable: Any) -> Any:
    """Runs the loop of this thread until it is there."""
    if not hasattr(_of_thread, "loop"):
        _of_thread.loop = asyncio.new_event_loop()

    async def awaited() -> Any:
        return await awaitable

    return _of_thread.loop.run_until_complete(awaited())


class Blocking:
    """An object of the client for asyncio, used as if it were one of the other client."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.real, name)
        if not inspect.ismethod(value):
            return blocking(value)
        return lambda *args, **options: blocking(settle(value(*map(real, args), **options)))

    def __getitem__(self, index: Any) -> Any:
        return blocking(self.real[index])

    def __len__(self) -> int:
        return len(self.real)

    def __iter__(self) -> Iterator[Any]:
        each = self.real.__aiter__()
        while True:
            try:
                one = wait_for(each.__anext__())
            except StopAsyncIteration:
                return
            yield Blocking(one)

    def __enter__(self) -> Any:
        return blocking(wait_for(self.real.__aenter__()))

    def __exit__(self, *stop: Any) -> None:
        wait_for(self.real.__aexit__(*stop))


def settle(value: Any) -> Any:
    # A job can be awaited too, and is not meant to be here.
    return wait_for(value) if inspect.iscoroutine(value) else value


def blocking(value: Any) -> Any:
    return Blocking(value) if type(value).__name__.startswith("Async") else value


def real(value: Any) -> Any:
    return value.real if isinstance(value, Blocking) else value


class Told(performer.Told):
    """Shows what is behind."""

    def value(self, value: object) -> None:
        super().value(real(value))


def client(*args: Any, **settings: Any) -> Blocking:
    return Blocking(ltx_jobs.AsyncClient(*args, **settings))


if __name__ == "__main__":
    performer.make_client = client
    performer.Told = Told
    performer.main()
