"""What a client has done, in numbers."""

from __future__ import annotations

from ._models import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal


class Counters(Value):
    """What a client has done since it was made, at one moment; see `Client.counters`.

    Every number but ``committed`` only grows, and counts what this client did in this process. Numbers that belong together may be apart by what is
    happening just now. When nothing runs, ``submits == submits_known + submits_refused + submits_unknown + jobs_created``.
    """

    __slots__ = (
        "submits",
        "submits_known",
        "submits_refused",
        "submits_unknown",
        "posts",
        "jobs_created",
        "jobs_completed",
        "jobs_failed",
        "polls",
        "http_requests",
        "submit_retries",
        "api_retries",
        "storage_retries",
        "transfers_resumed",
        "transfers_restarted",
        "bytes_downloaded",
        "bytes_uploaded",
        "bytes_rehosted",
        "committed",
    )

    submits: int
    """Submits that were begun."""
    submits_known: int
    """Submits that the journal answered under their ``once`` key, with the job or the unknown outcome of an earlier one. Nothing was sent."""
    submits_refused: int
    """Submits that ended with proof that there is no job: refused here or by the service, or withdrawn before they were sent."""
    submits_unknown: int
    """Submits whose job may exist, or does, and is not known by its id: `SubmitUnknown` and `IdLost`."""
    posts: int
    """Paid requests whose body was given to a connection. One submit may take several: each after the proof that the one before made no job, or because the
    caller accepts a double charge."""
    jobs_created: int
    """Jobs that were created by this client's submits, by the service's own answer."""
    jobs_completed: int
    """Jobs seen to be completed, those of before included that this client waited for."""
    jobs_failed: int
    """Jobs seen to end without a result: failed, or gone."""
    polls: int
    """Questions about a job, of waits and polls, and for new addresses of its outputs. Each is one request."""
    http_requests: int
    """Requests on all connections: to the service, to its storage, and to stores of the caller."""
    submit_retries: int
    """Attempts of submits after their first."""
    api_retries: int
    """Polls, and requests for an upload slot, that were sent because the one before failed."""
    storage_retries: int
    """Requests to the storage that were sent because the one before failed or broke off."""
    transfers_resumed: int
    """Downloads that went on with what an earlier call had left."""
    transfers_restarted: int
    """Transfers that were begun anew because what came was damaged or had changed, and frames that were fetched again for that."""
    bytes_downloaded: int
    """Bytes of outputs that arrived, also those that were thrown away or fetched twice."""
    bytes_uploaded: int
    """Bytes of inputs that were given to a connection, also in uploads that were repeated."""
    bytes_rehosted: int
    """Bytes that stores of the caller took, in objects and in parts of objects."""
    committed: Decimal
    """US dollars, as `Client.committed`: counted only while ``spend_limit`` is set. The one number that can fall, when a job fails without a bill."""

    def __init__(self, *values: int | Decimal) -> None:
        if len(values) != len(self.__slots__):
            raise TypeError(f"Counters has {len(self.__slots__)} values, not {len(values)}")
        self._set(**dict(zip(self.__slots__, values)))

    def items(self) -> list[tuple[str, int]]:
        """Every number that only grows, with its name: for whoever hands them to a metrics library."""
        return [(name, getattr(self, name)) for name in self.__slots__ if name != "committed"]
