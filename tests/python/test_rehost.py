"""Outputs copied to a real S3 server: whole and proven, or not there; and nothing left over."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import zlib

import pytest
from conftest import until
from stores import KEY_ID, SECRET, Gateway, Store

import ltx_jobs

# Two parts a frame, three an archive.
LARGE = {"archive": {"frames": 2, "padding": 9_000_000}}


@pytest.fixture(scope="module")
def store():
    store = Store()
    yield store
    store.close()


@pytest.fixture
def bucket(store, monkeypatch, request):
    """An empty bucket, and an environment as a farm machine has it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    name = f"b{time.monotonic_ns()}"
    store.s3().create_bucket(Bucket=name)
    return name


def objects(store, bucket) -> dict[str, bytes]:
    s3 = store.s3()
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed}


def uploads(store, bucket) -> list[dict]:
    return store.s3().list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def expected(emulator) -> dict[str, str]:
    """SHA-256 of everything that can be copied, by its name, as the emulator made it."""
    found = {}
    for artifact in emulator.artifacts():
        if artifact["label"] == "exr_frames_url":
            found["exr_frames.zip"] = artifact["sha256"]
            found.update({f"exr_frames/{member['name']}": member["sha256"] for member in artifact["members"]})
        else:
            found["video.mp4"] = artifact["sha256"]
    return found


