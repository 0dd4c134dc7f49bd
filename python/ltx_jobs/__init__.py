"""Client for the LTX video generation service: submit a paid job, wait for it, bring its results home.

    from pathlib import Path
    import ltx_jobs

    with ltx_jobs.Client() as client:                      # the key from LTXV_API_KEY
        job = client.video_to_video_hdr(video_uri=Path("plate.mp4"), output_colorspace="acescg")
        done = job.wait(timeout=1800, progress=True)
        saved = done.download("shots/010", progress=True)  # EXR frames unpacked, MP4 saved

`AsyncClient` is the same for asyncio. A submit is sent again only with proof that no job exists. Waiting survives whatever the network does. A file under
its final name is complete and verified. Blocking calls release the GIL and answer Ctrl-C at once.
"""

try:
    from ._native import VERSION as __version__
except ImportError as _error:
    if "subinterpreter" not in str(_error):
        raise
    _place = "under mod_wsgi set `WSGIApplicationGroup %{GLOBAL}`, elsewhere import it in the main interpreter"
    raise ImportError(f"ltx_jobs works in the main interpreter only, not in a subinterpreter: {_place}", name=__name__) from _error

from ._client import Client
from ._completed import Completed, Output
from ._counters import Counters
from ._dest import Destination, StoreDestination
from ._ends import as_completed, wait_all
from ._errors import (
    ApiError,
    ArchiveError,
    Cancelled,
    ClosedError,
    ConcurrencyLimited,
    ConfigError,
    Connect,
    ConnectionLost,
    ContentFiltered,
    CostLimit,
    Dns,
    Error,
    Exists,
    ForkedError,
    GatewayError,
    IdLost,
    InsufficientFunds,
    IntegrityError,
    InternalError,
    InvalidRequest,
    InvalidState,
    JobError,
    JobExpired,
    JobFailed,
    JobNotFound,
    JournalError,
    LimitExceeded,
    LocalIOError,
    Locked,
    NoSpace,
    ObjectChanged,
    Overloaded,
    PermissionDenied,
    ProtocolError,
    Proxy,
    RateLimited,
    RequestTimeout,
    RequestTooLarge,
    ResultExpired,
    ServerError,
    Stalled,
    SubmitUnknown,
    Tls,
    TransferError,
    TransportError,
    Unauthenticated,
    Unavailable,
    UnsafeName,
    Unsupported,
    WaitTimeout,
)
from ._frames import Frame, Frames, FrameStream
from ._job import Job
from ._models import (
    Checked,
    Estimate,
    Finding,
    FindingState,
    JournaledSubmit,
    Object,
    Progress,
    Recovered,
    Rehosted,
    Saved,
    Setting,
    Snapshot,
    Status,
    SubmitState,
)
from ._requests import (
    AudioToVideo,
    Extend,
    ImageToVideo,
    Request,
    Retake,
    TextToVideo,
    VideoAlphaGen,
    VideoToVideoHdr,
    VideoToVideoReframe,
    VideoUpscale,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Loaded when they are first asked for; see `__getattr__`.
    from ._async_batch import AsyncBatch
    from ._async_client import AsyncClient
    from ._async_frames import AsyncFrame, AsyncFrames, AsyncFrameStream
    from ._async_job import AsyncCompleted, AsyncJob, AsyncOutput
    from ._batch import Batch
    from ._batch_item import BatchItem
    from ._batch_outcome import BatchOutcome, BatchProgress, BatchState

__all__ = [
    "ApiError",
    "ArchiveError",
    "AsyncBatch",
    "AsyncClient",
    "AsyncCompleted",
    "AsyncFrame",
    "AsyncFrameStream",
    "AsyncFrames",
    "AsyncJob",
    "AsyncOutput",
    "AudioToVideo",
    "Batch",
    "BatchItem",
    "BatchOutcome",
    "BatchProgress",
    "BatchState",
    "Cancelled",
    "Checked",
    "Client",
    "ClosedError",
    "Completed",
    "ConcurrencyLimited",
    "ConfigError",
    "Connect",
    "ConnectionLost",
    "ContentFiltered",
    "CostLimit",
    "Counters",
    "Destination",
    "Dns",
    "Error",
    "Estimate",
    "Exists",
    "Extend",
    "Finding",
    "FindingState",
    "ForkedError",
    "Frame",
    "FrameStream",
    "Frames",
    "GatewayError",
    "IdLost",
    "ImageToVideo",
    "InsufficientFunds",
    "IntegrityError",
    "InternalError",
    "InvalidRequest",
    "InvalidState",
    "Job",
    "JobError",
    "JobExpired",
    "JobFailed",
    "JobNotFound",
    "JournalError",
    "JournaledSubmit",
    "LimitExceeded",
    "LocalIOError",
    "Locked",
    "NoSpace",
    "Object",
    "ObjectChanged",
    "Output",
    "Overloaded",
    "PermissionDenied",
    "Progress",
    "ProtocolError",
    "Proxy",
    "RateLimited",
    "Recovered",
    "Rehosted",
    "Request",
    "RequestTimeout",
    "RequestTooLarge",
    "ResultExpired",
    "Retake",
    "Saved",
    "ServerError",
    "Setting",
    "Snapshot",
    "Stalled",
    "Status",
    "StoreDestination",
    "SubmitState",
    "SubmitUnknown",
    "TextToVideo",
    "Tls",
    "TransferError",
    "TransportError",
    "Unauthenticated",
    "Unavailable",
    "UnsafeName",
    "Unsupported",
    "VideoAlphaGen",
    "VideoToVideoHdr",
    "VideoToVideoReframe",
    "VideoUpscale",
    "WaitTimeout",
    "as_completed",
    "wait_all",
    "__version__",
]

_LATER = {
    "AsyncBatch": "_async_batch",
    "AsyncClient": "_async_client",
    "AsyncCompleted": "_async_job",
    "AsyncFrame": "_async_frames",
    "AsyncFrameStream": "_async_frames",
    "AsyncFrames": "_async_frames",
    "AsyncJob": "_async_job",
    "AsyncOutput": "_async_job",
    "Batch": "_batch",
    "BatchItem": "_batch_item",
    "BatchOutcome": "_batch_outcome",
    "BatchProgress": "_batch_outcome",
    "BatchState": "_batch_outcome",
}


def __getattr__(name: str) -> object:
    """What is for asyncio and for batches: whoever does not ask for it does not pay for it. The import of asyncio costs more than all the rest."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
