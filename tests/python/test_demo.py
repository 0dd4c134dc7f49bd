"""What `ltx-jobs demo` leaves behind is what a compositor's libraries open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ltx_jobs


def test_the_demos_frames_are_half_float_rgb_of_the_clips_size_and_all_different(tmp_path: Path) -> None:
    OpenEXR = pytest.importorskip("OpenEXR")
    environment = {**os.environ, "PYTHONPATH": str(Path(ltx_jobs.__file__).parent.parent)}
    command = [os.environ["LTX_JOBS_COMMAND"]] if "LTX_JOBS_COMMAND" in os.environ else [sys.executable, "-m", "ltx_jobs"]
    ran = subprocess.run([*command, "demo", "--out", str(tmp_path / "demo")], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    frames = sorted((tmp_path / "demo" / "exr_frames").glob("*.exr"))
    assert len(frames) == 24
    seen = set()
    for frame in frames:
        with OpenEXR.File(str(frame), separate_channels=True) as file:
            channels = file.channels()
            assert set(channels) == {"R", "G", "B"}
            for channel in channels.values():
                assert str(channel.pixels.dtype) == "float16"
                assert channel.pixels.shape == (180, 320)
            seen.add(b"".join(channels[name].pixels.tobytes() for name in "RGB"))
    assert len(seen) == len(frames)
    assert (tmp_path / "demo" / "video.mp4").stat().st_size > 0
