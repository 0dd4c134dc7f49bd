"""The client for asyncio in its host: Ctrl-C, fork, and the end of the interpreter while something is awaited."""

from __future__ import annotations

import os
import random
import statistics
import sys
import time

import pytest
from conftest import ENDLESS, POLLS, SUBMITS, until
from test_fork import FORKED
from test_interrupt import interrupt, spread

CAUGHT = """
except KeyboardInterrupt as stop:
    moment = time.monotonic()
    say(f"{moment!r} {' '.join(getattr(stop.__context__, '__notes__', []))}")
"""

# A coroutine that submits one job, says its reference, and waits for it.
WAITS = """
import asyncio
client = ltx_jobs.AsyncClient()
async def wait(say=say):
    job = await client.video_to_video_hdr(video_uri=plate)
    say(job.ref)
    await job
"""

EXITS = {
    "the_loop_of_a_daemon_thread": """
waiting = threading.Event()
threading.Thread(target=lambda: asyncio.run(wait(lambda _: waiting.set())), daemon=True).start()
assert waiting.wait(10)
time.sleep(0.05)
""",
    "many_awaits_in_a_daemon_thread": """
waiting = threading.Event()
async def many():
    job = await client.video_to_video_hdr(video_uri=plate)
    tasks = [asyncio.ensure_future(client.job(job.ref).wait()) for _ in range(500)]
    await asyncio.sleep(0.1)
    waiting.set()
    await asyncio.wait(tasks)
threading.Thread(target=lambda: asyncio.run(many()), daemon=True).start()
assert waiting.wait(10)
""",
    "sys_exit_beside_an_await": """
async def leave():
    task = asyncio.ensure_future(wait(lambda _: None))
    await asyncio.sleep(0.2)
    sys.exit(0)
asyncio.run(leave())
""",
    "a_loop_left_with_an_await_that_nobody_cancelled": """
loop = asyncio.new_event_loop()
job = loop.run_until_complete(client.video_to_video_hdr(video_uri=plate))
from ltx_jobs._dispatch import dispatcher
operation, future = job._attached().wait(None), loop.create_future()
dispatcher().arm(operation, loop, lambda: future.set_result(None))
""",
    "a_daemon_thread_that_goes_on_awaiting": """
begun = threading.Event()
async def forever():
    job = await client.video_to_video_hdr(video_uri=plate)
    while True:
        begun.set()
        try:
            await job.wait(timeout=0.001)
        except ltx_jobs.WaitTimeout:
            pass
threading.Thread(target=lambda: asyncio.run(forever()), daemon=True).start()
assert begun.wait(10)
""",
    "a_future_nobody_asked": """
job = ltx_jobs.Client().video_to_video_hdr(video_uri=plate)
future = job.future()
""",
}


@pytest.mark.parametrize("way", EXITS)
def test_what_is_still_awaited_does_not_disturb_the_exit(way, emulator, child):
    emulator.reset(ENDLESS)
    for _ in range(3):
        began = time.monotonic()
        assert child(WAITS + EXITS[way]).end() == (0, "", "")
        assert time.monotonic() - began < 10


def test_a_running_download_does_not_disturb_the_exit(emulator, child, tmp_path):
    emulator.reset({"fault": [{"route": "download:video_url", "do": "stall", "at": 1000}]})
    code = f"""{WAITS}
running = threading.Event()
async def fetch():
    done = await (await client.video_to_video_hdr(video_uri=plate))
    await done.download({str(tmp_path)!r}, progress=lambda progress: progress.bytes_done and running.set())
threading.Thread(target=lambda: asyncio.run(fetch()), daemon=True).start()
assert running.wait(20)
"""
    began = time.monotonic()
    assert child(code).end() == (0, "", "")
    assert time.monotonic() - began < 10
    assert not list(tmp_path.rglob("video.mp4"))


def test_a_paid_post_of_a_cancelled_submit_is_finished_before_the_process_ends(emulator, child):
    # The answer comes only when the process is ending already.
    emulator.reset({"api": {"latency_ms": 1500}})
    code = """
import asyncio
client = ltx_jobs.AsyncClient()
async def submit():
    task = asyncio.ensure_future(client.video_to_video_hdr(video_uri="ltx://uploads/none"))
    await asyncio.to_thread(sys.stdin.readline)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        say("cancelled")
asyncio.run(submit())
"""
    ending = child(code)
    until(lambda: [one for one in emulator.requests() if one["path"] == SUBMITS], "the POST")
    began = time.monotonic()
    assert ending.end() == (0, "cancelled\n", "")
    assert time.monotonic() - began > 0.5, "it did not wait for the answer"
    assert emulator.count("POST", SUBMITS) == 1 and emulator.count("GET", POLLS) == 0


def test_nothing_can_be_awaited_any_more_when_the_interpreter_is_ending(child):
    code = """
import asyncio, atexit
from ltx_jobs import _client_base
client = ltx_jobs.AsyncClient()
asyncio.run(client.check())
async def ask():
    try:
        await client.check()
    except ltx_jobs.ClosedError as error:
        say(error.kind)
# As if it had been registered before the package was imported: it is called after the package's own hook.
atexit.unregister(_client_base._at_exit)
atexit.register(lambda: asyncio.run(ask()))
atexit.register(_client_base._at_exit)
"""
    assert child(code).end() == (0, "Closed\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process")
