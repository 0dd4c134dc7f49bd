"""Everything that goes through a queue or into a file comes out as it was, by every protocol and copy, and the key is in none of it."""

from __future__ import annotations

import copy
import inspect
import pickle
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

import ltx_jobs
from ltx_jobs import _errors, _models

KEY = "canary-key-4711"
MOMENT = datetime(2026, 11, 30, 4, 5, 6, tzinfo=timezone.utc)
REF = "video-to-video-hdr/1b2c"
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)

# Handles to what runs, or to signed URLs: they refuse, with advice.
REFUSE = {"Batch", "Completed", "Frame", "FrameStream", "Frames", "Output"}
REFUSE |= {f"Async{name}" for name in REFUSE}
# Parts of type annotations, or made by the interpreter only.
NO_VALUES = {"__version__", "as_completed", "wait_all"}
# Whether they do depends on where the key comes from.
CLIENTS = {"Client", "AsyncClient"}


def error(kind: type[ltx_jobs.Error], job: object = None) -> ltx_jobs.Error:
    made = kind("what happened; the bill; what to do next")
    for name in _errors._DATA:
        setattr(made, name, f"of {name}")
    made.retryable, made.retry_after, made.http_status, made.job_ended = True, 1.5, 429, issubclass(kind, ltx_jobs.JobFailed)
    _errors._set_os_error(made, 28)
    made.job = job
    if hasattr(made, "add_note"):
        made.add_note("seen on the farm")
    return made


def enders() -> list[type[ltx_jobs.Error]]:
    """Classes of errors that ended a job: each is a `JobFailed` as well."""
    return [_errors.class_of(number, True) for number in _errors._CLASSES]


def examples(job: object, async_job: object) -> list[object]:
    """At least one of every public class that has values."""
    submit = ltx_jobs.JournaledSubmit(
        "intent:1", REF, "video-to-video-hdr", "sh010", "once", MOMENT, "accepted", "completed", True, False, "r1", 1,
        ltx_jobs.Destination("shots", "video_url", "both", "a.{frame}.exr", 7), Decimal("1.25"),
    )  # fmt: skip
    failed = error(ltx_jobs.Connect)
    finding = ltx_jobs.Finding("proxy", "failed", "none", 0.5, failed)
    setting = ltx_jobs.Setting("proxy", "none", "default")
    hdr = ltx_jobs.VideoToVideoHdr(Path("plate.mp4"), output_colorspace="acescg", extra={"seed": 7})
    video, picture = "https://cdn.example/a.mp4", "https://cdn.example/a.png"
    values: list[object] = [
        job,
        async_job,
        submit,
        finding,
        setting,
        hdr,
        ltx_jobs.TextToVideo("a boat", model="ltx-2-5-pro", duration=6, resolution="1920x1080"),
        ltx_jobs.ImageToVideo(picture, "a boat", model="ltx-2-5-pro", duration=6, resolution="1920x1080"),
        ltx_jobs.AudioToVideo("https://cdn.example/a.wav", prompt="a boat"),
        ltx_jobs.Retake(video, start_time=1, duration=2, prompt="a boat"),
        ltx_jobs.Extend(video, duration=4),
        ltx_jobs.VideoToVideoReframe(video, resolution="1080x1350"),
        ltx_jobs.VideoUpscale(video, resolution="4k"),
        ltx_jobs.VideoAlphaGen(video),
        ltx_jobs.BatchItem("sh010", hdr, "shot 10", 5, ltx_jobs.Destination("shots"), None, "2.50"),
        ltx_jobs.BatchOutcome("sh010", "shot 10", "failed", REF, job, None, [Path("a.exr")], ["s3://a/b"], 7, failed),
        ltx_jobs.BatchProgress(2, 1, 0, 1, 0, [("saved", 1), ("a_new_state", 2)], 7, Decimal("0.4"), "why", 1.5, "2 items"),
        ltx_jobs.BatchState.SAVED,
        ltx_jobs.BatchState("a_new_state"),
        ltx_jobs.Checked("r1", 0.5, 3, 1, [finding], [setting]),
        ltx_jobs.BatchItem("sh020", hdr, rehost=ltx_jobs.StoreDestination("s3://plates/reel/")),
        ltx_jobs.Counters(*range(len(ltx_jobs.Counters.__slots__) - 1), Decimal("1.25")),
        ltx_jobs.Destination("shots"),
        ltx_jobs.StoreDestination("s3://plates/reel/", ["video_url"], "both", "a.{frame}.exr", 7, {"region": "eu-west-1"}),
        ltx_jobs.Estimate(Decimal("0.20"), "1 s"),
        ltx_jobs.FindingState.OK,
        ltx_jobs.Object("s3://a/b", 7, 8, "tag"),
        ltx_jobs.Progress("downloading", 1, 2, 3, 4, "processing", 1.5, "host", 2.5),
        ltx_jobs.Recovered([job], [submit], []),
        ltx_jobs.Rehosted([ltx_jobs.Object("s3://a/b", 7, None, None)], 7, 0.5),
        ltx_jobs.Saved([Path("a.exr")], [7], 8, 0.5),
        ltx_jobs.Snapshot("processing", MOMENT, MOMENT, failed, MOMENT, ("odd",), False),
        ltx_jobs.Status.COMPLETED,
        ltx_jobs.Status("paused"),
        ltx_jobs.SubmitState.UNKNOWN,
    ]
    public = [getattr(ltx_jobs, name) for name in ltx_jobs.__all__]
    errors = [one for one in public if inspect.isclass(one) and issubclass(one, ltx_jobs.Error)]
    values += [error(one) for one in [*errors, *enders()]]
    values += [error(ltx_jobs.WaitTimeout, job), error(ltx_jobs.WaitTimeout, async_job)]
    return values


