"""Plain values: what the client hands out and takes in. Immutable, comparable, with a repr that shows no secret."""

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal
    from pathlib import Path
    from typing import Any, Generic, NoReturn

    from typing_extensions import Self, TypeVar

    from ._dest import Destination
    from ._errors import Error
    from ._job import BaseJob, Job

    # The jobs of a client: `Job`, or `AsyncJob`.
    OfClient = TypeVar("OfClient", bound=BaseJob, default=Job)
else:
    from ._generic import Generic

    OfClient = None


class Word(str, Enum):
    """Base of the word lists: a member compares equal to its word, and a word this version does not know becomes a member of its own with that text."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = value.upper()
        word._value_ = value
        return word

    def __str__(self) -> str:
        return str(self.value)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (str(self.value),)


class Status(Word):
    """The state of a job as the service words it; compares equal to that word.

    A word this version does not know becomes a member of its own with that text. It is not taken as an end.
    """

    PENDING = "pending"
    """Queued."""
    PROCESSING = "processing"
    """Running."""
    COMPLETED = "completed"
    """Done; its outputs can be fetched."""
    FAILED = "failed"
    """Given up by the service, and not billed."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job is over."""
        return self in (Status.COMPLETED, Status.FAILED)


class SubmitState(Word):
    """What became of a submit, as the journal knows it; compares equal to its word."""

    SUBMITTING = "submitting"
    """On its way, in a process that lives."""
    ACCEPTED = "accepted"
    """The service holds the job."""
    REFUSED = "refused"
    """No job was created."""
    UNKNOWN = "unknown"
    """Nobody can tell: a job may exist and be billed. See `Client.resolve`."""
    ID_LOST = "id_lost"
    """A job exists and is billed if it succeeds, but its id did not arrive. See `Client.resolve`."""
    FAILED = "failed"
    """The job failed and was not billed."""


class FindingState(Word):
    """How a part was found by `Client.check`; compares equal to its word."""

    OK = "ok"
    """As it should be."""
    WARNING = "warning"
    """It works, but should be looked at."""
    FAILED = "failed"
    """It does not work."""
    SKIPPED = "skipped"
    """Nobody can tell, because something before it failed."""


