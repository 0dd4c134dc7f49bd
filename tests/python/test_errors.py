"""The exceptions: their table, their bases, and that they survive a pickle."""

from __future__ import annotations

import copy
import errno
import pickle

import pytest

import ltx_jobs
from ltx_jobs import _errors, _native

# Number, kind, class, builtin base: the same table as in every other language.
TABLE = [
    (100, "Config", "ConfigError", ValueError),
    (101, "InvalidRequest", "InvalidRequest", ValueError),
    (102, "RequestTooLarge", "RequestTooLarge", None),
    (103, "ContentFiltered", "ContentFiltered", None),
    (105, "InvalidState", "InvalidState", RuntimeError),
    (107, "Unsupported", "Unsupported", None),
    (110, "Unauthenticated", "Unauthenticated", PermissionError),
    (111, "InsufficientFunds", "InsufficientFunds", None),
    (112, "PermissionDenied", "PermissionDenied", PermissionError),
    (113, "RateLimited", "RateLimited", None),
    (114, "ConcurrencyLimited", "ConcurrencyLimited", None),
    (115, "CostLimit", "CostLimit", None),
    (120, "Server", "ServerError", None),
    (121, "Unavailable", "Unavailable", None),
    (122, "Overloaded", "Overloaded", None),
    (123, "Gateway", "GatewayError", None),
    (124, "Protocol", "ProtocolError", None),
    (130, "Dns", "Dns", ConnectionError),
    (131, "Connect", "Connect", ConnectionError),
    (132, "Tls", "Tls", ConnectionError),
    (133, "Proxy", "Proxy", ConnectionError),
    (134, "RequestTimeout", "RequestTimeout", TimeoutError),
    (135, "Stalled", "Stalled", ConnectionError),
    (136, "ConnectionLost", "ConnectionLost", ConnectionError),
    (140, "SubmitUnknown", "SubmitUnknown", None),
    (141, "IdLost", "IdLost", None),
    (142, "JobFailed", "JobFailed", None),
    (143, "NotFound", "JobNotFound", LookupError),
    (144, "Expired", "JobExpired", LookupError),
    (145, "WaitTimeout", "WaitTimeout", TimeoutError),
    (150, "ResultExpired", "ResultExpired", None),
    (151, "ObjectChanged", "ObjectChanged", None),
    (152, "Integrity", "IntegrityError", None),
    (153, "Archive", "ArchiveError", None),
    (154, "UnsafeName", "UnsafeName", None),
    (155, "LimitExceeded", "LimitExceeded", None),
    (160, "Io", "LocalIOError", OSError),
    (161, "NoSpace", "NoSpace", OSError),
    (162, "Exists", "Exists", FileExistsError),
    (163, "Locked", "Locked", None),
    (164, "Journal", "JournalError", None),
    (170, "Closed", "ClosedError", RuntimeError),
    (171, "Cancelled", "Cancelled", None),
    (172, "Forked", "ForkedError", None),
    (173, "Internal", "InternalError", None),
]
GROUPS = {
    ltx_jobs.ApiError: range(101, 125),
    ltx_jobs.TransportError: range(130, 137),
    ltx_jobs.JobError: range(140, 146),
    ltx_jobs.TransferError: range(150, 164),
}
OUTSIDE_GROUPS = {105, 107, 115}


def test_the_table_is_the_cores():
    only_in_c = {104, 106}
    assert [(number, kind) for number, kind in _native.kinds() if number not in only_in_c] == [(row[0], row[1]) for row in TABLE]


@pytest.mark.parametrize("number, kind, name, builtin", TABLE)
def test_every_kind_has_its_class_its_group_and_its_builtin(number, kind, name, builtin):
    error = getattr(ltx_jobs, name)
    assert (error.number, error.kind, error.__module__) == (number, kind, "ltx_jobs")
    assert issubclass(error, ltx_jobs.Error) and error.__doc__
    if builtin is not None:
        assert issubclass(error, builtin)
    for group, numbers in GROUPS.items():
        assert issubclass(error, group) == (number in numbers and number not in OUTSIDE_GROUPS), group
    if kind == "RequestTimeout":
        assert issubclass(error, ConnectionError)


def full(number: int, job_ended: bool) -> ltx_jobs.Error:
    error = _errors.class_of(number, job_ended)("what; the bill; the advice")
    values = dict(
        message="what", advice="the advice", billing="job_exists", retryable=True, retry_after=1.5, request_id="r", http_status=429,
        api_type="t", api_message="m", ref="video-to-video-hdr/x", job_ended=job_ended,
    )  # fmt: skip
    for key, value in values.items():
        setattr(error, key, value)
    _errors._set_os_error(error, errno.ENOSPC)
    return error


@pytest.mark.parametrize("job_ended", [False, True])
@pytest.mark.parametrize("number", [row[0] for row in TABLE])
def test_every_error_survives_pickle_and_copy_with_all_its_data(number, job_ended):
    error = full(number, job_ended)
    if hasattr(error, "add_note"):
        error.add_note("seen on the farm")
    assert isinstance(error, ltx_jobs.JobFailed) == (job_ended or number == 142)
    again = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for other in [*again, copy.copy(error)]:
        assert type(other) is type(error) and str(other) == str(error) and other.args == error.args
        for name in _errors._DATA:
            assert getattr(other, name) == getattr(error, name), name
        assert getattr(other, "__notes__", None) == getattr(error, "__notes__", None)
        if isinstance(error, OSError):
            assert other.errno == errno.ENOSPC


