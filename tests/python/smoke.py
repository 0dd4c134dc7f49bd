"""Whether the installed package works on this interpreter: a job in every way there is, against the emulator that the package brings along.

    python tests/python/smoke.py

Needs the package and nothing else, no pytest: it runs on every Python from 3.9 on, on every system. Silent on standard error; its last line is `smoke: fine`.
"""

from __future__ import annotations

import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import threading

# The package's own command is the emulator here, and what the shell says about keys is no part of this.
for name in [name for name in os.environ if name.startswith(("LTX_", "LTXV_"))]:
    del os.environ[name]

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLATE = ROOT / "crates" / "ltx-jobs-cli" / "assets" / "plate.mp4"
ENDLESS = {"job": {"advance": "clock", "pending_ms": 3_600_000, "processing_ms": 3_600_000}}

threads_before = threading.active_count()
import ltx_jobs  # noqa: E402

assert threading.active_count() == threads_before, "the import starts a thread"
assert ROOT / "python" not in pathlib.Path(ltx_jobs.__file__).resolve().parents, f"not the installed package: {ltx_jobs.__file__}"

from ltx_jobs.testing import Emulator  # noqa: E402


def told(what: str) -> None:
    print(what, flush=True)


def metadata() -> None:
    import importlib.metadata

    assert importlib.metadata.version("ltx-jobs") == ltx_jobs.__version__
    said = subprocess.run([sys.executable, "-m", "ltx_jobs", "--version"], check=True, capture_output=True, text=True)
    assert said.stdout.strip().endswith(ltx_jobs.__version__), said.stdout
    told(f"version {ltx_jobs.__version__}, and the command says so")


def job(emulator: Emulator, client: ltx_jobs.Client, dest: pathlib.Path) -> None:
    done = client.video_to_video_hdr(video_uri=PLATE, once="smoke").wait(timeout=60, progress=lambda progress: None)
    saved = done.download(dest)
    frames = done.frames()
    data = frames[0].read()
    assert saved.paths and all(path.stat().st_size > 0 for path in saved.paths)
    assert data[:4] == b"v/1\x01", "an EXR begins otherwise"
    assert [frame.number for frame in frames] == sorted(frame.number for frame in frames)
    assert emulator.count("POST", "/v2/video-to-video-hdr") == 1
    assert pickle.loads(pickle.dumps(done.job)).ref == done.job.ref
    told(f"a job: {len(saved.paths)} files, {saved.bytes} bytes, {len(frames)} frames")


def errors(client: ltx_jobs.Client) -> None:
    try:
        client.job("retake/no-such-job").wait()
    except ltx_jobs.JobNotFound as error:
        assert isinstance(error, LookupError)
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(error, protocol))
            assert type(again) is type(error) and str(again) == str(error)
            assert again.request_id and (again.number, again.billing, again.request_id) == (error.number, error.billing, error.request_id)
    else:
        raise AssertionError("no error for a job that nobody knows")
    told("an error, pickled and back")


def awaited(emulator: Emulator) -> None:
    import asyncio

    async def work() -> int:
        async with ltx_jobs.AsyncClient(emulator.api_key, base_url=emulator.base_url, poll_interval="20ms") as client:
            jobs = await asyncio.gather(*(client.video_to_video_hdr(video_uri=PLATE, label=str(number)) for number in range(3)))
            frames = 0
            async for ended in client.as_completed(jobs, timeout=60):
                async for frame in await (await ended).frames():
                    frames += len(await frame.read()) > 0
            return frames

    told(f"asyncio: {asyncio.run(work())} frames of 3 jobs")


def interrupted(endless: ltx_jobs.Job) -> None:
    import signal

    if not hasattr(signal, "setitimer"):
        told("a handler that raises: SKIPPED, no timers here")
        return

    class Enough(Exception):
        pass

    def stop(*_: object) -> None:
        raise Enough

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        endless.wait(timeout=60)
        raise AssertionError("an endless job has ended")
    except Enough:
        told("a handler that raises ends a wait")
    finally:
        signal.signal(signal.SIGALRM, before)


def forked(client: ltx_jobs.Client) -> None:
    if not hasattr(os, "fork"):
        told("fork: SKIPPED, there is none here")
        return
    import signal
    import warnings

    # Python itself warns of threads at a fork since 3.12.
    warnings.simplefilter("ignore", DeprecationWarning)
    pid = os.fork()
    if pid == 0:
        # A child that hangs is ended.
        signal.alarm(20)
        code = 1
        try:
            client.video_to_video_hdr(video_uri=PLATE).wait(timeout=10)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child of a fork ended with {status}"
    client.check()
    told("fork: a job in the child, and the parent goes on")


def main() -> None:
    metadata()
    with Emulator() as emulator, tempfile.TemporaryDirectory() as dest, emulator.client(journal=pathlib.Path(dest) / "journal") as client:
        job(emulator, client, pathlib.Path(dest) / "frames")
        errors(client)
        awaited(emulator)
        forked(client)
    with Emulator(ENDLESS) as emulator:
        left = emulator.client(journal=False)
        endless = left.video_to_video_hdr(video_uri=PLATE)
        interrupted(endless)
        # Left open, with a wait in a thread, for the end of the interpreter.
        waiting = threading.Event()
        threading.Thread(target=endless.wait, kwargs={"progress": lambda _: waiting.set()}, daemon=True).start()
        assert waiting.wait(20)
        told("smoke: fine")


if __name__ == "__main__":
    main()
