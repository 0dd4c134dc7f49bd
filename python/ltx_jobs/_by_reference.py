"""What runs on the workers of a cluster: waiting for a job, bringing its outputs home and copying them on, by its reference.

Every function here is idempotent: it submits nothing, it goes on with what an earlier call left, and what is there already is verified and not fetched
again. So an engine may run it twice, elsewhere, or again after its worker died. None is given a key: the key is the worker's own.

Each process has one client per address and settings, made when it is first needed and kept: its connections are shared by all tasks.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from ._dest import told
from ._errors import Error, local
from ._job import BaseJob
from ._wait import add_note, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future
    from os import PathLike
    from typing import Any, Literal, Union

    from ._client import Client
    from ._completed import Completed
    from ._job import Job, Timeout
    from ._models import Progress, Rehosted, Saved
    from ._native import _Dest, _StoreTold

    # Settings of a worker's client as text, without a key.
    Pairs = tuple[tuple[str, str], ...]
    # Files with their lengths; or addresses of objects and the bytes of all; or what stood in the way and will again.
    Kept = Union[tuple[list[tuple[str, int]], None, int], tuple[None, list[str], int], Error]

# What a wait takes before it gives its place in the worker to another task, and between two looks whether it is still wanted: seconds.
_PATIENCE = 1.0
# Between two reports of a transfer to whoever watches: seconds.
_REPORT = 0.5

_CANCELLED = 171
# What a worker is that runs no tasks any more.
_ENDING = frozenset(("stopping", "stopped", "closing", "closed", "failed"))

_lock = threading.Lock()
_clients: dict[Pairs, Client] = {}


def wait(job: str | Job, *, timeout: Timeout = None, settings: Mapping[str, object] | None = None) -> str:
    """Waits on a worker until a job is completed, and gives its reference, for the tasks that depend on it. Costs nothing.

    A wait of more than a second gives its place in the worker to other tasks (``secede``), so that hundreds of waits keep no download back.

    Args:
        job: The job, or its reference ``endpoint/id``.
        timeout: Seconds or ``timedelta``; ``None`` waits without limit.
        settings: Settings for the worker's client, as in `Client`, before those of its environment; no key.

    Raises:
        Error: What `Job.wait` raises.
        ConfigError: The worker has no key.
    """
    with _Task() as task:
        return task.wait_only(job, timeout, settings).job.ref


def download(
    job: str | Job,
    dest: str | PathLike[str],
    *,
    timeout: Timeout = None,
    settings: Mapping[str, object] | None = None,
    only: str | Iterable[str] | None = None,
    archive: Literal["unpack", "keep", "both"] = "unpack",
    overwrite: bool = False,
    frame_name: str | None = None,
    first_frame: int | None = None,
    connections: int | None = None,
    bandwidth: int | str | None = None,
) -> Saved:
    """Waits on a worker for a job, as `wait` does, and saves its outputs there into the directory `dest`. Costs nothing.

    Run again, it fetches only what is missing: files that are there are verified, and a file that a worker left unfinished is gone on with. Two workers at the
    same place do no harm: a file gets its name once, when it is whole.

    Args:
        job: The job, or its reference ``endpoint/id``.
        dest: The directory, as the worker sees it.
        timeout: Limit of the wait, in seconds or as ``timedelta``; the download has none.
        settings: As in `wait`.
        only: As in `Completed.download`.
        archive: As in `Completed.download`.
        overwrite: As in `Completed.download`.
        frame_name: As in `Completed.download`.
        first_frame: As in `Completed.download`.
        connections: As in `Completed.download`.
        bandwidth: As in `Completed.download`.

    Raises:
        Error: What `wait` and `Completed.download` raise.
        Cancelled: Nobody wants the task any more.
    """
    with _Task() as task:
        done = task.wait_for(job, timeout, settings)
        return done.download(
            dest,
            only=only,
            archive=archive,
            overwrite=overwrite,
            frame_name=frame_name,
            first_frame=first_frame,
            connections=connections,
            bandwidth=bandwidth,
            progress=task.look,
        )


def extract(
    job: str | Job,
    dest: str | PathLike[str],
    start: int = 0,
    stop: int | None = None,
    *,
    label: str | None = None,
    timeout: Timeout = None,
    settings: Mapping[str, object] | None = None,
    frame_name: str | None = None,
    first_frame: int | None = None,
    overwrite: bool = False,
) -> Saved:
    """Saves a range of the frames of a job on a worker, so that several workers share one archive. Waits for the job, as `wait` does. Costs nothing.

    Args:
        job: The job, or its reference ``endpoint/id``.
        dest: The directory for the frames, as the worker sees it.
        start: The first frame, counted from zero, as in a slice.
        stop: The one behind the last; all that follow by default.
        label: The output, when several look like archives of frames.
        timeout: Limit of the wait, in seconds or as ``timedelta``.
        settings: As in `wait`.
        frame_name: As in `Frames.extract`; the number of a frame is its place in the whole, whatever the range.
        first_frame: As in `Frames.extract`.
        overwrite: As in `Frames.extract`.

    Raises:
        Error: What `wait`, `Completed.frames` and `Frames.extract` raise.
        Cancelled: Nobody wants the task any more.
    """
    with _Task() as task:
        frames = task.wait_for(job, timeout, settings).frames(label)
        return frames[start:stop].extract(
            dest, frame_name=frame_name, first_frame=first_frame, overwrite=overwrite, progress=task.look
        )


def rehost(
    job: str | Job,
    url: str,
    *,
    timeout: Timeout = None,
    settings: Mapping[str, object] | None = None,
    only: str | Iterable[str] | None = None,
    archive: Literal["unpack", "keep", "both"] = "unpack",
    overwrite: bool = False,
    frame_name: str | None = None,
    first_frame: int | None = None,
) -> Rehosted:
    """Waits on a worker for a job, as `wait` does, and copies its outputs to an object store past the worker's disk. Costs nothing on the bill.

    The store's credentials are the worker's, as in `Completed.rehost`.

    Args:
        job: The job, or its reference ``endpoint/id``.
        url: The place in the store.
        timeout: Limit of the wait, in seconds or as ``timedelta``.
        settings: As in `wait`.
        only: As in `Completed.rehost`.
        archive: As in `Completed.rehost`.
        overwrite: As in `Completed.rehost`.
        frame_name: As in `Completed.rehost`.
        first_frame: As in `Completed.rehost`.

    Raises:
        Error: What `wait` and `Completed.rehost` raise.
        Cancelled: Nobody wants the task any more.
    """
    with _Task() as task:
        done = task.wait_for(job, timeout, settings)
        return done.rehost(
            url,
            only=only,
            archive=archive,
            overwrite=overwrite,
            frame_name=frame_name,
            first_frame=first_frame,
            progress=task.look,
        )


def wait_out(ref: str, settings: Pairs) -> None:
    """The first task of a batch: waits for the end of a job, whatever it is. Raises when it does not see it.

    Its place in the worker is free at once, for waits are many and cost nothing.
    """
    with _Task() as task:
        task.give_place()
        try:
            task.wait_only(ref, None, dict(settings))
        except Error as error:
            # Whoever asked for the wait hears from the service why.
            if not error.job_ended:
                raise


def bring_home(
    ref: str, key: str, dest: _Dest | None, store: _StoreTold | None, overwrite: bool, settings: Pairs, topic: str
) -> Kept:
    """The second task of a batch: saves one completed job, and reports how far it is.

    Raises what another try may mend, for the engine to try again; gives back what it cannot.
    """
    with _Task(topic, key) as task:
        try:
            done = task.wait_for(ref, None, dict(settings))
            place = told(dest)
            if place is not None:
                saved = done.download(
                    place.dir,
                    only=place.only,
                    archive=place.archive,  # type: ignore[arg-type]
                    frame_name=place.frame_name,
                    first_frame=place.first_frame,
                    overwrite=overwrite,
                    progress=task.look,
                )
                return [(str(path), os.stat(path).st_size) for path in saved.paths], None, saved.bytes
            url, only, archive, frame_name, first_frame = store or ("", None, "unpack", None, None)
            copied = done.rehost(
                url,
                only=only,
                archive=archive,  # type: ignore[arg-type]
                frame_name=frame_name,
                first_frame=first_frame,
                overwrite=overwrite,
                progress=task.look,
            )
            return None, [one.url for one in copied.objects], copied.bytes
        except Error as error:
            if error.retryable or error.number == _CANCELLED:
                raise
            return error


def look_around(settings: Pairs) -> tuple[str, str | None]:
    """The version that a worker has, and what keeps it from working, if something does."""
    from ._native import VERSION

    try:
        _client(dict(settings))
    except Error as error:
        return VERSION, str(error)
    return VERSION, None


def _client(settings: Mapping[str, object] | None) -> Client:
    """The client of this process for these settings."""
    from ._client import Client
    from ._config import setting_pairs

    given = dict(settings or {})
    given.setdefault("journal", "memory")
    pairs = tuple(sorted(setting_pairs(given)))
    with _lock:
        client = _clients.get(pairs)
        if client is None or client.closed:
            client = _clients[pairs] = Client(**dict(pairs))  # type: ignore[arg-type]
        return client


class _Task:
    """A task of the engine, as far as one is there: whether it is still wanted, and who hears how far it is.

    Outside of a worker, in a plain program or on another engine, it is always wanted, and nobody is told.
    """

    def __init__(self, topic: str | None = None, key: str = "") -> None:
        self._topic = topic
        self._item = key
        self._reported = 0.0
        self._left = False
        self._worker, self._key = _here()

    def __enter__(self) -> _Task:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Error) and self._worker is not None:
            add_note(error, f"on the worker {self._worker.address}")

    def wait_for(self, job: str | Job, timeout: Timeout, settings: Mapping[str, object] | None) -> Completed:
        """Waits, and has a place in the worker afterwards: a transfer takes one."""
        done = self.wait_only(job, timeout, settings)
        if self._left:
            _engine().rejoin()
        return done

    def wait_only(self, job: str | Job, timeout: Timeout, settings: Mapping[str, object] | None) -> Completed:
        """Waits, and gives its place in the worker away when that takes a while; it has none afterwards, or still the one it had."""
        limit = seconds("timeout", timeout)
        if isinstance(job, BaseJob):
            settings = {"base_url": job._client.base_url, **(settings or {})}
            job = job.ref
        waiting = self._job(job, settings).future(limit)
        try:
            self._sleep(waiting)
        except BaseException:
            waiting.cancel()
            raise
        return waiting.result()

    def _job(self, ref: str, settings: Mapping[str, object] | None) -> Job:
        try:
            return _client(settings).job(ref)
        except Error as error:
            if error.number != 100 or self._worker is None:
                raise
            advice = "set LTXV_API_KEY in the environment of every worker; no task carries a key"
            raise local(100, f"the worker {self._worker.address} has no client: {error}; {advice}") from None

    def _sleep(self, waiting: Future[Completed]) -> None:
        from concurrent.futures import wait as until

        while not until([waiting], _PATIENCE).done:
            self._must_be_wanted()
            self.give_place()

    def give_place(self) -> None:
        """Lets another task have this one's place in the worker."""
        if self._worker is not None and not self._left:
            self._left = True
            _engine().secede()

    def look(self, now: Progress) -> None:
        """Looks at a transfer: at most ten times a second, from the thread that waits for it."""
        self._must_be_wanted()
        moment = time.monotonic()
        if self._topic is not None and self._worker is not None and moment - self._reported >= _REPORT:
            self._reported = moment
            self._worker.log_event(self._topic, [self._item, now.bytes_done])

    def _must_be_wanted(self) -> None:
        """Ends a task whose futures were cancelled or released: the engine cannot interrupt a thread."""
        worker = self._worker
        if worker is None:
            return
        task = worker.state.tasks.get(self._key)
        # A worker that is closed within its process ends no thread of its own, and keeps its tasks.
        if task is None or task.state == "cancelled" or worker.status.name in _ENDING:
            raise local(_CANCELLED, "the task was cancelled; what is complete is on disk, and another one goes on with it")


def _engine() -> Any:
    """Dask, which runs this task: nothing here imports it."""
    return sys.modules["distributed"]


def _here() -> tuple[Any, str]:
    """The worker that runs this, and the key of the task; nobody outside of one."""
    module: Any = sys.modules.get("distributed.worker")
    if module is None:
        return None, ""
    try:
        worker = module.get_worker()
        return worker, worker.get_current_task()
    except (ValueError, KeyError):
        return None, ""
