"""The EXR frames of a completed job: a list where they lie, each of them as bytes, as a file object, or as a file on disk.

Nothing is fetched before it is read. What is read in order is fetched ahead of the reader, and of all of it only a bounded number of bytes is held.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence

from . import _logs
from ._errors import local, make, unwrap
from ._files import ContentFile
from ._measures import size
from ._models import Saved
from ._progress import reporter
from ._wait import run, slices, started, stay_at_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader
    from os import PathLike
    from types import TracebackType
    from typing import NoReturn, SupportsIndex, TypeVar, overload

    from typing_extensions import Self

    from . import _native
    from ._client_base import BaseClient
    from ._job import BaseJob
    from ._progress import ProgressArg, Reporter

    OfArchive = TypeVar("OfArchive", bound="BaseFrame", covariant=True)
else:
    OfArchive = None


# The note of an interrupt.
FRAMES_GO_ON = "the frames that are whole are on disk, and the same call fetches the rest"


class Archive:
    """What the frames of one archive share: the native list, and how its bytes are fetched."""

    __slots__ = ("bandwidth", "connections", "job", "native", "pictures")

    def __init__(self, job: BaseJob, native: _native.Frames, connections: int | None, bandwidth: str | None) -> None:
        self.job: BaseJob = job
        self.native: _native.Frames = native
        self.connections: int | None = connections
        self.bandwidth: str | None = bandwidth
        # What a notebook showed of them, by place: some 30 kB each.
        self.pictures: dict[int, bytes] = {}

    @property
    def client(self) -> BaseClient:
        return self.job._client

    def reading(self, place: int) -> _native.Operation[bytes]:
        return started(self.native.read(place, self.bandwidth), self.client, self.job)

    def read(self, place: int) -> bytes:
        return run(self.reading(place), self.client, job=self.job)

    def extracting(
        self, dest: str | PathLike[str], places: range, frame_name: str | None, first_frame: int | None, overwrite: bool
    ) -> _native.Operation[tuple[list[str], list[int], int, float]]:
        check_first_frame(first_frame)
        operation = self.native.extract(
            os.fsdecode(os.fspath(dest)),
            places.start,
            places.stop,
            frame_name=frame_name,
            first_frame=first_frame,
            overwrite=overwrite,
            connections=self.connections,
            bandwidth=self.bandwidth,
        )
        return started(operation, self.client, self.job)

    def stream(self, start: int, stop: int, budget: int | None) -> _native.FrameStream:
        if budget is not None and (not isinstance(budget, int) or budget < 0):
            raise local(101, f"budget = {budget!r}: must be a number of bytes")
        native = self.native.stream(start, stop, budget=budget, connections=self.connections, bandwidth=self.bandwidth)
        return unwrap(native, self.client, self.job)


class BaseFrame:
    """What the archive's directory says of a frame."""

    __slots__ = ("_archive", "_data", "_index", "_name", "_number", "_size")

    def __init__(self, archive: Archive, index: int, data: bytes | None = None) -> None:
        facts = archive.native.at(index)
        assert facts is not None
        self._archive = archive
        self._index = index
        self._number, self._name, self._size = facts
        self._data: bytes | None = data

    @property
    def index(self) -> int:
        """Its place among all frames of the archive, from 0; also in a slice."""
        return self._index

    @property
    def number(self) -> int | None:
        """The number in its name: the last digits before the extension; ``None`` when it has none."""
        return self._number

    @property
    def name(self) -> str:
        """Its name in the archive, without folders (``frame_00042.exr``)."""
        return self._name

    @property
    def size(self) -> int:
        """Bytes of the EXR file."""
        return self._size

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, BaseFrame) else NotImplemented

    def __hash__(self) -> int:
        return hash((BaseFrame, *self._identity()))

    def _identity(self) -> tuple[BaseJob, str, int]:
        return self._archive.job, self._archive.native.label, self._index

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._index}, {self._name!r}, {self._size} bytes)"

    def __reduce__(self) -> NoReturn:
        raise no_pickle(f"a {type(self).__name__}")


