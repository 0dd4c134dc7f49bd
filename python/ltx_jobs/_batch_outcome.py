"""What became of the items of a batch, one by one and counted."""

from __future__ import annotations

from ._models import Value, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal
    from pathlib import Path
    from typing import Any, Generic, TypeVar

    from ._completed import BaseCompleted
    from ._errors import Error
    from ._job import BaseJob

    OfJob = TypeVar("OfJob", bound=BaseJob)
    OfCompleted = TypeVar("OfCompleted", bound="BaseCompleted[Any]")
else:
    from ._generic import Generic

    OfJob = OfCompleted = None


class BatchState(Word):
    """How an item ended in this run of its batch; compares equal to its word."""

    SAVED = "saved"
    """Its outputs were saved now."""
    WAS_SAVED = "was_saved"
    """They were saved by a run before, and are still there."""
    COMPLETED = "completed"
    """The job is completed, and nothing was to be saved."""
    FAILED = "failed"
    """The job, or its submit, failed for good. What was not billed is submitted again when the batch is started again."""
    UNKNOWN = "unknown"
    """Nobody can tell whether there is a job, or its id was lost. Never submitted again without consent; see `Client.resolve`."""
    UNSAVED = "unsaved"
    """The job is completed, and its outputs could not be saved. The batch started again tries once more."""
    RUNNING = "running"
    """The job goes on at the service; the batch was stopped before its end. The batch started again waits for it."""
    NOT_SUBMITTED = "not_submitted"
    """Not sent: the batch was stopped or paused before, or its limits stood against it. The batch started again submits it."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to do for the item."""
        return self in (BatchState.SAVED, BatchState.WAS_SAVED, BatchState.COMPLETED)


class BatchOutcome(Value, Generic[OfJob, OfCompleted]):
    """What became of one item. Pickles, without its `completed`, which holds signed URLs."""

    __slots__ = ("key", "label", "state", "ref", "job", "completed", "paths", "urls", "bytes", "error")

    key: str
    """The key of the item."""
    label: str
    """Its label."""
    state: BatchState
    """How it ended."""
    ref: str | None
    """The reference of its job, as far as one is known, else ``intent:...`` of its submit, for `Client.resolve`."""
    job: OfJob | None
    """Its job."""
    completed: OfCompleted | None
    """The results, when the job was seen to complete in this run."""
    paths: tuple[Path, ...]
    """Its files."""
    urls: tuple[str, ...]
    """The addresses of its objects, when they went to a store."""
    bytes: int
    """Bytes of files or objects."""
    error: Error | None
    """Why, where it is not done."""

    def __init__(
        self,
        key: str,
        label: str,
        state: str,
        ref: str | None,
        job: OfJob | None,
        completed: OfCompleted | None,
        paths: Iterable[Path],
        urls: Iterable[str],
        bytes: int,
        error: Error | None,
    ) -> None:
        self._set(
            key=key,
            label=label,
            state=BatchState(state),
            ref=ref,
            job=job,
            completed=completed,
            paths=tuple(paths),
            urls=tuple(urls),
            bytes=bytes,
            error=error,
        )

    def __repr__(self) -> str:
        about = f", {self.ref!r}" if self.ref else ""
        files = f", {len(self.paths) + len(self.urls)} files, {self.bytes} bytes" if self.paths or self.urls else ""
        error = f", error={self.error!r}" if self.error is not None else ""
        return f"BatchOutcome({self.key!r}, {self.state.value}{about}{files}{error})"

    def __reduce__(self) -> tuple[Any, ...]:
        values = dict(zip(self.__slots__, self._content()))
        return BatchOutcome, tuple(None if name == "completed" else value for name, value in values.items())


class BatchProgress(Value):
    """How a batch is, from memory. ``str`` of it is the account, for people."""

    __slots__ = ("items", "queued", "submitting", "running", "saving", "ended", "bytes", "committed", "paused", "elapsed", "account")

    items: int
    """Items that the batch has taken."""
    queued: int
    """Waiting to be submitted."""
    submitting: int
    """Being submitted: looked at, uploaded for, waiting for room at the service, sent."""
    running: int
    """Jobs that run at the service."""
    saving: int
    """Completed, and waiting to be saved or being saved."""
    ended: tuple[tuple[BatchState, int], ...]
    """Items that have ended, for every `BatchState`; see `count`."""
    bytes: int
    """Bytes saved in this run."""
    committed: Decimal
    """US dollars: the estimates of its jobs, of runs before too; counted only with a ``spend_limit``."""
    paused: str | None
    """Why nothing more is submitted, if so."""
    elapsed: float
    """Seconds since the run began."""
    account: str
    """All of it in one line, for people."""

    def __init__(
        self,
        items: int,
        queued: int,
        submitting: int,
        running: int,
        saving: int,
        ended: Iterable[tuple[str, int]],
        bytes: int,
        committed: Decimal,
        paused: str | None,
        elapsed: float,
        account: str,
    ) -> None:
        self._set(
            items=items,
            queued=queued,
            submitting=submitting,
            running=running,
            saving=saving,
            ended=tuple((BatchState(state), count) for state, count in ended),
            bytes=bytes,
            committed=committed,
            paused=paused,
            elapsed=elapsed,
            account=account,
        )

    def count(self, state: str) -> int:
        """Items that ended in a state."""
        return dict(self.ended).get(BatchState(state), 0)

    @property
    def all_done(self) -> bool:
        """Whether every item is done: nothing failed, is unknown, unsaved, running or not submitted."""
        return sum(count for state, count in self.ended if state.is_done) == self.items

    def __str__(self) -> str:
        return self.account

    def _repr_html_(self) -> str:
        from ._notebook import batch

        return batch(self)
