"""Ctrl-C: back in the caller at once, and no harm done to a job that is paid for."""

from __future__ import annotations

import os
import random
import signal
import statistics
import sys
import time

import pytest
from conftest import ENDLESS, MEDIA, POLLS, SUBMITS, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process")

RUNS = 20

# Says when it came back, by the clock that both processes share, and what it was told.
CAUGHT = """
except KeyboardInterrupt as stop:
    moment = time.monotonic()
    say(f"{moment!r} {' '.join(getattr(stop, '__notes__', []))}")
"""


def interrupt(child, after: float = 0.0) -> tuple[float, str]:
    """Sends SIGINT and gives the seconds until the child was back in its own code, and the note."""
    time.sleep(after)
    sent = time.monotonic()
    os.kill(child.process.pid, signal.SIGINT)
    moment, _, note = child.line().partition(" ")
    return float(moment) - sent, note


def spread(latencies) -> str:
    """What is told beside the median: the worst of few runs is the machine's as much as ours."""
    return f"{len(latencies)} runs, 95 % within {sorted(latencies)[int(len(latencies) * 0.95) - 1]:.2f} ms, worst {max(latencies):.2f} ms, median"


def test_ctrl_c_ends_a_wait_within_20_ms(emulator, child, figure):
    emulator.reset(ENDLESS)
    latencies = []
    for _ in range(RUNS):
        before = emulator.count("GET", POLLS)
        waiting = child("client = ltx_jobs.Client()\njob = client.video_to_video_hdr(video_uri=plate)\nsay(job.ref)\ntry:\n    job.wait()" + CAUGHT)
        ref = waiting.line()
        until(lambda: emulator.count("GET", POLLS) > before, "a poll")
        # A random phase of the 100 ms slice, so that luck cannot make the number.
        latency, note = interrupt(waiting, after=random.random() * 0.1)
        latencies.append(latency * 1000)
        if sys.version_info >= (3, 11):
            assert ref in note and "goes on" in note
        assert waiting.end()[::2] == (0, "")
    figure("Ctrl-C in wait()", statistics.median(latencies), 20, "ms", of=spread(latencies))


def test_ctrl_c_ends_a_download_and_the_same_call_goes_on(emulator, child, tmp_path):
    emulator.reset({"fault": [{"route": "download:video_url", "do": "stall", "at": 1000}]})
    code = f"""
client = ltx_jobs.Client()
done = client.video_to_video_hdr(video_uri=plate).wait()
try:
    done.download({str(tmp_path)!r}){CAUGHT}
    say(sum(path.name == "video.mp4" for path in Path({str(tmp_path)!r}).rglob("*")))
    saved = done.download({str(tmp_path)!r})
    say(len(saved.paths))
"""
    downloading = child(code)
    until(lambda: [one for one in emulator.requests() if one["path"].endswith(".mp4") and one["method"] == "GET"], "the request for the video")
    latency, _ = interrupt(downloading)
    assert latency <= 0.1
    assert downloading.line() == "0", "a half file got its final name"
    assert downloading.line() == "4"
    assert downloading.end()[::2] == (0, "")


READS = {
    "open": "done.frames()",
    "read": "frames[0].read()",
    "loop": "[frame.read() for frame in frames]",
    "stream": "list(frames.stream())",
    "extract": "frames.extract(dest)",
    "file": "frames[0].open().read(1)",
    "output": "done.outputs['exr_frames_url'].open().read(1)",
}


@pytest.mark.parametrize("way", READS)
def test_ctrl_c_ends_the_reading_of_frames_and_the_same_call_goes_on(emulator, child, tmp_path, way):
    emulator.reset({"video": {"enabled": False}, "archive": {"frames": 8, "compression": "none", "padding": 1_000_000}})
    code = f"""
dest = {str(tmp_path)!r}
done = ltx_jobs.Client().video_to_video_hdr(video_uri=plate).wait()
# Over one connection, so that all of it waits for the request that is held.
frames = done.frames(connections=1)
say("ready")
sys.stdin.readline()
try:
    {READS[way]}{CAUGHT}
    say(len(list(Path(dest).glob("*.exr"))))
{READS[way]}
say(sum(len(frame.read()) == frame.size for frame in frames))
"""
    reading = child(code)
    assert reading.line() == "ready"
    before = len(emulator.requests())
    emulator.push_fault("download:exr_frames_url", "stall", at=1000)
    reading.process.stdin.write("go\n")
    reading.process.stdin.flush()
    until(lambda: len(emulator.requests()) > before, "a request for frames")
    latency, note = interrupt(reading, after=random.random() * 0.1)
    assert latency <= 0.1
    assert reading.line() == "0", "a file was there before it was whole"
    if way == "extract" and sys.version_info >= (3, 11):
        assert "the same call" in note
    assert reading.line() == "8"
    assert reading.end()[::2] == (0, "")


