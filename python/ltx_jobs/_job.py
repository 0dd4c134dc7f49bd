"""A remote job, and what a completed one left.

A `Job` is a value: a reference and a client to ask with. It pickles to the reference, and takes up again in another process, a forked one too.
"""

from __future__ import annotations

import os
import time

from ._dest import told
from ._errors import local, make, unwrap
from ._frames import Archive, Frames, check_first_frame, saved
from ._measures import duration
from ._models import Object, Rehosted, Saved, Snapshot, Status, when
from ._progress import reporter
from ._wait import run, seconds, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future
    from datetime import datetime, timedelta
    from io import BufferedReader
    from os import PathLike
    from typing import Any, Callable, Generic, Literal, NoReturn, TypeVar, Union

    from . import _native
    from ._client import BaseClient
    from ._dest import Destination
    from ._progress import ProgressArg

    Timeout = Union[float, timedelta, None]
    OfOutput = TypeVar("OfOutput", bound="BaseOutput")
else:
    from ._generic import Generic

    OfOutput = None


# Notes of an interrupt.
DOWNLOAD_GOES_ON = "the download can go on: what is complete is on disk, and the same call fetches the rest"
COPY_GOES_ON = "the copy can go on: complete objects are in the store, and the same call copies the rest"


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
    from ._client import Client, environment_client

    return Job(environment_client(Client, base_url), ref, label)


class BaseOutput:
    """What an `Output` and an `AsyncOutput` have in common."""

    __slots__ = ("_label", "_place", "_url")

    def __init__(self, label: str, url: str, place: str) -> None:
        self._label = label
        self._url = url
        self._place = place

    @property
    def label(self) -> str:
        """The service's label, for example ``exr_frames_url``."""
        return self._label

    @property
    def url(self) -> str:
        """The signed URL. Whoever has its text can read the file until it expires: keep it out of logs."""
        return self._url

    def __eq__(self, other: object) -> bool:
        return (self._label, self._url) == (other._label, other._url) if isinstance(other, BaseOutput) else NotImplemented

    def __hash__(self) -> int:
        return hash((BaseOutput, self._label, self._url))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._label!r}, {self._place!r})"

    def __reduce__(self) -> NoReturn:
        raise _no_pickle(f"an {type(self).__name__}")


class Output(BaseOutput):
    """One output of a completed job. Its repr shows no credential, and it does not pickle."""

    __slots__ = ("_completed",)

    def __init__(self, completed: Completed, label: str, url: str, place: str) -> None:
        super().__init__(label, url, place)
        self._completed = completed

    def download(self, dest: str | PathLike[str], **options: Any) -> Saved:
        """Saves this output alone into the directory `dest`; options, errors and result as in `Completed.download`. Costs nothing."""
        return self._completed.download(dest, only=[self._label], **options)

    def open(self) -> BufferedReader:
        """The output where it lies, as a binary file object: readable and seekable, for `zipfile`, video readers and the like. One request; costs nothing.

            with done.outputs["exr_frames_url"].open() as file, zipfile.ZipFile(file) as archive:
                print(archive.namelist())

        What is read is fetched by ranges, 256 KiB after a jump and up to 8 MiB while the reading goes on in order; that much is held. All of it is of the same
        version of the file, but parts have no checksum: `Completed.frames` and `download` check what they bring.

        Raises:
            Unsupported: The storage answers no ranges.
            ResultExpired: Outputs are kept for 24 h.
            TransportError: The network, after all retries; also while it is read.
            ObjectChanged: While it is read: the storage has another version by now.
        """
        from io import BufferedReader

        from ._files import RemoteFile

        completed, job = self._completed, self._completed.job
        client = job._client
        native = run(started(completed._here().open(self._label), client, job), client, job=job)
        return BufferedReader(RemoteFile(reading(native, job), native.size, self._label))


