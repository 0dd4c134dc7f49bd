"""The end of the interpreter: quiet, quick, and a paid POST that is on the wire gets its answer."""

from __future__ import annotations

import time

import pytest
from conftest import ENDLESS, POLLS, SUBMITS, until


def test_a_daemon_thread_in_a_wait_does_not_disturb_the_exit(emulator, child):
    emulator.reset(ENDLESS)
    code = """
client = ltx_jobs.Client()
job = client.video_to_video_hdr(video_uri=plate)
waiting = threading.Event()
threading.Thread(target=job.wait, kwargs={"progress": lambda _: waiting.set()}, daemon=True).start()
assert waiting.wait(10)
"""
    for _ in range(5):
        began = time.monotonic()
        assert child(code).end() == (0, "", "")
        assert time.monotonic() - began < 5


BEGIN = """
import asyncio, atexit
client = ltx_jobs.Client()
job = client.video_to_video_hdr(video_uri=plate)
going = threading.Event()
# Before our own hook, which was registered first: from here on the interpreter ends.
atexit.register(lambda: say(repr(time.monotonic())))
def daemon(work):
    threading.Thread(target=work, daemon=True).start()
    assert going.wait(20)
"""

# What goes on when the program just ends.
ENDINGS = {
    "a client that nobody closed": "",
    "a daemon thread in a wait": "daemon(lambda: job.wait(progress=lambda _: going.set()))",
    "a daemon thread with a loop that awaits": """
aclient = ltx_jobs.AsyncClient()
async def wait():
    going.set()
    await asyncio.gather(*(aclient.job(job.ref).wait() for _ in range(20)))
daemon(lambda: asyncio.run(wait()))
""",
    "awaits of a loop that was left": """
aclient = ltx_jobs.AsyncClient()
loop = asyncio.new_event_loop()
tasks = [loop.create_task(aclient.job(job.ref).wait()) for _ in range(20)]
loop.run_until_complete(asyncio.sleep(0.1))
for task in tasks:
    # What asyncio itself says of a task that is left is asyncio's.
    task._log_destroy_pending = False
""",
    "a future with a callback": "future = job.future()\nfuture.add_done_callback(lambda _: None)",
    "a download of a daemon thread": "daemon(lambda: done.download(dest, progress=lambda _: going.set()))",
    "frames that are fetched ahead": "frames = done.frames()\nstream = frames.stream()\nahead = iter(frames)\nnext(ahead).read()",
    "a batch that runs": """
batch = client.batch(((str(n), ltx_jobs.VideoToVideoHdr(plate)) for n in range(3)), name="reel")
daemon(lambda: (going.set(), next(batch)))
""",
}
WITH_RESULTS = {"a download of a daemon thread", "frames that are fetched ahead"}


def endings(emulator, child, tmp_path, rounds: int, figure) -> None:
    took, failures = [], []
    for number in range(rounds):
        for name, code in ENDINGS.items():
            begin = BEGIN + f"dest = {str(tmp_path / f'{number}-{name}')!r}\n"
            if name in WITH_RESULTS:
                emulator.reset({"archive": {"frames": 20, "compression": "none", "padding": 2_000_000}, "storage": {"rate": 4_000_000}})
                begin += "done = job.wait()\n"
            else:
                emulator.reset(ENDLESS)
            ending = child(begin + code)
            code, output, complaint = ending.end(60)
            gone = time.monotonic()
            if (code, complaint) != (0, "") or len(output.split()) != 1:
                failures.append((name, code, output, complaint))
            else:
                took.append(gone - float(output))
    assert not failures, failures
    figure("exit matrix", len(failures), 0, "failures", of=f"{len(ENDINGS)} endings x {rounds}")
    figure("exit", max(took), 5, "s", of=f"median {sorted(took)[len(took) // 2]:.2f} s, the longest of {len(took)}")


def test_whatever_goes_on_the_exit_is_quiet_and_soon(emulator, child, tmp_path, figure):
    endings(emulator, child, tmp_path, 2, figure)


@pytest.mark.full
def test_whatever_goes_on_the_exit_is_quiet_and_soon_two_hundred_times(emulator, child, tmp_path, figure):
    endings(emulator, child, tmp_path, 25, figure)


def test_an_unclosed_client_and_an_unread_job_do_not_disturb_the_exit(emulator, child):
    assert child("client = ltx_jobs.Client()\njob = client.video_to_video_hdr(video_uri=plate)").end() == (0, "", "")


def test_a_client_that_was_never_used_starts_nothing(child):
    code = """
def threads(): return len(os.listdir('/proc/self/task')) if os.path.isdir('/proc/self/task') else threading.active_count()
before = threads()
client = ltx_jobs.Client()
repr(client)
say(threads() - before)
"""
    assert child(code).end() == (0, "0\n", "")


def test_a_paid_post_on_the_wire_is_finished_before_the_process_ends(emulator, child):
    # The answer comes only when the process is ending already.
    emulator.reset({"api": {"latency_ms": 1500}})
    code = """
client = ltx_jobs.Client()
threading.Thread(target=client.video_to_video_hdr, kwargs={"video_uri": "ltx://uploads/none"}, daemon=True).start()
sys.stdin.readline()
"""
    ending = child(code)
    until(lambda: [one for one in emulator.requests() if one["path"] == SUBMITS], "the POST")
    began = time.monotonic()
    code, output, complaint = ending.end()
    assert (code, output, complaint) == (0, "", "")
    assert time.monotonic() - began > 0.5, "it did not wait for the answer"
    assert emulator.count("POST", SUBMITS) == 1 and emulator.count("GET", POLLS) == 0
