"""The end of the interpreter: quiet, quick, and a paid POST that is on the wire gets its answer."""

from __future__ import annotations

import time

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
