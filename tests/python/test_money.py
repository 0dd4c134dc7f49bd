"""Money: what a request costs is known before it is sent, and limits refuse it before anything leaves this machine."""

from __future__ import annotations

import io
import json
import os
import pickle
from decimal import Decimal

import pytest
from conftest import MEDIA, SUBMITS

import ltx_jobs

# Half a second of 64x64: USD 0.10 as HDR, at 0.20 a second.
CLIP = MEDIA / "hevc.mp4"
# USD 0.78: six seconds at 0.13.
SHOT = {"prompt": "A lighthouse", "model": "ltx-2-5-fast", "duration": 6, "resolution": "1920x1080"}


def test_an_estimate_looks_into_the_local_clip_and_sends_nothing(emulator, client):
    estimate = client.estimate(ltx_jobs.VideoToVideoHdr(CLIP))
    assert estimate.usd == Decimal("0.10") and isinstance(estimate.usd, Decimal)
    assert "0.5 s of video_uri at USD 0.20" in estimate.basis
    assert client.estimate("video-to-video-hdr", {"video_uri": CLIP}) == estimate
    assert client.estimate(ltx_jobs.TextToVideo(**SHOT)).usd == Decimal("0.78")
    assert client.estimate("text-to-video", SHOT).usd == Decimal("0.78")
    assert emulator.requests() == []


def test_an_estimate_is_a_value(client):
    estimate = client.estimate("text-to-video", SHOT)
    assert pickle.loads(pickle.dumps(estimate)) == estimate and hash(estimate) == hash(pickle.loads(pickle.dumps(estimate)))
    assert repr(estimate).startswith("Estimate(usd=Decimal('0.78'), basis='6 s of output")
    with pytest.raises(AttributeError):
        estimate.usd = Decimal(0)


@pytest.mark.parametrize("kind", ["path", "bytes", "bytearray", "memoryview", "memory file", "open file", "file that was read from"])
def test_every_form_of_an_input_is_looked_into_and_still_whole_for_the_submit(kind, emulator, client):
    content = CLIP.read_bytes()
    with CLIP.open("rb") as file, (CLIP.open("rb")) as moved:
        # From the middle on it is no clip: the memory file stands behind a line of somebody else's.
        memory = io.BytesIO(b"a line of somebody else's\n" + content)
        memory.readline()
        moved.seek(0, io.SEEK_END)
        moved.seek(0)
        source = {
            "path": CLIP,
            "bytes": content,
            "bytearray": bytearray(content),
            "memoryview": memoryview(content),
            "memory file": memory,
            "open file": file,
            "file that was read from": moved,
        }[kind]
        request = ltx_jobs.VideoToVideoHdr(source)
        assert client.estimate(request).usd == Decimal("0.10")
        client.submit(request, max_cost="0.10")
    (put,) = [request for request in emulator.requests() if request["method"] == "PUT"]
    assert (put["body_len"], put["whole"]) == (len(content), True)


def test_a_file_that_can_be_read_only_once_is_not_used_up_by_an_estimate(client):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb") as other:
        other.write(b"clip")
        other.flush()
        with pytest.raises(ltx_jobs.InvalidRequest, match="only once"):
            client.estimate("video-to-video-hdr", {"video_uri": pipe})
        other.close()
        assert pipe.read() == b"clip"


def test_what_cannot_be_estimated_says_which_figure_is_missing(emulator, client):
    elsewhere = ltx_jobs.VideoToVideoHdr("https://cdn.example/plate.mp4")
    with pytest.raises(ltx_jobs.Unsupported, match="video_uri is no local file") as caught:
        client.estimate(elsewhere)
    assert (caught.value.billing, caught.value.retryable) == ("no_job", False)
    with pytest.raises(ltx_jobs.Unsupported, match="duration is automatic"):
        client.estimate("text-to-video", {**SHOT, "duration": None})
    # A limit that cannot be judged refuses.
    with pytest.raises(ltx_jobs.CostLimit, match="video_uri is no local file"):
        client.submit(elsewhere, max_cost=100)
    # What this client uploaded itself it knows.
    assert client.estimate(ltx_jobs.VideoToVideoHdr(client.upload(CLIP))).usd == Decimal("0.10")
    assert emulator.jobs() == []


def test_an_estimate_refuses_what_a_submit_refuses(emulator, client, tmp_path):
    for params, error, words in [
        ({}, ltx_jobs.InvalidRequest, "video_uri is missing"),
        ({"video_uri": MEDIA / "prores.mov"}, ltx_jobs.InvalidRequest, "ffmpeg -i"),
        ({"video_uri": tmp_path / "none.mp4"}, ltx_jobs.LocalIOError, "none.mp4"),
    ]:
        with pytest.raises(error, match=words):
            client.estimate("video-to-video-hdr", params)
    with pytest.raises(TypeError, match="request object"):
        client.estimate(ltx_jobs.VideoToVideoHdr(CLIP), {})
    assert emulator.requests() == []


@pytest.mark.parametrize("limit", ["0.09", Decimal("0.0999"), 0], ids=repr)
def test_max_cost_refuses_before_anything_is_uploaded_or_sent(limit, emulator, client):
    for submit in (
        lambda: client.video_to_video_hdr(video_uri=CLIP, max_cost=limit),
        lambda: client.submit(ltx_jobs.VideoToVideoHdr(CLIP), max_cost=limit),
        lambda: client.submit("video-to-video-hdr", {"video_uri": CLIP}, max_cost=limit),
    ):
        with pytest.raises(ltx_jobs.CostLimit, match="USD 0.10 .*max_cost = 0.0") as caught:
            submit()
        assert (caught.value.billing, caught.value.retryable, caught.value.number) == ("no_job", False, 115)
    assert emulator.requests() == [] and client.jobs() == []


