"""The ends of several jobs for asyncio, in the order in which they come: the twin of `_ends`."""

from __future__ import annotations

import asyncio

from ._async_job import AsyncCompleted, AsyncJob
from ._async_wait import until_ready
from ._ends import THEY_GO_ON, all_jobs, deadline, race_of, time_is_up
from ._errors import Error, WaitTimeout, make, unwrap
from ._wait import add_note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from ._job import Timeout


def as_completed(jobs: Iterable[AsyncJob], timeout: Timeout = None) -> AsyncIterator[AsyncJob]:
    """See `AsyncClient.as_completed`."""
    distinct = list(dict.fromkeys(all_jobs(jobs, AsyncJob)))
    return _in_order(distinct, deadline(timeout))


async def wait_all(jobs: Iterable[AsyncJob], timeout: Timeout = None) -> list[AsyncCompleted | Error]:
    """See `AsyncClient.wait_all`."""
    listed = all_jobs(jobs, AsyncJob)
    outcomes = {position: outcome async for position, outcome in _ends(listed, deadline(timeout))}
    return [outcomes[position] for position in range(len(listed))]


async def _in_order(jobs: list[AsyncJob], until: float | None) -> AsyncIterator[AsyncJob]:
    late: set[int] = set()
    ends = _ends(jobs, until)
    try:
        async for position, outcome in ends:
            if isinstance(outcome, WaitTimeout):
                # All of them have the same deadline: the others' ends are here, or a moment away.
                late.add(position)
            else:
                yield jobs[position]
    finally:
        await ends.aclose()
    if late:
        raise time_is_up(jobs[min(late)], len(late), len(jobs))


async def _ends(jobs: list[AsyncJob], until: float | None) -> AsyncGenerator[tuple[int, AsyncCompleted | Error], None]:
    """Position and outcome of each job, in the order of the ends."""
    from ._native import Failure

    race, waited, hopeless = race_of(jobs, until)
    try:
        for end in hopeless:
            yield end
        for _ in waited:
            await until_ready(race)
            turn, outcome = unwrap(race.take())
            position = waited[turn]
            job = jobs[position]
            if isinstance(outcome, Failure):
                yield position, make(outcome, job._client, job)
            else:
                yield position, AsyncCompleted(job, outcome)
    except asyncio.CancelledError as stop:
        add_note(stop, THEY_GO_ON)
        raise
    finally:
        race.cancel()
