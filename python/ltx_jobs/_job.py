"""A remote job; what a completed one left is in `_completed`.

A `Job` is a value: a reference and a client to ask with. It pickles to the reference, and takes up again in another process, a forked one too.
"""

from __future__ import annotations

import os
import time

from ._completed import Completed
from ._dest import told
from ._errors import make, unwrap
from ._measures import duration
from ._models import Saved, Snapshot, Status, when
from ._progress import reporter
from ._wait import run, seconds, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future
    from datetime import datetime, timedelta
    from os import PathLike
    from typing import Any, Union

    from . import _native
    from ._client_base import BaseClient
    from ._dest import Destination
    from ._progress import ProgressArg

    Timeout = Union[float, timedelta, None]


class BaseJob:
    """What is known of a job without waiting: all of a `Job` and of an `AsyncJob` that asks nobody."""

    __slots__ = ("_client", "_endpoint", "_id", "_label", "_native", "_ref", "__weakref__")

    def __init__(self, client: BaseClient, ref: str, label: str | None = None, native: _native.Job | None = None) -> None:
        from ._native import split_reference

        endpoint, job_id = unwrap(split_reference(ref))
        self._client = client
        self._ref = ref
        self._endpoint = endpoint
        self._id = job_id
        self._label = label
        # The process it belongs to, and the native handle there.
        self._native: tuple[int, _native.Job] | None = None if native is None else (os.getpid(), native)

    @property
    def id(self) -> str:
        """The service's id. Known to the service only together with the endpoint; see `ref`."""
        return self._id or ""

    @property
    def endpoint(self) -> str:
        """The endpoint it was submitted to."""
        return self._endpoint or ""

    @property
    def ref(self) -> str:
        """The reference, ``endpoint/id``: keep it in a project file; `Client.job` makes a handle from it again."""
        return self._ref

    @property
    def label(self) -> str | None:
        """The label given at submit."""
        return self._label

    @property
    def dest(self) -> Destination | None:
        """Where its outputs are meant to go, as given at submit (an absolute path). Known of jobs that this client submitted or recovered."""
        held = self._native
        return None if held is None or held[0] != os.getpid() else told(held[1].dest)

    @property
    def status(self) -> Status | None:
        """The last known status, from memory; ``None`` when the service was never asked. ``job.status == "completed"`` works."""
        return self.snapshot().status

    @property
    def created_at(self) -> datetime | None:
        """When the service accepted it, by the service's clock (aware, UTC), if that is known."""
        return self.snapshot().created_at

    @property
    def done(self) -> bool:
        """Whether it is known to be over. From memory: never asks the service."""
        return self.snapshot().done

    def snapshot(self) -> Snapshot:
        """What is known of it, from memory: never blocks, never asks the service.

        A job submitted through its client is polled in the background, an attached one while somebody waits for it.
        """
        return self._snapshot(self._attached().snapshot())

    def _goes_on(self) -> str:
        """The note of an interrupted wait."""
        return f"the job goes on and is billed if it succeeds; to wait again: Client().job({self._ref!r}).wait()"

    def _attached(self) -> _native.Job:
        """The native handle in this process. No network; a forked child makes its own."""
        pid = os.getpid()
        held = self._native
        if held is None or held[0] != pid:
            held = (pid, unwrap(self._client._here().job(self._ref), self._client, self))
            self._native = held
        return held[1]

    def _snapshot(self, raw: tuple[Any, ...]) -> Snapshot:
        status, created_at, last_contact, last_error, unreachable_since, warnings, done = raw
        return Snapshot(
            status,
            when(created_at),
            when(last_contact),
            None if last_error is None else make(last_error, self._client, self),
            when(unreachable_since),
            warnings,
            done,
        )

    def __eq__(self, other: object) -> bool:
        return self._ref == other._ref if isinstance(other, BaseJob) else NotImplemented

    def __hash__(self) -> int:
        return hash((BaseJob, self._ref))

    def _known(self) -> Snapshot | None:
        """What is known in this process already; makes no handle, and so no client."""
        held = self._native
        return None if held is None or held[0] != os.getpid() else self._snapshot(held[1].snapshot())

    def _state(self) -> str:
        """Its state and age, for people."""
        held = self._native
        if held is not None and held[0] != os.getpid():
            return "of the parent process"
        known = None if held is None else held[1].snapshot()
        if known is None or known[0] is None:
            return "not asked yet"
        status, created_at, _, _, unreachable_since, _, done = known
        now = time.time()
        words = [str(status)]
        if created_at is not None:
            words.append(f"created {duration(now - created_at)} ago" if done else duration(now - created_at))
        if unreachable_since is not None:
            words.append(f"service not reachable for {duration(now - unreachable_since)}")
        return ", ".join(words)

    def __repr__(self) -> str:
        label = f" {self._label!r}" if self._label else ""
        return f"<{type(self).__name__} {self._ref}{label} {self._state()}>"

    def _repr_html_(self) -> str:
        from ._notebook import job

        return job(self)