class Frame(BaseFrame):
    """One frame: what the archive's directory says of it, and the way to its bytes. Made by `Frames`, by its iteration, and by `Frames.stream`.

    Equal and hashable by job, output and place. Does not pickle: pickle the job and the index.
    """

    __slots__ = ("_ahead",)

    def __init__(self, archive: Archive, index: int, ahead: _Ahead | None = None, data: bytes | None = None) -> None:
        super().__init__(archive, index, data)
        self._ahead = ahead

    def read(self) -> bytes:
        """The EXR file, whole and checked against the archive's CRC-32. Costs nothing on the bill.

        Fetched with one ranged request for its bytes and, at most, some 128 KiB beside them. A frame from an iteration over `Frames` comes out of what was
        fetched ahead, and like one from `Frames.stream` keeps its bytes: reading it again costs nothing. Releases the GIL and answers Ctrl-C at once.

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
            return self._archive.read(self._index)
        data, kept = self._ahead.read(self._index)
        if kept:
            self._data = data
        return data

    def open(self) -> BufferedReader:
        """The EXR file as a binary file object: readable, seekable, in memory. Fetched, as by `read`, when it is first read from; seeking needs no byte."""
        from io import BufferedReader

        return BufferedReader(ContentFile(self.read, self._size, self._name))


class _Ahead:
    """Reads frames for an iteration: ahead while they are read in order, one by one while they are not. Nothing is fetched before the first read."""

    def __init__(self, archive: Archive, stop: int) -> None:
        self._archive = archive
        self._stop = stop
        self._alone = threading.Lock()
        self._stream: _native.FrameStream | None = None
        # The place that comes next in the stream, or would if there were one; any before the first read.
        self._next: int | None = None
        self._closed = False

    def read(self, place: int) -> tuple[bytes, bool]:
        """The frame, and whether it may keep its bytes: once the iteration is over, frames are as those of the list."""
        with self._alone:
            if self._closed or place >= self._stop:
                return self._archive.read(place), False
            in_order = self._next is None or self._next == place
            if not in_order:
                self._leave()
            # After an error the stream begins anew behind the frame that it was about.
            self._next = place + 1
            try:
                data = self._from_stream(place) if in_order else None
                return self._archive.read(place) if data is None else data, True
            except BaseException:
                self._leave()
                raise

    def _from_stream(self, place: int) -> bytes | None:
        archive = self._archive
        stream = self._stream
        if stream is None:
            stream = self._stream = archive.stream(place, self._stop, None)
        taken = _next_of(stream, archive, None)
        # None after `close` on another thread.
        return None if taken is None else taken[1]

    def _leave(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Ends the fetching; not under the lock, for it ends a read that waits as well."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()


def _next_of(stream: _native.FrameStream, archive: Archive, show: Reporter | None) -> tuple[int, bytes] | None:
    """Waits for the next frame of a stream: its place and bytes; ``None`` at the end. Whatever interrupts it ends the stream."""
    _logs.attend()
    try:
        taken: tuple[int, bytes] | _native.Failure | bool = False
        while taken is False:
            for _ in slices(stream):
                if show is not None:
                    show.look(stream)
            taken = stream.take()
        if show is not None:
            show.last_look(stream) if taken is True else show.look(stream)
    except BaseException:
        stream.close()
        raise
    finally:
        _logs.hand_over()
    stay_at_exit()
    if isinstance(taken, bool):
        return None
    if isinstance(taken, tuple):
        return taken
    raise make(taken, archive.client, archive.job)


class FrameStream(Iterator[Frame]):
    """Frames with their bytes, one after the other; made by `Frames.stream`. Ends its fetching when it is closed, left, or dropped.

    A ``with`` block closes it. After an error nothing more comes; what is behind the frame in the error can be had by another stream, of a slice.
    """

    def __init__(self, archive: Archive, native: _native.FrameStream, show: Reporter | None) -> None:
        self._archive = archive
        self._native = native
        self._show = show

    def __next__(self) -> Frame:
        """The next frame, which carries its bytes. Waits for it with the GIL released, and answers Ctrl-C at once.

        Raises:
            StopIteration: All were taken, or the stream was closed.
            Error: What `Frame.read` raises.
        """
        try:
            taken = _next_of(self._native, self._archive, self._show)
        except BaseException:
            self.close()
            raise
        if taken is None:
            self.close()
            raise StopIteration
        index, data = taken
        return Frame(self._archive, index, data=data)

    def close(self) -> None:
        """Ends the fetching and drops what was fetched ahead. From any thread, as often as wanted."""
        self._native.close()
        if self._show is not None:
            self._show.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<FrameStream of {self._archive.native.label} of {self._archive.job.ref}>"

    def __reduce__(self) -> NoReturn:
        raise no_pickle("a FrameStream")


class BaseFrames(Sequence[OfArchive]):
    """What `Frames` and `AsyncFrames` have in common: a list in memory, of which nothing is fetched."""

    __slots__ = ("_archive", "_places")

    def __init__(self, archive: Archive, places: range | None = None) -> None:
        self._archive = archive
        self._places = range(len(archive.native)) if places is None else places

    def _frame(self, place: int) -> OfArchive:
        raise NotImplementedError

    @property
    def label(self) -> str:
        """The service's label of the output they come from, for example ``exr_frames_url``."""
        return self._archive.native.label

    def __len__(self) -> int:
        return len(self._places)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: SupportsIndex) -> OfArchive: ...
        @overload
        def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> OfArchive | Self:
        """The frame at a place, negative ones from the end; or a view of several. Fetches nothing.

        Raises:
            IndexError: There is no such place.
        """
        if isinstance(index, slice):
            return type(self)(self._archive, self._places[index])
        try:
            place = self._places[index]
        except IndexError:
            raise IndexError(f"there is no frame at {index!r}: there are {len(self)}") from None
        return self._frame(place)

    def __reversed__(self) -> Iterator[OfArchive]:
        return iter(self[::-1])

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, BaseFrame) and frame._identity()[:2] == (self._archive.job, self.label) and frame.index in self._places

    def by_number(self, number: int) -> OfArchive:
        """The frame with this number in its name; the first one, should several have it. Fetches nothing.

        Raises:
            LookupError: None of these frames has it.
        """
        place = self._archive.native.by_number(number) if 0 <= number < 1 << 64 else None
        if place is None or place not in self._places:
            raise LookupError(f"there is no frame number {number}; {self._numbers()}")
        return self._frame(place)

    def _in_a_row(self) -> range:
        places = self._places
        if places.step == 1:
            return places
        if len(places) <= 1:
            return range(places.start, places.start + len(places))
        raise local(101, f"these frames are not in a row (a slice with the step {places.step}); iterate over them instead")

    def _numbers(self) -> str:
        if not self._places:
            return "the list is empty"
        ends = [self[0].number, self[-1].number]
        return f"the list goes from {ends[0]} to {ends[1]}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseFrames):
            return NotImplemented
        return (self._archive.job, self.label, self._places) == (other._archive.job, other.label, other._places)

    def __hash__(self) -> int:
        return hash((BaseFrames, self._archive.job, self.label, self._places))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._account()}>"

    def _account(self) -> str:
        """What it is, for people."""
        sizes = (facts[2] for facts in map(self._archive.native.at, self._places) if facts is not None)
        return f"{self.label} of {self._archive.job.ref}: {len(self)} frames, {size(sum(sizes))}"

    def _repr_html_(self) -> str:
        from ._notebook import frame_list

        return frame_list(self)

    def __reduce__(self) -> NoReturn:
        raise no_pickle(f"a {type(self).__name__}")


