"""What a completed job left: its outputs, to be saved, opened where they lie, read frame by frame, or copied to a store.

Holds signed URLs, and so does not pickle; the job does.
"""

from __future__ import annotations

import os
import time

from ._frames import Archive, Frames, saved
from ._measures import duration
from ._models import Rehosted, Saved, when
from ._progress import reporter
from ._transfers import COPY_GOES_ON, DOWNLOAD_GOES_ON, download_options, rehost_options, rehosted, speed
from ._wait import run, seconds, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from io import BufferedReader
    from os import PathLike
    from typing import Any, Callable, Generic, Literal, NoReturn, TypeVar

    from . import _native
    from ._job import BaseJob, Job, Timeout
    from ._progress import ProgressArg

    OfOutput = TypeVar("OfOutput", bound="BaseOutput")
else:
    from ._generic import Generic

    OfOutput = None


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


def reading(native: _native.RemoteFile, job: BaseJob) -> Callable[[int, int], bytes]:
    """Reads a part of a file on the storage, and blocks the thread that asks for it."""

    def fetch(start: int, stop: int) -> bytes:
        return run(started(native.read(start, stop), job._client, job), job._client, job=job)

    return fetch


def _no_pickle(what: str) -> Exception:
    from pickle import PicklingError

    return PicklingError(f"{what} holds signed URLs and is not pickled; pickle its job instead, and call wait() again there")