class Job(BaseJob):
    """A job on the service. Made by `Client.submit`, by the endpoints' methods, and by `Client.job` from a reference.

    Equal and hashable by its reference. Dropping it changes nothing, and nothing here can cancel it: the service has no way to, so a job goes on there and
    is billed if it succeeds. Any number of threads may use it.
    """

    __slots__ = ()

    def poll(self) -> Snapshot:
        """Asks the service once and tells what it saw. Costs nothing.

        Merged with other polls of this job to one per ``poll_interval``.

        Raises:
            JobNotFound, JobExpired: Only when it is confirmed.
            TransportError, ApiError: What the network and the service answered. None of them means that the job ended.
        """
        return self._snapshot(run(started(self._attached().poll(), self._client, self), self._client, job=self))

    def wait(self, timeout: Timeout = None, *, progress: ProgressArg = None) -> Completed:
        """Waits until the job ends.

        Releases the GIL and answers Ctrl-C at once; the job itself goes on and can be waited for again. Errors of the network never end a wait.

        Args:
            timeout: Seconds or ``timedelta``; ``None`` waits without limit, ``0`` only looks.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread, at most ten times a second. What it
                raises ends the wait.

        Raises:
            WaitTimeout: The time is up; ``error.job`` is this job, still running and still billed if it succeeds.
            JobFailed: The service gave the job up; the class and ``error.kind`` say why. Failed jobs are not billed.
            Unauthenticated, PermissionDenied: The key is not accepted any more; the job goes on, see `Client.set_api_key`.
            ConfigError: The callable for the key gave none; the job goes on, and the next wait asks it again.
            JobNotFound, JobExpired: The service does not know it, or not any more.
            ClosedError: The client was closed.
        """
        limit = seconds("timeout", timeout)
        show = reporter(progress)
        operation = started(self._attached().wait(limit), self._client, self)
        return Completed(self, run(operation, self._client, reporter=show, job=self, interrupted=self._goes_on()))

    def future(self, timeout: Timeout = None) -> Future[Completed]:
        """Begins to wait for the end of the job in the background, and returns at once: for hosts whose thread must not wait, such as a user interface's.

        Callbacks (``add_done_callback``) run one after the other on a thread of this library, ``ltx-futures``. Cancelling the future ends the wait; the
        job goes on.

        Args:
            timeout: As in `wait`.

        Returns:
            What `wait` would return or raise, as a ``concurrent.futures.Future``.
        """
        from ._future import waiting

        return waiting(self, seconds("timeout", timeout))

    def save(self, dest: str | PathLike[str], *, timeout: Timeout = None, progress: ProgressArg = None) -> Saved:
        """Waits until the job ends and saves its outputs into the directory `dest`: `wait` and `Completed.download` in one.

        Args:
            dest: The directory; made if needed.
            timeout: Limit of the wait, in seconds or as ``timedelta``; the download has none.
            progress: As in `wait`; the phase tells which of the two it is.

        Raises:
            Error: What `wait` and `Completed.download` raise.
        """
        return self.wait(timeout, progress=progress).download(dest, progress=progress)

    def __reduce__(self) -> tuple[Any, ...]:
        return _job_again, (self._ref, self._label, self._client.base_url)


def _job_again(ref: str, label: str | None, base_url: str) -> Job:
    """A job from its pickle: with a client from the environment of the process it arrives in, made when it is first used."""
    from ._client import Client
    from ._client_base import environment_client

    return Job(environment_client(Client, base_url), ref, label)
