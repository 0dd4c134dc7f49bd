"""A wait as a future: for hosts whose thread must not wait."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time

import pytest
from conftest import ENDLESS

import ltx_jobs
from ltx_jobs import _dispatch


def test_a_future_ends_with_what_wait_would_give(emulator, client, submit):
    future = submit().future()
    assert isinstance(future, concurrent.futures.Future)
    done = future.result(timeout=30)
    assert isinstance(done, ltx_jobs.Completed) and done.job.status == "completed"
    with pytest.raises(ltx_jobs.JobNotFound) as caught:
        client.job("video-to-video-hdr/nobody").future().result(timeout=30)
    assert caught.value.job.id == "nobody"


def test_futures_go_with_the_standard_library(emulator, submit):
    emulator.reset(ENDLESS)
    job = submit()
    futures = [job.future() for _ in range(50)]
    late = job.future(timeout=0.05)
    assert concurrent.futures.wait([late, futures[0]], timeout=20, return_when="FIRST_COMPLETED").done == {late}
    assert isinstance(late.exception(), ltx_jobs.WaitTimeout) and late.exception().job is job
    emulator.advance(2 * 3600 + 1)
    assert {future.result().job for future in concurrent.futures.as_completed(futures, timeout=30)} == {job}


def test_callbacks_run_on_the_librarys_thread_and_a_slow_or_failing_one_holds_up_no_loop(emulator, submit):
    emulator.reset(ENDLESS)
    job, called, go = submit(), [], threading.Event()

    def slow(_):
        called.append(threading.current_thread().name)
        go.wait(20)
        raise LookupError("of the callback")

    job.future().add_done_callback(slow)
    emulator.advance(2 * 3600 + 1)
    end = time.monotonic() + 20
    while not called:
        assert time.monotonic() < end
        time.sleep(0.005)
    other = ltx_jobs.AsyncClient(emulator.api_key, base_url=emulator.base_url, poll_interval="20ms")
    assert asyncio.run(other.job(job.ref).wait(timeout=20)).job == job
    asyncio.run(other.close())
    later = job.future()
    go.set()
    assert later.result(timeout=20).job is job and called == ["ltx-futures"]
    assert repr(later) == f"<Future of {job!r}: done>"


def test_a_callback_that_wants_to_end_its_thread_ends_nobodys_wait(emulator, submit):
    emulator.reset(ENDLESS)
    job, called = submit(), threading.Event()

    def leave(_):
        called.set()
        raise SystemExit

    job.future().add_done_callback(leave)
    emulator.advance(2 * 3600 + 1)
    assert called.wait(20)
    assert job.future().result(timeout=20).job is job


def test_cancelling_a_future_ends_the_wait_and_not_the_job(emulator, submit):
    emulator.reset(ENDLESS)
    job = submit()
    future = job.future()
    assert future.cancel() and future.cancelled() and future.cancel()
    end = time.monotonic() + 20
    while len(_dispatch.dispatcher("ltx-futures")):
        assert time.monotonic() < end, "the wait went on"
        time.sleep(0.005)
    assert job.poll().status == "pending"
    emulator.advance(2 * 3600 + 1)
    assert job.future().result(timeout=30).job is job and future.cancelled()


def test_closing_the_client_ends_its_futures(emulator, plate):
    emulator.reset(ENDLESS)
    client = emulator.client()
    future = client.video_to_video_hdr(video_uri=plate).future()
    client.close()
    with pytest.raises(ltx_jobs.ClosedError):
        future.result(timeout=20)