class BaseCompleted(Generic[OfOutput]):
    """What a `Completed` and an `AsyncCompleted` have in common: what is known without asking anybody."""

    __slots__ = ("_native", "_outputs", "_process", "_times")

    def __init__(self, native: _native.Completed) -> None:
        places = dict(native.places())
        self._native = native
        self._process = os.getpid()
        self._outputs = {label: self._output(label, url, places[label]) for label, url in native.outputs()}
        self._times = tuple(when(time) for time in native.times())

    if TYPE_CHECKING:

        def _output(self, label: str, url: str, place: str) -> OfOutput: ...
        def _ref(self) -> str: ...

    @property
    def outputs(self) -> Mapping[str, OfOutput]:
        """The outputs by the service's labels (``exr_frames_url``, ``video_url``, and any the service may add)."""
        return dict(self._outputs)

    @property
    def created_at(self) -> datetime | None:
        """When the service accepted the job (aware, UTC)."""
        return self._times[0]

    @property
    def completed_at(self) -> datetime | None:
        """When the job completed, by the service's clock (aware, UTC)."""
        return self._times[1]

    @property
    def job_expires_at(self) -> datetime | None:
        """When the service forgets the job: 24 h after its end, as documented (aware, UTC)."""
        return self._times[2]

    @property
    def outputs_expire_at(self) -> datetime | None:
        """When the first of the outputs' URLs expires (aware, UTC). A download renews them by itself as long as the job is known."""
        return self._times[3]

    @property
    def raw(self) -> dict[str, Any]:
        """The service's whole answer. It contains signed URLs: keep it out of logs."""
        import json

        answer: dict[str, Any] = json.loads(self._native.raw())
        return answer

    def __repr__(self) -> str:
        completed_at, expire_at = self._native.times()[1], self._native.times()[3]
        now = time.time()
        words = [] if completed_at is None else [f"{duration(now - completed_at)} ago"]
        if expire_at is not None:
            words.append(f"outputs for {duration(expire_at - now)}" if expire_at > now else "addresses of the outputs expired")
        return f"<{type(self).__name__} {self._ref()}: {', '.join(self._outputs)}{'; ' if words else ''}{', '.join(words)}>"

    def _repr_html_(self) -> str:
        from ._notebook import completed

        return completed(self, self._ref())

    def __reduce__(self) -> NoReturn:
        raise _no_pickle(f"a {type(self).__name__}")