class Value:
    """Base of the values: no changes after it was made, equality by content."""

    __slots__: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _content(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or type(other) is not type(self):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash((type(self), self._content()))

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({parts})"

    def _fields(self) -> Iterable[tuple[str, object]]:
        """Its fields as people may see them."""
        return [(name, getattr(self, name)) for name in self.__slots__]

    def _repr_html_(self) -> str:
        from ._notebook import value

        return value(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._content()


class Progress(Value):
    """How far an operation has come. Numbers never go backwards within a phase.

    Where ``progress`` is an argument, ``True`` draws a bar of tqdm, if it is installed and somebody watches (a terminal or a notebook), and otherwise writes
    a line every ten seconds to the logger ``ltx_jobs.progress`` at the level ``INFO``; a program that never imported `logging` is told nothing.
    ``"tqdm"`` and ``"rich"`` draw a bar in any case, and raise `ImportError` where the package is missing. A callable is told of it as one of these.
    """

    __slots__ = ("phase", "bytes_done", "bytes_total", "frames_done", "frames_total", "status", "unreachable", "waiting_for", "elapsed")

    phase: str
    """``"preparing"`` (looking at local files), ``"uploading"``, ``"queued"`` (waiting for a place: ``max_concurrent_jobs``, or the service's own limit),
    ``"submitting"``, ``"waiting"``, ``"downloading"`` or ``"rehosting"``."""
    bytes_done: int
    """Bytes moved in this phase."""
    bytes_total: int | None
    """Bytes to move in this phase, once known."""
    frames_done: int
    """Frames whole and checked: on disk, in an object store, or in memory where they are read into it."""
    frames_total: int | None
    """Frames to come, once known."""
    status: Status | None
    """The job's last known status, while waiting. The service reports no percentage."""
    unreachable: float | None
    """Seconds for which the service has not been reachable, while waiting."""
    waiting_for: str | None
    """Who else is fetching the file that is waited for (process and host), while that is so."""
    elapsed: float
    """Seconds since the operation began."""

    def __init__(
        self,
        phase: str,
        bytes_done: int,
        bytes_total: int | None,
        frames_done: int,
        frames_total: int | None,
        status: str | None,
        unreachable: float | None,
        waiting_for: str | None,
        elapsed: float,
    ) -> None:
        self._set(
            phase=phase,
            bytes_done=bytes_done,
            bytes_total=bytes_total,
            frames_done=frames_done,
            frames_total=frames_total,
            status=None if status is None else Status(status),
            unreachable=unreachable,
            waiting_for=waiting_for,
            elapsed=elapsed,
        )


class Snapshot(Value):
    """What is known of a job, from memory."""

    __slots__ = ("status", "created_at", "last_contact", "last_error", "unreachable_since", "warnings", "done")

    status: Status | None
    """The last status the service gave; ``None`` when it was never asked."""
    created_at: datetime | None
    """When the service accepted the job, by its clock (aware, UTC)."""
    last_contact: datetime | None
    """When the service last answered, by this machine's clock (aware, UTC)."""
    last_error: Error | None
    """What the last poll met, if it was not the service's answer."""
    unreachable_since: datetime | None
    """Since when the service cannot be reached (aware, UTC)."""
    warnings: tuple[str, ...]
    """What is odd but may be right, for people: a value that is not documented, an input beyond the documented caps."""
    done: bool
    """Whether the job is over and nothing more will be learned."""

    def __init__(
        self,
        status: str | None,
        created_at: datetime | None,
        last_contact: datetime | None,
        last_error: Error | None,
        unreachable_since: datetime | None,
        warnings: tuple[str, ...],
        done: bool,
    ) -> None:
        self._set(
            status=None if status is None else Status(status),
            created_at=created_at,
            last_contact=last_contact,
            last_error=last_error,
            unreachable_since=unreachable_since,
            warnings=tuple(warnings),
            done=done,
        )


class Saved(Value):
    """What a download left on disk. Every file is complete and verified."""

    __slots__ = ("paths", "crc32c", "bytes", "elapsed")

    paths: tuple[Path, ...]
    """The files, those of one output together, frames in the order of the archive. Files that were there and equal are among them."""
    crc32c: tuple[int, ...]
    """The CRC-32C of each file, in the order of `paths`."""
    bytes: int
    """Bytes of all the files."""
    elapsed: float
    """Seconds it took."""

    def __init__(self, paths: tuple[Path, ...], crc32c: tuple[int, ...], bytes: int, elapsed: float) -> None:
        self._set(paths=tuple(paths), crc32c=tuple(crc32c), bytes=bytes, elapsed=elapsed)

    def __repr__(self) -> str:
        return f"Saved({len(self.paths)} files, {self.bytes} bytes, {self.elapsed:.1f} s)"

    def _repr_html_(self) -> str:
        from ._notebook import saved

        return saved(self)


class Object(Value):
    """One object that `Completed.rehost` left in a store. Complete and verified."""

    __slots__ = ("url", "bytes", "crc32c", "e_tag")

    url: str
    """Its URL, in the way the place was given: ``s3://bucket/prefix/video.mp4``. No secret is in it."""
    bytes: int
    """Its length."""
    crc32c: int | None
    """Its CRC-32C; ``None`` only for a frame that was there already, which is compared by the archive's CRC-32."""
    e_tag: str | None
    """The store's tag for this version of it, as the store writes it."""

    def __init__(self, url: str, bytes: int, crc32c: int | None, e_tag: str | None) -> None:
        self._set(url=url, bytes=bytes, crc32c=crc32c, e_tag=e_tag)


class Rehosted(Value):
    """What `Completed.rehost` left in a store."""

    __slots__ = ("objects", "bytes", "elapsed")

    objects: tuple[Object, ...]
    """The objects, those of one output together, frames in the order of the archive. Objects that were there and equal are among them."""
    bytes: int
    """Bytes of all the objects."""
    elapsed: float
    """Seconds it took."""

    def __init__(self, objects: tuple[Object, ...], bytes: int, elapsed: float) -> None:
        self._set(objects=tuple(objects), bytes=bytes, elapsed=elapsed)

    def __repr__(self) -> str:
        return f"Rehosted({len(self.objects)} objects, {self.bytes} bytes, {self.elapsed:.1f} s)"

    def _repr_html_(self) -> str:
        from ._notebook import rehosted

        return rehosted(self)


class Estimate(Value):
    """What a job will cost, as far as the public price lists tell. No offer: the service's own bill counts."""

    __slots__ = ("usd", "basis")

    usd: Decimal
    """US dollars, rounded up to a hundredth of a cent; the service's own rounding is not documented."""
    basis: str
    """What the amount was made of, for people: seconds of what, at which price, by whose list."""

    def __init__(self, usd: Decimal, basis: str) -> None:
        self._set(usd=usd, basis=basis)


class Finding(Value):
    """What `Client.check` found about one part. ``str`` of it is one line."""

    __slots__ = ("what", "state", "detail", "elapsed", "error")

    what: str
    """``"proxy"``, ``"certificates"``, ``"api"``, ``"key"``, ``"clock"``, ``"journal"`` or ``"storage"``."""
    state: FindingState
    """How it is."""
    detail: str
    """In words, for people; without credentials."""
    elapsed: float | None
    """Seconds it took, where something was asked."""
    error: Error | None
    """What went wrong, when it failed."""

    def __init__(self, what: str, state: str, detail: str, elapsed: float | None, error: Error | None) -> None:
        self._set(what=what, state=FindingState(state), detail=detail, elapsed=elapsed, error=error)

    def __str__(self) -> str:
        time = "" if self.elapsed is None else f" ({self.elapsed * 1e3:.0f} ms)"
        return f"{self.what:<12}  {self.state.value:<7}  {self.detail}{time}"


class Setting(Value):
    """A setting of a client, its value as text (the key as ``***``), and where that came from."""

    __slots__ = ("key", "value", "origin")

    key: str
    """Its name: a keyword of `Client`."""
    value: str
    """Its value."""
    origin: str
    """``"default"``, ``"argument"``, or for example ``"environment LTX_PROXY"``."""

    def __init__(self, key: str, value: str, origin: str) -> None:
        self._set(key=key, value=value, origin=origin)

    def __str__(self) -> str:
        return f"{self.key}: {self.value} ({self.origin})"


class Checked(Value):
    """What `Client.check` found. ``print`` of it is a report: every setting with its origin, then every finding."""

    __slots__ = ("request_id", "elapsed", "submits", "unknown", "findings", "settings")

    request_id: str | None
    """The service's id of the request."""
    elapsed: float
    """Seconds from the call to the last answer."""
    submits: int
    """How many submits to this service the journal knows."""
    unknown: int
    """How many of them have an unknown outcome; see `Client.recover` and `Client.resolve`."""
    findings: tuple[Finding, ...]
    """One for each part."""
    settings: tuple[Setting, ...]
    """Every setting."""

    def __init__(
        self,
        request_id: str | None,
        elapsed: float,
        submits: int,
        unknown: int,
        findings: Iterable[Finding],
        settings: Iterable[Setting],
    ) -> None:
        self._set(
            request_id=request_id, elapsed=elapsed, submits=submits, unknown=unknown, findings=tuple(findings), settings=tuple(settings)
        )

    @property
    def failure(self) -> Finding | None:
        """What failed first, if anything did."""
        return next((finding for finding in self.findings if finding.state is FindingState.FAILED), None)

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.settings, *self.findings)))

    def _repr_html_(self) -> str:
        from ._notebook import checked

        return checked(self)


