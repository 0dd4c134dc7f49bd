"""A batch on a Dask cluster: submitted in one place, brought home by many.

    import distributed
    import ltx_jobs.dask

    with ltx_jobs.Client() as client, distributed.Client("tcp://scheduler:8786") as cluster:
        items = ((shot, ltx_jobs.VideoToVideoHdr(video_uri=Path(f"plates/{shot}.mp4"))) for shot in shots)
        with ltx_jobs.dask.batch(client, items, cluster=cluster, name="reel 2", dest="/shots") as batch:
            for outcome in batch:
                print(outcome.key, outcome.state, outcome.error or "")
        print(batch.summary)

What is paid for happens in the caller only: it submits, and writes down, exactly as `Client.batch` does. From there on a job is with the cluster, by its
reference. A first task waits for its end, and gives its place in the worker to others as soon as it has begun; when the job is completed a second one
downloads, unpacks or copies, what expires first at first. Both are idempotent, so Dask may run them again or elsewhere as it likes. They submit nothing and carry
no key: each worker has its own, in ``LTXV_API_KEY``.

The caller hears of an end from the worker, and then asks the service once itself, for its places, limits and pauses depend on how jobs end. While a worker
waits, it asks only at every twelfth ``poll_interval`` (once a minute with the usual one, at least once an hour), so that no end is missed when all workers are
busy or dead. For graphs of your own, `wait`, `download`, `extract` and `rehost` are tasks too.

Needs ``pip install ltx-jobs[dask]``; imported only when it is asked for.
"""

from __future__ import annotations

import os
import sys
import weakref
from importlib import import_module

from . import _batch
from ._batch_item import BatchItem
from ._batch_outcome import BatchOutcome, BatchProgress
from ._by_reference import download, extract, look_around, rehost, wait
from ._client import Client
from ._config import setting_pairs
from ._crew import Crew
from ._dest import StoreDestination
from ._errors import local
from ._native import VERSION

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
    from ._by_reference import Pairs
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
    waits_at_once: int = 64,
    retries: int = 3,
    workers: str | Iterable[str] | None = None,
    resources: Mapping[str, float] | None = None,
    worker_settings: Mapping[str, object] | None = None,
    worker_key_file: str | PathLike[str] | None = None,
    progress: BatchProgressArg = None,
) -> Batch:
    """Submits many requests under a name, here, and has the workers of a Dask cluster wait for the jobs and bring their outputs home.

    **Every item is billed** if its job succeeds.

    Names, keys, limits, pauses, outcomes and what happens when it is started again are those of `Client.batch`: the journal is the client's, on this machine.
    A worker that dies costs nothing: another one waits for what it waited for and brings home what it had to, and nothing is submitted for it.

    The same batch may be run here and there, with and without a cluster, one after the other, as long as it is the same journal and `dest` is a place that
    is the same for all of them.

    Args:
        client: The client that submits.
        items: As in `Client.batch`.
        cluster: The ``distributed.Client`` of the cluster; a synchronous one.
        name: As in `Client.batch`. The tasks are named ``ltx-jobs-wait-NAME-KEY`` and ``ltx-jobs-NAME-KEY``.
        dest: As in `Client.batch`: a directory on storage that the workers share. A relative one is made absolute here.
        rehost: Instead of `dest`: a URL of an object store, such as ``"s3://plates/reel2/"``, or a `StoreDestination`. Each item that has no place of its
            own is copied below it under its key. Options and credentials of the store are those of the workers' environment: a place with ``options`` is
            refused, here and of an item, for tasks carry none.
        spend_limit: As in `Client.batch`.
        max_cost: As in `Client.batch`.
        on_unknown: As in `Client.batch`.
        overwrite: As in `Client.batch`.
        submits_at_once: As in `Client.batch`.
        saves_at_once: Completed jobs that are with the cluster at the same time, 1 to 256; how many of them are brought home at once is for its workers to
            say.
        waits_at_once: Jobs that workers wait for at the same time, 0 to 256; the others are waited for here. Each is a thread of its worker that sleeps, and
            keeps an adaptive cluster from ending that worker; with 0 nothing is with the cluster before it is completed.
        retries: How often a task that brings a job home is tried again after an error that another try may mend, with what is there by then; Dask runs a
            task whose worker died again in any case (``distributed.scheduler.allowed-failures``).
        workers: Only these workers, by address or host.
        resources: What a task that brings a job home takes of a worker's resources, as ``{"download": 1}``. One that waits takes nothing.
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
    if not 0 <= waits_at_once <= 256:
        raise local(101, f"waits_at_once = {waits_at_once}: must be from 0 to 256")
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
        waits_at_once=waits_at_once,
    )
    options: dict[str, Any] = {"pure": False, "retries": retries}
    if workers is not None:
        options["workers"] = workers if isinstance(workers, str) else list(workers)
    if resources is not None:
        options["resources"] = dict(resources)
    return Batch(client, native, source, show, Crew(native, cluster, name, settings, options))


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
        crew: Crew,
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
            self._crew.let_go()
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
