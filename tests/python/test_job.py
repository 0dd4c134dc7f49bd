"""One job all the way: submit, wait, results on disk, and what the service saw of it."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from datetime import datetime, timedelta, timezone

import pytest
from conftest import ENDLESS, SUBMITS

import ltx_jobs


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_clip_becomes_verified_frames_and_a_video(emulator, client, submit, tmp_path):
    job = submit(output_colorspace="acescg", label="sh010")
    assert (job.endpoint, job.label, job.ref) == ("video-to-video-hdr", "sh010", f"video-to-video-hdr/{job.id}")
    done = job.wait(timeout=30)
    assert job.status == "completed" and job.status is ltx_jobs.Status.COMPLETED and job.done
    assert sorted(done.outputs) == ["exr_frames_url", "video_url"]
    assert done.job is job and done.raw["status"] == "completed"
    assert done.created_at <= done.completed_at and done.completed_at.tzinfo is timezone.utc
    assert done.job_expires_at - done.completed_at == timedelta(hours=24)
    assert isinstance(done.outputs_expire_at, datetime)

    saved = done.download(tmp_path / "out")
    made = {artifact["label"]: artifact for artifact in emulator.artifacts()}
    frames = {member["name"]: member["sha256"] for member in made["exr_frames_url"]["members"]}
    assert {path.name: sha256(path) for path in saved.paths if path.suffix == ".exr"} == frames
    assert sha256(tmp_path / "out" / "video.mp4") == made["video_url"]["sha256"]
    assert saved.bytes == sum(path.stat().st_size for path in saved.paths)
    assert sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file()) == sorted(saved.paths)
    assert [f"{crc:08x}" for path, crc in zip(saved.paths, saved.crc32c) if path.name == "video.mp4"] == [made["video_url"]["crc32c"]]

    assert emulator.count("POST", SUBMITS) == 1
    assert emulator.jobs()[0]["body"]["output_colorspace"] == "acescg"
    to_storage = [request for request in emulator.requests() if request["origin"] == "storage"]
    assert to_storage and not [request for request in to_storage if "authorization" in dict(request["headers"])]


def test_downloading_again_changes_nothing_and_fetches_no_frame_twice(submit, tmp_path):
    done = submit().wait()
    first = done.download(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in first.paths}
    again = done.download(tmp_path)
    assert again.paths == first.paths
    assert {path: path.stat().st_mtime_ns for path in again.paths} == times


def test_frames_get_the_names_and_numbers_of_the_pipeline(submit, tmp_path):
    done = submit().wait()
    saved = done.download(tmp_path, only="exr_frames", frame_name="sh010.{frame:04d}.exr", first_frame=1001)
    assert [path.name for path in saved.paths] == ["sh010.1001.exr", "sh010.1002.exr", "sh010.1003.exr"]


def test_one_output_can_be_saved_alone_and_an_archive_kept(submit, tmp_path):
    done = submit().wait()
    assert [path.name for path in done.outputs["video_url"].download(tmp_path).paths] == ["video.mp4"]
    (kept,) = done.download(tmp_path, only=["exr_frames_url"], archive="keep").paths
    with zipfile.ZipFile(kept) as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 3


def test_an_output_nobody_has_heard_of_is_saved_under_its_own_name_and_the_whole_answer_is_kept(emulator, submit, tmp_path):
    emulator.reset({"video": {"extra_labels": ["depth_pass_url", "grain"]}})
    done = submit().wait()
    assert sorted(done.outputs) == ["depth_pass_url", "exr_frames_url", "grain", "video_url"]
    saved = done.download(tmp_path, only=["depth_pass_url", "grain"])
    assert sorted(path.name for path in saved.paths) == ["depth_pass.mp4", "grain.mp4"]
    assert done.outputs["grain"].download(tmp_path).paths == (tmp_path / "grain.mp4",)
    assert done.raw["result"]["grain"] == done.outputs["grain"].url and done.raw["id"] == done.job.id
    with pytest.raises(ltx_jobs.InvalidRequest, match="depth_url"):
        done.download(tmp_path, only="depth_url")


def test_save_waits_and_downloads(submit, tmp_path):
    saved = submit().save(tmp_path, timeout=30)
    assert len(saved.paths) == 4 and all(path.is_file() for path in saved.paths)


def test_the_frames_are_half_float_rgb_pictures_that_differ(emulator, client, plate, tmp_path):
    OpenEXR = pytest.importorskip("OpenEXR")
    numpy = pytest.importorskip("numpy")
    emulator.reset({"archive": {"frames": 4, "width": 96, "height": 54}})
    saved = client.video_to_video_hdr(video_uri=plate).save(tmp_path)
    pictures = []
    for path in saved.paths:
        if path.suffix == ".exr":
            with OpenEXR.File(str(path), separate_channels=True) as file:
                channels = file.channels()
                assert sorted(channels) == ["B", "G", "R"]
                assert {channel.pixels.dtype for channel in channels.values()} == {numpy.dtype("float16")}
                assert {channel.pixels.shape for channel in channels.values()} == {(54, 96)}
                pictures.append(channels["R"].pixels.tobytes())
    assert len(set(pictures)) == 4


def test_a_time_limit_is_no_failure_and_the_same_handle_waits_again(emulator, client, plate):
    emulator.reset(ENDLESS)
    job = client.video_to_video_hdr(video_uri=plate)
    with pytest.raises(ltx_jobs.WaitTimeout) as caught:
        job.wait(timeout=timedelta(milliseconds=50))
    error = caught.value
    assert isinstance(error, TimeoutError) and error.job is job
    assert (error.billing, error.retryable, error.job_ended, error.number) == ("job_exists", True, False, 145)
    with pytest.raises(ltx_jobs.WaitTimeout):
        job.wait(timeout=0)
    emulator.advance(2 * 3600 + 1)
    assert job.wait(timeout=30).job == job


def test_a_job_refused_by_the_content_filter_is_both_kinds_of_error(emulator, client, plate):
    emulator.reset({"job": {"outcome": "failed", "error": {"type": "content_filtered_error", "message": "No."}}})
    job = client.video_to_video_hdr(video_uri=plate)
    with pytest.raises(ltx_jobs.JobFailed) as caught:
        job.wait()
    error = caught.value
    assert isinstance(error, ltx_jobs.ContentFiltered)
    assert (error.kind, error.billing, error.job_ended, error.retryable) == ("ContentFiltered", "not_billed", True, False)
    assert (error.api_type, error.api_message, error.job) == ("content_filtered_error", "No.", job)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, ltx_jobs.JobFailed) and isinstance(again, ltx_jobs.ContentFiltered) and again.job == job


def test_a_reply_lost_after_the_body_was_sent_is_never_sent_again(emulator, client, plate):
    emulator.push_fault("submit", "read_and_close")
    with pytest.raises(ltx_jobs.SubmitUnknown) as caught:
        client.video_to_video_hdr(video_uri=plate, once="sh010")
    error = caught.value
    assert (error.billing, error.retryable, error.job) == ("unknown", False, None)
    assert error.ref.startswith("intent:")
    with pytest.raises(ltx_jobs.SubmitUnknown):
        client.video_to_video_hdr(video_uri=plate, once="sh010")
    with pytest.raises(ltx_jobs.SubmitUnknown):
        client.job(error.ref)
    assert emulator.count("POST", SUBMITS) == 1


@pytest.mark.parametrize("form", ["method", "class", "raw"])
def test_a_double_charge_is_risked_only_by_whoever_accepts_it_in_so_many_words(form, emulator, client, plate):
    submits = {
        "method": lambda **options: client.video_to_video_hdr(video_uri=plate, **options),
        "class": lambda **options: client.submit(ltx_jobs.VideoToVideoHdr(plate), **options),
        "raw": lambda **options: client.submit("video-to-video-hdr", {"video_uri": plate}, **options),
    }
    emulator.push_fault("submit", "read_and_close", times=2)
    with pytest.raises(ltx_jobs.SubmitUnknown):
        submits[form]()
    assert emulator.count("POST", SUBMITS) == 1
    job = submits[form](on_unknown="accept_double_charge")
    assert emulator.count("POST", SUBMITS) == 3 and len(emulator.jobs()) == 3 and job.id == emulator.jobs()[-1]["id"]
    with pytest.raises(ltx_jobs.InvalidRequest, match="accept_double_charge"):
        submits[form](on_unknown="yes")


def test_the_same_key_gives_the_same_job(emulator, submit):
    first = submit(once="sh010")
    assert submit(once="sh010") == first
    with pytest.raises(ltx_jobs.InvalidRequest):
        submit(once="sh010", output_colorspace="acescct")
    assert emulator.count("POST", SUBMITS) == 1


def test_a_refused_key_can_be_replaced(emulator, plate):
    with emulator.client(api_key="wrong-key") as client:
        with pytest.raises(ltx_jobs.Unauthenticated) as caught:
            client.check()
        assert (caught.value.http_status, caught.value.billing) == (401, "no_job") and isinstance(caught.value, PermissionError)
        client.set_api_key(emulator.api_key)
        assert client.check().request_id


@pytest.mark.parametrize("kind", ["bytes", "memory file", "open file", "path text in os.PathLike"])
def test_every_form_of_an_input_is_uploaded_whole(kind, emulator, client, plate):
    class Named:
        def __fspath__(self):
            return str(plate)

    content = plate.read_bytes()
    with plate.open("rb") as file:
        source = {"bytes": content, "memory file": io.BytesIO(content), "open file": file, "path text in os.PathLike": Named()}[kind]
        client.video_to_video_hdr(video_uri=source)
    (put,) = [request for request in emulator.requests() if request["method"] == "PUT"]
    assert (put["body_len"], put["whole"]) == (len(content), True)


def test_an_upload_serves_several_requests(emulator, client, plate):
    address = client.upload(plate)
    assert address.startswith("ltx://uploads/")
    client.video_to_video_hdr(video_uri=address)
    client.submit("video-to-video-hdr", {"video_uri": address, "output_colorspace": "acescct"})
    client.submit(ltx_jobs.VideoToVideoHdr(address))
    assert emulator.count("PUT", "/*") == 1 and emulator.count("POST", SUBMITS) == 3


def test_a_path_in_the_parameters_of_any_endpoint_is_uploaded(emulator, client, plate):
    client.submit("video-to-video-hdr", {"video_uri": plate})
    assert emulator.jobs()[0]["body"]["video_uri"].startswith("ltx://uploads/")


def test_what_can_never_be_right_is_refused_before_any_network(emulator, client, plate):
    cases = [
        (lambda: client.video_to_video_hdr(video_uri=str(plate)), "path"),
        (lambda: client.video_to_video_hdr(video_uri="http://example.com/x.mp4"), "https"),
        (lambda: client.submit("video-to-video-hdr", {"video_uri": "ltx://uploads/x", "list": [plate]}), "inside a list"),
        (lambda: client.submit("video-to-video-hdr", {"video_uri": "ltx://uploads/x", "seed": float("nan")}), "JSON"),
        (lambda: client.submit("a/b", {}), "endpoint"),
        (lambda: client.job("nonsense"), "reference"),
        (lambda: client.upload("plate.mp4"), "Path"),
        (lambda: client.submit("x", {}, on_unknown="retry"), "on_unknown"),  # type: ignore[arg-type]
        (lambda: client.submit("x", {}, timeout=-1), "timeout"),
    ]
    for call, word in cases:
        with pytest.raises(ltx_jobs.InvalidRequest, match=word) as caught:
            call()
        assert isinstance(caught.value, ValueError) and caught.value.billing == "no_job"
    assert emulator.requests() == []


def test_a_job_is_a_value_that_travels_without_the_key(emulator, client, submit, monkeypatch):
    job = submit(label="sh010")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        packed = pickle.dumps(job, protocol)
        assert emulator.api_key.encode() not in packed
        arrived = pickle.loads(packed)
        assert arrived == job and hash(arrived) == hash(job) and arrived.label == "sh010"
    with pytest.raises(ltx_jobs.ConfigError):
        arrived.poll()
    monkeypatch.setenv("LTXV_API_KEY", emulator.api_key)
    monkeypatch.setenv("LTX_POLL_INTERVAL", "20ms")
    assert arrived.wait(timeout=30).outputs.keys() == job.wait().outputs.keys()


def test_a_client_pickles_only_when_its_key_comes_from_the_environment(emulator, client, monkeypatch):
    with pytest.raises(pickle.PicklingError, match="LTXV_API_KEY"):
        pickle.dumps(client)
    monkeypatch.setenv("LTXV_API_KEY", emulator.api_key)
    with ltx_jobs.Client(base_url=emulator.base_url, poll_interval=0.02) as given:
        packed = pickle.dumps(given)
        assert emulator.api_key.encode() not in packed
        with pickle.loads(packed) as arrived:
            assert arrived.check().request_id


def test_results_hold_credentials_and_do_not_pickle(submit):
    done = submit().wait()
    for value in (done, done.outputs["video_url"]):
        with pytest.raises(pickle.PicklingError, match="job"):
            pickle.dumps(value)
        assert "X-Goog" not in repr(value)
    assert "X-Goog-Signature" in done.outputs["video_url"].url


def test_an_attached_job_knows_nothing_until_it_is_asked(emulator, client, submit):
    known = submit()
    known.wait()
    with emulator.client() as other:
        job = other.job(known.ref)
        assert (job.status, job.done) == (None, False)
        assert job.poll().status == "completed" and job.done
        with pytest.raises(LookupError) as caught:
            other.job("video-to-video-hdr/no-such-job").wait(timeout=20)
        assert isinstance(caught.value, ltx_jobs.JobNotFound)


def test_an_unknown_status_word_survives_as_text(emulator, client, plate):
    emulator.reset(ENDLESS)
    emulator.push_fault("poll", "status_word", word="queued_for_gpu", times=1000)
    job = client.video_to_video_hdr(video_uri=plate)
    status = job.poll().status
    assert status == "queued_for_gpu" and str(status) == "queued_for_gpu" and not status.is_terminal
    assert pickle.loads(pickle.dumps(status)) == status
    assert not job.done


def test_progress_is_called_on_this_thread_at_most_ten_times_a_second(emulator, client, plate, tmp_path):
    import threading
    import time

    calls = []

    def note(progress: ltx_jobs.Progress) -> None:
        calls.append((time.monotonic(), threading.get_ident(), progress))

    emulator.reset({"job": {"pending_polls": 20, "processing_polls": 5}})
    job = client.video_to_video_hdr(video_uri=plate, progress=note)
    assert calls[-1][2].phase == "submitting"
    calls.clear()
    done = job.wait(progress=note)
    assert {call[1] for call in calls} == {threading.get_ident()}
    assert calls[-1][2].phase == "waiting" and calls[-1][2].status in ("pending", "processing", "completed")
    # The last call is the one at the end and may follow closely.
    moments = [call[0] for call in calls[:-1]]
    assert all(later - earlier >= 0.099 for earlier, later in zip(moments, moments[1:]))
    calls.clear()
    saved = done.download(tmp_path, progress=note)
    last = calls[-1][2]
    assert (last.phase, last.frames_done, last.frames_total) == ("downloading", 3, 3) and last.bytes_done > 0 and len(saved.paths) == 4


def test_an_exception_of_the_callback_ends_the_wait_and_propagates(emulator, client, plate):
    emulator.reset(ENDLESS)
    job = client.video_to_video_hdr(video_uri=plate)

    def refuse(_progress):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        job.wait(progress=refuse)
    assert job.poll().status == "pending"


def test_a_job_that_has_ended_is_never_asked_for_again(emulator, client, submit):
    job = submit()
    job.wait()
    polls = f"{SUBMITS}/{job.id}"
    seen = emulator.count("GET", polls)
    assert seen == 3
    assert job.wait().job == job
    assert job.wait(timeout=0).job == job
    # Another job's whole life: whatever was queued for the first one has been sent by then.
    submit().wait()
    assert emulator.count("GET", polls) == seen
