"""A wait as a ``concurrent.futures.Future``: nobody sleeps for it.

Its callbacks are the user's and may take long. They have a thread of their own, beside the one that tells event loops.
"""

from __future__ import annotations

from concurrent.futures import Future

from . import _logs
from ._dispatch import dispatcher
from ._errors import make
from ._completed import Completed
from ._wait import started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _native
    from ._job import Job


class _Waiting(Future[Completed]):
    """Cancelling it ends the wait."""

    def __init__(self, job: Job, operation: _native.Operation[_native.Completed]) -> None:
        super().__init__()
        self._job = job
        self._operation = operation

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled() else "done" if self.done() else "waiting"
        return f"<Future of {self._job!r}: {state}>"

    def cancel(self) -> bool:
        cancelled = super().cancel()
        if cancelled:
            self._operation.cancel()
        return cancelled

    def end(self) -> None:
        from ._native import Failure

        if not self.set_running_or_notify_cancel():
            return
        try:
            outcome = self._operation.take()
            if isinstance(outcome, Failure):
                self.set_exception(make(outcome, self._job._client, self._job))
            else:
                self.set_result(Completed(self._job, outcome))
        except Exception as error:  # noqa: BLE001
            # Whoever waits for it must not wait for ever.
            self.set_exception(error)


def waiting(job: Job, limit: float | None) -> Future[Completed]:
    """Starts to wait for the job."""
    _logs.attend()
    operation = started(job._attached().wait(limit), job._client, job)
    future = _Waiting(job, operation)
    dispatcher("ltx-futures").arm(operation, None, future.end)
    return future
