"""A remote job for asyncio, and what a completed one left: the twin of `_job` and `_completed`."""

from __future__ import annotations

import asyncio
import os

from ._async_frames import AsyncFrames
from ._async_turn import turn
from ._async_wait import run
from ._completed import BaseCompleted, BaseOutput, reading
from ._frames import Archive, saved
from ._job import BaseJob
from ._progress import reporter
from ._transfers import COPY_GOES_ON, DOWNLOAD_GOES_ON, download_options, rehost_options, rehosted, speed
from ._wait import seconds, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from io import BufferedReader
    from os import PathLike
    from typing import Any, Literal

    from . import _native
    from ._job import Timeout
    from ._models import Rehosted, Saved, Snapshot
    from ._progress import ProgressArg


class AsyncJob(BaseJob):
    """A job on the service. Made by `AsyncClient.submit`, by the endpoints' methods, and by `AsyncClient.job` from a reference.

    ``await job`` waits for its end, as ``await job.wait()`` does.

    Equal and hashable by its reference. Dropping it changes nothing, and nothing here can cancel it: the service has no way to, so a job goes on there and
    is billed if it succeeds. Any number of loops and threads may use it.
    """

    __slots__ = ()

    async def poll(self) -> Snapshot:
        """Asks the service once and tells what it saw. Costs nothing.

        Merged with other polls of this job to one per ``poll_interval``.

        Raises:
            JobNotFound, JobExpired: Only when it is confirmed.
            TransportError, ApiError: What the network and the service answered. None of them means that the job ended.
        """
        await turn()
        return self._snapshot(await run(started(self._attached().poll(), self._client, self), self._client, job=self))

    async def wait(self, timeout: Timeout = None, *, progress: ProgressArg = None) -> AsyncCompleted:
        """Waits until the job ends.

        Cancelling the task ends it at once; the job itself goes on and can be waited for again. Errors of the network never end a wait.

        Args:
            timeout: Seconds or ``timedelta``; ``None`` waits without limit, ``0`` only looks.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread, at most ten times a second. What it
                raises ends the wait.

        Raises:
            WaitTimeout: The time is up; ``error.job`` is this job, still running and still billed if it succeeds.
            JobFailed: The service gave the job up; the class and ``error.kind`` say why. Failed jobs are not billed.
            Unauthenticated, PermissionDenied: The key is not accepted any more; the job goes on, see `AsyncClient.set_api_key`.
            ConfigError: The callable for the key gave none; the job goes on, and the next wait asks it again.
            JobNotFound, JobExpired: The service does not know it, or not any more.
            ClosedError: The client was closed.
        """
        limit = seconds("timeout", timeout)
        show = reporter(progress)
        await turn()
        operation = started(self._attached().wait(limit), self._client, self)
        return AsyncCompleted(self, await run(operation, self._client, reporter=show, job=self, interrupted=self._goes_on()))

    def __await__(self) -> Generator[Any, None, AsyncCompleted]:
        return self.wait().__await__()

    def future(self, timeout: Timeout = None) -> asyncio.Task[AsyncCompleted]:
        """Begins to wait for the end of the job in the background, and returns at once. Needs a running event loop.

        Cancelling it ends the wait; the job goes on.

        Args:
            timeout: As in `wait`.

        Returns:
            A task with what `wait` would return or raise.
        """
        return asyncio.get_running_loop().create_task(self.wait(timeout))

    async def save(self, dest: str | PathLike[str], *, timeout: Timeout = None, progress: ProgressArg = None) -> Saved:
        """Waits until the job ends and saves its outputs into the directory `dest`: `wait` and `AsyncCompleted.download` in one.

        Args:
            dest: The directory; made if needed.
            timeout: Limit of the wait, in seconds or as ``timedelta``; the download has none.
            progress: As in `wait`; the phase tells which of the two it is.

        Raises:
            Error: What `wait` and `AsyncCompleted.download` raise.
        """
        done = await self.wait(timeout, progress=progress)
        return await done.download(dest, progress=progress)

    def __reduce__(self) -> tuple[Any, ...]:
        return _job_again, (self._ref, self._label, self._client.base_url)


