"""A batch on a Dask cluster: submitted in one place, brought home by many.

    import distributed
    import ltx_jobs.dask

    with ltx_jobs.Client() as client, distributed.Client("tcp://scheduler:8786") as cluster:
        items = ((shot, ltx_jobs.VideoToVideoHdr(video_uri=Path(f"plates/{shot}.mp4"))) for shot in shots)
        with ltx_jobs.dask.batch(client, items, cluster=cluster, name="reel 2", dest="/shots") as batch:
            for outcome in batch:
                print(outcome.key, outcome.state, outcome.error or "")
        print(batch.summary)

What is paid for happens in the caller only: it submits, and writes down, exactly as `Client.batch` does, and polls all its jobs as one. A completed job goes to
the cluster by its reference, what expires first at first. Its task waits (which returns at once), downloads, unpacks or copies; it is idempotent, so Dask may
run it again or elsewhere as it likes. It submits nothing and carries no key: each worker has its own, in ``LTXV_API_KEY``.

The jobs are polled by the caller and not by the workers, for it has to: its places, limits and pauses depend on how they end. A second poll from a worker
would only ask the service twice as often, and hold a place there for as long as a job runs. For graphs of your own, `wait`, `download`, `extract` and
`rehost` are tasks that wait on the workers, by reference, too.

Needs ``pip install ltx-jobs[dask]``; imported only when it is asked for.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from functools import partial
from hashlib import sha256
from importlib import import_module

from . import _batch
from ._batch_item import BatchItem
from ._batch_outcome import BatchOutcome, BatchProgress
from ._by_reference import bring_home, download, extract, look_around, rehost, wait
from ._client import Client
from ._config import setting_pairs
from ._dest import StoreDestination
from ._errors import Error, local
from ._native import VERSION
from ._wait import stay_at_exit

try:
    # Without its types: they are not there for everybody who checks this package.
    distributed: Any = import_module("distributed")
except ImportError as _missing:
    raise ImportError("ltx_jobs.dask needs dask and distributed: pip install ltx-jobs[dask]") from _missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from typing import Any, Callable, Protocol

    from . import _native
    from ._batch import BatchProgressArg
    from ._batch_item import ItemArg, Items
    from ._by_reference import Kept, Pairs
    from ._dest import DestArg, StoreArg
    from ._endpoints import OnUnknown
    from ._completed import Completed
    from ._job import Job
    from ._money import Usd

    class Cluster(Protocol):
        """A ``distributed.Client``, as far as it is used here."""

        def submit(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any: ...
        def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any: ...


__all__ = ["Batch", "batch", "download", "extract", "rehost", "wait"]

# How long the thread that hands jobs over sleeps between two looks whether its process is still the same.
_LOOK_MS = 1000
# The settings that are the submitting client's alone.
_OWN = ("journal", "max_concurrent_jobs", "spend_limit", "prices", "worker_threads")


def batch(
    client: Client,
    items: Items,
    *,
    cluster: Cluster,
    name: str,
    dest: DestArg | None = None,
    rehost: StoreArg | None = None,
    spend_limit: Usd | None = None,
    max_cost: Usd | None = None,
    on_unknown: OnUnknown = "stop",
    overwrite: bool = False,
    submits_at_once: int = 4,
    saves_at_once: int = 64,
    retries: int = 3,
    workers: str | Iterable[str] | None = None,
    resources: Mapping[str, float] | None = None,
    worker_settings: Mapping[str, object] | None = None,
    worker_key_file: str | PathLike[str] | None = None,
    progress: BatchProgressArg = None,
) -> Batch:
    """Submits many requests under a name, here, and has the workers of a Dask cluster bring their outputs home. **Every item is billed** if its job succeeds.

    Names, keys, limits, pauses, outcomes and what happens when it is started again are those of `Client.batch`: the journal is the client's, on this machine.
    A worker that dies costs nothing: what it had to bring home is brought home by another one, and nothing is submitted for it.

    The same batch may be run here and there, with and without a cluster, one after the other, as long as it is the same journal and `dest` is a place that
    is the same for all of them.

    Args:
        client: The client that submits.
        items: As in `Client.batch`.
        cluster: The ``distributed.Client`` of the cluster; a synchronous one.
        name: As in `Client.batch`. The tasks are named ``ltx-jobs-NAME-KEY``.
        dest: As in `Client.batch`: a directory on storage that the workers share. A relative one is made absolute here.
        rehost: Instead of `dest`: a URL of an object store, such as ``"s3://plates/reel2/"``, or a `StoreDestination`. Each item that has no place of its
            own is copied below it under its key. Options and credentials of the store are those of the workers' environment: a place with ``options`` is
            refused, here and of an item, for tasks carry none.
        spend_limit: As in `Client.batch`.
        max_cost: As in `Client.batch`.
        on_unknown: As in `Client.batch`.
        overwrite: As in `Client.batch`.
        submits_at_once: As in `Client.batch`.
        saves_at_once: Jobs that are with the cluster at the same time, 1 to 256; how many of them are brought home at once is for its workers to say.
        retries: How often a task is tried again after an error that another try may mend, with what is there by then; Dask runs a task whose worker died
            again in any case (``distributed.scheduler.allowed-failures``).
        workers: Only these workers, by address or host.
        resources: What a task takes of a worker's resources, as ``{"download": 1}``.
        worker_settings: Settings of the workers' clients, by the names of `Client`, such as ``{"connections": 4, "proxy": "..."}``. By default what was given
            to `client` in the program, without key, journal and limits. Each worker reads its own environment for the others.
        worker_key_file: A file with the key, as the workers see it; by default ``LTXV_API_KEY`` or ``LTX_API_KEY`` of each worker's environment.
        progress: As in `Client.batch`; the bytes come from the workers while they arrive.

    Returns:
        An iterator of outcomes, as `Client.batch` gives.

    Raises:
        ConfigError: A worker has no key, or cannot import this package. Nothing was submitted.
        InvalidRequest: The name is empty, or an option cannot be used.
        ClosedError: The client was closed.
    """
    if not isinstance(client, Client):
        raise TypeError(f"client must be a ltx_jobs.Client, not {type(client).__name__}")
    _must_be_cluster(cluster)
    _must_be_plain(rehost)
    if not 1 <= saves_at_once <= 256:
        raise local(101, f"saves_at_once = {saves_at_once}: must be from 1 to 256")
    if retries < 0:
        raise local(101, f"retries = {retries}: must be zero or more")
    source, show = iter(items), _batch.shown(progress)
    settings = _settings(client, worker_settings, worker_key_file)
    _look_at_workers(cluster, settings, workers)
    native = _batch.begin(
        client,
        name=name,
        dest=dest,
        rehost=rehost,
        spend_limit=spend_limit,
        max_cost=max_cost,
        on_unknown=on_unknown,
        overwrite=overwrite,
        submits_at_once=submits_at_once,
        saves_at_once=saves_at_once,
        hand_over=True,
    )
    options: dict[str, Any] = {"pure": False, "retries": retries}
    if workers is not None:
        options["workers"] = workers if isinstance(workers, str) else list(workers)
    if resources is not None:
        options["resources"] = dict(resources)
    return Batch(client, native, source, show, _Crew(native, cluster, name, settings, options))


class Batch(_batch.Batch):
    """A batch that runs on a cluster: an iterator of its outcomes, in the order they happen. Made by `batch`; a `ltx_jobs.Batch` in every other way.

    Stopping it, leaving it and Ctrl-C release its tasks: one that is running ends within a second, with all that is complete on disk. Its jobs go on at the
    service, and the same batch goes on with them.
    """

    __slots__ = ("_crew", "_bytes")

    def __init__(
        self,
        client: Client,
        native: _native.BatchRun,
        items: object,
        show: _batch.Show | None,
        crew: _Crew,
    ) -> None:
        super().__init__(client, native, items, show)
        self._crew = crew
        self._bytes = 0
        # Its thread holds the native batch, which would end by itself otherwise when nobody holds it.
        weakref.finalize(self, crew.stop)
        crew.start()

    def snapshot(self) -> BatchProgress:
        """The numbers, from memory: never blocks. Any thread may ask. Its bytes count what the workers have reported of running transfers too."""
        seen = super().snapshot()
        # What a worker that died had reported, its successor reports again.
        self._bytes = max(self._bytes, seen.bytes + self._crew.bytes_on_the_way())
        values = {name: getattr(seen, name) for name in seen.__slots__}
        values.update(bytes=self._bytes, ended=[(state.value, count) for state, count in seen.ended])
        return BatchProgress(**values)

    def stop(self) -> None:
        """Stops it: nothing more is taken or submitted, a paid POST that is on the wire is finished and written down, and the tasks are released.

        Returns at once; any thread may call it. Iterating further tells the outcomes of what is left. The same batch started again goes on.
        """
        self._items = None
        self._crew.stop()

    def _push(self, given: ItemArg) -> None:
        if isinstance(given, BatchItem):
            _must_be_plain(given.rehost)
        super()._push(given)

    def _next(self) -> BatchOutcome[Job, Completed] | None:
        outcome = super()._next()
        if outcome is None:
            self._crew.end()
        return outcome

    def _outcome(self, raw: _native._Outcome) -> BatchOutcome[Job, Completed]:
        outcome = super()._outcome(raw)
        error = self._crew.error_of(outcome.key)
        if outcome.state != "unsaved" or error is None:
            return outcome
        # As the worker raised it.
        error.job = outcome.job
        return BatchOutcome(
            outcome.key,
            outcome.label,
            outcome.state,
            outcome.ref,
            outcome.job,
            outcome.completed,
            outcome.paths,
            outcome.urls,
            outcome.bytes,
            error,
        )


class _Crew:
    """Hands completed jobs to the cluster, and answers the native batch for it.

    A thread of its own takes what is completed, so that the workers are busy while the caller's loop does something else; Dask's threads bring the answers.
    """

    def __init__(self, native: _native.BatchRun, cluster: Cluster, name: str, settings: Pairs, options: dict[str, Any]) -> None:
        self._native = native
        self._cluster: Any = cluster
        self._name = name
        self._settings = settings
        self._options = options
        self._process = os.getpid()
        self._topic = f"ltx-jobs/{name}"
        self._lock = threading.Lock()
        self._stopped = False
        self._listening = False
        self._thread = threading.Thread(target=self._work, name="ltx-dask", daemon=True)
        self._futures: dict[str, Any] = {}
        self._bytes: dict[str, int] = {}
        self._errors: dict[str, Error] = {}

    def start(self) -> None:
        self._cluster.subscribe_topic(self._topic, self._hear)
        self._listening = True
        self._thread.start()

    def _work(self) -> None:
        while True:
            given = self._native.wait_handed_over(_LOOK_MS)
            stay_at_exit()
            if given is True:
                return
            if not isinstance(given, bool):
                self._begin(*given)

    def _begin(self, handover: _native.Handover, key: str, ref: str, dest: _native._Dest | None, store: _native._StoreTold | None, overwrite: bool) -> None:
        # The same work has the same name, in the next run too; another place, or another job, is other work.
        what = sha256(repr((ref, dest, store, overwrite)).encode()).hexdigest()[:12]
        arguments = (ref, key, dest, store, overwrite, self._settings, self._topic)
        try:
            # Not under the lock: what the cluster's own thread tells takes it too.
            future = self._cluster.submit(bring_home, *arguments, key=f"ltx-jobs-{self._name}-{key}-{what}", **self._options)
        except Exception as error:  # noqa: BLE001
            self._give_up(handover, key, _not_brought_home(f"the cluster takes no task: {error!r}"))
            return
        with self._lock:
            stopped = self._stopped
            if not stopped:
                self._futures[key] = future
        if stopped:
            future.release()
        else:
            future.add_done_callback(partial(self._ended, handover, key))

    def _hear(self, event: tuple[float, list[Any]]) -> None:
        """A worker tells how far it is."""
        key, size = event[1]
        with self._lock:
            if key in self._futures:
                self._bytes[key] = max(size, self._bytes.get(key, 0))

    def _ended(self, handover: _native.Handover, key: str, future: Any) -> None:
        """A task has ended, in whatever way."""
        with self._lock:
            self._futures.pop(key, None)
            stopped = self._stopped
        if stopped:
            return
        try:
            if future.status == "finished":
                self._answer(handover, key, future.result())
            elif future.status == "error":
                self._answer(handover, key, _error_of_task(future.exception()))
            else:
                self._give_up(handover, key, _not_brought_home(f"the cluster let go of the task, which is {future.status}"))
        except Exception as error:  # noqa: BLE001
            self._give_up(handover, key, _not_brought_home(f"the cluster does not answer: {error!r}"))
        # The next run may have a task of this name, and must not find this one.
        future.release()

    def _answer(self, handover: _native.Handover, key: str, kept: Kept) -> None:
        if isinstance(kept, Error):
            self._fail(handover, key, kept)
        elif kept[0] is not None:
            handover.saved(kept[0])
        else:
            handover.copied(kept[1], kept[2])
        with self._lock:
            self._bytes.pop(key, None)

    def _fail(self, handover: _native.Handover, key: str, error: Error) -> None:
        with self._lock:
            self._errors[key] = error
        handover.failed(error.number, error.message or str(error))

    def _give_up(self, handover: _native.Handover, key: str, error: Error) -> None:
        """Without a cluster nothing more is paid for."""
        self._fail(handover, key, error)
        self.stop()

    def bytes_on_the_way(self) -> int:
        with self._lock:
            return sum(self._bytes.values())

    def error_of(self, key: str) -> Error | None:
        with self._lock:
            return self._errors.pop(key, None)

    def stop(self) -> None:
        if self._process != os.getpid():
            # In a forked child neither the batch nor the cluster's client is there.
            return
        with self._lock:
            self._stopped = True
            futures = list(self._futures.values())
            self._futures.clear()
        self._native.stop()
        for future in futures:
            # Without a future the scheduler forgets the task, and its worker ends it.
            try:
                future.release()
            except Exception:  # noqa: BLE001, S110
                # The cluster is gone, or the interpreter about to.
                pass
        self.end()

    def end(self) -> None:
        with self._lock:
            listening, self._listening = self._listening, False
        if listening and self._process == os.getpid():
            try:
                self._cluster.unsubscribe_topic(self._topic)
            except Exception:  # noqa: BLE001, S110
                # The cluster is gone, and with it what was listened to.
                pass


def _must_be_plain(rehost: object) -> None:
    if isinstance(rehost, StoreDestination) and rehost.options:
        names = ", ".join(name for name, _ in rehost.options)
        raise local(101, f"a place in a store has options ({names}), and no task carries any; set them in the environment of the workers")


def _must_be_cluster(cluster: Any) -> None:
    if not isinstance(cluster, distributed.Client):
        raise TypeError(f"cluster must be a distributed.Client, not {type(cluster).__name__}; a LocalCluster has get_client()")
    if cluster.asynchronous:
        raise TypeError("cluster must be a synchronous distributed.Client: distributed.Client(address, asynchronous=False)")


def _settings(client: Client, given: Mapping[str, object] | None, key_file: str | PathLike[str] | None) -> Pairs:
    """The settings for the workers, without a key."""
    if given is not None and "api_key" in given:
        raise local(100, "worker_settings has an api_key: no task carries a key; set LTXV_API_KEY on the workers, or give worker_key_file")
    settings = dict(client._settings.without_api_key())
    for own in _OWN:
        settings.pop(own, None)
    settings["base_url"] = client.base_url
    settings.update(setting_pairs(given or {}))
    if key_file is not None:
        settings["api_key"] = f"file:{os.fspath(key_file)}"
    return tuple(sorted(settings.items()))


def _look_at_workers(cluster: Any, settings: Pairs, workers: str | Iterable[str] | None) -> None:
    """Refuses workers that could not bring anything home, before anything is paid for. Those that come later tell it by their tasks."""
    chosen = None if workers is None else {workers} if isinstance(workers, str) else set(workers)
    found: dict[str, Any] = cluster.run(look_around, settings, on_error="return")
    for address, seen in found.items():
        # An address such as tcp://host:port; a host stands for all of its workers.
        if chosen is not None and not chosen & {address, address.rpartition("://")[2].rpartition(":")[0]}:
            continue
        if isinstance(seen, BaseException):
            raise local(100, f"the worker {address} cannot use ltx_jobs: {seen!r}; install the same version there. Nothing was submitted")
        version, complaint = seen
        if complaint is not None:
            advice = "set LTXV_API_KEY in the environment of every worker, or give worker_key_file; no task carries a key. Nothing was submitted"
            raise local(100, f"the worker {address} has no client: {complaint}; {advice}")
        logging = sys.modules.get("logging")
        if version != VERSION and logging is not None:
            logging.getLogger("ltx_jobs.dask").warning("the worker %s has ltx_jobs %s, and this is %s", address, version, VERSION)


def _error_of_task(error: BaseException) -> Error:
    """The error of a task that Dask gave up: ours, or of the cluster."""
    if isinstance(error, Error):
        return error
    if isinstance(error, distributed.KilledWorker):
        return _not_brought_home(f"the workers that were to save it died: {error}")
    number = 100 if isinstance(error, ImportError) else 173
    told = local(number, f"the task that was to save it failed: {error!r}")
    told.__cause__ = error
    return told


def _not_brought_home(why: str) -> Error:
    error = local(171, f"{why}. The job is completed, and the same batch started again brings it home within 24 h of its end")
    error.billing, error.retryable = "job_exists", True
    return error
