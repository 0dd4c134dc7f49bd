"""Who runs in each workload, and how each of them is told to do it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from server import ASKED, ENDPOINT, Server

HERE = Path(__file__).parent
GB = 1_000_000_000
MB = 1_000_000
LIMIT = 20 << 20
"""Bytes per second and connection on the limited port."""
CONNECTIONS = 8


@dataclass(frozen=True)
class Bench:
    """What commands are made of."""

    server: Server
    programs: Path
    bodies: Path
    dest: Path
    """Empty, and made anew for each run."""

    @property
    def file(self) -> Path:
        return self.dest / "file"


@dataclass(frozen=True)
class Contender:
    name: str
    command: Callable[[Bench], list[str]]
    ours: bool = False
    goal: str = ""
    beside: str = ""
    """The contender that its goal compares it with, if that is not the first."""


@dataclass(frozen=True)
class Workload:
    key: str
    title: str
    what: str
    """`file`, `frames`, `frame`, `upload` or `ask`."""
    contenders: list[Contender]
    """The first is what the others are compared with."""
    port: str = "plain"
    body: str = ""
    size: int = 0
    frames: int = 0
    times: int = 0
    large: bool = False
    """Only when asked for."""

    @property
    def place(self) -> str:
        """Where the body is on its port."""
        return f"counted/{self.body}" if self.what == "frame" else self.body


def address(bench: Bench, work: Workload) -> str:
    return f"{getattr(bench.server, work.port)}/{work.place}"


def shell(line: str) -> list[str]:
    return ["bash", "-o", "pipefail", "-ec", line]


def library(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(HERE / "libraries.py"), name, *arguments]


def job(name: str) -> str:
    return f"{ENDPOINT}/{name}"


def curl(bench: Bench) -> str:
    return f"curl -q -sSf --cacert {quote(str(bench.server.authority))}"


def ours(goal: str, key: str) -> list[Contender]:
    """A download by the library's three faces."""
    return [
        Contender("**ltx-jobs**, Rust", lambda b: [str(b.programs / "transfers"), "download", job(key), str(b.dest)], True, goal),
        Contender(
            "**ltx-jobs**, command", lambda b: [str(b.programs / "ltx-jobs"), "download", job(key), "--out", str(b.dest)], True, goal
        ),
        Contender("**ltx-jobs**, Python", lambda b: library("ltx_jobs", "download", job(key), str(b.dest)), True, goal),
    ]


def aria2c(bench: Bench, url: str) -> str:
    more = "--file-allocation=none --auto-file-renaming=false --quiet --no-conf"
    return (
        f"aria2c -x{CONNECTIONS} -s{CONNECTIONS} -k1M {more} --ca-certificate={quote(str(bench.server.authority))}"
        f" -d {quote(str(bench.dest))} -o {bench.file.name} {url}"
    )