def _job_again(ref: str, label: str | None, base_url: str) -> AsyncJob:
    """A job from its pickle: with a client from the environment of the process it arrives in, made when it is first used."""
    from ._async_client import AsyncClient
    from ._client_base import environment_client

    return AsyncJob(environment_client(AsyncClient, base_url), ref, label)


class AsyncOutput(BaseOutput):
    """One output of a completed job. Its repr shows no credential, and it does not pickle."""

    __slots__ = ("_completed",)

    def __init__(self, completed: AsyncCompleted, label: str, url: str, place: str) -> None:
        super().__init__(label, url, place)
        self._completed = completed

    async def download(self, dest: str | PathLike[str], **options: Any) -> Saved:
        """Saves this output alone into the directory `dest`; options, errors and result as in `AsyncCompleted.download`. Costs nothing."""
        return await self._completed.download(dest, only=[self._label], **options)

    async def open(self) -> BufferedReader:
        """The output where it lies, as a binary file object: readable and seekable, for `zipfile`, video readers and the like. One request; costs nothing.

        Those read it as any file, and **reading blocks the thread it happens on**, so that is done beside the loop:

            file = await done.outputs["exr_frames_url"].open()
            names = await asyncio.to_thread(lambda: zipfile.ZipFile(file).namelist())

        What is read is fetched by ranges, 256 KiB after a jump and up to 8 MiB while the reading goes on in order; that much is held. All of it is of the same
        version of the file, but parts have no checksum: `AsyncCompleted.frames` and `download` check what they bring.

        Raises:
            Unsupported: The storage answers no ranges.
            ResultExpired: Outputs are kept for 24 h.
            TransportError: The network, after all retries; also while it is read.
            ObjectChanged: While it is read: the storage has another version by now.
        """
        from io import BufferedReader

        from ._files import RemoteFile

        completed, job = self._completed, self._completed.job
        await turn()
        here = await completed._attached()
        native = await run(started(here.open(self._label), job._client, job), job._client, job=job)
        return BufferedReader(RemoteFile(reading(native, job), native.size, self._label))


class AsyncCompleted(BaseCompleted[AsyncOutput]):
    """A completed job with its outputs. Does not pickle, for its URLs are credentials: pickle ``completed.job`` and wait again, which returns at once."""

    __slots__ = ("_job",)

    def __init__(self, job: AsyncJob, native: _native.Completed) -> None:
        self._job = job
        super().__init__(native)

    def _output(self, label: str, url: str, place: str) -> AsyncOutput:
        return AsyncOutput(self, label, url, place)

    @property
    def job(self) -> AsyncJob:
        """The job."""
        return self._job

    async def download(
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
        already and equal counts as done. Memory stays flat whatever the size. Cancelling the task stops it at once; the same call goes on later.

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
        await turn()
        here = await self._attached()
        operation = started(here.download(os.fsdecode(os.fspath(dest)), **options), self._job._client, self._job)
        return saved(await run(operation, self._job._client, reporter=show, job=self._job, interrupted=DOWNLOAD_GOES_ON))

    async def frames(
        self,
        label: str | None = None,
        *,
        spool: str | PathLike[str] | None = None,
        connections: int | None = None,
        bandwidth: int | str | None = None,
        progress: ProgressArg = None,
    ) -> AsyncFrames:
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
        await turn()
        here = await self._attached()
        operation = started(here.frames(label, spool=where, bandwidth=limit), client, self._job)
        native = await run(operation, client, reporter=show, job=self._job)
        return AsyncFrames(Archive(self._job, native, connections, limit))

    async def rehost(
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
        and verified; one that is there already and equal counts as copied, so running the script again is cheap. Cancelling the task stops it at once and
        aborts what was begun; the same call goes on later.

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
        await turn()
        here = await self._attached()
        operation = started(here.rehost(str(url), **given), self._job._client, self._job)
        return rehosted(await run(operation, self._job._client, reporter=show, job=self._job, interrupted=COPY_GOES_ON))

    async def _attached(self) -> _native.Completed:
        """The native results in this process; a forked child asks the service once more."""
        pid = os.getpid()
        if pid != self._process:
            operation = started(self._job._attached().wait(None), self._job._client, self._job)
            self._native = await run(operation, self._job._client, job=self._job)
            self._process = pid
        return self._native

    def _ref(self) -> str:
        return self._job.ref