def told(error: BaseException) -> str:
    """Everything an error shows."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__)) + repr(error) + str(error) + repr(getattr(error, "__dict__", ""))


@pytest.mark.parametrize("mode", ["unpack", "keep", "both"])
@pytest.mark.parametrize("programme", [{}, LARGE], ids=["one request each", "in parts"])
def test_outputs_become_objects_with_the_services_own_bytes(emulator, submit, store, bucket, mode, programme):
    emulator.reset(programme)
    done = submit().wait(timeout=30)
    copied = done.rehost(f"s3://{bucket}/shots/010/", archive=mode)
    wanted = {
        f"shots/010/{name}": digest
        for name, digest in expected(emulator).items()
        if not (mode == "unpack" and name.endswith(".zip")) and not (mode == "keep" and name.endswith(".exr"))
    }
    there = objects(store, bucket)
    assert {key: sha256(content) for key, content in there.items()} == wanted
    assert {one.url: one.bytes for one in copied.objects} == {f"s3://{bucket}/{key}": len(content) for key, content in there.items()}
    assert copied.bytes == sum(map(len, there.values())) and copied.elapsed > 0
    assert uploads(store, bucket) == []
    s3 = store.s3()
    for one in copied.objects:
        head = s3.head_object(Bucket=bucket, Key=one.url.split("/", 3)[3])
        assert head["ETag"] == one.e_tag
        assert one.crc32c is not None
        if one.url.endswith(".exr"):
            assert head["Metadata"]["ltxcrc32"] == f"{zlib.crc32(there[one.url.split('/', 3)[3]]):08x}"
            assert head["ContentType"] == "image/x-exr"
        else:
            assert head["Metadata"]["ltxcrc32c"] == f"{one.crc32c:08x}"


def test_copying_again_sends_and_fetches_nothing(emulator, submit, store, bucket):
    emulator.reset(LARGE)
    done = submit().wait(timeout=30)
    with Gateway(store) as gateway:
        first = done.rehost(f"s3://{bucket}/", archive="both", options={"endpoint": gateway.url})
        sent, fetched = len(gateway.requests), len(emulator.requests())
        again = done.rehost(f"s3://{bucket}/", archive="both", options={"endpoint": gateway.url})
        assert {method for method, _ in gateway.requests[sent:]} == {"HEAD"}
    assert [(one.url, one.bytes) for one in again.objects] == [(one.url, one.bytes) for one in first.objects]
    moved = [one for one in emulator.requests()[fetched:] if one["origin"] == "storage"]
    assert len(moved) <= 3, "only looks at the outputs"


def test_one_lost_frame_is_copied_alone(emulator, submit, store, bucket):
    done = submit().wait(timeout=30)
    done.rehost(f"s3://{bucket}/")
    before = objects(store, bucket)
    store.s3().delete_object(Bucket=bucket, Key="exr_frames/frame_00002.exr")
    with Gateway(store) as gateway:
        done.rehost(f"s3://{bucket}/", options={"endpoint": gateway.url})
        puts = [path for method, path in gateway.requests if method != "HEAD"]
    assert len(puts) == 1 and "frame_00002" in puts[0]
    assert objects(store, bucket) == before


@pytest.mark.parametrize("programme", [{}, LARGE], ids=["one request each", "in parts"])
@pytest.mark.parametrize("ours", [True, False], ids=["of another job", "of somebody"])
def test_another_object_is_left_alone_unless_it_may_be_replaced(emulator, submit, store, bucket, programme, ours):
    emulator.reset(programme)
    done = submit().wait(timeout=30)
    key = "exr_frames/frame_00001.exr"
    done.rehost(f"s3://{bucket}/")
    whole = objects(store, bucket)[key]
    # As long as ours, so that only the content tells.
    other = bytes([whole[0] ^ 1]) + whole[1:]
    metadata = {"ltxcrc32": f"{zlib.crc32(other):08x}"} if ours else {}
    store.s3().put_object(Bucket=bucket, Key=key, Body=other, Metadata=metadata)
    with pytest.raises(ltx_jobs.Exists) as caught:
        done.rehost(f"s3://{bucket}/")
    assert f"s3://{bucket}/{key}" in str(caught.value) and caught.value.billing == "job_exists"
    assert objects(store, bucket)[key] == other
    done.rehost(f"s3://{bucket}/", overwrite=True)
    assert objects(store, bucket)[key] == whole


def test_an_object_that_appears_meanwhile_is_not_replaced(emulator, submit, store, bucket):
    done = submit().wait(timeout=30)
    other = b"somebody was faster"

    def rule(method, path, number):
        if method == "PUT" and "video.mp4" in path:
            store.s3().put_object(Bucket=bucket, Key="video.mp4", Body=other)

    with Gateway(store, rule) as gateway, pytest.raises(ltx_jobs.Exists):
        done.rehost(f"s3://{bucket}/", only="video", options={"endpoint": gateway.url})
    assert objects(store, bucket) == {"video.mp4": other}


@pytest.mark.parametrize("mode", ["keep", "unpack"])
def test_a_source_that_stays_damaged_leaves_no_object_and_no_upload(emulator, submit, store, bucket, mode):
    fault = {"route": "download:exr_frames_url", "do": "corrupt_byte", "at": 17_000_000, "times": 0}
    emulator.reset({**LARGE, "fault": [fault]})
    done = submit().wait(timeout=30)
    with pytest.raises(ltx_jobs.IntegrityError):
        done.rehost(f"s3://{bucket}/", only="exr_frames", archive=mode)
    # The frame before the damage is whole.
    assert set(objects(store, bucket)) == ({"exr_frames/frame_00001.exr"} if mode == "unpack" else set())
    assert uploads(store, bucket) == []


def test_a_store_that_is_busy_or_breaks_connections_is_waited_for(emulator, submit, store, bucket):
    emulator.reset(LARGE)
    done = submit().wait(timeout=30)
    seen: dict[str, int] = {}

    def rule(method, path, number):
        # Every request of its own kind fails twice: with an answer, and without.
        kind = f"{method} {path}"
        seen[kind] = seen.get(kind, 0) + 1
        return {1: 503, 2: "cut"}.get(seen[kind])

    with Gateway(store, rule) as gateway:
        done.rehost(f"s3://{bucket}/", archive="both", options={"endpoint": gateway.url})
        assert any("uploadId" in path for _, path in gateway.requests)
    assert {key: sha256(content) for key, content in objects(store, bucket).items()} == expected(emulator)
    assert uploads(store, bucket) == []


def test_an_answer_that_is_lost_after_the_object_was_made_is_no_failure(emulator, submit, store, bucket):
    emulator.reset(LARGE)
    done = submit().wait(timeout=30)
    lost = set()

    def rule(method, path, number):
        makes_an_object = (method == "POST" and "uploadId" in path) or (method == "PUT" and "partNumber" not in path)
        if makes_an_object and path not in lost:
            lost.add(path)
            return "lose"

    with Gateway(store, rule) as gateway:
        copied = done.rehost(f"s3://{bucket}/", options={"endpoint": gateway.url})
    assert len(lost) == len(copied.objects) == 3
    digests = expected(emulator)
    assert {key: sha256(content) for key, content in objects(store, bucket).items()} == {
        key: digest for key, digest in digests.items() if not key.endswith(".zip")
    }
    assert uploads(store, bucket) == []


def test_a_store_that_never_recovers_is_an_error_and_leaves_nothing(emulator, submit, store, bucket):
    emulator.reset(LARGE)
    done = submit().wait(timeout=30)

    def rule(method, path, number):
        return 503 if "partNumber=2" in path else None

    with Gateway(store, rule) as gateway, pytest.raises(ltx_jobs.Unavailable) as caught:
        done.rehost(f"s3://{bucket}/", options={"endpoint": gateway.url})
    assert "SlowDown" in str(caught.value) and caught.value.retryable
    assert SECRET not in told(caught.value)
    assert not [key for key in objects(store, bucket) if key.endswith(".exr")]
    assert uploads(store, bucket) == []


def test_a_callback_that_raises_ends_the_copy_and_leaves_no_upload(emulator, submit, store, bucket):
    fault = {"route": "download:exr_frames_url", "do": "stall", "at": 17_000_000, "times": 0}
    emulator.reset({**LARGE, "fault": [fault]})
    done = submit().wait(timeout=30)

    class Enough(Exception):
        pass

    seen = []

    def progress(now):
        seen.append(now)
        if now.bytes_done > 16_900_000 and uploads(store, bucket):
            raise Enough

    with pytest.raises(Enough):
        done.rehost(f"s3://{bucket}/", only="exr_frames", archive="keep", progress=progress)
    assert {now.phase for now in seen} == {"rehosting"} and seen[-1].bytes_total > 17_000_000
    until(lambda: not uploads(store, bucket), "the upload to be aborted")
    assert objects(store, bucket) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process")
def test_ctrl_c_ends_a_copy_at_once_and_the_same_call_goes_on(emulator, child, store, bucket):
    fault = {"route": "download:exr_frames_url", "do": "stall", "at": 17_000_000}
    emulator.reset({**LARGE, "fault": [fault]})
    copying = child(f"""
