"""Who begins when thousands do at once: a portion in each turn of an event loop, so that everything else on it has its turns in between.

Beginning an operation takes a fraction of a millisecond of the loop's thread. A program that gathers thousands of them would hold its loop up for as long as
all take together. The ends are portioned where they are told, in `_dispatch`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

# Most that begin in one turn of a loop.
PORTION = 32


class _Turns:
    """What has begun in the present turn of a loop, and who waits for a later one. Touched on the loop's thread only."""

    __slots__ = ("begun", "waiting")

    def __init__(self) -> None:
        self.begun = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    def next(self, loop: asyncio.AbstractEventLoop) -> None:
        """A turn is over: the next portion begins."""
        self.begun = 0
        try:
            while self.waiting and self.begun < PORTION:
                future = self.waiting.popleft()
                # Who was cancelled meanwhile needs none.
                if not future.done():
                    future.set_result(None)
                    self.begun += 1
        finally:
            # Also when Ctrl-C comes here. Behind those that begin now.
            if self.begun or self.waiting:
                loop.call_soon(self.next, loop)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


async def turn() -> None:
    """Returns at once, unless a portion has begun in this turn of the running loop already: then when it is this one's turn, in the order they came."""
    loop = asyncio.get_running_loop()
    turns = _of_loop.get(loop)
    if turns is None:
        for known in _of_loop.keyrefs():
            other = known()
            if other is not None and other.is_closed():
                # With those who waited: they would keep it alive.
                _of_loop.pop(other, None)
        turns = _of_loop.setdefault(loop, _Turns())
    if turns.begun < PORTION and not turns.waiting:
        turns.begun += 1
        if turns.begun == 1:
            loop.call_soon(turns.next, loop)
        return
    future = loop.create_future()
    turns.waiting.append(future)
    await future
