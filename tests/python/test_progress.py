"""Progress for people: a bar where somebody watches, lines in the log where nobody does, and exactly what was asked for by its name."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
import types

import pytest
from conftest import ENDLESS

import ltx_jobs
from ltx_jobs import _progress


class Terminal(io.StringIO):
    """Standard error that somebody watches, or nobody."""

    def __init__(self, watched: bool) -> None:
        super().__init__()
        self.watched = watched

    def isatty(self) -> bool:
        return self.watched


@pytest.fixture
def terminal(monkeypatch):
    def watch(watched: bool) -> Terminal:
        made = Terminal(watched)
        monkeypatch.setattr(sys, "stderr", made)
        return made

    return watch


def told(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "ltx_jobs.progress"]


@pytest.mark.parametrize("progress", [True, "tqdm"])
def test_a_bar_of_tqdm_is_drawn_for_whoever_watches(submit, tmp_path, terminal, progress):
    pytest.importorskip("tqdm")
    watched = terminal(True)
    submit().save(tmp_path, progress=progress)
    drawn = watched.getvalue()
    assert "waiting" in drawn and "downloading" in drawn and "3/3 frames" in drawn


def test_where_nobody_watches_nothing_is_drawn_unless_a_bar_was_asked_for_by_name(submit, tmp_path, terminal):
    pytest.importorskip("tqdm")
    unwatched = terminal(False)
    submit().save(tmp_path / "a", progress=True)
    assert unwatched.getvalue() == ""
    submit().save(tmp_path / "b", progress="tqdm")
    assert "downloading" in unwatched.getvalue()


def test_a_bar_of_rich_is_drawn_and_those_of_several_jobs_stand_together(emulator, plate, tmp_path, terminal, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    watched = terminal(True)

    async def work():
        async with ltx_jobs.AsyncClient(emulator.api_key, base_url=emulator.base_url, poll_interval=0.02) as client:
            jobs = await asyncio.gather(*(client.video_to_video_hdr(video_uri=plate, progress="rich") for _ in range(3)))
            saved = await asyncio.gather(*(job.save(tmp_path / str(number), progress="rich") for number, job in enumerate(jobs)))
            assert [len(one.paths) for one in saved] == [4, 4, 4]

    asyncio.run(work())
    drawn = watched.getvalue()
    assert "waiting" in drawn and "downloading" in drawn and "3/3 frames" in drawn
    # One after another on the same thread, and after an error: the screen is given back each time.
    emulator.reset({"job": {"outcome": "failed"}})
    with emulator.client() as client:
        for _ in range(2):
            with pytest.raises(ltx_jobs.JobFailed):
                client.video_to_video_hdr(video_uri=plate).wait(progress="rich")
    assert _progress._rich_screen()._drawn is None and _progress._rich_screen()._open == 0


def test_a_batch_has_a_bar_of_its_items_with_either(client, plate, tmp_path, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for progress in ("tqdm", "rich"):
        pytest.importorskip(progress)
        watched = terminal(True)
        with client.batch([("a", ltx_jobs.VideoToVideoHdr(plate))], name=progress, dest=tmp_path / progress, progress=progress) as batch:
            assert [outcome.state for outcome in batch] == ["saved"]
        assert "1/1" in watched.getvalue() and "1 saved" in watched.getvalue()


@pytest.mark.parametrize("progress", ["tqdm", "rich"])
def test_a_bar_whose_package_is_missing_is_refused_with_what_to_install_and_nothing_was_sent(emulator, client, plate, monkeypatch, progress):
    for name in (progress, f"{progress}.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"pip install {progress}"):
        client.video_to_video_hdr(video_uri=plate, progress=progress)
    with pytest.raises(ImportError, match=f"pip install {progress}"):
        client.batch([], name="none", progress=progress)
    assert emulator.requests() == []


def test_what_is_no_way_to_show_progress_is_refused_before_anything_is_sent(emulator, client, plate):
    with pytest.raises(ValueError, match="'tqdm', 'rich'"):
        client.video_to_video_hdr(video_uri=plate, progress="bar")
    with pytest.raises(TypeError, match="not int"):
        client.video_to_video_hdr(video_uri=plate, progress=7)
    assert emulator.requests() == []


@pytest.mark.parametrize("missing", [False, True])
def test_where_no_bar_can_be_there_are_lines_in_the_log_of_the_program(submit, tmp_path, terminal, monkeypatch, caplog, missing):
    caplog.set_level(logging.INFO, logger="ltx_jobs.progress")
    terminal(missing)
    if missing:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    submit().save(tmp_path, progress=True)
    lines = told(caplog)
    assert any(line.startswith("waiting, ") for line in lines)
    assert re.fullmatch(r"downloading, (\S+ kB) of \1, 3/3 frames, after \d+ s", lines[-1]), lines
    assert caplog.records[-1].ltx_fields["phase"] == "downloading"


def test_a_line_of_the_log_comes_every_ten_seconds_and_at_each_change_of_phase(monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="ltx_jobs.progress")
    now = [1000.0]
    monkeypatch.setattr(_progress, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    log = _progress._Log()
    for second in range(21):
        now[0] = 1000.0 + second
        log.show(_progress.Line("waiting", 0, None, None, ["processing"]))
    log.show(_progress.Line("downloading", 1000, 2000, "B", []))
    log.close()
    assert told(caplog) == [
        "waiting, processing, after 0 s",
        "waiting, processing, after 10 s",
        "waiting, processing, after 20 s",
        "downloading, 1.00 kB of 2.00 kB, after 20 s",
        "downloading, 1.00 kB of 2.00 kB, after 20 s",
    ]


def test_a_program_without_logging_is_told_nothing_and_imports_nothing_for_it(emulator, child):
    quiet = child("ltx_jobs.Client().video_to_video_hdr(video_uri=plate).wait(progress=True)\nsay('logging' in sys.modules)")
    assert quiet.end() == (0, "False\n", "")
    asked = child("ltx_jobs.Client().video_to_video_hdr(video_uri=plate).wait(progress=True)\n", LTX_LOG="info")
    code, _, complaint = asked.end()
    assert code == 0 and " INFO ltx_jobs.progress: waiting, " in complaint


def test_in_a_notebook_a_bar_is_drawn_though_it_is_no_terminal(submit, terminal, monkeypatch):
    pytest.importorskip("tqdm")
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell, version_info=(9,)))
    shown = terminal(False)
    submit().wait(progress=True)
    assert "waiting" in shown.getvalue()


def test_an_error_of_the_display_ends_the_wait_and_not_the_job(emulator, client, plate):
    emulator.reset(ENDLESS)
    job = client.video_to_video_hdr(video_uri=plate)

    def broken(progress):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        job.wait(progress=broken)
    assert job.poll().status == "pending"
