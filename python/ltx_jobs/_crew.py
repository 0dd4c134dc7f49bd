"""What stands between a batch and a Dask cluster: it gives its jobs to the workers, and hears from them how they fare."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from hashlib import sha256

from ._by_reference import bring_home, wait_out
from ._errors import Error, local
from ._wait import stay_at_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import _native
    from ._by_reference import Kept, Pairs
    from .dask import Cluster

# How long the thread that hands jobs over sleeps between two looks whether its process is still the same.
_LOOK_MS = 1000
# Seconds for the cluster's client to give what it has.
_ANSWER = 10.0


class Crew:
    """Hands jobs to the cluster, to be waited for and to be brought home, and answers the native batch for it.

    A thread of its own takes what is handed over, so that the workers are busy while the caller's loop does something else; Dask's threads bring the answers.
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
        # Nothing more is wanted of the cluster.
        self._over = False
        self._listening = False
        self._thread = threading.Thread(target=self._work, name="ltx-dask", daemon=True)
        # Of the jobs that run, and of those that are brought home; both by the keys of their items.
        self._waits: dict[str, Any] = {}
        self._saves: dict[str, Any] = {}
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
            if isinstance(given, bool):
                continue
            # Of a job to wait for there is no place.
            if len(given) == 3:
                self._wait(*given)
            else:
                self._save(*given)

    def _wait(self, handover: _native.WaitHandover, key: str, ref: str, attempt: int = 1) -> None:
        task = f"ltx-jobs-wait-{self._name}-{key}-{_digest(ref, attempt)}"
        # It takes nothing of a worker, and what ends it is nothing that another try may mend.
        options = {name: value for name, value in self._options.items() if name not in ("resources", "retries")}
        try:
            # Before what is to be brought home: it gives its place to that at once. Not under the lock: what the cluster's own thread tells takes it too.
            future = self._cluster.submit(wait_out, ref, self._settings, key=task, priority=1, **options)
        except Exception as error:  # noqa: BLE001
            self._wait_here(handover, ref, f"the cluster takes no task: {error!r}", is_gone=True)
            return
        if self._keep(self._waits, key, future):
            future.add_done_callback(partial(self._waited, handover, key, ref, attempt))

    def _save(
        self, handover: _native.SaveHandover, key: str, ref: str, dest: _native._Dest | None, store: _native._StoreTold | None, overwrite: bool
    ) -> None:
        with self._lock:
            # This process has seen the end before its worker told of it.
            waited = self._waits.pop(key, None)
        if waited is not None:
            _release(waited)
        what = _digest(ref, dest, store, overwrite)
        arguments = (ref, key, dest, store, overwrite, self._settings, self._topic)
        try:
            future = self._cluster.submit(bring_home, *arguments, key=f"ltx-jobs-{self._name}-{key}-{what}", **self._options)
        except Exception as error:  # noqa: BLE001
            self._give_up(handover, key, _not_brought_home(f"the cluster takes no task: {error!r}"))
            return
        if self._keep(self._saves, key, future):
            future.add_done_callback(partial(self._saved, handover, key))

    def _keep(self, futures: dict[str, Any], key: str, future: Any) -> bool:
        """Keeps a future, without which the scheduler forgets the task; false, and it is let go of, when nothing more is wanted."""
        with self._lock:
            over = self._over
            if not over:
                futures[key] = future
        if over:
            _release(future)
        return not over

    def _hear(self, event: tuple[float, list[Any]]) -> None:
        """A worker tells how far it is."""
        key, size = event[1]
        with self._lock:
            if key in self._saves:
                self._bytes[key] = max(size, self._bytes.get(key, 0))

    def _waited(self, handover: _native.WaitHandover, key: str, ref: str, attempt: int, future: Any) -> None:
        """A task that waits has ended, in whatever way."""
        with self._lock:
            wanted = self._waits.pop(key, None) is not None
        try:
            if not wanted or future.status == "finished":
                handover.ended()
            elif future.status != "error":
                self._wait_here(handover, ref, f"the cluster let go of its tasks, which are {future.status}", is_gone=True)
            elif isinstance(error := future.exception(_ANSWER), sys.modules["distributed"].KilledWorker):
                # Workers that died under a wait did not die of it.
                self._wait(handover, key, ref, attempt + 1)
            else:
                self._wait_here(handover, ref, repr(error))
        except Exception as error:  # noqa: BLE001
            self._wait_here(handover, ref, f"the cluster does not answer: {error!r}", is_gone=True)
        if wanted:
            _release(future)

    def _wait_here(self, handover: _native.WaitHandover, ref: str, why: str, is_gone: bool = False) -> None:
        """No worker waits for a job, so this process does. Without a cluster nothing more is submitted: nobody could bring it home."""
        if is_gone:
            self._native.pause(why)
        logging = sys.modules.get("logging")
        if logging is not None:
            logging.getLogger("ltx_jobs.dask").warning("no worker waits for %s, so this process does: %s", ref, why)
        handover.ended()

    def _saved(self, handover: _native.SaveHandover, key: str, future: Any) -> None:
        """A task that brings a job home has ended, in whatever way."""
        with self._lock:
            self._saves.pop(key, None)
            over = self._over
        if over:
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
        _release(future)

    def _answer(self, handover: _native.SaveHandover, key: str, kept: Kept) -> None:
        if isinstance(kept, Error):
            self._fail(handover, key, kept)
        elif kept[0] is not None:
            handover.saved(kept[0])
        else:
            handover.copied(kept[1], kept[2])
        with self._lock:
            self._bytes.pop(key, None)

    def _fail(self, handover: _native.SaveHandover, key: str, error: Error) -> None:
        with self._lock:
            self._errors[key] = error
        handover.failed(error.number, error.message or str(error))

    def _give_up(self, handover: _native.SaveHandover, key: str, error: Error) -> None:
        """Without a cluster nothing more is paid for, nor waited for."""
        self._native.pause(error.message or str(error))
        self._fail(handover, key, error)
        self.stop()

    def bytes_on_the_way(self) -> int:
        with self._lock:
            return sum(self._bytes.values())

    def error_of(self, key: str) -> Error | None:
        with self._lock:
            return self._errors.pop(key, None)

    def stop(self) -> None:
        """Stops the batch."""
        if self._process != os.getpid():
            # In a forked child neither the batch nor the cluster's client is there.
            return
        with self._lock:
            self._over = True
        self._native.stop()
        self.let_go()

    def let_go(self) -> None:
        """Nothing more is wanted of the cluster."""
        if self._process != os.getpid():
            return
        with self._lock:
            self._over = True
            futures = [*self._waits.values(), *self._saves.values()]
            self._waits.clear()
            self._saves.clear()
            listening, self._listening = self._listening, False
        for future in futures:
            _release(future)
        if listening:
            try:
                self._cluster.unsubscribe_topic(self._topic)
            except Exception:  # noqa: BLE001, S110
                # The cluster is gone, and with it what was listened to.
                pass


def _digest(*work: object) -> str:
    """The same work has the same name, in the next run too; another place, or another job, is other work."""
    return sha256(repr(work).encode()).hexdigest()[:12]


def _release(future: Any) -> None:
    """Without a future the scheduler forgets the task, and its worker ends it."""
    try:
        future.release()
    except Exception:  # noqa: BLE001, S110
        # The cluster is gone, or the interpreter about to.
        pass


def _error_of_task(error: BaseException) -> Error:
    """The error of a task that Dask gave up: ours, or of the cluster."""
    if isinstance(error, Error):
        return error
    if isinstance(error, sys.modules["distributed"].KilledWorker):
        return _not_brought_home(f"the workers that were to save it died: {error}")
    number = 100 if isinstance(error, ImportError) else 173
    told = local(number, f"the task that was to save it failed: {error!r}")
    told.__cause__ = error
    return told


def _not_brought_home(why: str) -> Error:
    error = local(171, f"{why}. The job is completed, and the same batch started again brings it home within 24 h of its end")
    error.billing, error.retryable = "job_exists", True
    return error
