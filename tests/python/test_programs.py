"""Whole programs: the example, the performer, and the command inside the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import ROOT, SUBMITS

import ltx_jobs


def run(emulator, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "LTXV_API_KEY": emulator.api_key,
        "LTX_BASE_URL": emulator.base_url,
        "LTX_POLL_INTERVAL": "20ms",
        "PYTHONPATH": str(Path(ltx_jobs.__file__).parent.parent),
    }
    return subprocess.run([sys.executable, *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=60)


def test_the_example_saves_frames_and_goes_on_from_a_reference(emulator, plate, tmp_path):
    example = str(ROOT / "examples" / "python" / "hdr.py")
    first = run(emulator, example, str(plate), str(tmp_path))
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    submitted, summary = first.stdout.splitlines()
    assert summary.startswith("3 frames, 4 files, ")
    assert len(list(tmp_path.glob("exr_frames/*.exr"))) == 3 and (tmp_path / "video.mp4").is_file()
    again = run(emulator, example, submitted.partition(": ")[2], str(tmp_path))
    assert again.returncode == 0 and again.stdout.startswith("3 frames, 4 files, "), again.stderr
    assert emulator.count("POST", SUBMITS) == 1


def test_the_example_tells_of_a_failed_job(emulator, plate, tmp_path):
    emulator.reset({"job": {"outcome": "failed"}})
    failed = run(emulator, str(ROOT / "examples" / "python" / "hdr.py"), str(plate), str(tmp_path))
    assert failed.returncode == 1 and "does not bill it: ContentFiltered" in failed.stderr


def test_the_performer_tells_what_happened(emulator, plate, tmp_path):
    scenario = {
        "scenario": "one",
        "base_url": emulator.base_url,
        "api_key": emulator.api_key,
        "settings": {"poll_interval": "20ms", "backoff_base": "5ms", "backoff_cap": "50ms"},
        "endpoint": "video-to-video-hdr",
        "media": {"video_uri": str(plate)},
        "params": {"output_colorspace": "acescg"},
        "once": None,
        "on_unknown": "stop",
        "submit_timeout_ms": None,
        "dest": str(tmp_path / "dest"),
        "log": str(tmp_path / "log"),
        "told": str(tmp_path / "told"),
        "steps": [
            {"do": "check"},
            {"do": "upload"},
            {"do": "estimate"},
            {"do": "submit"},
            {"do": "warnings"},
            {"do": "wait", "timeout_ms": 0, "go_on": True},
            {"do": "attach"},
            {"do": "poll"},
            {"do": "wait", "timeout_ms": None},
            {"do": "download", "only": ["exr_frames_url"], "frame_name": "x.{frame:04}.exr", "first_frame": 1001},
        ],
    }
    refused = {**scenario, "scenario": "two", "api_key": "wrong", "log": str(tmp_path / "second log"), "steps": [{"do": "submit"}, {"do": "wait"}]}
    ran = run(emulator, str(ROOT / "tests" / "python" / "performer.py"), stdin=f"{json.dumps(scenario)}\n{json.dumps(refused)}\n")
    assert ran.returncode == 0 and "Traceback" not in ran.stderr, ran.stderr
    # What goes wrong is shown to people as well; without the key.
    assert "one: the time limit of 0 s is over" in ran.stderr and "two: " in ran.stderr and emulator.api_key not in ran.stderr
    one, two = (json.loads(line) for line in ran.stdout.splitlines())
    assert [(step["do"], step["ok"]) for step in one["steps"]] == [
        ("check", True), ("upload", True), ("estimate", True), ("submit", True), ("warnings", True), ("wait", False), ("attach", True), ("poll", True), ("wait", True), ("download", True),
    ]  # fmt: skip
    assert one["steps"][2]["usd"] == "0.20" and "1 s of video_uri" in one["steps"][2]["basis"]
    assert one["steps"][4]["warnings"] == []
    assert one["steps"][5]["error"] == {
        "kind": "WaitTimeout", "number": 145, "billing": "job_exists", "retryable": True, "job_ended": False, "http_status": None, "api_type": None,
    }  # fmt: skip
    first, second = ((tmp_path / name).read_text() for name in ("log", "second log"))
    assert "INFO ltx_jobs.submit: accepted" in first and "INFO ltx_jobs.submit: accepted" not in second
    assert "TRACE ltx_jobs.hyper" in first and "TRACE ltx_jobs.hyper" in second
    assert one["saved"] == [f"exr_frames/x.{number}.exr" for number in (1001, 1002, 1003)]
    assert [step["do"] for step in two["steps"]] == ["submit"]
    assert two["steps"][0]["error"]["kind"] == "Unauthenticated" and two["steps"][0]["error"]["http_status"] == 401


def test_the_command_is_in_the_package(emulator):
    helped = run(emulator, "-m", "ltx_jobs", "--help")
    assert helped.returncode == 0 and "emulate" in helped.stdout
    wrong = run(emulator, "-m", "ltx_jobs", "no-such-command")
    assert wrong.returncode == 2 and wrong.stdout == ""