@pytest.mark.parametrize("limit", ["0.10", Decimal("0.1"), Decimal("1E-1"), 1], ids=repr)
def test_what_costs_no_more_than_max_cost_is_submitted(limit, emulator, client):
    job = client.video_to_video_hdr(video_uri=CLIP, once="sh010", max_cost=limit)
    # What is there already costs nothing more.
    assert client.video_to_video_hdr(video_uri=CLIP, once="sh010", max_cost=0) == job
    assert emulator.count("POST", SUBMITS) == 1


@pytest.mark.parametrize(
    ("limit", "error", "words"),
    [
        (0.5, TypeError, r"max_cost = 0\.5: a float is no exact amount; write '0\.5' or Decimal\('0\.5'\)"),
        (True, TypeError, "max_cost must be US dollars"),
        (b"1", TypeError, "max_cost must be US dollars .*, not bytes"),
        ("two", ltx_jobs.InvalidRequest, "max_cost: \"two\" is no amount of US dollars"),
        ("", ltx_jobs.InvalidRequest, "max_cost"),
        (-1, ltx_jobs.InvalidRequest, "max_cost"),
        (Decimal("NaN"), ltx_jobs.InvalidRequest, "max_cost"),
        (Decimal("Infinity"), ltx_jobs.InvalidRequest, "max_cost"),
        (Decimal("0.0000001"), ltx_jobs.InvalidRequest, "max_cost"),
        (Decimal("1E+99999999"), ltx_jobs.InvalidRequest, "max_cost"),
        (Decimal("1E-99999999"), ltx_jobs.InvalidRequest, "max_cost"),
    ],
    ids=repr,
)
def test_what_is_no_exact_amount_is_refused_as_a_limit(limit, error, words, emulator, client):
    with pytest.raises(error, match=words):
        client.submit("text-to-video", SHOT, max_cost=limit)
    assert emulator.requests() == []


@pytest.mark.parametrize("limit", ["1.60", Decimal("1.6"), "2"], ids=repr)
def test_a_spend_limit_counts_what_runs_and_gives_back_what_was_not_billed(limit, emulator):
    with emulator.client(spend_limit=limit) as client:
        assert client.committed == Decimal(0)
        emulator.push_fault("submit", "status", status=400)
        with pytest.raises(ltx_jobs.InvalidRequest):
            client.text_to_video(**SHOT)
        assert client.committed == Decimal(0)
        jobs = [client.text_to_video(**SHOT), client.text_to_video(**SHOT)]
        assert client.committed == Decimal("1.56") and isinstance(client.committed, Decimal)
        for _ in range(2):
            with pytest.raises(ltx_jobs.CostLimit, match="USD 1.56 committed already .*spend_limit") as caught:
                client.text_to_video(**SHOT)
            assert caught.value.billing == "no_job"
            # What succeeded is billed, and stays counted.
            ltx_jobs.wait_all(jobs)
    assert emulator.count("POST", "/v2/*") == 3


def test_a_job_that_fails_gives_its_money_back_before_its_waiter_hears_of_it(emulator):
    emulator.reset({"job": {"outcome": "failed"}})
    with emulator.client(spend_limit="0.78") as client:
        for _ in range(3):
            with pytest.raises(ltx_jobs.JobFailed):
                client.text_to_video(**SHOT).wait()
            assert client.committed == Decimal(0)


def test_an_unknown_outcome_stays_counted_and_a_double_charge_is_counted_twice(emulator):
    with emulator.client(spend_limit="2.34") as client:
        emulator.push_fault("submit", "read_and_close", times=2)
        with pytest.raises(ltx_jobs.SubmitUnknown):
            client.text_to_video(**SHOT)
        assert client.committed == Decimal("0.78")
        client.text_to_video(**SHOT, on_unknown="accept_double_charge")
        assert client.committed == Decimal("2.34")
    assert len(emulator.jobs()) == 3


def test_a_client_that_has_no_limit_counts_nothing_and_an_int_is_an_exact_one(client):
    client.text_to_video(**SHOT)
    assert client.committed == Decimal(0)
    with ltx_jobs.Client("key", spend_limit=3) as limited:
        assert "spend_limit='3.00' (argument)" in repr(limited)


@pytest.mark.parametrize("limit", [0.5, float("nan"), True, pytest.param(object(), id="object"), "a lot", -1, Decimal("Infinity")], ids=repr)
def test_what_is_no_exact_amount_is_refused_as_a_setting(limit):
    with pytest.raises(ltx_jobs.ConfigError, match="spend_limit"):
        ltx_jobs.Client("key", spend_limit=limit)


def test_prices_are_data_that_the_caller_can_replace(emulator, tmp_path):
    path = tmp_path / "prices.json"
    row = {"endpoint": "text-to-video", "seconds": "duration", "tier": "none", "source": "our contract", "usd_per_second": {"any": "0.0125"}}
    path.write_text(json.dumps({"as_of": "tomorrow", "prices": [row]}))
    for prices in (path, str(path)):
        with emulator.client(prices=prices) as client:
            estimate = client.estimate(ltx_jobs.TextToVideo(**SHOT))
            assert estimate.usd == Decimal("0.075") and "our contract" in estimate.basis
            with pytest.raises(ltx_jobs.Unsupported, match="no price is listed for video-to-video-hdr"):
                client.estimate(ltx_jobs.VideoToVideoHdr(CLIP))
    path.write_text("{}")
    with pytest.raises(ltx_jobs.ConfigError, match="prices.json"):
        emulator.client(prices=path)