class JournaledSubmit(Value):
    """One submit in the journal, as `Client.jobs` and `Client.recover` give it. Pickles; asks nobody."""

    __slots__ = (
        "intent",
        "ref",
        "endpoint",
        "label",
        "once",
        "began_at",
        "state",
        "ended",
        "saved",
        "other_key",
        "request_id",
        "doubts",
        "dest",
        "usd",
    )

    intent: str
    """The submit's own reference, ``intent:...``, for `Client.resolve` and `Client.job`."""
    ref: str | None
    """The job's reference, ``endpoint/id``, for `Client.job`; ``None`` when there is no job, or none is known."""
    endpoint: str
    """The endpoint it was sent to."""
    label: str | None
    """The label given at submit."""
    once: str | None
    """The ``once`` key given at submit."""
    began_at: datetime
    """When it began, by this machine's clock (aware, UTC)."""
    state: SubmitState
    """What became of it."""
    ended: Status | None
    """The job's last status, when its end was seen."""
    saved: bool
    """Whether its outputs were saved."""
    other_key: bool
    """Whether it was submitted with another API key than this client's; such a job cannot be asked for with this one."""
    request_id: str | None
    """The service's request id, for the vendor's support, where the outcome is unknown or the job's id is lost and the answer had one."""
    doubts: int
    """Attempts of unknown outcome that nobody has settled: each may have created a job. Beside a known job, or more than one, only where the caller accepted
    a double charge."""
    dest: Destination | None
    """Where its outputs are meant to go, as given at submit; an absolute path."""
    usd: Decimal | None
    """Its estimate in US dollars, where one was made: for a ``max_cost`` or a ``spend_limit``."""

    def __init__(
        self,
        intent: str,
        ref: str | None,
        endpoint: str,
        label: str | None,
        once: str | None,
        began_at: datetime,
        state: str,
        ended: str | None,
        saved: bool,
        other_key: bool,
        request_id: str | None = None,
        doubts: int = 0,
        dest: Destination | None = None,
        usd: Decimal | None = None,
    ) -> None:
        self._set(
            intent=intent,
            ref=ref,
            endpoint=endpoint,
            label=label,
            once=once,
            began_at=began_at,
            state=SubmitState(state),
            ended=None if ended is None else Status(ended),
            saved=saved,
            other_key=other_key,
            request_id=request_id,
            doubts=doubts,
            dest=dest,
            usd=usd,
        )


