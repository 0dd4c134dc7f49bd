"""The ends of several jobs, in the order in which they come.

One thread sleeps for all of them, in one place: ten thousand jobs cost no thread and no file descriptor.
"""

from __future__ import annotations

import time

from ._errors import Error, WaitTimeout, local, make, unwrap
from ._completed import Completed
from ._job import Job
from ._wait import add_note, seconds, slices, stay_at_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeVar

    from . import _native
    from ._job import BaseJob, Timeout

    AnyJob = TypeVar("AnyJob", bound=BaseJob)

THEY_GO_ON = "the jobs go on and are billed if they succeed; to wait again: Client().recover().jobs, or Client().job(ref) for each"


def as_completed(jobs: Iterable[Job], timeout: Timeout = None) -> Iterator[Job]:
    """Gives each job as soon as waiting for it has come to an end: a completed one, and one that failed or cannot be waited for. Costs nothing.

    ``job.wait()`` then returns or raises at once what came of it, and nothing that happened to one job keeps the others back. Jobs given twice come once; jobs
    of several clients go together. Releases the GIL while it waits and answers Ctrl-C at once; leaving the loop early changes nothing for the jobs.

    Args:
        jobs: Jobs to wait for, for example ``client.recover().jobs``.
        timeout: Seconds or ``timedelta`` from this call on, for all of them together; ``None`` waits without limit, ``0`` only looks.

    Raises:
        WaitTimeout: The time is up, and the jobs that ended before were given; ``error.job`` is the first of those that go on.
        ForkedError: The loop was begun in the parent of this forked process.
    """
    distinct = list(dict.fromkeys(all_jobs(jobs, Job)))
    return _in_order(distinct, deadline(timeout))


def wait_all(jobs: Iterable[Job], timeout: Timeout = None) -> list[Completed | Error]:
    """Waits until all of these jobs have ended, and tells what came of each: its `Completed`, or the `Error` that `Job.wait` would raise. Costs nothing.

    Never raises for one of them, so that a failed job loses no result of another:

        for job, outcome in zip(jobs, ltx_jobs.wait_all(jobs)):
            if isinstance(outcome, ltx_jobs.Error):
                print(f"{job.label}: {outcome}")
            else:
                outcome.download(f"shots/{job.label}")

    Releases the GIL and answers Ctrl-C at once; the jobs go on.

    Args:
        jobs: Jobs to wait for.
        timeout: Seconds or ``timedelta`` for all of them together; ``None`` waits without limit, ``0`` only looks. A job that has not ended by then has a
            `WaitTimeout` as its outcome: it goes on, and is billed if it succeeds.

    Returns:
        The outcomes in the order of `jobs`.
    """
    listed = all_jobs(jobs, Job)
    outcomes: dict[int, Completed | Error] = dict(_ends(listed, deadline(timeout)))
    return [outcomes[position] for position in range(len(listed))]


def _in_order(jobs: list[Job], until: float | None) -> Iterator[Job]:
    late: set[int] = set()
    for position, outcome in _ends(jobs, until):
        if isinstance(outcome, WaitTimeout):
            # All of them have the same deadline: the others' ends are here, or a moment away.
            late.add(position)
        else:
            yield jobs[position]
    if late:
        raise time_is_up(jobs[min(late)], len(late), len(jobs))


def _ends(jobs: list[Job], until: float | None) -> Iterator[tuple[int, Completed | Error]]:
    """Position and outcome of each job, in the order of the ends."""
    from ._native import Failure

    race, waited, hopeless = race_of(jobs, until)
    try:
        yield from hopeless
        for _ in waited:
            for _ in slices(race):
                pass
            stay_at_exit()
            turn, outcome = unwrap(race.take())
            position = waited[turn]
            job = jobs[position]
            if isinstance(outcome, Failure):
                yield position, make(outcome, job._client, job)
            else:
                yield position, Completed(job, outcome)
    except KeyboardInterrupt as stop:
        add_note(stop, THEY_GO_ON)
        raise
    finally:
        race.cancel()


def race_of(jobs: Sequence[BaseJob], until: float | None) -> tuple[_native.Race, list[int], list[tuple[int, Error]]]:
    """Starts to wait for all of them: the race, the positions of its jobs, and those that cannot be waited for."""
    from ._native import Race

    limit = None if until is None else max(0.0, until - time.monotonic())
    waited: list[int] = []
    handles: list[_native.Job] = []
    hopeless: list[tuple[int, Error]] = []
    for position, job in enumerate(jobs):
        try:
            handle = job._attached()
            job._client._give_keys()
            handles.append(handle)
            waited.append(position)
        except Error as error:
            # No key for a job from a pickle, for example.
            hopeless.append((position, error))
    return unwrap(Race.make(handles, limit)), waited, hopeless


def time_is_up(job: BaseJob, late: int, count: int) -> Error:
    error = local(145, f"{late} of {count} jobs have not ended; they go on and are billed if they succeed; wait for them again")
    error.billing = "job_exists"
    error.retryable = True
    error.ref = job.ref
    error.job = job
    return error


def all_jobs(jobs: Iterable[AnyJob], kind: type[AnyJob]) -> list[AnyJob]:
    """The jobs, all of one kind."""
    listed = list(jobs)
    for job in listed:
        if not isinstance(job, kind):
            client = kind.__name__.replace("Job", "Client")
            raise TypeError(f"expected jobs ({kind.__name__}), not {type(job).__name__}; {client}.job makes one from its reference")
    return listed


def deadline(timeout: Timeout) -> float | None:
    """The moment at which a time limit is over."""
    limit = seconds("timeout", timeout)
    return None if limit is None else time.monotonic() + limit
