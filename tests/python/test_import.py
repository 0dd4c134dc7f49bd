"""Importing costs little, and starts nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ltx_jobs

BENCH = Path(__file__).resolve().parents[2] / "benches" / "import" / "run.py"

HEAVY = ["asyncio", "typing", "dataclasses", "logging", "json", "importlib.metadata", "pathlib", "datetime", "decimal", "pickle", "subprocess", "urllib.request", "tqdm"]


def run(code: str) -> str:
    # -S: what a site-packages directory of the developer imports at start is not ours.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run([sys.executable, "-S", "-c", code], env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_nothing_heavy_is_imported():
    loaded = run(f"import sys; before = set(sys.modules); import ltx_jobs; print([m for m in {HEAVY!r} if m in sys.modules and m not in before])")
    assert loaded == "[]"


def test_decimal_is_imported_with_the_first_amount_and_not_before():
    code = """
import sys, ltx_jobs
client = ltx_jobs.Client("key", spend_limit="1.50")
before = "decimal" in sys.modules
client.committed
print(before, "decimal" in sys.modules)
"""
    assert run(code) == "False True"


def test_no_thread_is_started_and_no_descriptor_is_opened():
    code = """
import os, threading
def count():
    return [len(os.listdir(f'/proc/self/{what}')) for what in ('task', 'fd')] if os.path.isdir('/proc/self/fd') else [threading.active_count()]
before = count()
import ltx_jobs
print(before == count())
"""
    assert run(code) == "True"


def test_the_import_takes_few_instructions(figure):
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind")
    # The tests' build of the native module: unoptimised and eight times as large as the shipped one, so what is measured is no less than that costs.
    bench = [sys.executable, BENCH, "--json", "--only", "ltx_jobs", "--rounds", "3"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(bench, env=environment, check=True, capture_output=True, text=True)
    cost = json.loads(ran.stdout)["ltx_jobs"]
    # The time is the machine's as much as ours, and only told. `import httpx` takes 300 M instructions and some 100 ms.
    told = f"over `python -c pass`, {cost['modules']} modules, {cost['cpu_ms']:.0f} ms of CPU"
    figure("import ltx_jobs", cost["instructions"], 60, "M instructions", of=told)


def test_all_public_names_have_a_docstring():
    import inspect

    missing = []
    for name in ltx_jobs.__all__:
        value = getattr(ltx_jobs, name)
        if not inspect.isclass(value):
            continue
        if not value.__doc__:
            missing.append(name)
        for attribute, member in vars(value).items():
            documented = inspect.isfunction(member) or isinstance(member, property)
            if documented and not attribute.startswith("_") and not member.__doc__:
                missing.append(f"{name}.{attribute}")
    assert not missing


def test_the_version_is_the_packages():
    import importlib.metadata

    try:
        installed = importlib.metadata.version("ltx-jobs")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not installed, run from the source tree")
    assert installed == ltx_jobs.__version__
