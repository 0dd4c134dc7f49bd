"""What can go wrong: exception classes with data, each under `Error` and, where it fits, under a builtin of Python.

An exception pickles with all of its data (and without the key), so it survives a process pool.
"""

from __future__ import annotations

# Type checkers take this name as true; at run time `typing` is not imported, which keeps the import of the package light.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeVar

    from ._client_base import BaseClient
    from ._job import BaseJob
    from ._native import Failure

    T = TypeVar("T")

_DATA = (
    "message",
    "advice",
    "billing",
    "retryable",
    "retry_after",
    "request_id",
    "http_status",
    "api_type",
    "api_message",
    "ref",
    "job_ended",
    "os_error",
)


class Error(Exception):
    """Base of everything this package raises. ``str(error)`` is one line: what happened, the bill, what to do next."""

    number: int = 0
    """Stable number of the kind, the same in Rust, C, C++ and the command."""
    kind: str = "Error"
    """Stable name of the kind, for example ``"WaitTimeout"``."""
    message: str = ""
    """What happened, without the bill and the advice."""
    advice: str | None = None
    """What to do next, when there is something to say."""
    billing: str = "no_job"
    """``"no_job"``: nothing is owed for this call. ``"job_exists"``: a job exists and is billed if it succeeds.
    ``"not_billed"``: the job is over and not billed. ``"unknown"``: a job may exist and be billed."""
    retryable: bool = False
    """Whether the same call again is safe, cannot cost more, and may help."""
    retry_after: float | None = None
    """Seconds the service asked to wait before the next try."""
    request_id: str | None = None
    """The service's id of the request; its support asks for it."""
    http_status: int | None = None
    """HTTP status, when an answer arrived."""
    api_type: str | None = None
    """The ``type`` of the service's error, word for word."""
    api_message: str | None = None
    """The ``message`` of the service's error, word for word but for the queries of addresses in it."""
    ref: str | None = None
    """Reference of the job, or of the submit (``intent:...``), that this is about."""
    job: Any = None
    """The job that this is about, if it is about one: a `Job`, or an `AsyncJob` from an `AsyncClient`. It can be waited for again unless `job_ended`."""
    job_ended: bool = False
    """Whether that job is over on the service."""
    os_error: int | None = None
    """The operating system's error number, for local files."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)

    def __str__(self) -> str:
        # Not OSError's: it prints "[Errno 28]" in front, and the line says it in words.
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        data = {name: getattr(self, name) for name in _DATA if name in self.__dict__}
        notes = getattr(self, "__notes__", None)
        return _again, (self.number, type(self).__name__, str(self), data, self.job, notes)


class ConfigError(Error, ValueError):
    """A setting is missing or wrong, or a callable gave no key. Nothing was sent; a job that is waited for goes on. Of a callable, the next call asks it again
    (`retryable`)."""


class InvalidState(Error, RuntimeError):
    """The call does not fit the state of the object: an intent that is settled already, a batch that is over. Nothing was sent; the same call fails again."""


class Unsupported(Error):
    """Not supported by this build or platform, or by the data found: no estimate can be made, the storage answers no ranges. Nothing is owed for the call."""


class CostLimit(Error):
    """The estimated cost is above ``max_cost`` or the ``spend_limit``, or cannot be told while there is one. Nothing was uploaded or sent."""


class JournalError(Error):
    """The journal could not be read or written. Nothing was submitted, for nothing is without being written down first."""


class ClosedError(Error, RuntimeError):
    """The client was closed, perhaps by another thread while this one waited. Jobs go on at the service."""


class Cancelled(Error):
    """The operation was cancelled here, or by the close of something it belongs to. A remote job goes on and is billed if it succeeds."""


class ForkedError(Error):
    """It was begun by the parent of this forked process and goes on there. New calls work in the child."""


class InternalError(Error):
    """A defect of this library; please report it."""


class ApiError(Error):
    """The service refused, or could never have taken the request."""


class InvalidRequest(ApiError, ValueError):
    """The request can never be right (refused here before any network), or the service answered 400. No job was created."""


class RequestTooLarge(ApiError):
    """The request or an input is larger than the service takes: refused here before any network, or by the service. No job was created."""


class ContentFiltered(ApiError):
    """The safety filter refused the input, or (then also a `JobFailed`) the result. Not billed."""


class Unauthenticated(ApiError, PermissionError):
    """The API key is missing or not accepted. Jobs go on; see `Client.set_api_key`."""


class InsufficientFunds(ApiError):
    """The account has not enough credits: no job was created, or (then also a `JobFailed`) it ended and is not billed. Fill the account up and submit again."""


class PermissionDenied(ApiError, PermissionError):
    """The account may not use this endpoint, or an object store does not take the credentials. No job was created; jobs that run go on."""


class RateLimited(ApiError):
    """Too many requests, or too many queued jobs, for longer than the time limit of the call. Retryable; at a submit no job was created. See `retry_after`."""


class ConcurrencyLimited(ApiError):
    """Too many jobs at once for this account, or for ``max_concurrent_jobs``, for longer than the time limit. Retryable; at a submit no job was created."""


class ServerError(ApiError):
    """The service reported an internal error. Retryable where no job can come of it; at a submit it is `SubmitUnknown` instead."""


class Unavailable(ApiError):
    """The service reported that it is unavailable, for longer than was waited. Retryable; at a submit no job was created."""


class Overloaded(ApiError):
    """The service reported that it is overloaded, for longer than was waited. Retryable; at a submit no job was created."""


class GatewayError(ApiError):
    """Something between here and the service answered in its place: a proxy, a captive portal, a gateway. Not the service's word, so it never ends a job."""