def test_ctrl_c_in_asyncio_run_ends_the_await_at_once_and_the_job_goes_on(emulator, child, figure):
    emulator.reset(ENDLESS)
    latencies = []
    for _ in range(10):
        before = emulator.count("GET", POLLS)
        waiting = child(f"{WAITS}\ntry:\n    asyncio.run(wait()){CAUGHT}\n    say(asyncio.run(client.job(ref).poll()).status)".replace("say(job.ref)", "global ref; ref = job.ref; say(ref)"))
        ref = waiting.line()
        until(lambda: emulator.count("GET", POLLS) > before, "a poll")
        latency, note = interrupt(waiting, after=random.random() * 0.1)
        latencies.append(latency * 1000)
        if sys.version_info >= (3, 11):
            assert ref in note and "goes on" in note
        assert waiting.line() == "pending"
        assert waiting.end()[::2] == (0, "")
    figure("Ctrl-C in asyncio.run", statistics.median(latencies), 50, "ms", of=spread(latencies))


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="reads the masks of threads from /proc")
def test_the_thread_that_tells_loops_leaves_signals_to_the_main_thread(child):
    code = """
import asyncio, signal
client = ltx_jobs.AsyncClient()
asyncio.run(client.check())
(thread,) = [thread for thread in threading.enumerate() if thread.name == "ltx-dispatch"]
assert thread.daemon
with open(f"/proc/self/task/{thread.native_id}/status") as file:
    (mask,) = [int(line.split()[1], 16) for line in file if line.startswith("SigBlk")]
say([bool(mask & 1 << (number - 1)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGSEGV, signal.SIGFPE)])
say(signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    looking = child(code)
    assert looking.line() == "[True, True, True, False, False]"
    assert looking.line() == "set()"
    assert looking.end()[::2] == (0, "")


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

ROUND = """
import asyncio
aclient = ltx_jobs.AsyncClient()
async def round():
    job = await aclient.video_to_video_hdr(video_uri=plate)
    done = await job
    await asyncio.gather(*(aclient.job(job.ref).wait() for _ in range(20)))
    return done
"""


@needs_fork
@pytest.mark.parametrize("before", ["nothing", "one_await", "an_await_in_flight"])
def test_a_forked_child_awaits_with_a_thread_of_its_own_and_the_parent_goes_on(before, emulator, child, tmp_path):
    use = {
        "nothing": "",
        "one_await": "done = asyncio.run(round())",
        "an_await_in_flight": """
done = asyncio.run(round())
begun = threading.Event()
async def in_flight():
    job = await aclient.video_to_video_hdr(video_uri=plate)
    begun.set()
    await job
    say("in flight: fine")
thread = threading.Thread(target=lambda: asyncio.run(in_flight()))
thread.start()
assert begun.wait(10)
""",
    }[before]
    # Long enough for the fork to happen meanwhile.
    emulator.reset({"job": {"pending_polls": 10}})
    code = f"""{FORKED}{ROUND}{use}
def work():
    asyncio.run(round())
    if {before != "nothing"}:
        assert len(asyncio.run(done.download({str(tmp_path)!r})).paths) == 4
        assert asyncio.run(done.job.poll()).status == "completed"
        assert client.job(done.job).wait(timeout=10)
    assert [thread.name for thread in threading.enumerate()].count("ltx-dispatch") == 1
    asyncio.run(aclient.close())
    say("child: fine")
status = in_child(work)
asyncio.run(round())
if {before == "an_await_in_flight"}:
    thread.join()
say(f"parent: fine, child {{status}}")
"""
    forking = child(code)
    expected = ["child: fine", "parent: fine, child 0"] + ["in flight: fine"] * (before == "an_await_in_flight")
    code, output, complaint = forking.end(60)
    assert (code, sorted(output.splitlines()), complaint) == (0, sorted(expected), "")


@needs_fork
def test_a_forked_child_that_just_ends_ends(child):
    code = f"""{FORKED}{ROUND}
asyncio.run(round())
pid = os.fork()
if pid == 0:
    signal.alarm(10)
    sys.exit(7)
say(os.waitpid(pid, 0)[1] >> 8)
"""
    forking = child(code)
    assert forking.line() == "7"
    assert forking.end()[::2] == (0, "")


@needs_fork
def test_an_await_in_flight_belongs_to_the_parent(emulator, child):
    emulator.reset(ENDLESS)
    code = f"""{FORKED}{ROUND}
job = asyncio.run(aclient.video_to_video_hdr(video_uri=plate))
operation = job._attached().wait(None)
from ltx_jobs._async_wait import run
def work():
    try:
        asyncio.run(run(operation, aclient))
    except ltx_jobs.ForkedError as error:
        say(f"child: {{error.kind}}")
    say("child: " + asyncio.run(job.poll()).status)
say(f"parent: child {{in_child(work)}}")
"""
    forking = child(code)
    assert [forking.line() for _ in range(3)] == ["child: Forked", "child: pending", "parent: child 0"]
    assert forking.end()[::2] == (0, "")


@needs_fork
def test_a_pool_of_forked_processes_awaits_jobs_of_its_parent(child):
    code = f"""{FORKED}{ROUND}
import multiprocessing
def wait(job):
    signal.alarm(10)
    return asyncio.run(job.wait()).job.ref
jobs = [asyncio.run(round()).job for _ in range(4)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(wait, jobs) == [job.ref for job in jobs]
say("fine")
"""
    forking = child(code)
    assert forking.line() == "fine"
    assert forking.end()[::2] == (0, "")