client = ltx_jobs.Client()
done = client.video_to_video_hdr(video_uri=plate).wait()
try:
    done.rehost("s3://{bucket}/", archive="keep")
except KeyboardInterrupt as stop:
    moment = time.monotonic()
    say(f"{{moment!r}} {{' '.join(getattr(stop, '__notes__', []))}}")
    say(len(done.rehost("s3://{bucket}/", archive="keep").objects))
""")
    until(lambda: uploads(store, bucket), "an upload in parts")
    sent = time.monotonic()
    os.kill(copying.process.pid, signal.SIGINT)
    moment, _, note = copying.line().partition(" ")
    assert float(moment) - sent <= 0.1
    if sys.version_info >= (3, 11):
        assert "go on" in note
    assert copying.line() == "2"
    assert copying.end()[::2] == (0, "")
    assert {key: sha256(content) for key, content in objects(store, bucket).items()} == {
        key: digest for key, digest in expected(emulator).items() if not key.endswith(".exr")
    }
    assert uploads(store, bucket) == []


def test_what_is_copied_is_brought_home(emulator, submit, client, store, bucket):
    job = submit()
    done = job.wait(timeout=30)
    done.rehost(f"s3://{bucket}/", only="video")
    assert [one.ref for one in client.recover().jobs] == [job.ref]
    done.rehost(f"s3://{bucket}/")
    assert not client.recover().jobs


def test_wrong_credentials_are_told_with_where_they_are_looked_for(emulator, submit, bucket, monkeypatch):
    strict = Store(INITIAL_NO_AUTH_ACTION_COUNT="0")
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", strict.url)
        done = submit().wait(timeout=30)
        with pytest.raises(ltx_jobs.Unauthenticated) as caught:
            done.rehost("s3://bucket/")
    finally:
        strict.close()
    assert "InvalidAccessKeyId" in str(caught.value) and "AWS_ACCESS_KEY_ID" in str(caught.value)
    assert caught.value.http_status == 403 and not caught.value.retryable
    assert SECRET not in told(caught.value) and KEY_ID not in told(caught.value)


def test_no_credentials_are_told_within_seconds(emulator, submit, bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # No cloud's metadata service may answer where this runs.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    done = submit().wait(timeout=30)
    began = time.monotonic()
    with pytest.raises(ltx_jobs.Unauthenticated) as caught:
        done.rehost(f"s3://{bucket}/")
    assert time.monotonic() - began < 10
    assert "AWS_ACCESS_KEY_ID" in str(caught.value)


def test_the_shared_credentials_file_is_read(emulator, submit, store, bucket, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    file = tmp_path / "credentials"
    file.write_text(f"[farm]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "farm")
    done = submit().wait(timeout=30)
    assert len(done.rehost(f"s3://{bucket}/", only="video").objects) == 1


def test_mistakes_are_named_before_anything_is_copied(emulator, submit, store, bucket):
    done = submit().wait(timeout=30)
    for error, where, url, options in [
        (ltx_jobs.ConfigError, "NoSuchBucket", "s3://no-such-bucket-here/", {}),
        (ltx_jobs.ConfigError, "regoin", f"s3://{bucket}/", {"regoin": "x"}),
        (ltx_jobs.ConfigError, "proxy", f"s3://{bucket}/", {"proxy_url": "http://127.0.0.1:1"}),
        (ltx_jobs.ConfigError, "***", f"s3://{bucket}/", {"aws_skip_signature": SECRET}),
        (ltx_jobs.ConfigError, "options", "file:///tmp/x/", {"region": "x"}),
        (ltx_jobs.InvalidRequest, "credentials", f"s3://{KEY_ID}:{SECRET}@{bucket}/", {}),
        (ltx_jobs.InvalidRequest, "no URL", "shots/010", {}),
        (ltx_jobs.InvalidRequest, "nothing can be copied", "https://example.com/x", {}),
    ]:
        with pytest.raises(error) as caught:
            done.rehost(url, only="video", options=options)
        shown = told(caught.value)
        assert where in str(caught.value) and SECRET not in str(caught.value) + repr(caught.value), shown
    with pytest.raises(ltx_jobs.InvalidRequest):
        done.rehost(f"s3://{bucket}/", archive="unzip")
    with pytest.raises(ltx_jobs.InvalidRequest):
        done.rehost(f"s3://{bucket}/", first_frame=-1)
    assert objects(store, bucket) == {}


def test_a_directory_is_a_place_too(emulator, submit, tmp_path):
    done = submit().wait(timeout=30)
    copied = done.rehost((tmp_path / "out").as_uri(), only=["exr_frames"], frame_name="sh.{frame:04d}.exr", first_frame=1001)
    there = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [path.as_uri() for path in there] == [one.url for one in copied.objects]
    assert [path.name for path in there] == ["sh.1001.exr", "sh.1002.exr", "sh.1003.exr"]
    assert repr(copied).startswith("Rehosted(3 objects")


def test_memory_stays_flat(emulator, child, tmp_path):
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    emulator.reset({"archive": {"frames": 8, "padding": 30_000_000}})
    copying = child(f"""