class Recovered(Value, Generic[OfClient]):
    """What an earlier run left behind, as `Client.recover` finds it. Pickles, its jobs as references without the key."""

    __slots__ = ("jobs", "unknown", "other_key")

    jobs: tuple[OfClient, ...]
    """Jobs of this key that exist and whose outputs were not saved, oldest first. Wait for them, then download."""
    unknown: tuple[JournaledSubmit, ...]
    """Submits whose outcome nobody knows, and those whose job exists without a known id. Look at the account, then settle each with `Client.resolve`."""
    other_key: tuple[JournaledSubmit, ...]
    """Jobs that were submitted with another key, and cannot be asked for with this one."""

    def __init__(self, jobs: Iterable[OfClient], unknown: Iterable[JournaledSubmit], other_key: Iterable[JournaledSubmit]) -> None:
        self._set(jobs=tuple(jobs), unknown=tuple(unknown), other_key=tuple(other_key))


def when(seconds: float | None) -> datetime | None:
    """An aware UTC time from seconds since 1970, if there is one."""
    return None if seconds is None else moment(seconds)


def moment(seconds: float) -> datetime:
    """An aware UTC time from seconds since 1970."""
    from datetime import datetime, timedelta, timezone

    # Not fromtimestamp: it fails for times before 1970 on Windows.
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
