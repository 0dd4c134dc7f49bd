#!/usr/bin/env python3
"""What an import costs, over an interpreter that does nothing: instructions as callgrind counts them, processor time, modules, memory.

    PYTHON benches/import/run.py [--json] [--only NAME]... [--rounds N]

Measures the packages that are installed for the interpreter that runs it; those that are not are left out, and it says so. The instructions are those of one
run (two differ by a thousandth), and need valgrind.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

# Ours, what users have in its place, and clients of services like this one.
NAMES = ["ltx_jobs", "requests", "httpx", "openai"]
LIMIT = 60
"""Millions of instructions."""

COST = """
import sys, time
modules, used = len(sys.modules), time.process_time()
{statement}
used = time.process_time() - used
resident = 0
try:
    with open("/proc/self/status") as lines:
        resident = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
except OSError:
    pass
print(used, len(sys.modules) - modules, resident)
"""


# The bytecode of the run, wherever the packages lie and whatever the shell says about it: without it, the compiler would be measured.
_BYTECODE = tempfile.TemporaryDirectory()


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # The order of sets, and with it the count, would differ from run to run.
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": _BYTECODE.name}


def instructions(statement: str) -> int | None:
    """Millions, of a process that does this and ends; ``None`` without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    command = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-c", statement]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode != 0 or found is None:
        raise SystemExit(f"{statement!r} under callgrind ended with {ran.returncode}: {ran.stderr[-2000:]}")
    return int(found[1])


def once(statement: str) -> tuple[float, int, int]:
    """Seconds of the processor, modules, and kibibytes of memory."""
    said = subprocess.run([sys.executable, "-c", COST.format(statement=statement)], env=environment(), check=True, capture_output=True, text=True)
    used, modules, resident = said.stdout.split()
    return float(used), int(modules), int(resident)


def measure(names: list[str], rounds: int) -> dict[str, dict[str, float | None]]:
    statements = {name: f"import {name}" for name in names}
    # The first import writes the bytecode.
    for statement in ["pass", *statements.values()]:
        once(statement)
    bare = instructions("pass")
    found: dict[str, dict[str, float | None]] = {}
    idle = statistics.median(once("pass")[2] for _ in range(3))
    # Interleaved: a busy moment hits everybody.
    runs: dict[str, list[tuple[float, int, int]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, statement in statements.items():
            runs[name].append(once(statement))
    for name, statement in statements.items():
        counted = None if bare is None else (instructions(statement) - bare) / 1e6
        found[name] = {
            "instructions": counted,
            "cpu_ms": statistics.median(run[0] for run in runs[name]) * 1000,
            "modules": runs[name][0][1],
            "memory_mib": (statistics.median(run[2] for run in runs[name]) - idle) / 1024,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--only", action="append", choices=NAMES, help="measure only this; may be given several times")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is started for its time (7)")
    options = parser.parse_args()
    wanted = options.only or NAMES
    there = [name for name in wanted if importlib.util.find_spec(name) is not None]
    found = measure(there, options.rounds)
    if options.json:
        print(json.dumps(found))
        return
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"| import, Python {version} | M instructions | CPU ms | modules | MiB | goal |\n|---|---|---|---|---|---|")
    for name, cost in found.items():
        counted = cost["instructions"]
        goal = f"≤ {LIMIT} M instructions" if name == "ltx_jobs" else ""
        shown = "no valgrind" if counted is None else f"{counted:.1f}"
        print(f"| {name} | {shown} | {cost['cpu_ms']:.1f} | {cost['modules']} | {cost['memory_mib']:.1f} | {goal} |")
    for name in wanted:
        if name not in found:
            print(f"{name}: SKIPPED, not installed for {sys.executable}", file=sys.stderr)


if __name__ == "__main__":
    main()
