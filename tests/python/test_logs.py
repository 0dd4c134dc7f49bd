"""The library's log: nothing unless somebody listens, then in `logging`, with its level, its values, and no secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

import ltx_jobs
from conftest import ENDLESS, PLATE, environment_of

SUBMIT = "with ltx_jobs.Client() as client:\n    client.video_to_video_hdr(video_uri=plate).wait()\n"


@pytest.fixture(autouse=True)
def _levels_as_before():
    yield
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "ltx_jobs"]:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_program_hears_what_its_levels_let_through(submit, caplog):
    caplog.set_level(logging.INFO, logger="ltx_jobs")
    job = submit(label="sh 010")
    job.wait()
    records = [record for record in caplog.records if record.name.startswith("ltx_jobs")]
    assert records and {record.levelno for record in records} <= {logging.INFO, logging.WARNING}
    accepted = next(record for record in records if record.getMessage().startswith("accepted"))
    assert (accepted.name, accepted.ltx_spans) == ("ltx_jobs.submit", ("submit",))
    assert accepted.ltx_fields["job"] == job.ref and accepted.ltx_fields["intent"].startswith("intent:")
    assert f"job={job.ref}" in accepted.getMessage() and "label='sh 010'" in accepted.getMessage()

    caplog.clear()
    caplog.set_level(logging.CRITICAL, logger="ltx_jobs")
    submit().wait()
    assert not caplog.records


def test_one_part_can_be_heard_alone(submit, caplog):
    caplog.set_level(logging.DEBUG, logger="ltx_jobs.poll")
    submit().wait()
    assert {record.name for record in caplog.records} == {"ltx_jobs.poll"}


def test_the_finest_level_adds_the_libraries_inside_and_shows_no_secret(emulator, plate, tmp_path, caplog):
    caplog.set_level(5, logger="ltx_jobs")
    emulator.reset({"api_key": "canary-key-0815"})
    with emulator.client(api_key="canary-key-0815") as client:
        done = client.video_to_video_hdr(video_uri=plate).wait()
        query = done.outputs["video_url"].url.split("?", 1)[1]
        done.download(tmp_path)
    names = {record.name for record in caplog.records}
    assert any(name.startswith("ltx_jobs.hyper") for name in names), names
    assert {record.levelname for record in caplog.records} >= {"TRACE", "DEBUG", "INFO"}
    text = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "canary-key-0815" not in text and query not in text and "X-Goog-Signature" not in text


def test_lines_come_while_a_wait_goes_on(emulator, plate, caplog):
    caplog.set_level(logging.DEBUG, logger="ltx_jobs")
    emulator.reset(ENDLESS)

    def look(progress):
        if any(record.name == "ltx_jobs.poll" for record in caplog.records):
            raise StopIteration

    with emulator.client() as client:
        job = client.video_to_video_hdr(video_uri=plate)
        with pytest.raises(StopIteration):
            job.wait(timeout=20, progress=look)


def test_a_handler_that_fails_ends_no_wait(submit):
    def broken(record):
        raise RuntimeError("a filter of the host")

    logger = logging.getLogger("ltx_jobs.submit")
    logger.setLevel(logging.DEBUG)
    logger.addFilter(broken)
    try:
        submit().wait()
    finally:
        logger.removeFilter(broken)


def test_without_anybody_to_hear_nothing_is_printed_and_nothing_imported(child):
    quiet = child("import ltx_jobs._logs as logs\n" + SUBMIT + "say('logging' in sys.modules)\nsay(logs._asked)")
    assert (quiet.line(), quiet.line()) == ("False", "None")
    code, _, complaint = quiet.end()
    assert (code, complaint) == (0, "")
    # A warning of ours is not for the last resort of `logging` either.
    warned = child("import logging\nlogging.getLogger('ltx_jobs').warning('x')\n" + SUBMIT)
    code, _, complaint = warned.end()
    assert code == 0 and complaint in ("", "x\n")


def test_the_environment_asks_for_lines_on_standard_error(child):
    told = child(SUBMIT, LTX_LOG="warn,ltx_jobs::submit=debug")
    code, _, complaint = told.end()
    assert code == 0
    assert " INFO ltx_jobs.submit: accepted " in complaint and "ltx_jobs.poll" not in complaint, complaint
    assert os.environ.get("LTXV_API_KEY", "emulator-key") not in complaint


@pytest.mark.parametrize("wish, levels", [("trace,json", {"trace", "debug", "info"}), ("json", {"info"})])
def test_the_environment_asks_for_lines_of_json_and_they_hold_no_secret(emulator, child, tmp_path, wish, levels):
    emulator.reset({"api_key": "canary-key-0815"})
    saving = SUBMIT.replace(".wait()", f".save({str(tmp_path)!r})")
    told = child(saving, LTX_LOG=wish, LTXV_API_KEY="canary-key-0815")
    code, _, complaint = told.end()
    lines = [json.loads(line) for line in complaint.splitlines()]
    found = {line["level"] for line in lines}
    assert code == 0 and found >= levels and (wish != "json" or not found & {"debug", "trace"})
    assert all(set(line) == {"time", "level", "target", "message", "fields", "spans"} for line in lines)
    accepted = next(line for line in lines if line["message"].startswith("accepted"))
    assert accepted["target"] == "ltx_jobs::submit" and accepted["fields"]["intent"].startswith("intent:")
    (span,) = accepted["spans"]
    assert span["name"] == "submit" and span["fields"]["intent"] == accepted["fields"]["intent"]
    assert "intent" not in accepted["message"] and accepted["time"].endswith("Z")
    assert "canary-key-0815" not in complaint and "X-Goog-Signature=" not in complaint


def kinds(lines) -> dict[tuple[str, str], tuple]:
    """What the lines of each sentence are made of: values may differ, names and kinds may not."""
    made = {}
    for line in lines:
        fields = {name: type(value).__name__ for name, value in line["fields"].items()}
        spans = [(span["name"], {name: type(value).__name__ for name, value in span["fields"].items()}) for span in line["spans"]]
        made.setdefault((line["target"], line["message"]), (list(line), line["level"], len(line["time"]), fields, spans))
    return made


def test_the_command_and_python_write_the_same_lines_of_json(emulator, child, tmp_path):
    emulator.reset({"api_key": "canary-key-0815"})
    found = []
    for wish in ("debug,json", "json"):
        environment = environment_of(emulator, LTX_LOG=wish, LTX_JOURNAL="off", LTXV_API_KEY="canary-key-0815")
        command = [sys.executable, "-m", "ltx_jobs", "hdr", str(PLATE), "-o", str(tmp_path / f"command {wish}")]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        if "has no command" in ended.stderr:
            pytest.skip("this build has no command")
        told = child(
            f"with ltx_jobs.Client(journal=False) as client:\n    client.video_to_video_hdr(video_uri=plate).save({str(tmp_path / f'python {wish}')!r})\n",
            LTX_LOG=wish,
            LTXV_API_KEY="canary-key-0815",
        )
        code, _, complaint = told.end()
        assert (ended.returncode, code) == (0, 0), (ended.stderr, complaint)
        assert "canary-key-0815" not in ended.stderr + complaint and "X-Goog-Signature=" not in ended.stderr + complaint
        # Beside what the command itself says of its progress.
        by_command, by_python = (
            kinds(json.loads(line) for line in text.splitlines() if line.startswith("{")) for text in (ended.stderr, complaint)
        )
        both = by_command.keys() & by_python.keys()
        assert ("ltx_jobs::submit", "accepted") in both, (by_command, by_python)
        assert {one: by_command[one] for one in both} == {one: by_python[one] for one in both}
        assert {level for _, level, *_ in by_command.values()} == {level for _, level, *_ in by_python.values()}
        found.append(by_python)
    assert {level for _, level, *_ in found[0].values()} >= {"debug", "info"}
    # Without a level it is what happened, in both.
    assert {level for _, level, *_ in found[1].values()} == {"info"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_logs_its_own_and_nothing_twice(child):
    program = (
        "import logging\nlogging.basicConfig(level=logging.INFO, format='%(process)d %(message)s')\n"
        "client = ltx_jobs.Client()\n"
        "client.video_to_video_hdr(video_uri=plate).wait()\n"
        "pid = os.fork()\n"
        "client.video_to_video_hdr(video_uri=plate).wait()\n"
        "client.close()\n"
        "if pid == 0: os._exit(0)\n"
        "say(pid)\nsay(os.getpid())\nsay(os.waitpid(pid, 0)[1])\n"
    )
    forked = child(program)
    pid, parent, status = (forked.line() for _ in range(3))
    assert status == "0"
    code, _, complaint = forked.end()
    accepted = [line.split(" ", 1)[0] for line in complaint.splitlines() if " accepted " in line]
    assert code == 0 and sorted(accepted) == sorted([parent, parent, pid]), complaint
