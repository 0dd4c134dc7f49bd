"""A batch: many requests under a name, submitted as the service allows, waited for, saved, and told one by one.

The loop over a batch is what drives it: each turn takes an outcome that is there, or else an item of the caller's while there is room for one, or else
waits. So a generator of items is never run further ahead than the batch can take, and everything of the caller's runs on the caller's own thread.
"""

from __future__ import annotations

from . import _dest, _logs
from ._batch_item import item_of
from ._batch_outcome import BatchOutcome, BatchProgress
from ._completed import Completed
from ._errors import Error, local, make, unwrap
from ._job import Job
from ._money import amount, amount_text
from ._progress import Line, looking
from ._transfers import speed
from ._wait import add_note, seconds, slices, stay_at_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Callable, NoReturn, Union

    from typing_extensions import Self

    from . import _native
    from ._batch_item import ItemArg
    from ._client_base import BaseClient
    from ._dest import DestArg, StoreArg
    from ._endpoints import OnUnknown
    from ._job import Timeout
    from ._money import Usd
    from ._progress import Displayed, Looks

    BatchProgressArg = Union[Displayed, Callable[[BatchProgress], object]]

# `InvalidState`: what a batch that has been stopped answers to another item.
_TAKES_NO_MORE = 105


class BaseBatch:
    """What is known of a batch without waiting: all of a `Batch` and of an `AsyncBatch` that asks nobody."""

    __slots__ = ("_client", "_items", "_native", "_over", "_show", "__weakref__")

    def __init__(self, client: BaseClient, native: _native.BatchRun, items: object, show: Show | None) -> None:
        self._client = client
        self._native = native
        # Gone when no more are to be taken.
        self._items: Any = items
        self._show = show
        self._over = False

    def snapshot(self) -> BatchProgress:
        """The numbers, from memory: never blocks. Any thread may ask."""
        items, queued, submitting, running, saving, ended, size, committed, paused, elapsed, account = unwrap(
            self._native.snapshot(), self._client
        )
        states = zip(_states(), ended)
        return BatchProgress(items, queued, submitting, running, saving, states, size, amount(committed), paused, elapsed, account)

    @property
    def summary(self) -> str:
        """The account in one line, for people: ``"200 items, 197 saved, 2 failed, 1 unknown"``."""
        return self.snapshot().account

    def pause(self, why: str = "the batch was paused") -> None:
        """Submits nothing more: a paid POST that is on the wire is finished and written down, what runs is waited for and saved, and all other items end as
        ``"not_submitted"``.

        Returns at once; any thread may call it. `BatchProgress.paused` says why. The same batch started again goes on.
        """
        self._native.pause(why)

    def stop(self) -> None:
        """Stops it: nothing more is taken or submitted, a paid POST that is on the wire is finished and written down, waits and transfers end.

        Returns at once; any thread may call it. Iterating further tells the outcomes of what is left. The same batch started again goes on.
        """
        self._items = None
        self._native.stop()

    def _wants_items(self) -> bool:
        return self._items is not None and self._native.has_room()

    def _no_more_items(self) -> None:
        self._items = None
        self._native.finish()

    def _push(self, given: ItemArg) -> None:
        """Hands in an item of the caller's."""
        from ._client_base import native_request

        item = item_of(given)
        failure = self._native.push(
            item.key,
            native_request(item.request, None),
            label=item.label,
            priority=item.priority,
            dest=_dest.given(item.dest),
            rehost=_dest.given_store(item.rehost),
            max_cost=None if item.max_cost is None else amount_text("max_cost", item.max_cost),
        )
        if failure is None:
            return
        if failure.number == _TAKES_NO_MORE:
            # It was stopped by another thread, or the client closed, while the item was made.
            self._items = None
            return
        raise make(failure, self._client)

    def _left(self, stop: BaseException) -> None:
        """Stops what an exception has ended."""
        self.stop()
        self._end_show()
        if not isinstance(stop, Exception):
            self._client._hold_until_exit()
            add_note(stop, "the batch was stopped; jobs that run are billed if they succeed, and the same batch started again goes on with them")

    def _end_show(self) -> None:
        show, self._show = self._show, None
        if show is not None:
            try:
                show.last_look(self)
            finally:
                show.close()

    def __repr__(self) -> str:
        try:
            return f"<{type(self).__name__}: {self.summary}>"
        except Error:
            return f"<{type(self).__name__} of the parent process>"

    def _repr_html_(self) -> str:
        from ._notebook import batch, failure

        try:
            return batch(self.snapshot())
        except Error as error:
            return failure(type(self).__name__, error)

    def __reduce__(self) -> NoReturn:
        from pickle import PicklingError

        raise PicklingError("a running batch is not pickled; start it again under its name where it is to go on")


