"""Settings: every form of a value, where it came from, and what is refused."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta

import pytest

import ltx_jobs
import ltx_jobs._config
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


@pytest.mark.parametrize("kind", [ltx_jobs.Client, ltx_jobs.AsyncClient])
def test_a_client_with_other_options_is_the_same_but_for_those(kind, monkeypatch, tmp_path):
    monkeypatch.setenv("LTX_STALL_TIMEOUT", "9")
    client = kind("canary-key", poll_interval=7, stall_timeout=3, journal=tmp_path, max_concurrent_jobs=2)
    other = client.with_options(poll_interval="8s", stall_timeout=None, journal=None)
    assert type(other) is kind and other is not client
    assert shown(other, "poll_interval") == "poll_interval='8 s' (argument"
    assert shown(other, "max_concurrent_jobs") == shown(client, "max_concurrent_jobs") == "max_concurrent_jobs='2' (argument"
    assert shown(other, "stall_timeout") == "stall_timeout='9 s' (environment LTX_STALL_TIMEOUT", "taken back"
    assert shown(other, "journal").endswith("(default") and shown(client, "journal") == f"journal='{tmp_path}' (argument"
    assert shown(client, "poll_interval") == "poll_interval='7 s' (argument", "the first is as it was"
    assert repr(client.with_options()) == repr(client)


@pytest.mark.parametrize("value", [7, None])
def test_an_option_that_does_not_exist_is_refused_with_the_nearest_name(value):
    with pytest.raises(ltx_jobs.ConfigError, match="poll_interval"):
        ltx_jobs.Client("key").with_options(pol_interval=value)
    with pytest.raises(ltx_jobs.ConfigError, match="worker_threads"):
        ltx_jobs.Client("key").with_options(worker_threads=0)


def test_a_client_with_other_options_has_key_and_journal_of_the_first_and_is_closed_for_itself(emulator, plate, tmp_path):
    file = tmp_path / "key"
    file.write_text(emulator.api_key)
    for key in (emulator.api_key, file):
        with emulator.client(api_key=key, journal=tmp_path / "journal") as client:
            job = client.video_to_video_hdr(video_uri=plate, once=f"sh010 {key}")
            with client.with_options(spend_limit="5") as other:
                assert other.video_to_video_hdr(video_uri=plate, once=f"sh010 {key}") == job
                assert emulator.api_key not in repr(other)
            assert other.closed and not client.closed
            assert client.with_options(poll_interval=0.05).check().request_id
    # A key that was set later goes along.
    with emulator.client(api_key="stale") as client:
        client.set_api_key(emulator.api_key)
        assert client.with_options(poll_interval=0.05).check().request_id


def test_options_have_the_types_of_the_constructor():
    import ast
    from pathlib import Path

    tree = ast.parse(Path(inspect.getfile(ltx_jobs._config)).read_text())
    (options,) = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == "Options"]
    typed = {line.target.id: ast.unparse(line.annotation) for line in options.body if isinstance(line, ast.AnnAssign)}
    wanted = {}
    for name, parameter in inspect.signature(ltx_jobs.Client).parameters.items():
        if parameter.kind != parameter.VAR_KEYWORD:
            parts = parameter.annotation.split(" | ")
            assert parts.pop() == "None"
            wanted[name] = f"Optional[{parts[0] if len(parts) == 1 else 'Union[' + ', '.join(parts) + ']'}]"
    assert typed == wanted


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
