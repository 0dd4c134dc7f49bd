"""The EXR frames of a completed job for asyncio: the twin of `_frames`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from . import _logs
from ._async_turn import turn
from ._async_wait import run, until_ready
from ._errors import make
from ._files import ContentFile
from ._frames import FRAMES_GO_ON, Archive, BaseFrame, BaseFrames, no_pickle, saved
from ._progress import reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader
    from os import PathLike
    from types import TracebackType
    from typing import NoReturn

    from typing_extensions import Self

    from . import _native
    from ._models import Saved
    from ._progress import ProgressArg, Reporter


class AsyncFrame(BaseFrame):
    """One frame: what the archive's directory says of it, and the way to its bytes. Made by `AsyncFrames`, by its iteration, and by `AsyncFrames.stream`.

    Equal and hashable by job, output and place. Does not pickle: pickle the job and the index.
    """

    __slots__ = ("_ahead",)

    def __init__(self, archive: Archive, index: int, ahead: _Ahead | None = None, data: bytes | None = None) -> None:
        super().__init__(archive, index, data)
        self._ahead = ahead

    async def read(self) -> bytes:
        """The EXR file, whole and checked against the archive's CRC-32. Costs nothing on the bill.

        Fetched with one ranged request for its bytes and, at most, some 128 KiB beside them. A frame from an iteration over `AsyncFrames` comes out of what was
        fetched ahead, and like one from `AsyncFrames.stream` keeps its bytes: reading it again costs nothing. Cancelling the task ends it at once.

        Raises:
            IntegrityError, ArchiveError: It arrived damaged twice; the message has its name. The others can still be read.
            ObjectChanged: The storage has another archive by now.
            ResultExpired: Outputs are kept for 24 h.
            TransportError: The network, after all retries.
            ForkedError: The list belongs to the parent process.
        """
        if self._data is not None:
            return self._data
        if self._ahead is None:
            return await _read(self._archive, self._index)
        data, kept = await self._ahead.read(self._index)
        if kept:
            self._data = data
        return data

    async def open(self) -> BufferedReader:
        """The EXR file as a binary file object: readable, seekable, in memory. Fetched at once, as by `read`, so that reading from it blocks nobody."""
        from io import BufferedReader

        data = await self.read()
        return BufferedReader(ContentFile(lambda: data, self._size, self._name))


async def _read(archive: Archive, place: int) -> bytes:
    await turn()
    return await run(archive.reading(place), archive.client, job=archive.job)


class _Ahead:
    """Reads frames for an iteration: ahead while they are read in order, one by one while they are not. Nothing is fetched before the first read."""

    def __init__(self, archive: Archive, stop: int) -> None:
        self._archive = archive
        self._stop = stop
        self._alone = asyncio.Lock()
        self._stream: _native.FrameStream | None = None
        # The place that comes next in the stream, or would if there were one; any before the first read.
        self._next: int | None = None
        self._closed = False

    async def read(self, place: int) -> tuple[bytes, bool]:
        """The frame, and whether it may keep its bytes: once the iteration is over, frames are as those of the list."""
        async with self._alone:
            if self._closed or place >= self._stop:
                return await _read(self._archive, place), False
            in_order = self._next is None or self._next == place
            if not in_order:
                self._leave()
            # After an error the stream begins anew behind the frame that it was about.
            self._next = place + 1
            try:
                data = await self._from_stream(place) if in_order else None
                return (await _read(self._archive, place) if data is None else data), True
            except BaseException:
                self._leave()
                raise

    async def _from_stream(self, place: int) -> bytes | None:
        archive = self._archive
        stream = self._stream
        if stream is None:
            stream = self._stream = archive.stream(place, self._stop, None)
        taken = await _next_of(stream, archive, None)
        # None after `close`.
        return None if taken is None else taken[1]

    def _leave(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Ends the fetching, and a read that waits as well."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()


async def _next_of(stream: _native.FrameStream, archive: Archive, show: Reporter | None) -> tuple[int, bytes] | None:
    """Waits for the next frame of a stream: its place and bytes; ``None`` at the end. Whatever interrupts it ends the stream."""
    _logs.attend()
    try:
        taken: tuple[int, bytes] | _native.Failure | bool = False
        while taken is False:
            await until_ready(stream, None if show is None else partial(show.look, stream))
            taken = stream.take()
        if show is not None:
            show.last_look(stream) if taken is True else show.look(stream)
    except BaseException:
        stream.close()
        raise
    finally:
        _logs.hand_over()
    if isinstance(taken, bool):
        return None
    if isinstance(taken, tuple):
        return taken
    raise make(taken, archive.client, archive.job)


class AsyncFrameStream(AsyncIterator[AsyncFrame]):
    """Frames with their bytes, one after the other; made by `AsyncFrames.stream`. Ends its fetching when it is closed, left, or dropped.

    An ``async with`` block closes it. After an error nothing more comes; what is behind the frame in the error can be had by another stream, of a slice.
    """

    def __init__(self, archive: Archive, native: _native.FrameStream, show: Reporter | None) -> None:
        self._archive = archive
        self._native = native
        self._show = show

    async def __anext__(self) -> AsyncFrame:
        """The next frame, which carries its bytes. Cancelling the task ends the wait, and the stream, at once.

        Raises:
            StopAsyncIteration: All were taken, or the stream was closed.
            Error: What `AsyncFrame.read` raises.
        """
        try:
            taken = await _next_of(self._native, self._archive, self._show)
        except BaseException:
            self.close()
            raise
        if taken is None:
            self.close()
            raise StopAsyncIteration
        index, data = taken
        return AsyncFrame(self._archive, index, data=data)

    def close(self) -> None:
        """Ends the fetching and drops what was fetched ahead. From any thread, as often as wanted."""
        self._native.close()
        if self._show is not None:
            self._show.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AsyncFrameStream of {self._archive.native.label} of {self._archive.job.ref}>"

    def __reduce__(self) -> NoReturn:
        raise no_pickle("an AsyncFrameStream")


class _Iteration(AsyncIterator[AsyncFrame]):
    """A loop over frames. Leaving it drops it, and that ends the fetching: no event loop has to clean up."""

    def __init__(self, archive: Archive, places: range) -> None:
        self._archive = archive
        self._ahead = _Ahead(archive, places.stop if places.step == 1 else 0)
        self._places = iter(places)

    async def __anext__(self) -> AsyncFrame:
        for place in self._places:
            return AsyncFrame(self._archive, place, self._ahead)
        self._ahead.close()
        raise StopAsyncIteration

    def __del__(self) -> None:
        self._ahead.close()


class AsyncFrames(BaseFrames[AsyncFrame]):
    """The frames of one archive on the storage, as a sequence. Made by `AsyncCompleted.frames`, which fetches the archive's directory and nothing else.

        frames = await done.frames()
        first = await frames[0].read()                      # one frame, without the rest of the archive
        async for frame in frames:                          # in order, fetched ahead; leaving the loop ends the fetching
            check(frame.number, await frame.read())
        await frames[10:20].extract("shots/010")            # as files

    In the order of the frame numbers (of the archive where frames have none). A slice is a view of the same list. Names, numbers and sizes are in memory;
    looking at them fetches nothing, also in a plain ``for``. While an ``async for`` reads its frames in order, those behind are fetched ahead over several
    connections, 24 MiB of them at most. Signed URLs that expire meanwhile are renewed as long as the service keeps the job. Any number of loops and threads may
    use one list. A child of a fork makes its own, with `AsyncCompleted.frames`. Nothing here is billed.
    """

    __slots__ = ()

    def _frame(self, place: int) -> AsyncFrame:
        return AsyncFrame(self._archive, place)

    def __aiter__(self) -> AsyncIterator[AsyncFrame]:
        """Every frame in order. Those that are read in order are fetched ahead; nothing is, before the first is read. Leaving the loop ends the fetching."""
        return _Iteration(self._archive, self._places)

    def stream(self, *, budget: int | None = None, progress: ProgressArg = None) -> AsyncFrameStream:
        """Frames with their bytes, fetched ahead in order over several connections. Begins at once, and tells its progress; a plain loop does neither.

        Args:
            budget: Bytes of frames that may wait or be on their way at the same time, 24 MiB by default; a larger frame comes alone. What was taken does not
                count.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on the thread that takes frames, at most ten times a
                second. What it raises ends the stream.

        Raises:
            InvalidRequest: These frames are not in a row (a slice with a step), or there is no such number of connections.
        """
        show = reporter(progress)
        places = self._in_a_row()
        return AsyncFrameStream(self._archive, self._archive.stream(places.start, places.stop, budget), show)

    async def extract(
        self,
        dest: str | PathLike[str],
        *,
        frame_name: str | None = None,
        first_frame: int | None = None,
        overwrite: bool = False,
        progress: ProgressArg = None,
    ) -> Saved:
        """Saves these frames as files in the directory `dest`, in order over several connections, each under its final name the moment it is whole.

        A frame that is there already, with the right size and CRC-32, is not fetched: after an interruption the same call fetches the rest. Costs nothing.

        Args:
            dest: The directory; made if needed.
            frame_name: Names for frames, with ``{frame}`` or ``{frame:04d}`` in it: ``"sh010.{frame:04d}.exr"``. By default the archive's names.
            first_frame: The number of the archive's first frame in such names, also in a slice; by default the archive's numbers.
            overwrite: Replace a different file that is there; by default that is the error `Exists`, before anything is fetched.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread, at most ten times a second. What it
                raises ends the call.

        Raises:
            IntegrityError, ArchiveError: A frame arrived damaged twice; the message has its name, and all the others are there.
            InvalidRequest: These frames are not in a row (a slice with a step), or a name cannot be.
            Exists, NoSpace, LocalIOError: The local side.
            UnsafeName, ObjectChanged, ResultExpired: As in `AsyncCompleted.download`.
            TransportError: The network, after all retries.
        """
        show = reporter(progress)
        archive = self._archive
        await turn()
        operation = archive.extracting(dest, self._in_a_row(), frame_name, first_frame, overwrite)
        return saved(await run(operation, archive.client, reporter=show, job=archive.job, interrupted=FRAMES_GO_ON))
