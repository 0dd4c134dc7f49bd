"""All contenders of all workloads in one interleaved run: each round runs everybody once, and another begins.

Machines are never quiet for long, so what counts is the ratio to the first contender of a workload (curl, mostly) in the same round. What a run cost is
told by GNU time: processor time and peak memory of the process and those it started. A library tells the time that its transfer took, without the start of
its interpreter; a command is measured from its start to its end. When a frame was there is told by the file system: the time of its file's last change,
which is that of the renaming where one is written under another name.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Optional

import bodies
from contenders import Bench, Contender, Workload, workloads
from server import Server, serving

ROOM, LARGE_ROOM = 8_000_000_000, 16_000_000_000
"""What the bodies and the results of one run need, without and with the large ones."""

BEGIN, END = "<!-- transfers: written by benches/transfers/run -->", "<!-- transfers: end -->"
README = Path(__file__).parents[1] / "README.md"


@dataclass
class Run:
    """What one contender did in one round."""

    seconds: float
    cpu: float
    resident_mib: float
    first: Optional[float] = None
    last: Optional[float] = None
    extra_kib: Optional[float] = None
    """What was fetched beside the frame that was wanted."""


def main() -> None:
    options = parse()
    chosen = [work for work in workloads() if work.key in options.only or (not options.only and (options.large or not work.large))]
    runs: dict[str, dict[str, list[Run]]] = {work.key: {who.name: [] for who in work.contenders} for work in chosen}
    room = LARGE_ROOM if any(work.large for work in chosen) else ROOM
    with place(options.directory, room) as (home, memory):
        made = home / "bodies"
        make_bodies(made, chosen)
        outputs = {work.key: (work.port, work.place) for work in workloads() if work.what in ("file", "frames", "frame")}
        with serving(home, made, outputs) as server:
            bench = Bench(server, options.programs, made, home / "dest")
            for number in range(options.rounds):
                for work in chosen:
                    turn = number % len(work.contenders)
                    for who in work.contenders[turn:] + work.contenders[:turn]:
                        tell(f"round {number + 1} of {options.rounds}: {work.title}: {who.name}")
                        runs[work.key][who.name].append(measure(bench, work, who, check=number == 0))
    options.results.mkdir(parents=True, exist_ok=True)
    plain = {work: {who: [asdict(run) for run in each] for who, each in found.items()} for work, found in runs.items()}
    (options.results / "runs.json").write_text(json.dumps(plain, indent=1))
    text = report(options, chosen, runs, memory)
    (options.results / "table.md").write_text(text)
    print(text)
    if options.readme:
        before, rest = README.read_text().split(BEGIN)
        README.write_text(before + BEGIN + "\n" + text + END + rest.split(END)[1])


def parse() -> argparse.Namespace:
    keys = [work.key for work in workloads()]
    parser = argparse.ArgumentParser(prog="bash benches/transfers/run", description="Transfers by ltx-jobs beside curl, aria2c, obstore and requests.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each runs (5)")
    parser.add_argument("--only", action="append", default=[], choices=keys, help="only this workload; may be given several times")
    parser.add_argument("--large", action="store_true", help="also an archive of 4.3 GB; needs 16 GB of room")
    parser.add_argument("--directory", type=Path, help="where bodies and results lie while it runs; by default memory (/dev/shm), if it has room")
    parser.add_argument("--readme", action="store_true", help="put the tables into benches/README.md as well")
    parser.add_argument("--programs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def place(wish: Optional[Path], room: int) -> Iterator[tuple[Path, bool]]:
    """A temporary directory, and whether it is in memory."""
    memory = Path("/dev/shm")
    fits = memory.is_dir() and shutil.disk_usage(memory).free > room and available_memory(room) > room
    if wish is None and not fits:
        tell(f"{memory} has no room for {room >> 20} MiB: everything lies on the disk, and what is measured is the disk as well")
    parent = wish or (memory if fits else Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix="ltx-jobs-transfers.", dir=parent) as home:
        yield Path(home), parent == memory


def available_memory(otherwise: int) -> int:
    with contextlib.suppress(OSError), open("/proc/meminfo") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return otherwise + 1


def make_bodies(directory: Path, chosen: list[Workload]) -> None:
    directory.mkdir()
    for work in chosen:
        path = directory / work.body
        if not work.body or path.exists():
            continue
        tell(f"making {work.body}")
        if work.frames:
            bodies.archive(path, work.size, work.frames)
        else:
            bodies.clip(path, work.size)


def measure(bench: Bench, work: Workload, who: Contender, check: bool) -> Run:
    shutil.rmtree(bench.dest, ignore_errors=True)
    bench.dest.mkdir()
    bench.server.received.unlink(missing_ok=True)
    # nginx has it open.
    os.truncate(bench.server.served, 0)
    costs = bench.dest.parent / "costs"
    measured = [shutil.which("time") or "time", "-q", "-f", "%U %S %M", "-o", str(costs), *who.command(bench)]
    began, clock = time.time(), time.perf_counter()
    ended = subprocess.run(measured, env={**os.environ, **bench.server.environment()}, capture_output=True, text=True)
    seconds = time.perf_counter() - clock
    if ended.returncode != 0:
        raise SystemExit(f"{who.name} failed in {work.title}:\n{ended.stdout}{ended.stderr}")
    user, system, resident = costs.read_text().split()
    run = Run(seconds, float(user) + float(system), int(resident) / 1024)
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{"began"') or line.startswith('{"cpu"')]
    if lines:
        told = json.loads(lines[-1])
        began, run.seconds, run.cpu = told["began"], told["seconds"], told["cpu"]
    if work.what == "ask":
        run.seconds, run.cpu = run.seconds / work.times, run.cpu / work.times
    if work.what == "frames":
        found = list(bench.dest.rglob("*.exr"))
        changes = [path.stat().st_ctime for path in found]
        run.first, run.last = min(changes, default=began) - began, max(changes, default=began) - began
    if work.what == "frame":
        # nginx writes the line of an answer after its last byte.
        time.sleep(0.1)
        served = sum(int(line) for line in bench.server.served.read_text().split())
        run.extra_kib = (served - bench.file.stat().st_size) / 1024
    if check:
        check_result(bench, work)
    return run


def check_result(bench: Bench, work: Workload) -> None:
    """The fastest contender is of no use when it brings something else."""
    wanted = bench.bodies / work.body
    if work.what == "upload":
        bodies.check_equal(bench.server.received, wanted)
    elif work.what == "frames":
        bodies.check_frames(list(bench.dest.rglob("*.exr")), wanted)
    elif work.what == "frame":
        bodies.check_frame(bench.file, wanted, work.frames // 2)
    elif work.what == "file":
        whole = [path for path in bench.dest.iterdir() if path.is_file() and not path.name.startswith("part")]
        if whole:
            bodies.check_equal(whole[0], wanted)
        elif sum(path.stat().st_size for path in bench.dest.iterdir()) != work.size:
            raise ValueError("the parts are not all there")


def report(options: argparse.Namespace, chosen: list[Workload], runs: dict[str, dict[str, list[Run]]], memory: bool) -> str:
    where = "/dev/shm" if memory else "a disk"
    text = f"{machine()}; {options.rounds} rounds, bodies and results in {where}.\n"
    for work in chosen:
        text += "\n" + table(work, runs[work.key])
    return text


def table(work: Workload, runs: dict[str, list[Run]]) -> str:
    base = runs[work.contenders[0].name]
    first = work.contenders[0].name
    if work.what == "ask":
        text = f"| {work.title} | µs | to {first} | CPU µs | goal |\n|---|---|---|---|---|\n"
    elif work.what == "frames":
        text = f"| {work.title} | first frame, s | last frame, s | last, to {first} | CPU s | peak MiB | goal |\n|---|---|---|---|---|---|---|\n"
    else:
        text = f"| {work.title} | s | to {first} | CPU s | peak MiB | goal |\n|---|---|---|---|---|---|\n"
    if work.what == "frame":
        text = f"| {work.title} | s | to {first} | CPU s | peak MiB | fetched beside the frame, KiB | goal |\n|---|---|---|---|---|---|---|\n"
    floor = next((runs[who.name] for who in work.contenders if "(floor)" in who.name), None)
    for who in work.contenders:
        each = runs[who.name]
        goal = who.goal
        if floor is not None and who.goal:
            goal = f"{ratios(each, floor)} of the floor; {goal}"
        if who.beside:
            goal = "; ".join(filter(None, [f"{ratios(each, runs[who.beside])} of {who.beside.split(', ')[-1]}", goal]))
        memory = f"{max(run.resident_mib for run in each):.0f}"
        cpu = statistics.median(run.cpu for run in each)
        if work.what == "ask":
            row = [f"{statistics.median(run.seconds for run in each) * 1e6:.0f}", ratios(each, base), f"{cpu * 1e6:.0f}"]
        elif work.what == "frames":
            firsts, lasts = [run.first or 0 for run in each], [run.last or 0 for run in each]
            to_base = spread([a / b for a, b in zip(lasts, [run.last or 1 for run in base])])
            row = [f"{statistics.median(firsts):.2f}", f"{statistics.median(lasts):.2f}", to_base, f"{cpu:.2f}", memory]
        else:
            row = [f"{statistics.median(run.seconds for run in each):.2f}", ratios(each, base), f"{cpu:.2f}", memory]
        if work.what == "frame":
            row.append(f"{max(run.extra_kib or 0 for run in each):.0f}")
        text += "| " + " | ".join([who.name, *row, goal]) + " |\n"
    return text


def ratios(each: list[Run], base: list[Run]) -> str:
    return spread([run.seconds / other.seconds for run, other in zip(each, base)])


def spread(values: list[float]) -> str:
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 or min(values) == max(values) else f"{middle} ({min(values):.2f}–{max(values):.2f})"


def machine() -> str:
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        processor = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), processor)
    today = datetime.date.today()

    def said(*command: str) -> str:
        ended = subprocess.run(command, capture_output=True, text=True)
        return (ended.stdout or ended.stderr).splitlines()[0]

    versions = [
        f"Linux {platform.release().split('-')[0]}",
        f"nginx {said('nginx', '-v').split('/')[-1]}",
        " ".join(said("curl", "-V").split()[:2]),
        "aria2 " + said("aria2c", "--version").split()[-1],
        " ".join(said("bsdtar", "--version").split()[:2]),
        f"Python {platform.python_version()}",
        *(f"{name} {metadata.version(name)}" for name in ("obstore", "requests", "httpx", "pycurl")),
        " ".join(said("rustc", "--version").split()[:2]),
    ]
    return f"{os.cpu_count()} cores ({processor}), shared with nginx, {today.day} {today:%B %Y}; {', '.join(versions)}"


if __name__ == "__main__":
    main()