class Completed(BaseCompleted[Output]):
    """A completed job with its outputs. Does not pickle, for its URLs are credentials: pickle ``completed.job`` and wait again, which returns at once."""

    __slots__ = ("_job",)

    def __init__(self, job: Job, native: _native.Completed) -> None:
        self._job = job
        super().__init__(native)

    def _output(self, label: str, url: str, place: str) -> Output:
        return Output(self, label, url, place)

    def _ref(self) -> str:
        return self._job.ref

    @property
    def job(self) -> Job:
        """The job."""
        return self._job

    def download(
        self,
        dest: str | PathLike[str],
        *,
        only: str | Iterable[str] | None = None,
        archive: Literal["unpack", "keep", "both"] = "unpack",
        overwrite: bool = False,
        verify: Literal["when_offered", "require", "off"] = "when_offered",
        frame_name: str | None = None,
        first_frame: int | None = None,
        connections: int | None = None,
        resume: bool = True,
        bandwidth: int | str | None = None,
        lock_timeout: Timeout = None,
        progress: ProgressArg = None,
    ) -> Saved:
        """Saves the outputs into the directory `dest`. Costs nothing.

        A file goes to ``dest/<label without _url>`` plus its extension (``video.mp4``); an archive of EXR frames is unpacked into
        ``dest/<label without _url>/`` (``exr_frames/frame_00001.exr``). What is there under its final name is complete and verified; a file that is there
        already and equal counts as done. Memory stays flat whatever the size. Ctrl-C stops at once; the same call goes on later.

        Args:
            dest: The directory; made if needed.
            only: Labels to save, as the service gives them or without ``_url``; all by default.
            archive: What to do with an archive of frames; ``"keep"`` saves it as one file, ``"both"`` does both.
            overwrite: Replace a different file that is there; by default that is the error `Exists`.
            verify: ``"when_offered"`` checks what checksums the storage offers, ``"require"`` refuses a file without, ``"off"`` checks the length only.
                Frames are always checked against the archive's CRC-32.
            frame_name: Names for frames, with ``{frame}`` or ``{frame:04d}`` in it: ``"sh010.{frame:04d}.exr"``. By default the archive's names.
            first_frame: The number of the first frame in such names; by default the archive's numbers.
            connections: Connections for one file, 1 to 64; by default the client's setting ``connections``: as many as are found to help, at most 8.
            resume: Go on with what an interrupted download left, and leave such for the next. ``False`` begins anew and leaves nothing.
            bandwidth: A limit for all connections together: bytes per second, or a text such as ``"20MB/s"`` or ``"100Mbit/s"``.
            lock_timeout: How long to wait for a file that somebody else is fetching to the same place, in seconds or as ``timedelta``; ``0`` does not
                wait. By default without limit: what the other one saves counts as saved. `Progress.waiting_for` tells who it is.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread, at most ten times a second. What it
                raises ends the download.

        Raises:
            ResultExpired: Outputs are kept for 24 h.
            IntegrityError, ArchiveError, UnsafeName, LimitExceeded, ObjectChanged: What arrived is not what it should be; nothing wrong got a final name.
            Exists, NoSpace, LocalIOError: The local side.
            Locked: Somebody else was still fetching a file when `lock_timeout` had passed; the message has process and host.
            TransportError: The network, after all retries.
        """
        show = reporter(progress)
        options = download_options(
            only, archive, overwrite, verify, frame_name, first_frame, connections, resume, bandwidth, seconds("lock_timeout", lock_timeout)
        )
        operation = started(self._here().download(os.fsdecode(os.fspath(dest)), **options), self._job._client, self._job)
        return saved(run(operation, self._job._client, reporter=show, job=self._job, interrupted=DOWNLOAD_GOES_ON))

    def frames(
        self,
        label: str | None = None,
        *,
        spool: str | PathLike[str] | None = None,
        connections: int | None = None,
        bandwidth: int | str | None = None,
        progress: ProgressArg = None,
    ) -> Frames:
        """Opens the archive of EXR frames where it lies, as a list: one ranged request for its directory, two for one of some 3,000 frames and more.

        No frame is fetched by it, and nothing is billed.

        Args:
            label: The output to open, as the service gives it or without ``_url``; needed only when several outputs look like archives of frames.
            spool: A directory for the archive, should the storage answer no ranges: it is then fetched whole (4 GB and more) into a temporary file there,
                which goes with the last view of the list. Without it, such a storage is the error `Unsupported`: no disk is filled that was not named.
            connections: Connections for streaming and extracting, 1 to 64; by default the client's setting ``connections``.
            bandwidth: A limit for each operation on the list: bytes per second, or a text such as ``"20MB/s"``.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread; of use where the archive is fetched
                whole.

        Raises:
            InvalidRequest: Several outputs look like such archives and none was named, or there is no output with this label.
            ArchiveError: No output is one, or it is damaged.
            UnsafeName, LimitExceeded: It is made to do harm.
            Unsupported: The storage answers no ranges, and no `spool` was named.
            ResultExpired: Outputs are kept for 24 h.
            TransportError: The network, after all retries.
        """
        show = reporter(progress)
        where = None if spool is None else os.fsdecode(os.fspath(spool))
        limit = speed(bandwidth)
        client = self._job._client
        operation = started(self._here().frames(label, spool=where, bandwidth=limit), client, self._job)
        native = run(operation, client, reporter=show, job=self._job)
        return Frames(Archive(self._job, native, connections, limit))

    def rehost(
        self,
        url: str,
        *,
        only: str | Iterable[str] | None = None,
        archive: Literal["unpack", "keep", "both"] = "unpack",
        overwrite: bool = False,
        frame_name: str | None = None,
        first_frame: int | None = None,
        options: Mapping[str, str] | None = None,
        progress: ProgressArg = None,
    ) -> Rehosted:
        """Copies the outputs to an object store of yours, below `url`. Costs nothing on the bill; the store may cost.

        A file becomes the object ``<url>/<label without _url>`` plus its extension (``video.mp4``); of an archive of EXR frames every frame becomes one
        (``exr_frames/frame_00001.exr``). The bytes are streamed: this machine's disk is not used and memory stays flat. An object under its key is complete
        and verified; one that is there already and equal counts as copied, so running the script again is cheap. Ctrl-C stops at once and aborts what was
        begun; the same call goes on later.

        Credentials come from where the store's own tools look for them, and are never logged: for S3 ``AWS_ACCESS_KEY_ID`` and its companions, the profile
        ``AWS_PROFILE`` of ``~/.aws``, a web identity, or the role of the machine; for Google ``GOOGLE_APPLICATION_CREDENTIALS``, gcloud's login, or the
        machine's account; for Azure ``AZURE_STORAGE_ACCOUNT_NAME`` with ``AZURE_STORAGE_ACCOUNT_KEY`` and the like. Proxy and certificates are the client's.

        Args:
            url: ``s3://bucket/prefix/``, ``gs://bucket/prefix/``, ``az://container/prefix/``, ``abfss://container@account.dfs.core.windows.net/prefix/``
                or ``file:///directory/``.
            only: Labels to copy, as the service gives them or without ``_url``; all by default.
            archive: What to do with an archive of frames; ``"keep"`` copies it as one object, ``"both"`` does both.
            overwrite: Replace another object that is there; by default that is the error `Exists`.
            frame_name: Names for frames, with ``{frame}`` or ``{frame:04d}`` in it: ``"sh010.{frame:04d}.exr"``. By default the archive's names.
            first_frame: The number of the first frame in such names; by default the archive's numbers.
            options: Options of the store by the names of its variables, before the environment: ``{"region": "eu-west-1", "endpoint": "https://..."}``.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread, at most ten times a second. What it
                raises ends the copy.

        Raises:
            Unauthenticated, PermissionDenied: The store does not take the credentials, or there are none; the message says where they are looked for.
            ConfigError: The bucket is not there or in another region, or the store has no such option.
            InvalidRequest: `url` is no place of a store, or has a credential in it.
            Exists: Another object is there.
            ResultExpired, IntegrityError, ArchiveError, UnsafeName, LimitExceeded, ObjectChanged: As for `download`; nothing wrong became an object.
            TransportError: The network, after all retries.
        """
        show = reporter(progress)
        given = rehost_options(only, archive, overwrite, frame_name, first_frame, options)
        operation = started(self._here().rehost(str(url), **given), self._job._client, self._job)
        return rehosted(run(operation, self._job._client, reporter=show, job=self._job, interrupted=COPY_GOES_ON))

    def _here(self) -> _native.Completed:
        """The native results in this process; a forked child asks the service once more."""
        pid = os.getpid()
        if pid != self._process:
            operation = started(self._job._attached().wait(None), self._job._client, self._job)
            self._native = run(operation, self._job._client, job=self._job)
            self._process = pid
        return self._native