class Frames(BaseFrames[Frame]):
    """The frames of one archive on the storage, as a sequence. Made by `Completed.frames`, which fetches the archive's directory and nothing else.

        frames = done.frames()
        first = frames[0].read()                            # one frame, without the rest of the archive
        for frame in frames:                                # in order, fetched ahead; leaving the loop ends the fetching
            check(frame.number, frame.read())
        frames[10:20].extract("shots/010")                  # as files

    In the order of the frame numbers (of the archive where frames have none). A slice is a view of the same list. Names, numbers and sizes are in memory;
    looking at them fetches nothing, also in a loop. While a loop reads its frames in order, those behind are fetched ahead over several connections,
    24 MiB of them at most. Signed URLs that expire meanwhile are renewed as long as the service keeps the job. Any number of threads may use one list.
    A child of a fork makes its own, with `Completed.frames`. Nothing here is billed.
    """

    __slots__ = ()

    def _frame(self, place: int) -> Frame:
        return Frame(self._archive, place)

    def _repr_html_(self) -> str:
        from ._notebook import frame_strip

        return frame_strip(self)

    def __iter__(self) -> Iterator[Frame]:
        """Every frame in order. Those that are read in order are fetched ahead; nothing is, before the first is read. Leaving the loop ends the fetching."""
        ahead = _Ahead(self._archive, self._places.stop if self._places.step == 1 else 0)
        try:
            for place in self._places:
                yield Frame(self._archive, place, ahead)
        finally:
            ahead.close()

    def stream(self, *, budget: int | None = None, progress: ProgressArg = None) -> FrameStream:
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
        return FrameStream(self._archive, self._archive.stream(places.start, places.stop, budget), show)

    def extract(
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
            UnsafeName, ObjectChanged, ResultExpired: As in `Completed.download`.
            TransportError: The network, after all retries.
        """
        show = reporter(progress)
        archive = self._archive
        operation = archive.extracting(dest, self._in_a_row(), frame_name, first_frame, overwrite)
        return saved(run(operation, archive.client, reporter=show, job=archive.job, interrupted=FRAMES_GO_ON))


def saved(raw: tuple[list[str], list[int], int, float]) -> Saved:
    """What was saved, from the native module's words."""
    from pathlib import Path

    paths, crc32c, size, elapsed = raw
    return Saved(tuple(Path(path) for path in paths), tuple(crc32c), size, elapsed)


def check_first_frame(number: int | None) -> None:
    """Refuses what is no number of a frame."""
    if number is not None and (not isinstance(number, int) or number < 0):
        raise local(101, f"first_frame = {number!r}: must be zero or a positive number")


def no_pickle(what: str) -> Exception:
    from pickle import PicklingError

    return PicklingError(f"{what} is bound to signed URLs and is not pickled; pickle its job instead, and call wait().frames() again there")
