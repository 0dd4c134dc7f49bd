"""The annotations are true: for type checkers, and against the native module."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import ltx_jobs

PACKAGE = Path(ltx_jobs.__file__).parent
SOURCES = ROOT / "python"


def tool(name: str, *arguments: str, cwd: Path = ROOT) -> None:
    if importlib.util.find_spec(name.split(".")[0]) is None:
        pytest.skip(f"{name} is not installed")
    environment = {**os.environ, "MYPYPATH": str(PACKAGE.parent), "MYPY_CACHE_DIR": os.devnull}
    ran = subprocess.run([sys.executable, "-m", name, *arguments], cwd=cwd, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_mypy_finds_nothing_in_strict_mode():
    tool("mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "ltx_jobs", cwd=SOURCES)


def test_pyright_finds_nothing_in_strict_mode():
    tool("pyright", "--project", str(ROOT / "pyproject.toml"))


def test_the_stub_describes_the_native_module_as_it_is():
    tool("mypy.stubtest", "ltx_jobs._native", cwd=PACKAGE.parent)


def test_a_users_program_is_checked(tmp_path):
    (tmp_path / "program.py").write_text(
        "from pathlib import Path\n"
        "import ltx_jobs\n"
        "client = ltx_jobs.Client(poll_interval=5, submit_timeout='2m')\n"
        "job: ltx_jobs.Job = client.video_to_video_hdr(video_uri=Path('x'), output_colorspace='of 2027')\n"
        "count: int = len(job.wait(timeout=5, progress=lambda p: print(p.bytes_done)).download('x').paths)\n"
        "try:\n    job.poll()\nexcept ltx_jobs.WaitTimeout as error:\n    again: 'ltx_jobs.Job | None' = error.job\n"
        "ltx_jobs.Client(pol_interval=5)  # type: ignore[arg-type]\n"
        "client.video_to_video_hdr()  # type: ignore[call-arg]\n"
        "job.id = 'x'  # type: ignore[misc]\n"
    )
    tool("mypy", "--strict", "--warn-unused-ignores", "program.py", cwd=tmp_path)