def test_the_class_that_ends_a_job_is_the_same_every_time_and_reads_as_its_kind():
    ender = _errors.class_of(103, True)
    assert ender is _errors.class_of(103, True)
    assert (ender.__name__, ender.__module__, ender.kind, ender.number) == ("ContentFiltered", "ltx_jobs", "ContentFiltered", 103)
    assert _errors.class_of(142, True) is ltx_jobs.JobFailed


def test_base_classes_raised_by_hand_pickle_too():
    for name in ("Error", "ApiError", "JobError", "TransferError", "TransportError"):
        error = getattr(ltx_jobs, name)("by hand")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == "by hand"


def test_a_full_disk_and_a_missing_file_keep_their_errno(client, tmp_path):
    with pytest.raises(ltx_jobs.LocalIOError) as caught:
        client.upload(tmp_path / "missing.mp4")
    assert isinstance(caught.value, OSError) and caught.value.errno == errno.ENOENT == caught.value.os_error
    assert "[Errno" not in str(caught.value)


def test_a_different_file_is_not_replaced_unless_asked(submit, tmp_path):
    done = submit().wait()
    (tmp_path / "video.mp4").write_bytes(b"somebody else's")
    with pytest.raises(FileExistsError) as caught:
        done.download(tmp_path, only="video_url")
    assert isinstance(caught.value, ltx_jobs.Exists) and caught.value.billing == "job_exists"
    assert (tmp_path / "video.mp4").read_bytes() == b"somebody else's"
    assert done.download(tmp_path, only="video_url", overwrite=True).bytes > 100


def test_the_traceback_begins_in_the_users_line(client):
    with pytest.raises(ltx_jobs.InvalidRequest) as caught:
        client.job("nonsense")
    assert caught.traceback[0].path.name == "test_errors.py"


def test_neither_key_nor_signature_is_in_any_text(emulator, plate, tmp_path):
    import traceback

    key = "canary-key-4711"
    emulator.reset({"api_key": key, "fault": [{"route": "download", "do": "status", "status": 403, "times": 1000}]})
    with emulator.client(api_key=key) as client:
        done = client.video_to_video_hdr(video_uri=plate).wait()
        query = done.outputs["video_url"].url.split("?", 1)[1]
        with pytest.raises(ltx_jobs.Error) as caught:
            done.download(tmp_path)
        error = caught.value
        texts = [repr(client), repr(done), repr(error), str(error), repr(pickle.dumps(error)), repr(client._settings)]
        texts.append("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        texts.extend(str(name) for name in tmp_path.rglob("*"))
        for text in texts:
            assert key not in text and query not in text and "X-Goog-Signature" not in text


def test_a_report_with_local_variables_shows_no_key_from_our_frames():
    import traceback

    with pytest.raises(ltx_jobs.ConfigError) as caught:
        ltx_jobs.Client("canary-key-4711", poll_interval=0)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if frame.filename.endswith(("_client.py", "_errors.py", "_config.py"))]
    assert ours and not [frame.name for frame in ours if "canary-key-4711" in repr(frame.locals)]


BILLS = [
    # What the service does, the class that is raised, the bill, and how the reference begins.
    ({"fault": [{"route": "submit", "status": 402}]}, "InsufficientFunds", "no_job", None),
    ({"fault": [{"route": "submit", "do": "read_and_close"}]}, "SubmitUnknown", "unknown", "intent:"),
    ({"fault": [{"route": "submit", "do": "no_id"}]}, "IdLost", "job_exists", "intent:"),
    ({"job": {"pending_polls": 100000}}, "WaitTimeout", "job_exists", "video-to-video-hdr/"),
    ({"fault": [{"route": "poll", "status": 401, "times": 0}]}, "Unauthenticated", "job_exists", "video-to-video-hdr/"),
    ({"job": {"outcome": "failed"}}, "ContentFiltered", "not_billed", "video-to-video-hdr/"),
    ({"fault": [{"route": "download", "do": "expired_url", "times": 0}]}, "ResultExpired", "job_exists", "video-to-video-hdr/"),
]


@pytest.mark.parametrize("programme, name, billing, ref", BILLS)
def test_an_exception_says_of_the_bill_what_the_core_says(emulator, plate, tmp_path, programme, name, billing, ref):
    emulator.reset(programme)
    with emulator.client() as client, pytest.raises(ltx_jobs.Error) as caught:
        job = client.video_to_video_hdr(video_uri=plate)
        done = job.wait(0.2 if name == "WaitTimeout" else 20)
        done.download(tmp_path)
    error = caught.value
    assert isinstance(error, getattr(ltx_jobs, name)) and (error.billing, error.job_ended) == (billing, billing == "not_billed")
    assert error.ref is None if ref is None else error.ref.startswith(ref), error.ref
    assert (error.job is not None) == (ref is not None and not ref.startswith("intent:"))
    assert not (error.retryable and billing in ("unknown", "not_billed"))


def test_every_class_begins_without_a_bill_and_an_error_of_this_side_has_none():
    for number, _, name, _ in TABLE:
        assert getattr(ltx_jobs, name).billing == "no_job"
        assert _errors.local(number, "here").billing == "no_job"
