"""Memory stays flat whatever the size."""

from __future__ import annotations

import os
import shutil

import pytest

import ltx_jobs


def high_water_mark() -> int:
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) * 1024


@pytest.mark.full
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads VmHWM from /proc")
def test_two_gigabytes_of_frames_raise_the_memory_by_less_than_64_mib(emulator, client, plate, tmp_path, figure):
    frames = 172  # 12.4 MB each at 1080p
    if shutil.disk_usage(tmp_path).free < 4 << 30:
        pytest.skip("needs 4 GB of disk")
    # Hashes of the whole archive are not asked for: the emulator would have to make it twice.
    emulator.reset({"archive": {"frames": frames, "width": 1920, "height": 1080, "compression": "none"}, "storage": {"goog_hash": False}})
    done = client.video_to_video_hdr(video_uri=plate).wait()
    # Reset, so that what earlier tests took does not hide a rise.
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = high_water_mark()
    saved: ltx_jobs.Saved = done.download(tmp_path, only="exr_frames_url")
    rise = high_water_mark() - before
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert len(saved.paths) == frames and saved.bytes > 2e9
    figure("memory", round(rise / 2**20, 1), 64, "MiB", of=f"a download of {saved.bytes / 1e9:.2f} GB in {saved.elapsed:.1f} s")