def peak(): return int([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1])
client = ltx_jobs.Client()
done = client.video_to_video_hdr(video_uri=plate).wait()
before = peak()
copied = done.rehost({(tmp_path / "out").as_uri()!r}, archive="both")
say(copied.bytes)
say(peak() - before)
""")
    assert int(copying.line()) > 480_000_000
    assert int(copying.line()) < 64 * 1024
    assert copying.end()[::2] == (0, "")


def test_the_command_copies_and_says_what_it_made(emulator, submit, store, bucket):
    job = submit()
    job.wait(timeout=30)
    command = os.environ.get("LTX_JOBS_COMMAND")
    program = [command] if command else [sys.executable, "-m", "ltx_jobs"]
    environment = {**os.environ, "LTXV_API_KEY": emulator.api_key, "LTX_BASE_URL": emulator.base_url}
    del environment["AWS_ENDPOINT_URL"]

    def run(*arguments):
        line = [*program, "rehost", job.ref, *arguments]
        return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=60)

    ran = run(f"s3://{bucket}/p/", "--option", f"endpoint={store.url}", "--archive", "both", "--json")
    assert ran.returncode == 0, ran.stderr
    (event,) = [line for line in map(json.loads, ran.stdout.splitlines()) if line["event"] == "rehosted"]
    there = objects(store, bucket)
    assert {one["url"]: one["bytes"] for one in event["objects"]} == {f"s3://{bucket}/{key}": len(content) for key, content in there.items()}
    assert {key[2:]: sha256(content) for key, content in there.items()} == expected(emulator)

    again = run(f"s3://{bucket}/p/", "--option", f"endpoint={store.url}", "--only", "video")
    assert again.returncode == 0 and again.stdout.startswith("copied 1 object,")
    wrong = run("s3://no-such-bucket-here/", "--option", f"endpoint={store.url}", "--option", f"session_token={SECRET}")
    assert wrong.returncode != 0 and "NoSuchBucket" in wrong.stderr
    assert SECRET not in wrong.stderr + wrong.stdout