class Batch(BaseBatch):
    """A batch that runs: an iterator of its outcomes, in the order they happen. Made by `Client.batch`.

    The loop drives it: items are taken and outcomes told while somebody iterates. What is submitted already goes on meanwhile. Leaving the loop and letting
    go of the batch stops it, as `close` and the end of a ``with`` do. Belongs to one thread at a time, and to the process that made it.
    """

    __slots__ = ()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> BatchOutcome[Job, Completed]:
        """The next outcome.

        Raises:
            InvalidRequest: An item can never be right, or its key was there before. Nothing more is submitted then, and so with every exception that comes
                out of the items, and with whatever interrupts the wait; iterating further tells what became of the items before it.
        """
        if self._over:
            raise StopIteration
        _logs.attend()
        try:
            outcome = self._next()
        except BaseException as stop:
            self._left(stop)
            raise
        finally:
            _logs.hand_over()
        stay_at_exit()
        if outcome is None:
            self._over = True
            self._end_show()
            raise StopIteration
        return outcome

    def _next(self) -> BatchOutcome[Job, Completed] | None:
        while True:
            taken = self._native.take()
            if taken is True:
                return None
            if taken is not False:
                return self._outcome(unwrap(taken, self._client))
            if self._wants_items():
                try:
                    given: ItemArg = next(self._items)
                except StopIteration:
                    self._no_more_items()
                else:
                    self._push(given)
                continue
            for _ in slices(self._native):
                if self._show is not None:
                    self._show.look(self)
                if self._wants_items():
                    break

    def _outcome(self, raw: _native._Outcome) -> BatchOutcome[Job, Completed]:
        from pathlib import Path

        key, label, state, ref, completed, paths, urls, size, failure = raw
        job = None if ref is None or ref.startswith("intent:") else Job(self._client, ref, label)
        done = None if completed is None or job is None else Completed(job, completed)
        error = None if failure is None else make(failure, self._client, job)
        return BatchOutcome(key, label, state, ref, job, done, map(Path, paths), urls, size, error)

    def close(self) -> None:
        """Stops it, and waits until it has ended: for a paid POST on the wire, otherwise for nothing. Outcomes that nobody took are in the `summary`."""
        self.stop()
        for _ in self:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


def begin(
    client: BaseClient,
    *,
    name: str,
    dest: DestArg | None,
    rehost: StoreArg | None,
    spend_limit: Usd | None,
    max_cost: Usd | None,
    on_unknown: OnUnknown,
    overwrite: bool,
    resume: bool = True,
    bandwidth: int | str | None = None,
    lock_timeout: Timeout = None,
    submits_at_once: int,
    saves_at_once: int,
    hand_over: bool = False,
    waits_at_once: int = 0,
) -> _native.BatchRun:
    """Starts a batch without items; with `hand_over`, one whose outputs somebody else saves, and that waits for `waits_at_once` of its jobs."""
    if not name:
        raise local(101, "the name of a batch is empty")
    _dest.one_place(dest, rehost)
    for what, number in (("submits_at_once", submits_at_once), ("saves_at_once", saves_at_once)):
        if not 1 <= number <= 64 and not (hand_over and what == "saves_at_once"):
            raise local(101, f"{what} = {number}: must be from 1 to 64")
    started = client._here().batch(
        name,
        dest=_dest.given(dest),
        rehost=_dest.given_store(rehost),
        overwrite=overwrite,
        resume=resume,
        bandwidth=speed(bandwidth),
        lock_timeout=seconds("lock_timeout", lock_timeout),
        max_cost=None if max_cost is None else amount_text("max_cost", max_cost),
        spend_limit=None if spend_limit is None else amount_text("spend_limit", spend_limit),
        on_unknown=on_unknown,
        submits_at_once=submits_at_once,
        saves_at_once=saves_at_once,
        hand_over=hand_over,
        waits_at_once=waits_at_once,
    )
    native = unwrap(started, client)
    try:
        client._give_keys()
    except BaseException:
        native.stop()
        raise
    return native


def _states() -> list[str]:
    from ._native import batch_states

    return batch_states()


def shown(progress: BatchProgressArg) -> Show | None:
    """What to do with the progress of a batch; `None` when nobody looks."""
    looks = looking(progress, line_of)
    return None if looks is None else Show(looks)


class Show:
    """What looks at a batch, on the iterating thread."""

    def __init__(self, looks: Looks[BatchProgress]) -> None:
        self._looks = looks

    def look(self, batch: BaseBatch) -> None:
        if self._looks.is_time():
            self.last_look(batch)

    def last_look(self, batch: BaseBatch) -> None:
        self._looks.tell(batch.snapshot())

    def close(self) -> None:
        self._looks.close()


def line_of(now: BatchProgress) -> Line:
    """How far a batch is: the items that have ended, and where the others are."""
    return Line("", sum(count for _, count in now.ended), now.items, "item", [now.account])