def download_options(
    only: str | Iterable[str] | None,
    archive: str,
    overwrite: bool,
    verify: str,
    frame_name: str | None,
    first_frame: int | None,
    connections: int | None,
    resume: bool,
    bandwidth: int | str | None,
    lock_timeout: float | None,
) -> dict[str, Any]:
    """What a download is told, as the native module takes it."""
    check_first_frame(first_frame)
    return {
        "only": _labels(only),
        "archive": archive,
        "overwrite": overwrite,
        "verify": verify,
        "frame_name": frame_name,
        "first_frame": first_frame,
        "connections": connections,
        "resume": resume,
        "bandwidth": speed(bandwidth),
        "lock_timeout": lock_timeout,
    }


def rehost_options(
    only: str | Iterable[str] | None,
    archive: str,
    overwrite: bool,
    frame_name: str | None,
    first_frame: int | None,
    options: Mapping[str, str] | None,
) -> dict[str, Any]:
    """What a copy is told, as the native module takes it."""
    check_first_frame(first_frame)
    return {
        "only": _labels(only),
        "archive": archive,
        "overwrite": overwrite,
        "frame_name": frame_name,
        "first_frame": first_frame,
        "options": [(str(key), str(value)) for key, value in (options or {}).items()],
    }


def rehosted(raw: tuple[list[tuple[str, int, int | None, str | None]], int, float]) -> Rehosted:
    """What was copied, from the native module's words."""
    objects, size, elapsed = raw
    return Rehosted(tuple(Object(*one) for one in objects), size, elapsed)


def reading(native: _native.RemoteFile, job: BaseJob) -> Callable[[int, int], bytes]:
    """Reads a part of a file on the storage, and blocks the thread that asks for it."""

    def fetch(start: int, stop: int) -> bytes:
        return run(started(native.read(start, stop), job._client, job), job._client, job=job)

    return fetch


def _labels(only: str | Iterable[str] | None) -> list[str] | None:
    return None if only is None else [only] if isinstance(only, str) else list(only)


def speed(limit: int | str | None) -> str | None:
    """A limit of speed as text, which the core reads."""
    if limit is None or isinstance(limit, str):
        return limit
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise local(101, f"bandwidth = {limit!r}: must be bytes per second, or a text such as '20MB/s'")
    return str(limit)


def _no_pickle(what: str) -> Exception:
    from pickle import PicklingError

    return PicklingError(f"{what} holds signed URLs and is not pickled; pickle its job instead, and call wait() again there")