def test_ctrl_c_ends_a_submit_whose_answer_is_still_awaited_and_written_down(emulator, child):
    emulator.reset({"fault": [{"route": "submit", "do": "read_and_never_answer"}]})
    code = f"""
client = ltx_jobs.Client(submit_timeout=1.5)
try:
    client.video_to_video_hdr(video_uri=plate){CAUGHT}
    ref = ' '.join(getattr(stop, '__notes__', [])).partition("('")[2].partition("')")[0] if hasattr(stop, '__notes__') else None
    if ref:
        try:
            client.job(ref)
        except ltx_jobs.Error as error:
            say(error.kind + ' ' + error.billing)
"""
    submitting = child(code.replace("except KeyboardInterrupt as stop:", "except KeyboardInterrupt as caught:\n    stop = caught"))
    until(lambda: emulator.count("POST", SUBMITS) == 1, "the POST")
    latency, note = interrupt(submitting)
    assert latency <= 0.1
    if sys.version_info >= (3, 11):
        assert "intent:" in note
        assert submitting.line() == "InvalidState unknown"
    began = time.monotonic()
    code, _, complaint = submitting.end()
    assert (code, complaint) == (0, "")
    assert time.monotonic() - began < 10, "the exit waited longer than the attempt itself"
    assert emulator.count("POST", SUBMITS) == 1


def test_ctrl_c_ends_an_upload_and_nothing_was_submitted(emulator, child):
    emulator.reset({"fault": [{"route": "put", "do": "read_and_never_answer"}]})
    code = f"""
client = ltx_jobs.Client()
try:
    client.video_to_video_hdr(video_uri=plate, once="sh010"){CAUGHT}
    say(client.video_to_video_hdr(video_uri=plate, once="sh010").ref)
"""
    uploading = child(code)
    until(lambda: emulator.count("PUT", "/*") == 1, "the upload")
    latency, note = interrupt(uploading)
    assert latency <= 0.1
    if sys.version_info >= (3, 11):
        assert "withdrawn" in note and "intent:" in note
    assert uploading.line().startswith("video-to-video-hdr/")
    assert uploading.end()[::2] == (0, "")
    assert emulator.count("POST", SUBMITS) == 1


def test_ctrl_c_ends_an_estimate_that_reads_a_large_file(emulator, child, tmp_path):
    clip = tmp_path / "large.mp4"
    clip.write_bytes((MEDIA / "hevc.mp4").read_bytes())
    # As large as an upload may be; reading it takes some tenths of a second.
    os.truncate(clip, 200 << 20)
    code = f"""
client = ltx_jobs.Client()
say("begun")
try:
    say(client.estimate(ltx_jobs.VideoToVideoHdr(Path({str(clip)!r}))).basis){CAUGHT}
    say(client.estimate(ltx_jobs.VideoToVideoHdr(Path({str(MEDIA / "hevc.mp4")!r}))).usd)
"""
    estimating = child(code)
    assert estimating.line() == "begun"
    latency, _ = interrupt(estimating, after=random.random() * 0.02)
    assert latency <= 0.1
    assert estimating.line() == "0.10"
    assert estimating.end()[::2] == (0, "")
    assert emulator.requests() == []


def test_ctrl_c_ends_the_wait_for_a_place_and_nothing_was_submitted(emulator, child):
    emulator.reset(ENDLESS)
    code = f"""
client = ltx_jobs.Client(max_concurrent_jobs=1)
first = client.video_to_video_hdr(video_uri=plate)
def watch(progress):
    if progress.phase == "queued":
        say("queued")
try:
    client.video_to_video_hdr(video_uri=plate, progress=watch){CAUGHT}
"""
    queued = child(code)
    assert queued.line() == "queued"
    sent = time.monotonic()
    os.kill(queued.process.pid, signal.SIGINT)
    line = queued.line()
    while line == "queued":
        line = queued.line()
    moment, _, note = line.partition(" ")
    assert float(moment) - sent <= 0.1
    if sys.version_info >= (3, 11):
        assert "withdrawn" in note
    assert queued.end()[::2] == (0, "")
    assert emulator.count("POST", SUBMITS) == 1


def test_a_handler_that_raises_ends_a_wait_at_once(emulator, child):
    emulator.reset(ENDLESS)
    code = """
import signal
class Limit(Exception): pass
def soft_limit(*_): raise Limit()
signal.signal(signal.SIGUSR1, soft_limit)
job = ltx_jobs.Client().video_to_video_hdr(video_uri=plate)
try:
    job.wait()
except Limit:
    say(repr(time.monotonic()))
say(job.poll().status)
"""
    waiting = child(code)
    until(lambda: emulator.count("GET", POLLS) > 0, "a poll")
    time.sleep(random.random() * 0.1)
    sent = time.monotonic()
    os.kill(waiting.process.pid, signal.SIGUSR1)
    assert float(waiting.line()) - sent <= 0.1
    assert waiting.line() == "pending"
    assert waiting.end()[::2] == (0, "")


