"""The service on loopback, for tests that must not cost anything.

    from ltx_jobs.testing import Emulator

    with Emulator({"job": {"pending_polls": 3}}) as emulator, emulator.client() as client:
        job = client.video_to_video_hdr(video_uri=Path("plate.mp4"))
        job.wait()
        assert emulator.count("POST", "/v2/video-to-video-hdr") == 1

With pytest there is the fixture ``ltx_emulator``, without an import, where this package is installed:

    def test_the_shot_is_fetched(ltx_emulator, tmp_path):
        with ltx_emulator.client() as client:
            client.video_to_video_hdr(video_uri=Path("plate.mp4")).save(tmp_path)

The emulator is a process of its own, ``python -m ltx_jobs emulate --json``, and ends with this one however it ends. When the environment variable
``LTX_JOBS_COMMAND`` is set, it names an ``ltx-jobs`` program that is used instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from ._client import Client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

# Short enough for tests, long enough to be a wait; only loopback may poll so fast.
FAST = {"poll_interval": "20ms", "backoff_base": "5ms", "backoff_cap": "50ms"}


class Emulator:
    """A running emulator: an API, a storage, and control over both. Starts at once; use it as a context manager, or call `close`.

    Args:
        programme: What it is told to do: the life of jobs, the shape of results, faults to inject. See ``ltx-jobs emulate --help``.
        arguments: Further arguments of ``ltx-jobs emulate``, for example ``["--tls"]``.

    Raises:
        RuntimeError: It did not start; the message has what it wrote.
    """

    base_url: str
    """Address of the API."""
    storage_url: str
    """Address of the storage."""
    control_url: str
    """Address of the control origin, which the methods of this class use."""
    api_key: str
    """The key it accepts."""
    ca_bundle: str | None
    """PEM file of its throw-away CA, with TLS."""

    def __init__(self, programme: Mapping[str, Any] | None = None, arguments: list[str] | None = None) -> None:
        command = os.environ.get("LTX_JOBS_COMMAND")
        program = [command] if command else [sys.executable, "-m", "ltx_jobs"]
        # A file, not a pipe: nobody reads it while all goes well, and a full pipe would stop the emulator.
        self._complaints = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [*program, "emulate", "--json", *(arguments or [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            addresses = json.loads(line)
        except ValueError:
            self._process.kill()
            self._process.wait()
            self._complaints.seek(0)
            complaint = self._complaints.read()
            self.close()
            raise RuntimeError(f"the emulator did not start: {line.strip()} {complaint.strip()}") from None
        self.base_url = addresses["api_url"]
        self.storage_url = addresses["storage_url"]
        self.control_url = addresses["control_url"]
        self.api_key = addresses["api_key"]
        self.ca_bundle = addresses["ca_bundle"]
        # The control origin is on loopback: no proxy of the environment leads there.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        if programme is not None:
            try:
                self.reset(programme)
            except BaseException:
                self.close()
                raise

    def client(self, **settings: Any) -> Client:
        """A client for this emulator, with a poll interval of 20 ms and short back-off; settings as in `ltx_jobs.Client`. Costs nothing.

        After `reset` take a new one: a client remembers what it has uploaded, and the emulator has forgotten it.
        """
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": self.base_url, **FAST}
        if self.ca_bundle is not None:
            given["ca_bundle"] = self.ca_bundle
        given.update(settings)
        return Client(**given)

    def requests(self) -> list[dict[str, Any]]:
        """Everything received since the last reset, in order: origin, method, path, headers, length of the body, and so on."""
        received: list[dict[str, Any]] = self._ask("GET", "/requests")
        return received

    def count(self, method: str, path: str) -> int:
        """How many requests of this kind were received with their whole body. A path may end in ``*``."""
        return int(self._ask("GET", f"/requests/count?{urllib.parse.urlencode({'method': method, 'path': path})}")["count"])

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs that exist: endpoint, id, status, the submitted body."""
        jobs: list[dict[str, Any]] = self._ask("GET", "/jobs")
        return jobs

    def artifacts(self) -> list[dict[str, Any]]:
        """The results of completed jobs with their lengths and hashes, those of each archive member too."""
        artifacts: list[dict[str, Any]] = self._ask("GET", "/artifacts")
        return artifacts

    def push_fault(self, route: str, do: str, **fault: Any) -> None:
        """Adds a fault to the programme, behind those that are there.

        Args:
            route: What it meets: ``"submit"``, ``"poll"``, ``"slot"``, ``"put"``, ``"download"``, one of these with a detail
                (``"submit:extend"``, ``"download:exr_frames_url"``), or ``"*"``.
            do: What happens: ``"status"``, ``"cut_body"``, ``"read_and_close"``, ``"corrupt_byte"``, ``"expired_url"`` and so on.
            fault: More of it: ``status=503``, ``times=2`` (0 is always), ``skip=1``, ``at=100`` (a byte), ``retry_after=1``.

        Raises:
            ValueError: There is no such fault; the message says what is wrong.
        """
        self._ask("POST", "/faults", {"route": route, "do": do, **fault})

    def advance(self, seconds: float) -> None:
        """Moves the emulator's clock on by so many seconds: expiry, retention, and jobs whose states go by the clock."""
        self._ask("POST", "/clock/advance", {"ms": round(seconds * 1000)})

    def reset(self, programme: Mapping[str, Any] | None = None) -> None:
        """Forgets jobs, uploads and requests, and begins anew with this programme (by default the last one).

        Raises:
            ValueError: The programme has a field that nobody knows, or contradicts itself.
        """
        if programme is None:
            self._ask("POST", "/reset")
        else:
            self._ask("PUT", "/programme", dict(programme))

    def close(self) -> None:
        """Ends it and waits for its end."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Emulator({self.base_url!r})"

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control_url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self._open(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ValueError(f"the emulator refused {method} {path}: {error.read().decode(errors='replace')}") from None
        return json.loads(text) if text else None
