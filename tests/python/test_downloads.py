"""The options of a download: connections, resume, bandwidth, lock_timeout; and who is waited for."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from conftest import until

import ltx_jobs

# An archive of 6 MB at 2 MB/s for each connection.
SLOW = {"video": {"enabled": False}, "archive": {"padding": 2_000_000}, "storage": {"rate": 2_000_000}}


@pytest.fixture
def done(emulator, submit):
    emulator.reset(SLOW)
    return submit().wait()


def ranges(emulator):
    return [dict(one["headers"]).get("range") for one in emulator.requests() if one["origin"] == "storage" and one["method"] == "GET"]


class Enough(Exception):
    pass


def runs_of(dest) -> list:
    """The runs of bytes that are written down."""
    record = dest / ".exr_frames.part.json"
    return json.loads(record.read_text())["done"] if record.exists() else []


def begin(done, dest, **options):
    """Downloads the archive until some of it is written down (or, without resume, has arrived)."""

    def enough(now):
        if runs_of(dest) or (not options.get("resume", True) and now.bytes_done > 1_000_000):
            raise Enough

    with pytest.raises(Enough):
        done.download(dest, archive="keep", progress=enough, **options)


def test_an_interrupted_download_goes_on_and_without_resume_it_begins_anew_and_leaves_nothing(emulator, done, tmp_path):
    begin(done, tmp_path / "a")
    there = [(run["start"], run["end"]) for run in runs_of(tmp_path / "a")]
    assert there
    before = len(ranges(emulator))
    saved = done.download(tmp_path / "a", archive="keep")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["exr_frames.zip"]
    for first, last in re.findall(r"bytes=(\d+)-(\d+)", " ".join(ranges(emulator)[before:])):
        assert all(int(last) < start or end <= int(first) for start, end in there), "what was there is not asked for"

    begin(done, tmp_path / "b", resume=False)
    until(lambda: not (tmp_path / "b").exists() or list((tmp_path / "b").iterdir()) == [], "the end of what was begun")
    before = len(ranges(emulator))
    assert done.download(tmp_path / "b", archive="keep", resume=False).crc32c == saved.crc32c
    assert any(text.startswith("bytes=0-") for text in ranges(emulator)[before:])


def test_a_file_that_somebody_else_is_fetching_is_waited_for_by_name_or_locked(emulator, done, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(done.download, tmp_path, archive="keep", connections=1)
        until(lambda: (tmp_path / ".exr_frames.part.json").exists(), "the other download to be under way")
        for none in (0, timedelta(0), 0.05):
            with pytest.raises(ltx_jobs.Locked, match="process"):
                done.download(tmp_path, archive="keep", lock_timeout=none)
        whom = []
        second = done.download(tmp_path, archive="keep", progress=lambda now: whom.append(now.waiting_for))
        assert second.paths == first.result().paths
        assert any(one and one.startswith("process ") and " on " in one for one in whom) and whom[-1] is None


@pytest.mark.parametrize("limit", [4_000_000, "4MB/s", "32Mbit/s"])
def test_a_limit_of_bandwidth_is_kept_by_all_connections_together(emulator, submit, tmp_path, limit):
    emulator.reset({**SLOW, "storage": {}})
    done = submit().wait()
    began = time.monotonic()
    done.download(tmp_path, archive="keep", connections=8, bandwidth=limit)
    # 6 MB, in no time without the limit.
    assert time.monotonic() - began > 1.2


def test_connections_are_as_many_as_were_asked_for(emulator, submit, tmp_path):
    emulator.reset({**SLOW, "storage": {}})
    done = submit().wait()
    before = len(emulator.requests())
    done.download(tmp_path, archive="keep", connections=1)
    assert len({one["connection"] for one in emulator.requests()[before:] if one["origin"] == "storage"}) == 1
    with pytest.raises(ltx_jobs.InvalidRequest, match="1 to 64"):
        done.outputs["exr_frames_url"].download(tmp_path, connections=65)