class ProtocolError(ApiError):
    """The answer is not what the service documents. The message has what was odd; a new version of this package may know it."""


class TransportError(Error, ConnectionError):
    """The network: nothing, or not everything, arrived."""


class Dns(TransportError):
    """The host name could not be resolved, after all retries. Nothing was sent."""


class Connect(TransportError):
    """No connection could be made, after all retries. Nothing was sent."""


class Tls(TransportError):
    """The TLS handshake failed; the message says whose certificates were trusted, and by which proxy the way went. Behind one that inspects TLS, set
    ``ca_bundle``, ``SSL_CERT_FILE`` or ``REQUESTS_CA_BUNDLE``."""


class Proxy(TransportError):
    """The proxy refused the connection, after all retries. Nothing was sent to the service. See ``proxy``, ``HTTPS_PROXY`` and ``NO_PROXY``."""


class RequestTimeout(TransportError, TimeoutError):
    """One request took longer than its limit (``submit_timeout``, ``poll_timeout``), after all retries."""


class Stalled(TransportError):
    """A transfer did not move for ``stall_timeout``, after all retries. The same call goes on where it was."""


class ConnectionLost(TransportError):
    """The connection broke, after all retries. A transfer goes on where it was with the same call; a submit in that state is `SubmitUnknown`."""


class JobError(Error):
    """About one job, or one submit."""


class SubmitUnknown(JobError):
    """The outcome of a submit is unknown: a job may exist and be billed. It is never sent again by itself.

    `ref` names the submit; after a look at the account, settle it with `Client.resolve`.
    """


class IdLost(JobError):
    """The service accepted the job, but its answer with the id was lost. The job is billed if it succeeds. Never sent again by itself; see `Client.resolve`."""


class JobFailed(JobError):
    """The service gave the job up; failed jobs are not billed. Whatever ended a job is also an instance of this class."""


class JobNotFound(JobError, LookupError):
    """The service does not know this job under this endpoint: ids are known only together with their endpoint. Confirmed before it is raised."""


class JobExpired(JobError, LookupError):
    """The job existed; its record is past the service's retention, 24 h after its end."""


class WaitTimeout(JobError, TimeoutError):
    """The time limit of a wait is over. The job goes on; ``error.job.wait()`` waits again."""


class TransferError(Error):
    """An input could not be sent, or a result not be brought home. Trying again costs nothing on the bill."""


class ResultExpired(TransferError):
    """The URL of a result is no longer valid and could not be renewed. Results are kept for 24 h."""


class ObjectChanged(TransferError):
    """The file on the storage changed during the transfer; nothing mixed was kept. The same call begins anew."""


class IntegrityError(TransferError):
    """What arrived does not have the checksum or length it must have, also after another try. Nothing damaged has a final name."""


class ArchiveError(TransferError):
    """The archive of frames is damaged or not usable. Nothing damaged has a final name."""


class UnsafeName(TransferError):
    """A name in an archive would leave the target directory or is not safe on every system. Nothing of it was written."""


class LimitExceeded(TransferError):
    """The archive is beyond the limits for members, sizes or ratio, as archives made to do harm are. Nothing of it has a final name."""


class LocalIOError(TransferError, OSError):
    """A local file or directory could not be read or written; ``errno`` is the operating system's number."""


class NoSpace(TransferError, OSError):
    """The disk is full. Make room; the same call goes on where it was."""


class Exists(TransferError, FileExistsError):
    """A different file is there already; ``overwrite=True`` replaces it."""


class Locked(TransferError):
    """Another process is writing the same file, and ``lock_timeout`` has passed; the message has process and host. What it saves counts as saved later."""


