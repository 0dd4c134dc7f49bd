"""Waiting for several jobs at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest
from conftest import ENDLESS, POLLS, until
from test_fork import FORKED

import ltx_jobs
from ltx_jobs.testing import Emulator


@pytest.fixture
def staggered(emulator, submit):
    """Three jobs that end 2000, 4000 and 6000 s of the emulator's clock from now."""
    emulator.reset(ENDLESS)
    jobs = []
    for seconds in (2000, 2000, 1200):
        jobs.append(submit())
        emulator.advance(seconds)
    return jobs


@pytest.fixture
def failed(plate):
    """A job of another client, at a service where all fail."""
    with Emulator({"job": {"outcome": "failed"}}) as other, other.client() as client:
        yield client.video_to_video_hdr(video_uri=plate)


def test_jobs_come_in_the_order_of_their_ends(emulator, staggered):
    first, second, third = staggered
    ends = ltx_jobs.as_completed([third, first, second, first])
    for job in (first, second, third):
        emulator.advance(2001 if job is first else 2000)
        got = next(ends)
        assert got is job and got.done and got.wait(timeout=0).job is job
    assert next(ends, None) is None


def test_a_failed_job_and_one_that_does_not_exist_come_as_well(client, submit, failed):
    lost = client.job("video-to-video-hdr/no-such-job")
    jobs = [submit(), failed, lost]
    came = list(ltx_jobs.as_completed(jobs, timeout=30))
    assert len(came) == 3 and set(came) == set(jobs)
    with pytest.raises(ltx_jobs.ContentFiltered):
        failed.wait()


def test_the_time_limit_is_for_all_and_what_ended_before_it_comes_first(emulator, staggered):
    first, second, third = staggered
    emulator.advance(2001)
    came = []
    with pytest.raises(ltx_jobs.WaitTimeout, match="2 of 3 jobs") as caught:
        for job in ltx_jobs.as_completed([third, second, first], timeout=1):
            came.append(job)
    assert came == [first]
    assert (caught.value.job, caught.value.billing, caught.value.retryable) == (third, "job_exists", True)
    assert second.poll().status != "completed"


def test_zero_only_looks(emulator, staggered):
    with pytest.raises(ltx_jobs.WaitTimeout, match="3 of 3"):
        next(ltx_jobs.as_completed(staggered, timeout=0))
    assert {type(outcome) for outcome in ltx_jobs.wait_all(staggered, timeout=0)} == {ltx_jobs.WaitTimeout}
    assert [job.done for job in staggered] == [False] * 3


def test_no_jobs_are_no_wait():
    assert list(ltx_jobs.as_completed([])) == [] and ltx_jobs.wait_all(iter(())) == []


def test_wait_all_tells_what_came_of_each_and_raises_for_none(client, submit, failed, tmp_path):
    lost = client.job("video-to-video-hdr/no-such-job")
    good, other = submit(), submit()
    with ltx_jobs.Client(api_key="x", base_url=client.base_url) as closed_client:
        closed = closed_client.job(good.ref)
    jobs = [good, failed, lost, other, closed, good]
    outcomes = ltx_jobs.wait_all(jobs, timeout=30)
    kinds = [type(outcome) if isinstance(outcome, ltx_jobs.Completed) else outcome.kind for outcome in outcomes]
    assert kinds == [ltx_jobs.Completed, "ContentFiltered", "NotFound", ltx_jobs.Completed, "Closed", ltx_jobs.Completed]
    assert isinstance(outcomes[1], ltx_jobs.JobFailed) and outcomes[1].job is failed and outcomes[1].billing == "not_billed"
    assert [outcome.job for outcome in outcomes[:4]] == jobs[:4]
    assert len(outcomes[0].download(tmp_path).paths) == 4


def test_wait_all_gives_a_time_limit_as_an_outcome(emulator, staggered):
    first, second, third = staggered
    emulator.advance(2001)
    outcomes = ltx_jobs.wait_all([third, first, second], timeout=1)
    assert [type(outcome) for outcome in outcomes] == [ltx_jobs.WaitTimeout, ltx_jobs.Completed, ltx_jobs.WaitTimeout]
    assert [outcome.job for outcome in outcomes] == [third, first, second]