def test_interrupt_main_ends_a_wait_of_the_main_thread_soon(emulator, child, figure):
    # What IDEs and kernels on Windows do in place of a signal.
    emulator.reset(ENDLESS)
    code = """
import _thread, random
job = ltx_jobs.Client().video_to_video_hdr(video_uri=plate)
began = threading.Event()
def interrupt():
    global sent
    began.wait(20)
    time.sleep(random.random() * 0.1)
    sent = time.monotonic()
    _thread.interrupt_main()
for _ in range(10):
    began.clear()
    threading.Thread(target=interrupt).start()
    try:
        job.wait(progress=lambda _: began.set())
    except KeyboardInterrupt as stop:
        say(f"{(time.monotonic() - sent) * 1000!r} {' '.join(getattr(stop, '__notes__', []))}")
"""
    waiting = child(code)
    latencies = []
    for _ in range(10):
        latency, _, note = waiting.line().partition(" ")
        latencies.append(float(latency))
        if sys.version_info >= (3, 11):
            assert "goes on" in note
    assert waiting.end()[::2] == (0, "")
    figure("interrupt_main in wait()", statistics.median(latencies), 150, "ms", of=spread(latencies))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_interrupt_of_the_main_thread_wakes_waits_in_others_by_the_end_of_the_with_block(emulator, child, figure, kind):
    emulator.reset(ENDLESS)
    wait = "job.wait(progress=lambda _: began.set())"
    if kind == "async":
        wait = "asyncio.run(aclient.job(job.ref).wait(progress=lambda _: began.set()))"
    code = f"""
import asyncio, contextlib
began = threading.Event()
aclient = ltx_jobs.AsyncClient()
def other():
    try:
        {wait}
    except ltx_jobs.Error as error:
        say(f"{{time.monotonic()!r}} {{type(error).__name__}} {{error.job.ref}}")
try:
    with ltx_jobs.Client() as client:
        job = client.video_to_video_hdr(video_uri=plate)
        thread = threading.Thread(target=other)
        thread.start()
        began.wait(20)
        say(job.ref)
        job.wait()
except KeyboardInterrupt:
    if {kind == "async"}:
        asyncio.run(aclient.close())
    thread.join(20)
    say(thread.is_alive())
"""
    waiting = child(code)
    ref = waiting.line()
    sent = time.monotonic()
    os.kill(waiting.process.pid, signal.SIGINT)
    moment, name, told = waiting.line().split()
    assert (name, told) == ("ClosedError", ref)
    assert waiting.line() == "False"
    assert waiting.end()[::2] == (0, "")
    figure(f"a {kind} wait in another thread wakes after Ctrl-C", (float(moment) - sent) * 1000, 1000, "ms")


def test_a_handler_that_does_not_raise_disturbs_no_wait(emulator, child):
    emulator.reset(ENDLESS)
    code = """
import signal
signal.signal(signal.SIGUSR1, lambda *_: say("heard"))
say(ltx_jobs.Client().video_to_video_hdr(video_uri=plate).wait().job.status)
"""
    waiting = child(code)
    until(lambda: emulator.count("GET", POLLS) > 0, "a poll")
    for _ in range(5):
        os.kill(waiting.process.pid, signal.SIGUSR1)
        assert waiting.line() == "heard"
    emulator.advance(2 * 3600 + 1)
    assert waiting.line() == "completed"
    assert waiting.end()[::2] == (0, "")


def test_no_handler_is_installed_and_no_mask_of_pythons_threads_is_changed(emulator, client, submit):
    def state():
        handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        return handlers, signal.pthread_sigmask(signal.SIG_BLOCK, [])

    before = state()
    submit().wait()
    client.close()
    assert state() == before


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="reads the masks of threads from /proc")
def test_our_threads_block_the_signals_that_python_may_handle(submit):
    submit().wait()
    ours = {}
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/status") as file:
            status = dict(line.split(":", 1) for line in file if ":" in line)
        if status["Name"].strip().startswith("ltx-"):
            ours[thread] = int(status["SigBlk"], 16)
    assert ours
    for mask in ours.values():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM, signal.SIGPIPE, signal.SIGCHLD):
            assert mask & (1 << (number - 1)), f"{number!r} is not blocked"
        for number in (signal.SIGSEGV, signal.SIGFPE, signal.SIGBUS):
            assert not mask & (1 << (number - 1)), f"{number!r} is blocked"