# The numbers are the core's and are never reused. 104 and 106 belong to the C interface.
_CLASSES: dict[int, type[Error]] = {
    100: ConfigError,
    101: InvalidRequest,
    102: RequestTooLarge,
    103: ContentFiltered,
    105: InvalidState,
    107: Unsupported,
    110: Unauthenticated,
    111: InsufficientFunds,
    112: PermissionDenied,
    113: RateLimited,
    114: ConcurrencyLimited,
    115: CostLimit,
    120: ServerError,
    121: Unavailable,
    122: Overloaded,
    123: GatewayError,
    124: ProtocolError,
    130: Dns,
    131: Connect,
    132: Tls,
    133: Proxy,
    134: RequestTimeout,
    135: Stalled,
    136: ConnectionLost,
    140: SubmitUnknown,
    141: IdLost,
    142: JobFailed,
    143: JobNotFound,
    144: JobExpired,
    145: WaitTimeout,
    150: ResultExpired,
    151: ObjectChanged,
    152: IntegrityError,
    153: ArchiveError,
    154: UnsafeName,
    155: LimitExceeded,
    160: LocalIOError,
    161: NoSpace,
    162: Exists,
    163: Locked,
    164: JournalError,
    170: ClosedError,
    171: Cancelled,
    172: ForkedError,
    173: InternalError,
}

# Where the class is named otherwise than the kind.
_KINDS = {
    "ConfigError": "Config",
    "ServerError": "Server",
    "GatewayError": "Gateway",
    "ProtocolError": "Protocol",
    "JobNotFound": "NotFound",
    "JobExpired": "Expired",
    "IntegrityError": "Integrity",
    "ArchiveError": "Archive",
    "LocalIOError": "Io",
    "JournalError": "Journal",
    "ClosedError": "Closed",
    "ForkedError": "Forked",
    "InternalError": "Internal",
}

for _number, _class in _CLASSES.items():
    _class.number = _number
    _class.kind = _KINDS.get(_class.__name__, _class.__name__)
    _class.__module__ = "ltx_jobs"

for _class in (Error, ApiError, TransportError, JobError, TransferError):
    _class.__module__ = "ltx_jobs"

_ENDERS: dict[type[Error], type[Error]] = {}


def class_of(number: int, job_ended: bool) -> type[Error]:
    """The class for a kind. One that ended a job is a `JobFailed` as well, whatever its kind."""
    kind = _CLASSES.get(number, InternalError)
    if not job_ended or issubclass(kind, JobFailed):
        return kind
    if kind not in _ENDERS:
        # The kind first: its number, name and group are those of the error.
        body = {"__module__": "ltx_jobs", "__doc__": kind.__doc__, "number": kind.number, "kind": kind.kind}
        ender: type[Error] = type(kind.__name__, (kind, JobFailed), body)  # pyright: ignore
        # Two threads may come here at once; both must end up with the same class.
        return _ENDERS.setdefault(kind, ender)
    return _ENDERS[kind]


def make(failure: Failure, client: BaseClient | None = None, job: BaseJob | None = None) -> Error:
    """The exception for a failure of the core."""
    number, job_ended = failure.number, failure.job_ended
    error = class_of(number, job_ended)(failure.text)
    error.message = failure.message
    error.advice = failure.advice
    error.billing = failure.billing
    error.retryable = failure.retryable
    error.retry_after = failure.retry_after
    error.request_id = failure.request_id
    error.http_status = failure.http_status
    error.api_type = failure.api_type
    error.api_message = failure.api_message
    error.ref = failure.reference
    error.job_ended = job_ended
    _set_os_error(error, failure.os_error)
    if client is not None and failure.of_key_function:
        error.__cause__ = client._key_failure()
    if job is not None and job.ref == error.ref:
        error.job = job
    elif client is not None and error.ref is not None and not error.ref.startswith("intent:"):
        error.job = client.job(error.ref)
    return error


def local(number: int, text: str) -> Error:
    """An exception that this side raises before the core is asked."""
    error = class_of(number, False)(text)
    error.message = text
    return error


def unwrap(value: T | Failure, client: BaseClient | None = None, job: BaseJob | None = None) -> T:
    """The value, or the exception for the failure that came in its place."""
    from ._native import Failure

    if isinstance(value, Failure):
        raise_failure(value, client, job)
    return value


def raise_failure(failure: Failure, client: BaseClient | None = None, job: BaseJob | None = None) -> NoReturn:
    """Raises the exception for a failure of the core."""
    raise make(failure, client, job)


def _set_os_error(error: Error, number: int | None) -> None:
    error.os_error = number
    if number is not None and isinstance(error, OSError):
        error.errno = number


def _again(number: int, name: str, text: str, data: dict[str, Any], job: BaseJob | None, notes: list[str] | None) -> Error:
    """Makes an exception again from its pickle."""
    if number:
        error = class_of(number, bool(data.get("job_ended")))(text)
    else:
        # A base class that somebody raised by hand.
        import ltx_jobs

        error = getattr(ltx_jobs, name, Error)(text)
    error.__dict__.update(data)
    _set_os_error(error, data.get("os_error"))
    error.job = job
    if notes:
        error.__notes__ = notes  # type: ignore[attr-defined,unused-ignore]
    return error