def test_what_is_no_job_is_refused_before_the_wait(submit):
    job = submit()
    for call in (ltx_jobs.as_completed, ltx_jobs.wait_all):
        with pytest.raises(TypeError, match="Client.job"):
            call([job, job.ref])
        with pytest.raises(ltx_jobs.InvalidRequest, match="timeout"):
            call([job], timeout=-1)


def test_leaving_the_loop_early_leaves_the_jobs_alone(emulator, staggered):
    emulator.advance(2001)
    for job in ltx_jobs.as_completed(staggered):
        assert job is staggered[0]
        break
    emulator.advance(4000)
    assert [type(outcome) for outcome in ltx_jobs.wait_all(staggered, timeout=30)] == [ltx_jobs.Completed] * 3


def test_a_thousand_waits_need_no_thread_and_no_descriptor_each(emulator, client, submit):
    # Handles to one job, and to jobs nobody knows: each is a wait of its own.
    job = submit()
    jobs = [job, *(client.job(f"video-to-video-hdr/unknown-{number}") for number in range(999))]
    most = [0, 0]

    def watch():
        while watching:
            now = [len(os.listdir(f"/proc/self/{what}")) for what in ("task", "fd")] if os.path.isdir("/proc/self/fd") else [0, 0]
            most[:] = map(max, most, now)
            time.sleep(0.01)

    watching = [True]
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        outcomes = ltx_jobs.wait_all(jobs, timeout=60)
    finally:
        watching.clear()
        watcher.join()
    assert most[0] < 100 and most[1] < 200, f"{most[0]} threads, {most[1]} descriptors"
    assert isinstance(outcomes[0], ltx_jobs.Completed)
    assert {outcome.kind for outcome in outcomes[1:]} == {"NotFound"}


def test_a_thread_that_is_not_the_main_one_waits_as_well(emulator, staggered):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ltx_jobs.wait_all, staggered)
        until(lambda: emulator.count("GET", POLLS) > 3, "polls")
        emulator.advance(7200)
        assert all(isinstance(outcome, ltx_jobs.Completed) for outcome in waiting.result(30))


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process")
@pytest.mark.parametrize("call", ["ltx_jobs.wait_all(jobs)", "list(ltx_jobs.as_completed(jobs))"])
def test_ctrl_c_ends_it_at_once_and_the_jobs_go_on(call, emulator, child):
    emulator.reset(ENDLESS)
    code = f"""
client = ltx_jobs.Client()
jobs = [client.video_to_video_hdr(video_uri=plate) for _ in range(3)]
try:
    {call}
except KeyboardInterrupt as stop:
    say(repr(time.monotonic()))
    say(' '.join(getattr(stop, '__notes__', ['the jobs go on'])))
say(jobs[0].poll().status)
"""
    waiting = child(code)
    until(lambda: emulator.count("GET", POLLS) > 3, "polls")
    sent = time.monotonic()
    os.kill(waiting.process.pid, signal.SIGINT)
    assert float(waiting.line()) - sent <= 0.1
    assert "the jobs go on" in waiting.line()
    assert waiting.line() == "pending"
    assert waiting.end()[::2] == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_loop_of_the_parent_is_refused_in_a_forked_child_and_a_new_one_works(emulator, child):
    code = f"""{FORKED}
jobs = [client.video_to_video_hdr(video_uri=plate) for _ in range(2)]
ends = ltx_jobs.as_completed(jobs)
next(ends)
def work():
    try:
        next(ends)
    except ltx_jobs.ForkedError as error:
        say(f"child: {{error.kind}}")
    assert all(isinstance(outcome, ltx_jobs.Completed) for outcome in ltx_jobs.wait_all(jobs, timeout=8))
status = in_child(work)
say(f"parent: {{len(list(ends))}}, child {{status}}")
"""
    forking = child(code)
    assert forking.line() == "child: Forked"
    assert forking.line() == "parent: 1, child 0"
    assert forking.end()[::2] == (0, "")
