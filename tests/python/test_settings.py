"""Settings: every form of a value, where it came from, and what is refused."""

from __future__ import annotations

import inspect
import io
import re
import sys
from datetime import timedelta

import pytest

import ltx_jobs
from ltx_jobs.testing import Emulator


def shown(client: ltx_jobs.Client, key: str) -> str:
    text = repr(client)
    return text[text.index(f"{key}=") :].split("), ")[0]


@pytest.mark.parametrize("value", [7, 7.0, timedelta(seconds=7), "7", "7s", "7000ms"])
def test_a_duration_may_be_seconds_a_timedelta_or_text(value):
    assert shown(ltx_jobs.Client("key", submit_timeout=value), "submit_timeout") == "submit_timeout='7 s' (argument"


def test_the_repr_shows_every_setting_with_its_origin_and_no_key(monkeypatch):
    monkeypatch.setenv("LTXV_API_KEY", "canary-key")
    monkeypatch.setenv("LTX_POLL_INTERVAL", "9")
    client = ltx_jobs.Client(stall_timeout=3, journal=False, allow_http=True)
    assert shown(client, "api_key") == "api_key='***' (environment LTXV_API_KEY"
    assert shown(client, "poll_interval") == "poll_interval='9 s' (environment LTX_POLL_INTERVAL"
    assert shown(client, "stall_timeout") == "stall_timeout='3 s' (argument"
    assert shown(client, "journal") == "journal='off' (argument"
    assert shown(client, "allow_http") == "allow_http='true' (argument"
    assert shown(client, "base_url") == "base_url='https://api.ltx.video/' (default"
    assert "canary-key" not in repr(client)


def test_every_setting_of_the_core_is_a_keyword_and_no_other():
    keywords = [name for name, parameter in inspect.signature(ltx_jobs.Client).parameters.items() if parameter.kind != parameter.VAR_KEYWORD]
    assert keywords == [key for key, _, _ in ltx_jobs.Client("key")._here().describe()]
    documented = re.findall(r"^    (\w+): ", inspect.cleandoc(ltx_jobs.Client.__doc__), re.M)
    assert documented[: len(keywords)] == keywords


def test_a_setting_that_does_not_exist_is_refused_with_the_nearest_name():
    with pytest.raises(ltx_jobs.ConfigError, match="poll_interval") as caught:
        ltx_jobs.Client("key", pol_interval=7)
    assert isinstance(caught.value, ValueError)


def test_a_client_without_a_key_is_refused_with_advice():
    with pytest.raises(ltx_jobs.ConfigError, match="LTXV_API_KEY"):
        ltx_jobs.Client()


@pytest.mark.parametrize(
    "settings",
    [
        {"poll_interval": 0},
        {"poll_interval": float("nan")},
        {"submit_timeout": float("inf")},
        {"connect_timeout": -1},
        {"worker_threads": 0},
        {"proxy": "ftp://x"},
        {"base_url": "http://example.com"},
        {"ca_bundle": object()},
    ],
)
def test_a_value_that_cannot_be_used_is_refused(settings):
    with pytest.raises(ltx_jobs.ConfigError):
        ltx_jobs.Client("key", **settings)


def test_the_key_may_be_in_a_file_which_is_read_again_after_it_was_refused(emulator, tmp_path):
    file = tmp_path / "key"
    file.write_text(emulator.api_key + "\n")
    with emulator.client(api_key=file) as client:
        assert client.check().request_id
        assert emulator.api_key not in repr(client)
        emulator.reset({"api_key": "the-next-key"})
        file.write_text("the-next-key")
        assert client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4").id


def test_without_a_journal_a_once_key_is_refused_before_the_post(emulator, plate):
    with emulator.client(journal=False) as client:
        with pytest.raises(ltx_jobs.Error) as caught:
            client.video_to_video_hdr(video_uri=plate, once="x")
        assert caught.value.billing == "no_job"
    assert emulator.jobs() == []


def test_a_once_key_is_known_to_the_next_run_through_the_journal(emulator, plate, tmp_path):
    with emulator.client(journal=tmp_path) as first:
        job = first.video_to_video_hdr(video_uri=plate, once="sh010")
    emulator.push_fault("submit", "read_and_close")
    with emulator.client(journal=str(tmp_path)) as second:
        assert second.video_to_video_hdr(video_uri=plate, once="sh010") == job
        with pytest.raises(ltx_jobs.SubmitUnknown) as caught:
            second.video_to_video_hdr(video_uri=plate, once="sh020")
    with emulator.client(journal=tmp_path) as third, pytest.raises(ltx_jobs.SubmitUnknown):
        third.job(caught.value.ref)
    assert emulator.count("POST", "/v2/video-to-video-hdr") == 2
    for file in tmp_path.iterdir():
        assert emulator.api_key not in file.read_text(errors="replace")


def test_a_bar_is_drawn_for_whoever_watches_and_for_nobody_else(emulator, submit, tmp_path, monkeypatch):
    pytest.importorskip("tqdm")

    class Terminal(io.StringIO):
        def __init__(self, watched: bool) -> None:
            super().__init__()
            self.watched = watched

        def isatty(self) -> bool:
            return self.watched

    for watched in (True, False):
        terminal = Terminal(watched)
        monkeypatch.setattr(sys, "stderr", terminal)
        submit().save(tmp_path / str(watched), progress=True)
        monkeypatch.undo()
        drawn = terminal.getvalue()
        assert ("waiting" in drawn and "downloading" in drawn and "3/3 frames" in drawn) == watched
        assert watched or drawn == ""


def test_the_emulator_speaks_tls_with_a_ca_of_its_own(plate, tmp_path):
    with Emulator(arguments=["--tls"]) as emulator:
        assert emulator.base_url.startswith("https://") and emulator.ca_bundle
        with emulator.client() as client:
            assert len(client.video_to_video_hdr(video_uri=plate).save(tmp_path, timeout=60).paths) == 4
        with emulator.client(ca_bundle=None) as client, pytest.raises(ltx_jobs.Tls):
            client.check()


def test_a_mistake_in_a_programme_is_told(emulator):
    with pytest.raises(ValueError, match="frams"):
        emulator.reset({"archive": {"frams": 3}})
