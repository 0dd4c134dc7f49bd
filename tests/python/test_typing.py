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
    environment = {**os.environ, "MYPY_CACHE_DIR": os.devnull}
    if PACKAGE.parent.name not in ("site-packages", "dist-packages"):
        # Run from the source tree. mypy finds an installed package by itself, and refuses to be told.
        environment["MYPYPATH"] = str(PACKAGE.parent)
    ran = subprocess.run([sys.executable, "-m", name, *arguments], cwd=cwd, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_mypy_finds_nothing_in_strict_mode():
    tool("mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "ltx_jobs", cwd=SOURCES)


def test_pyright_finds_nothing_in_strict_mode():
    tool("pyright", "--project", str(ROOT / "pyproject.toml"), "--pythonpath", sys.executable)


def test_every_public_symbol_has_a_type():
    tool("pyright", "--verifytypes", "ltx_jobs", "--ignoreexternal", "--pythonpath", sys.executable, cwd=PACKAGE.parent)


def test_the_stub_describes_the_native_module_as_it_is(tmp_path):
    # Not where it is installed: mypy would take its neighbours for sources.
    tool("mypy.stubtest", "ltx_jobs._native", cwd=tmp_path)


def test_a_users_program_is_checked(tmp_path):
    (tmp_path / "program.py").write_text(
        "from pathlib import Path\n"
        "import ltx_jobs\n"
        "client = ltx_jobs.Client(poll_interval=5, submit_timeout='2m')\n"
        "job: ltx_jobs.Job = client.video_to_video_hdr(video_uri=Path('x'), output_colorspace='of 2027')\n"
        "count: int = len(job.wait(timeout=5, progress=lambda p: print(p.bytes_done)).download('x').paths)\n"
        "try:\n    job.poll()\nexcept ltx_jobs.WaitTimeout as error:\n    again: 'ltx_jobs.Job | None' = error.job\n"
        "ltx_jobs.Client(pol_interval=5)  # type: ignore[arg-type]\n"
        "def read_key() -> str:\n    return 'key'\n"
        "ltx_jobs.Client(read_key).with_options(api_key=lambda: read_key().strip())\n"
        "async def read_later() -> str:\n    return 'key'\n"
        "ltx_jobs.AsyncClient(api_key=read_later)  # type: ignore[arg-type]\n"
        "careful: ltx_jobs.Client = client.with_options(spend_limit='10', journal=False, poll_interval=None)\n"
        "client.with_options(pol_interval=5)  # type: ignore[call-arg]\n"
        "client.with_options(connect_timeout=[])  # type: ignore[arg-type]\n"
        "job.wait(progress='rich')\njob.wait(progress='tqdm')\n"
        "job.wait(progress='bar')  # type: ignore[arg-type]\n"
        "client.video_to_video_hdr()  # type: ignore[call-arg]\n"
        "job.id = 'x'  # type: ignore[misc]\n"
        "client.text_to_video(prompt='x', model='of 2027', duration=None, resolution='1920x1080', camera_motion='jib_up', extra={'seed': 7})\n"
        "client.text_to_video(prompt='x', model='ltx-2-5-pro', resolution='1920x1080')  # type: ignore[call-arg]\n"
        "requests: list[ltx_jobs.Request] = [ltx_jobs.Retake(b'', 0, 2.5), ltx_jobs.VideoUpscale(video_uri=Path('x'), resolution='4k')]\n"
        "jobs = [client.submit(request) for request in requests]\n"
        "client.video_to_video_reframe(video_uri=b'', resolution='720x720', placement={'x': 0.1, 'y': 0.2, 'width': 0.8})\n"
        "for job in ltx_jobs.as_completed(jobs, timeout=60):\n    job.save('x')\n"
        "good = [outcome for outcome in ltx_jobs.wait_all(jobs) if isinstance(outcome, ltx_jobs.Completed)]\n"
        "for unknown in client.recover().unknown:\n    client.resolve(unknown, job=None)\n"
        "client.resolve('intent:x')  # type: ignore[call-arg]\n"
        "from decimal import Decimal\n"
        "limited = ltx_jobs.Client(spend_limit=Decimal('25'), prices=Path('prices.json'), max_concurrent_jobs=2)\n"
        "estimate: ltx_jobs.Estimate = client.estimate(ltx_jobs.VideoToVideoHdr(Path('x')))\n"
        "left: Decimal = Decimal(25) - limited.committed - estimate.usd - client.estimate('retake', {'video_uri': b''}).usd\n"
        "client.extend(video_uri=b'', duration=5, max_cost=estimate.usd, path='/v2/renamed')\n"
        "client.submit('extend', {'duration': 5}, max_cost='2.50')\n"
        "client.submit(requests[0], max_cost=2)\n"
        "client.submit(requests[0], max_cost=2.5)  # type: ignore[arg-type]\n"
        "ltx_jobs.Client(spend_limit=2.5)  # type: ignore[arg-type]\n"
        "from typing import BinaryIO\n"
        "done: ltx_jobs.Completed = job.wait()\n"
        "done.download('x', connections=4, bandwidth='20MB/s', resume=False, lock_timeout=2.5)\n"
        "done.download('x', bandwidth=2.5)  # type: ignore[arg-type]\n"
        "frames: ltx_jobs.Frames = done.frames('exr_frames', spool=Path('x'), connections=4, bandwidth=10**6, progress=True)\n"
        "some: ltx_jobs.Frames = frames[10:20:2]\n"
        "name: str = frames[-1].name\n"
        "number: int | None = frames.by_number(1042).number\n"
        "data: bytes = frames[0].read()\n"
        "file: BinaryIO = frames[0].open()\n"
        "import zipfile\nnames = zipfile.ZipFile(done.outputs['exr_frames_url'].open()).namelist()\n"
        "sizes: list[int] = [frame.size for frame in frames]\n"
        "with frames.stream(budget=1 << 24) as stream:\n    lengths = [len(frame.read()) for frame in stream]\n"
        "paths: tuple[Path, ...] = frames[1:].extract('x', frame_name='a.{frame:04d}.exr', first_frame=1001).paths\n"
        "frames['one']  # type: ignore[call-overload]\n"
        "labels: list[str | None] = [submit.label for submit in client.jobs() if submit.state == 'accepted']\n"
    )
    tool("mypy", "--strict", "--warn-unused-ignores", "program.py", cwd=tmp_path)


def test_a_users_program_for_asyncio_is_checked(tmp_path):
    (tmp_path / "program.py").write_text(
        "import asyncio\n"
        "from pathlib import Path\n"
        "import ltx_jobs\n"
        "async def main() -> None:\n"
        "    async with ltx_jobs.AsyncClient(poll_interval=5) as client:\n"
        "        job: ltx_jobs.AsyncJob = await client.video_to_video_hdr(video_uri=Path('x'), output_colorspace='of 2027', progress=True)\n"
        "        done: ltx_jobs.AsyncCompleted = await job\n"
        "        count: int = len((await done.download('x', connections=4)).paths)\n"
        "        client.video_to_video_hdr(video_uri=b'').ref  # type: ignore[attr-defined]\n"
        "        await client.video_to_video_hdr()  # type: ignore[call-arg]\n"
        "        job.wait().job  # type: ignore[attr-defined]\n"
        "        requests: list[ltx_jobs.Request] = [ltx_jobs.Retake(b'', 0, 2.5), ltx_jobs.VideoUpscale(Path('x'), '4k')]\n"
        "        jobs: list[ltx_jobs.AsyncJob] = list(await asyncio.gather(*(client.submit(request) for request in requests)))\n"
        "        async with asyncio.TaskGroup() as group:\n            task: asyncio.Task[ltx_jobs.AsyncJob] = group.create_task(client.submit('retake', {}))\n"
        "        async for ended in client.as_completed(jobs, timeout=60):\n            await ended.save('x')\n"
        "        good = [outcome.job for outcome in await client.wait_all(jobs) if isinstance(outcome, ltx_jobs.AsyncCompleted)]\n"
        "        left: ltx_jobs.AsyncJob = (await client.recover()).jobs[0]\n"
        "        frames: ltx_jobs.AsyncFrames = await done.frames()\n"
        "        names: list[str] = [frame.name for frame in frames[10:20]]\n"
        "        sizes: list[int] = [len(await frame.read()) async for frame in frames]\n"
        "        async with frames.stream(budget=1 << 24) as stream:\n            async for frame in stream:\n                data: bytes = await frame.read()\n"
        "        client.as_completed([ltx_jobs.Client().job('x/y')])  # type: ignore[list-item]\n"
        "        later: asyncio.Task[ltx_jobs.AsyncCompleted] = job.future(timeout=60)\n"
        "asyncio.run(main())\n"
        "from concurrent.futures import Future\n"
        "future: Future[ltx_jobs.Completed] = ltx_jobs.Client().job('x/y').future()\n"
        "recovered: ltx_jobs.Recovered = ltx_jobs.Client().recover()\n"
        "first: ltx_jobs.Job = recovered.jobs[0]\n"
    )
    tool("mypy", "--strict", "--warn-unused-ignores", "--python-version", "3.11", "program.py", cwd=tmp_path)
