"""Fork: a child of a process that used the package works, and never hangs."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
from conftest import ENDLESS, SUBMITS, environment_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# A child that hangs is ended by the alarm, and its parent says so.
FORKED = """
import signal, warnings
# Python itself warns of threads at a fork since 3.12; that is the subject here.
warnings.simplefilter("ignore", DeprecationWarning)
def in_child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        try:
            work()
        except BaseException as error:
            say(f"child: {type(error).__name__}: {error}")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        say(f"child: killed by {os.WTERMSIG(status)} (14 is the alarm: it hung)")
    return status
client = ltx_jobs.Client()
"""


def test_client_job_and_results_of_the_parent_work_in_the_child_and_again_in_the_parent(emulator, child, tmp_path):
    code = f"""{FORKED}
job = client.video_to_video_hdr(video_uri=plate)
done = job.wait()
def work():
    assert client.check().request_id
    assert job.poll().status == "completed"
    assert job.wait().job == job
    assert len(done.download({str(tmp_path / "child")!r}).paths) == 4
    other = client.video_to_video_hdr(video_uri=plate)
    other.wait()
    client.close()
    say("child: fine")
status = in_child(work)
assert len(done.download({str(tmp_path / "parent")!r}).paths) == 4
client.video_to_video_hdr(video_uri=plate).wait()
say(f"parent: fine, child {{status}}")
"""
    forking = child(code)
    assert forking.line() == "child: fine"
    assert forking.line() == "parent: fine, child 0"
    assert forking.end()[::2] == (0, "")
    assert emulator.count("POST", SUBMITS) == 3


def test_a_once_key_of_the_parent_holds_in_the_child_and_the_other_way_round(emulator, child, tmp_path):
    code = f"""{FORKED}
client = ltx_jobs.Client(journal={str(tmp_path)!r})
job = client.video_to_video_hdr(video_uri=plate, once="sh010")
def work():
    assert client.video_to_video_hdr(video_uri=plate, once="sh010") == job
    say(client.video_to_video_hdr(video_uri=plate, once="sh020").ref)
in_child(work)
assert client.video_to_video_hdr(video_uri=plate, once="sh010") == job
say(client.video_to_video_hdr(video_uri=plate, once="sh020").ref)
say(sorted(len(path.read_text().splitlines()) > 1 for path in Path({str(tmp_path)!r}).glob("*.jsonl")))
"""
    forking = child(code)
    of_the_child = forking.line()
    assert forking.line() == of_the_child, "and a key of the child holds in its parent"
    assert forking.line() == "[True, True]", "each has written a file of its own"
    assert forking.end()[::2] == (0, "")
    assert emulator.count("POST", SUBMITS) == 2


def test_a_client_that_did_nothing_yet_works_in_the_child(child):
    forking = child(FORKED + "say(in_child(lambda: (client.check(), say('child: fine'))))")
    assert forking.line() == "child: fine"
    assert forking.line() == "0"
    assert forking.end()[::2] == (0, "")


def test_an_operation_in_flight_belongs_to_the_parent(emulator, child):
    emulator.reset(ENDLESS)
    code = f"""{FORKED}
job = client.video_to_video_hdr(video_uri=plate)
here, forks = os.getpid(), []
def fork_once(_progress):
    # A child that comes out of the callback is in the middle of its parent's wait.
    if not forks:
        forks.append(os.fork())
        if forks[0] == 0:
            signal.alarm(10)
try:
    job.wait(timeout=2, progress=fork_once)
except ltx_jobs.Error as error:
    if os.getpid() != here:
        say(f"child: {{error.kind}} {{error.number}} {{job.poll().status}}")
        os._exit(0)
    _, status = os.waitpid(forks[0], 0)
    say(f"parent: {{error.kind}}, child {{status}}")
"""
    forking = child(code)
    assert forking.line() == "child: Forked 172 pending"
    assert forking.line() == "parent: WaitTimeout, child 0"
    assert forking.end()[::2] == (0, "")


def test_a_pool_of_forked_processes_waits_for_jobs_of_its_parent(child):
    code = f"""{FORKED}
import multiprocessing
def wait(job):
    signal.alarm(10)
    return job.wait().job.ref
def fail(job):
    client.job("video-to-video-hdr/unknown").poll()
