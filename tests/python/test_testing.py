"""What `ltx_jobs.testing` gives to the tests of others."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest
from conftest import PLATE

PROGRAM = f"""
from pathlib import Path
PLATE = Path({str(PLATE)!r})

def test_a_job_is_saved(ltx_emulator, tmp_path):
    with ltx_emulator.client() as client:
        assert len(client.video_to_video_hdr(video_uri=PLATE).save(tmp_path, timeout=30).paths) == 4
    ltx_emulator.reset({{"job": {{"outcome": "failed"}}}})
    test_a_job_is_saved.address = ltx_emulator.base_url

def test_nothing_of_the_test_before_is_left(ltx_emulator, tmp_path):
    assert ltx_emulator.base_url == test_a_job_is_saved.address, "one process for the whole run"
    assert ltx_emulator.requests() == ltx_emulator.jobs() == []
    with ltx_emulator.client() as client:
        client.video_to_video_hdr(video_uri=PLATE).wait(timeout=30)
"""


def is_installed() -> bool:
    try:
        entries = importlib.metadata.distribution("ltx-jobs").entry_points
    except importlib.metadata.PackageNotFoundError:
        return False
    return any(entry.group == "pytest11" for entry in entries)


pytestmark = pytest.mark.skipif(not is_installed(), reason="not installed, run from the source tree")


def run(folder, program: str) -> None:
    (folder / "test_program.py").write_text(program)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_fixture_is_there_without_an_import_and_fresh_for_each_test(tmp_path):
    run(tmp_path, PROGRAM)


def test_a_run_that_does_not_ask_for_it_imports_nothing_of_it(tmp_path):
    run(tmp_path, "import sys\ndef test_light(): assert 'ltx_jobs' in sys.modules and 'ltx_jobs.testing' not in sys.modules\n")
