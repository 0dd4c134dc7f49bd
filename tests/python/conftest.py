"""One emulator for the whole run, given a fresh programme by every test that asks for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ltx_jobs
from ltx_jobs.testing import Emulator

ROOT = Path(__file__).resolve().parents[2]
PLATE = ROOT / "crates" / "ltx-jobs-cli" / "assets" / "plate.mp4"
# One small file for each codec and container.
MEDIA = ROOT / "crates" / "ltx-jobs" / "tests" / "media"

# Jobs that end only when the emulator's clock is moved by two hours.
ENDLESS = {"job": {"advance": "clock", "pending_ms": 3_600_000, "processing_ms": 3_600_000}}
POLLS = "/v2/video-to-video-hdr/*"
SUBMITS = "/v2/video-to-video-hdr"


# What the run has measured, shown at its end.
_FIGURES = pytest.StashKey[list]()


@pytest.fixture
def figure(request):
    """Notes a figure of the test with its limit, and fails when it is beyond it. All of them are shown at the end of the run, also without ``-s``."""
    figures = request.config.stash.setdefault(_FIGURES, [])

    def figure(name: str, value: object, limit: object = None, unit: str = "", *, of: str = "", least: bool = False) -> None:
        """``figure("Ctrl-C in wait()", 0.31, 20, "ms", of="median of 20")``. With `least` the limit is one from below; without a limit it is only told."""
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        line = f"{name}: {of + ', ' if of else ''}{shown}{' ' + unit if unit else ''}"
        if limit is not None:
            line += f" (limit {'at least ' if least else ''}{limit})"
        figures.append(line)
        if limit is not None:
            assert value >= limit if least else value <= limit, line

    return figure


def pytest_configure():
    # A shell without job control starts what runs in its background deaf to Ctrl-C, and every child inherits that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """What is measured is measured with nothing beside it: the others may run on several processes (``-m "not full and not timed" -n 4``)."""
    for item in items:
        if "figure" in item.fixturenames:
            item.add_marker("timed")


def pytest_terminal_summary(terminalreporter, config):
    figures = config.stash.get(_FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def _emulator():
    # What the developer's shell says about keys and proxies is no part of the tests.
    for name in [name for name in os.environ if name.startswith(("LTX_", "LTXV_")) and name != "LTX_JOBS_COMMAND"]:
        del os.environ[name]
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(_emulator):
    _emulator.reset({})
    return _emulator


@pytest.fixture
def client(emulator):
    with emulator.client() as client:
        yield client


@pytest.fixture
def plate():
    return PLATE


@pytest.fixture
def submit(client, plate):
    """Submits the plate with the fixture's client."""

    def submit(**options) -> ltx_jobs.Job:
        return client.video_to_video_hdr(video_uri=plate, **options)

    return submit


def environment_of(emulator: Emulator, **more: str) -> dict[str, str]:
    """The environment of a program that uses the emulator."""
    own = {"LTX_POLL_INTERVAL": "20ms", "LTX_BACKOFF_BASE": "5ms", "LTX_BACKOFF_CAP": "50ms"}
    return {**os.environ, "LTXV_API_KEY": emulator.api_key, "LTX_BASE_URL": emulator.base_url, **own, **more}


class Child:
    """A Python program in a process of its own, talking by lines."""

    def __init__(self, emulator: Emulator, code: str, **environment: str) -> None:
        prelude = (
            "import os, sys, threading, time\n"
            "from pathlib import Path\n"
            "import ltx_jobs\n"
            f"plate = Path({str(PLATE)!r})\n"
            "def say(text): print(text, flush=True)\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", prelude + code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment_of(emulator, **environment),
        )

    def line(self) -> str:
        """The next line it says."""
        line = self.process.stdout.readline()
        if not line:
            _, complaint = self.process.communicate(timeout=20)
            pytest.fail(f"the child ended early with {self.process.returncode}: {complaint}")
        return line.rstrip("\n")

    def end(self, timeout: float = 20) -> tuple[int, str, str]:
        """Exit code, the rest of its output, and its standard error."""
        try:
            output, complaint = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, complaint = self.process.communicate()
            pytest.fail(f"the child hung for {timeout} s; it said {output!r}, {complaint!r}")
        return self.process.returncode, output, complaint


@pytest.fixture
def child(emulator):
    children = []

    def start(code: str, **environment: str) -> Child:
        children.append(Child(emulator, code, **environment))
        return children[-1]

    yield start
    for started in children:
        if started.process.poll() is None:
            started.process.kill()
        started.process.communicate()


def until(condition, what: str, limit: float = 20.0):
    """Waits for something another process does; fails when it does not happen."""
    import time

    end = time.monotonic() + limit
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"waited {limit} s for {what}")
        time.sleep(0.005)