def told(value: object) -> object:
    """All there is to know of a value, to be compared."""
    if isinstance(value, ltx_jobs.Error):
        data = [getattr(value, name) for name in _errors._DATA]
        errno = value.errno if isinstance(value, OSError) else None
        return type(value), str(value), value.args, data, errno, told(value.job), getattr(value, "__notes__", None)
    if isinstance(value, _models.Value):
        return type(value), [told(part) for part in value._content()]
    if isinstance(value, (tuple, list)):
        return [told(part) for part in value]
    if isinstance(value, (ltx_jobs.Job, ltx_jobs.AsyncJob)):
        return type(value), value.ref, value.label, value._client.base_url
    return type(value), value


def ways() -> dict[str, object]:
    cloudpickle = pytest.importorskip("cloudpickle")
    found = {f"pickle {protocol}": lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol)) for protocol in PROTOCOLS}
    found["copy"] = copy.copy
    found["deepcopy"] = copy.deepcopy
    found["cloudpickle"] = lambda value: pickle.loads(cloudpickle.dumps(value))
    return found


def test_every_value_and_every_error_survives_every_way_and_has_no_key_in_it(emulator, plate, figure):
    emulator.reset({"api_key": KEY})
    client = emulator.client(api_key=KEY)
    aclient = ltx_jobs.AsyncClient(KEY, base_url=emulator.base_url)
    with client:
        job = client.video_to_video_hdr(video_uri=plate, label="sh010")
        values = examples(job, ltx_jobs.AsyncJob(aclient, job.ref, "sh010"))
        failures = []
        for value in values:
            for name, way in ways().items():
                try:
                    again = way(value)
                except Exception as problem:  # noqa: BLE001
                    failures.append((name, value, problem))
                    continue
                if told(again) != told(value):
                    failures.append((name, value, again))
            for protocol in PROTOCOLS:
                if KEY.encode() in pickle.dumps(value, protocol):
                    failures.append((protocol, value, "the key is in it"))
    kinds = {type(value) for value in values}
    missing = {name for name in ltx_jobs.__all__ if inspect.isclass(getattr(ltx_jobs, name))} - {kind.__name__ for kind in kinds}
    assert missing == REFUSE | CLIENTS | {"Request"}, "what is public is tried"
    assert not failures, failures[:3]
    figure("pickle matrix", len(failures), 0, "failures", of=f"{len(kinds)} types x {len(ways())} ways")


def test_what_is_bound_to_signed_urls_or_runs_refuses_with_advice_in_every_way(client, plate):
    done = client.video_to_video_hdr(video_uri=plate).wait()
    frames = done.frames()
    with client.batch([], name="none") as batch, frames.stream() as stream:
        handles = [done, done.outputs["video_url"], frames, frames[0], stream, batch]
        assert {type(handle).__name__ for handle in handles} == {name for name in REFUSE if not name.startswith("Async")}
        for handle in handles:
            for name, way in ways().items():
                with pytest.raises(pickle.PicklingError, match="pickle its job|start it again"):
                    way(handle)
                    pytest.fail(f"{handle!r} survived {name}")


@pytest.mark.parametrize("kind", [ltx_jobs.Client, ltx_jobs.AsyncClient])
def test_a_client_pickles_when_its_key_comes_from_the_environment_and_else_refuses_with_advice(kind, monkeypatch, tmp_path):
    settings = {"base_url": "http://127.0.0.1:9", "poll_interval": 0.5, "journal": tmp_path}
    file = tmp_path / "key"
    file.write_text(KEY)
    for key in (KEY, file):
        for way in ways().values():
            with pytest.raises(pickle.PicklingError, match="LTXV_API_KEY") as caught:
                way(kind(key, **settings))
            assert KEY not in str(caught.value)
    for variable in ("LTXV_API_KEY", "LTX_API_KEY"):
        monkeypatch.setenv(variable, KEY)
        client = kind(**settings)
        for protocol in PROTOCOLS:
            assert KEY.encode() not in pickle.dumps(client, protocol)
        for way in ways().values():
            again = way(client)
            assert type(again) is kind and again is not client and repr(again) == repr(client)
        # It arrives where another key is, and has that one.
        data = pickle.dumps(client)
        monkeypatch.setenv(variable, "the-key-of-another-machine")
        assert f"environment {variable}" in repr(pickle.loads(data))
        monkeypatch.delenv(variable)
        with pytest.raises(ltx_jobs.ConfigError, match="LTXV_API_KEY"):
            pickle.loads(data)
    # A key that was set later is one that was given in the program.
    monkeypatch.setenv("LTXV_API_KEY", KEY)
    client = kind(**settings)
    client.set_api_key("another")
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(client)


def test_a_job_arrives_where_no_key_is_and_says_so_only_when_it_is_used(submit, monkeypatch):
    job = submit(label="sh010")
    data = pickle.dumps(job)
    monkeypatch.delenv("LTXV_API_KEY", raising=False)
    monkeypatch.delenv("LTX_API_KEY", raising=False)
    # As in a process where no job has arrived before.
    monkeypatch.setattr("ltx_jobs._client_base._by_address", {})
    again = pickle.loads(data)
    assert again == job and hash(again) == hash(job) and (again.endpoint, again.id, again.label) == (job.endpoint, job.id, "sh010")
    with pytest.raises(ltx_jobs.ConfigError, match="LTXV_API_KEY"):
        again.wait()