jobs = [client.video_to_video_hdr(video_uri=plate) for _ in range(4)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(wait, jobs) == [job.ref for job in jobs]
    try:
        pool.map(fail, jobs)
    except ltx_jobs.Error as error:
        say(f"{{type(error).__name__}} {{error.http_status}}")
say(jobs[0].wait().job.status)
"""
    forking = child(code)
    assert forking.line() in ("JobNotFound 404", "NotFound 404")
    assert forking.line() == "completed"
    assert forking.end()[::2] == (0, "")


def test_a_forked_child_that_just_ends_ends(child):
    code = f"""{FORKED}
client.check()
pid = os.fork()
if pid == 0:
    signal.alarm(10)
    sys.exit(7)
say(os.waitpid(pid, 0)[1] >> 8)
"""
    forking = child(code)
    assert forking.line() == "7"
    code, _, complaint = forking.end()
    assert (code, complaint) == (0, "")


def test_spawned_processes_get_the_job_by_its_pickle(emulator, submit, monkeypatch):
    import multiprocessing

    monkeypatch.setenv("LTXV_API_KEY", emulator.api_key)
    monkeypatch.setenv("LTX_POLL_INTERVAL", "20ms")
    job = submit()
    # The worker imports the function by its module's name.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.path.dirname(__file__), *sys.path]))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(wait_for, (job,)).get(30) == job.ref


def wait_for(job):
    return job.wait(timeout=20).job.ref


def test_a_list_of_frames_belongs_to_the_process_that_opened_it_and_its_end_in_a_child_leaves_the_parents_alone(emulator, child, tmp_path):
    emulator.reset({"storage": {"ranges": False}, "archive": {"frames": 5}})
    code = f"""{FORKED}
import gc
done = client.video_to_video_hdr(video_uri=plate).wait()
frames = done.frames(spool={str(tmp_path)!r})
stream = frames.stream()
lengths = [frame.size for frame in frames]
def work():
    global frames, stream
    assert [frame.size for frame in frames] == lengths, "what is in memory is there"
    for use in (lambda: frames[0].read(), lambda: next(stream), frames.stream, lambda: frames.extract({str(tmp_path / "x")!r}), lambda: list(map(ltx_jobs.Frame.read, frames))):
        try:
            use()
        except ltx_jobs.ForkedError as error:
            assert "make a new one" in str(error), error
        else:
            say("child: no error")
    stream.close()
    del frames, stream
    gc.collect()
    assert [len(frame.read()) for frame in done.frames(spool={str(tmp_path)!r})] == lengths
    say("child: fine")
status = in_child(work)
assert [len(frame.read()) for frame in stream] == lengths
assert [len(frame.read()) for frame in frames] == lengths, "its file is still there"
say(f"parent: fine, child {{status}}")
"""
    forking = child(code)
    assert forking.line() == "child: fine"
    assert forking.line() == "parent: fine, child 0"
    assert forking.end()[::2] == (0, "")


STATES = ["import only", "client built", "operation done", "operation in flight", "async used"]
WAYS = ["os.fork", *multiprocessing.get_all_start_methods()]


def test_whatever_the_parent_has_done_and_however_the_child_is_made_both_kinds_of_call_work_in_both(emulator, submit, figure):
    emulator.reset(ENDLESS)
    ref = submit().ref
    expected = [f"{who}: {kind}: pending" for who in ("child", "parent") for kind in ("sync", "async")]

    def cell(state_and_way):
        state, way = state_and_way
        program = [sys.executable, str(Path(__file__).with_name("forked.py")), state, way, ref]
        try:
            ended = subprocess.run(program, env=environment_of(emulator), capture_output=True, text=True, timeout=90)
        except subprocess.TimeoutExpired as hung:
            return state, way, f"hung: {hung.stdout!r}"
        told = (ended.returncode, ended.stdout.splitlines(), ended.stderr)
        return None if told == (0, expected, "") else (state, way, told)

    with ThreadPoolExecutor(2) as pool:
        failures = [failure for failure in pool.map(cell, product(STATES, WAYS)) if failure is not None]
    assert not failures, failures
    figure("fork matrix", len(failures), 0, "failures", of=f"{len(STATES)} states x {len(WAYS)} ways to make a child x sync and async")
