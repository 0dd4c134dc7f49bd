"""Inputs: what is inside a local file is looked at before it is sent, in whatever form it is given."""

from __future__ import annotations

import io

import pytest
from conftest import MEDIA

import ltx_jobs

FORMS = {
    "path": lambda path: path,
    "bytes": lambda path: path.read_bytes(),
    "open file": lambda path: path.open("rb"),
    "memory file": lambda path: io.BytesIO(path.read_bytes()),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_the_service_refuses_is_refused_here_with_the_command_that_mends_it(form, emulator, client):
    for submit, name, words, line in [
        (lambda clip: client.video_to_video_hdr(video_uri=clip), "prores.mov", "Apple ProRes", "-c:v libx265"),
        (lambda clip: client.submit(ltx_jobs.VideoAlphaGen(clip)), "dnxhr.mov", "DNxHR", "-c:v libx265"),
        (lambda clip: client.submit("audio-to-video", {"audio_uri": clip, "prompt": "A singer"}), "pcm.wav", "plain PCM", "-c:a aac"),
        (lambda clip: client.audio_to_video(audio_uri=clip, prompt="A singer"), "he-aac.m4a", "HE-AAC", "-c:a aac"),
    ]:
        with pytest.raises(ltx_jobs.InvalidRequest) as caught:
            submit(FORMS[form](MEDIA / name))
        error = caught.value
        assert words in error.message and error.advice.startswith("encode it first: ffmpeg -i ") and line in error.advice
        assert (error.billing, error.retryable) == ("no_job", False)
        if form in ("path", "open file"):
            assert f"ffmpeg -i {MEDIA / name} " in str(error)
    assert emulator.requests() == []


@pytest.mark.parametrize("form", FORMS)
def test_what_is_beyond_the_documented_caps_is_sent_with_a_warning_on_the_job(form, emulator, client):
    # Twelve frames.
    job = client.retake(video_uri=FORMS[form](MEDIA / "hevc.mp4"), start_time=0, duration=2)
    (warning,) = job.snapshot().warnings
    assert "retake: video_uri = " in warning and "has 12 frames; documented is at least 73" in warning
    assert len(emulator.jobs()) == 1
    # A handle from the reference alone knows nothing of how it was submitted.
    assert pytest.raises(ltx_jobs.WaitTimeout, client.job(job.ref).wait, 0) and client.job(job.ref).snapshot().warnings == job.snapshot().warnings


def test_the_same_content_is_uploaded_once_in_whatever_form_it_comes(emulator, client):
    for form in FORMS.values():
        client.video_to_video_hdr(video_uri=form(MEDIA / "hevc.mp4"))
    assert client.upload(MEDIA / "hevc.mp4") == emulator.jobs()[0]["body"]["video_uri"]
    assert emulator.count("PUT", "/*") == 1 and len(emulator.jobs()) == 4