def file_workload(
    key: str, title: str, port: str, body: str, size: int, goal: str, *, floor: bool = False, in_memory: bool = False
) -> Workload:
    """One file."""
    contenders: list[Contender] = []
    work = Workload(key, title, "file", contenders, port, body, size)

    def verified(bench: Bench) -> str:
        return str(bench.server.authority) if port == "tls" else ""

    def eight_curls(bench: Bench) -> list[str]:
        """Eight equal parts, each to a file of its own: nobody who gets at most so much per connection can be faster with eight."""
        each = -(-size // CONNECTIONS)
        url = address(bench, work)
        parts = [f"{curl(bench)} -r {at}-{min(at + each, size) - 1} -o {quote(str(bench.dest))}/part{at} {url} &" for at in range(0, size, each)]
        return shell("\n".join([*parts, "wait"]))

    contenders.append(Contender("`curl -o`", lambda b: shell(f"exec {curl(b)} -o {quote(str(b.file))} {address(b, work)}")))
    if floor:
        contenders.append(Contender("eight `curl -r`, told the parts (floor)", eight_curls))
    contenders.append(Contender("`aria2c -x8`", lambda b: shell(f"exec {aria2c(b, address(b, work))}")))
    contenders.append(
        Contender("obstore, 8 ranges", lambda b: library("obstore", "download", address(b, work), str(b.file), verified(b)))
    )
    contenders.append(
        Contender("requests, pieces of 1 MiB", lambda b: library("requests", "download", address(b, work), str(b.file), verified(b)))
    )
    if in_memory:
        contenders.append(
            Contender(
                "requests, in memory", lambda b: library("requests-in-memory", "download", address(b, work), str(b.file), verified(b))
            )
        )
    contenders.extend(ours(goal, key))
    return work


def frames_workload(
    key: str, title: str, port: str, body: str, size: int, frames: int, goal: str, *, large: bool = False
) -> Workload:
    """An archive to its frames."""
    contenders: list[Contender] = []
    work = Workload(key, title, "frames", contenders, port, body, size, frames, large=large)
    unpack = "bsdtar -x -f"
    contenders.append(
        Contender(
            "`curl -o`, then `bsdtar -x`",
            lambda b: shell(
                f"{curl(b)} -o {quote(str(b.file))} {address(b, work)}; {unpack} {quote(str(b.file))} -C {quote(str(b.dest))}"
            ),
        )
    )
    contenders.append(
        Contender("`curl \\| bsdtar -x`", lambda b: shell(f"{curl(b)} {address(b, work)} | {unpack} - -C {quote(str(b.dest))}"))
    )
    if not large:
        contenders.append(
            Contender(
                "`aria2c -x8`, then `unzip`",
                lambda b: shell(f"{aria2c(b, address(b, work))}; unzip -q {quote(str(b.file))} -d {quote(str(b.dest))}"),
            )
        )
    contenders.extend(ours(goal, key))
    return work


def frame_workload(key: str, title: str, body: str, size: int, frames: int, *, large: bool = False) -> Workload:
    """One frame out of an archive."""
    contenders: list[Contender] = []
    work = Workload(key, title, "frame", contenders, "plain", body, size, frames, large=large)
    index = str(frames // 2)
    contenders.append(Contender("remotezip", lambda b: library("remotezip", "frame", address(b, work), index, str(b.file))))
    contenders.append(
        Contender(
            "**ltx-jobs**, Rust",
            lambda b: [str(b.programs / "transfers"), "frame", job(key), index, str(b.file)],
            True,
            "≤ 1 MiB more than the frame",
        )
    )
    return work


def upload_workload(key: str, title: str, body: str, size: int) -> Workload:
    goal = "≤ 1.0x"
    return Workload(
        key,
        title,
        "upload",
        [
            Contender("`curl -T`", lambda b: shell(f"exec {curl(b)} -T {quote(str(b.bodies / body))} {b.server.put}")),
            Contender("requests", lambda b: library("requests", "upload", str(b.bodies / body), b.server.put)),
            Contender("**ltx-jobs**, Rust", lambda b: [str(b.programs / "transfers"), "upload", str(b.bodies / body)], True, goal),
            Contender("**ltx-jobs**, command", lambda b: [str(b.programs / "ltx-jobs"), "upload", str(b.bodies / body)], True, goal),
            Contender("**ltx-jobs**, Python", lambda b: library("ltx_jobs", "upload", str(b.bodies / body)), True, goal),
        ],
        body=body,
        size=size,
    )


def ask_workload(key: str, title: str, times: int) -> Workload:
    """The state of a job, which is one GET of a few bytes."""
    ours = "**ltx-jobs**, Rust"

    def other(name: str) -> Callable[[Bench], list[str]]:
        return lambda b: library(name, "ask", f"{b.server.plain}/v2/{ASKED}1", str(times))

    return Workload(
        key,
        title,
        "ask",
        [
            Contender("pycurl", other("pycurl")),
            Contender("httpx", other("httpx")),
            Contender("requests", other("requests")),
            Contender(ours, lambda b: [str(b.programs / "transfers"), "ask", ASKED, str(times)], True, "≤ 100 µs"),
            Contender("**ltx-jobs**, Python", lambda b: library("ltx_jobs", "ask", ASKED, str(times)), True, "≤ 2.0x of Rust", ours),
            Contender("**ltx-jobs**, asyncio", lambda b: library("ltx_jobs-asyncio", "ask", ASKED, str(times)), True, "", ours),
        ],
        times=times,
    )


def progress_workload(key: str, title: str, body: str, size: int) -> Workload:
    """What it costs that somebody looks."""
    return Workload(
        key,
        title,
        "file",
        [
            Contender("**ltx-jobs**, Python", lambda b: library("ltx_jobs", "download", job(key), str(b.dest)), True),
            Contender(
                "**ltx-jobs**, Python, `progress=` a function", lambda b: library("ltx_jobs", "watched", job(key), str(b.dest)), True, "≤ 1.03x"
            ),
        ],
        body=body,
        size=size,
    )


def workloads() -> list[Workload]:
    return [
        file_workload(
            "plain", "1 GB, plain", "plain", "clip.mp4", GB, "≤ 0.6x, ≤ 64 MiB", in_memory=True
        ),
        file_workload("tls", "1 GB, TLS", "tls", "clip.mp4", GB, "≤ 0.95x"),
        file_workload(
            "limited", "210 MB, 20 MiB/s for each connection", "limited", "clip-210.mp4", 210 * MB, "≤ 1.05x of the floor", floor=True
        ),
        frames_workload("frames", "1 GB archive to 181 frames", "plain", "frames.zip", GB, 181, "first ≤ 0.1 s, last ≤ 0.8x"),
        frames_workload(
            "limited-frames",
            "133 MB archive to 24 frames, 20 MiB/s for each connection",
            "limited",
            "frames-133.zip",
            133 * MB,
            24,
            "first ≤ 0.25 s, last ≤ 1.5 s",
        ),
        frame_workload("frame", "One of 181 frames of a 1 GB archive", "frames.zip", GB, 181),
        frames_workload(
            "large-frames", "4.3 GB archive to 778 frames", "plain", "frames-4300.zip", 4300 * MB, 778, "≤ 64 MiB more than before", large=True
        ),
        frame_workload("large-frame", "One of 778 frames of a 4.3 GB archive", "frames-4300.zip", 4300 * MB, 778, large=True),
        upload_workload("upload", "PUT of 105 MB", "clip-105.mp4", 105 * MB),
        ask_workload("request", "A small request on a warm connection", 2000),
        progress_workload("progress", "2 GB, plain, with and without progress", "clip-2000.mp4", 2 * GB),
    ]
