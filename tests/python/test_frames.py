"""The frames of a job: a sequence whose frames are read one by one, or while the archive is still arriving."""

from __future__ import annotations

import os
import pickle
import shutil
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch

import pytest

import ltx_jobs

LABEL = "exr_frames_url"
ROUTE = f"download:{LABEL}"
# Frames of three megabytes: two of them make a request of the stream.
LARGE = {"frames": 12, "compression": "none", "padding": 3_000_000}


def completed(emulator, client, plate, **programme) -> ltx_jobs.Completed:
    emulator.reset({"video": {"enabled": False}, **programme})
    return client.video_to_video_hdr(video_uri=plate).wait()


def members(emulator):
    """What the emulator says the frames are: name, length, CRC-32."""
    archive = next(one for one in emulator.artifacts() if one["label"] == LABEL)
    return [one for one in archive["members"] if one["name"].endswith(".exr")]


def crc32(data: bytes) -> str:
    return f"{zlib.crc32(data):08x}"


def fetched(emulator) -> list[tuple[int, int]]:
    """First and last byte of every range of the archive that was asked for, but for its end."""
    ranges = [dict(one["headers"]).get("range", "") for one in emulator.requests() if one["origin"] == "storage" and one["method"] == "GET"]
    return [tuple(map(int, text[len("bytes=") :].split("-"))) for text in ranges if fnmatch(text, "bytes=[0-9]*-*")]


def asked_bytes(emulator) -> int:
    return sum(last - first + 1 for first, last in fetched(emulator))


def test_the_list_is_a_sequence_of_names_numbers_and_sizes_and_costs_one_request(emulator, client, plate):
    done = completed(emulator, client, plate, archive={"frames": 12, "first_index": 95, "folder": "out/", "extra_members": ["README.txt"]})
    frames = done.frames()
    before = len(emulator.requests())
    truth = members(emulator)
    assert (len(frames), frames.label) == (12, LABEL)
    # A loop that reads nothing fetches nothing.
    assert [frame.size for frame in frames] == [one["length"] for one in truth]
    assert [frame.name for frame in frames] == [f"frame_{number:05}.exr" for number in range(95, 107)]
    assert [frame.number for frame in reversed(frames)] == list(range(106, 94, -1))
    assert frames[-1] == frames[11] != frames[10]
    assert frames.by_number(100) == frames[5] and frames.by_number(100).index == 5
    assert frames[3] in frames and frames.index(frames[3]) == 3 and frames.count(frames[3]) == 1 and "frame_00095.exr" not in frames
    assert len({frames[0], frames[0], frames[1]}) == 2
    some = frames[2:10:2]
    assert [frame.index for frame in some] == [2, 4, 6, 8] and some[-1] == frames[8] and some[1:] == frames[4:10:2] != some
    assert some.by_number(97) == frames[2] and frames[2] in some and frames[3] not in some and len(frames[20:]) == 0
    for missing in (12, -13):
        with pytest.raises(IndexError, match="there are 12"):
            frames[missing]
    for number in (94, 107, -1, 1 << 70):
        with pytest.raises(LookupError, match="from 95 to 106"):
            frames.by_number(number)
    with pytest.raises(LookupError):
        some.by_number(98)
    assert len(emulator.requests()) == before, "all that was in memory"
    assert done.frames("exr_frames") == frames


def test_one_frame_is_read_with_one_request_for_hardly_more_than_itself(emulator, client, plate):
    frames = completed(emulator, client, plate, archive=LARGE).frames()
    data = frames[7].read()
    assert type(data) is bytes and crc32(data) == members(emulator)[7]["crc32"]
    assert len(fetched(emulator)) == 1 and asked_bytes(emulator) < len(data) + (128 << 10)
    assert frames[7].read() == data, "and again, for a list holds no bytes"
    assert len(fetched(emulator)) == 2


def test_a_loop_fetches_every_byte_once_and_a_frame_of_it_keeps_its_bytes(emulator, client, plate):
    frames = completed(emulator, client, plate, archive=LARGE).frames()
    truth = members(emulator)
    for frame in frames:
        assert crc32(frame.read()) == truth[frame.index]["crc32"]
        assert frame.read() is frame.read() and frame.open().read() is frame.read()
    ranges = fetched(emulator)
    assert len(ranges) <= 12, "no frame with more than one request"
    assert asked_bytes(emulator) < 1.05 * sum(one["length"] for one in truth), "each once"


@pytest.mark.parametrize("frames_of", [iter, lambda frames: frames.stream()], ids=["loop", "stream"])
def test_the_first_frame_is_there_while_the_archive_is_still_on_its_way(emulator, client, plate, frames_of):
    # Over one connection, so that the first request is the first to arrive.
    frames = completed(emulator, client, plate, archive=LARGE).frames(connections=1)
    # What is behind the first request is held by the storage, for longer than this test may last.
    emulator.push_fault(ROUTE, "stall", skip=1, times=0, at=1000)
    coming = frames_of(frames)
    first = next(coming)
    assert crc32(first.read()) == members(emulator)[0]["crc32"]
    assert fetched(emulator)[0][1] < 3 * first.size, "the request that was answered has two frames in it"


def leave_a_loop(frames):
    for frame in frames:
        frame.read()
        if frame.index == 1:
            return frame


def leave_a_stream(frames):
    with frames.stream() as stream:
        next(stream)
        frame = next(stream)
    assert next(stream, None) is None
    return frame


def drop_a_stream(frames):
    return next(iter(frames.stream()))


@pytest.mark.parametrize("leave", [leave_a_loop, leave_a_stream, drop_a_stream])
def test_leaving_early_ends_the_fetching(emulator, client, plate, leave):
    frames = completed(emulator, client, plate, archive={**LARGE, "frames": 60}).frames()
    frame = leave(frames)
    assert frame.read() and frames[59].read()
    # Two frames were taken, and not much more than the budget of 24 MiB is fetched ahead of them; nothing after that but the last.
    before = asked_bytes(emulator)
    assert before < 60 * frame.size / 2
    assert frames[0].read()
    assert asked_bytes(emulator) - before < 2 * frame.size


def test_a_loop_that_skips_frames_fetches_those_it_reads(emulator, client, plate):
    frames = completed(emulator, client, plate, archive={**LARGE, "frames": 40}).frames()
    truth = members(emulator)
    for some in (frames[5::7], frames[::-9], [frame for frame in frames if frame.index in (3, 30)]):
        for frame in some:
            assert crc32(frame.read()) == truth[frame.index]["crc32"]
    # Far from the 40 frames that a stream would have fetched each time.
    assert asked_bytes(emulator) < 25 * 3_100_000
    for refuse in (frames[::2].stream, lambda: frames[::2].extract("nowhere")):
        with pytest.raises(ltx_jobs.InvalidRequest, match="not in a row"):
            refuse()
    assert [frame.index for frame in frames[39::-50].stream()] == [39], "one frame is always in a row"


def test_a_slice_is_streamed_and_extracted_by_its_own_places(emulator, client, plate, tmp_path):
    frames = completed(emulator, client, plate, archive={"frames": 9}).frames()
    truth = members(emulator)
    assert [(frame.index, crc32(frame.read())) for frame in frames[3:6].stream(budget=0)] == [(index, truth[index]["crc32"]) for index in (3, 4, 5)]
    saved = frames[7:].extract(tmp_path, frame_name="sh010.{frame:04d}.exr", first_frame=1001)
    assert [path.name for path in saved.paths] == ["sh010.1008.exr", "sh010.1009.exr"]
    assert [crc32(path.read_bytes()) for path in saved.paths] == [one["crc32"] for one in truth[7:]]
    assert list(frames[4:4].stream()) == [] and frames[9:].extract(tmp_path).paths == ()


def test_extracting_again_fetches_what_is_missing_and_replaces_nothing_unasked(emulator, client, plate, tmp_path):
    frames = completed(emulator, client, plate, archive={"frames": 6, "compression": "none", "padding": 100_000}).frames()
    seen = []
    saved = frames.extract(tmp_path, progress=seen.append)
    assert (seen[-1].phase, seen[-1].frames_done, seen[-1].frames_total) == ("downloading", 6, 6)
    saved.paths[2].unlink()
    before = asked_bytes(emulator)
    assert frames.extract(tmp_path).paths == saved.paths
    assert asked_bytes(emulator) - before < 2 * frames[2].size
    saved.paths[4].write_bytes(b"mine")
    with pytest.raises(ltx_jobs.Exists):
        frames.extract(tmp_path)
    assert saved.paths[4].read_bytes() == b"mine"
    assert frames.extract(tmp_path, overwrite=True).crc32c == saved.crc32c


def test_a_frame_that_stays_damaged_names_itself_and_the_others_can_be_had(emulator, client, plate, tmp_path):
    done = completed(emulator, client, plate, archive={"frames": 5, "compression": "none", "padding": 100_000})
    frames = done.frames()
    emulator.push_fault(ROUTE, "corrupt_byte", at=2 * frames[0].size + 50_000, times=0)
    good = []
    for frame in frames:
        try:
            frame.read()
            good.append(frame.index)
        except ltx_jobs.IntegrityError as error:
            assert "frame_00003.exr" in str(error) and error.job == done.job
    assert good == [0, 1, 3, 4], "a loop goes on behind it"
    stream = frames.stream()
    assert [next(stream).index, next(stream).index] == [0, 1]
    with pytest.raises(ltx_jobs.IntegrityError, match="frame_00003.exr"):
        next(stream)
    assert list(stream) == [], "a stream ends with its first error"
    with pytest.raises(ltx_jobs.IntegrityError, match="frame_00003.exr"):
        frames.extract(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"frame_0000{number}.exr" for number in (1, 2, 4, 5)]


def test_a_storage_without_ranges_is_unsupported_unless_a_spool_is_named(emulator, client, plate, tmp_path):
    done = completed(emulator, client, plate, archive={"frames": 3}, storage={"ranges": False})
    with pytest.raises(ltx_jobs.Unsupported, match="spool"):
        done.frames()
    frames = done.frames(spool=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    before = len(emulator.requests())
    assert [crc32(frame.read()) for frame in frames] == [one["crc32"] for one in members(emulator)]
    assert len([one for one in emulator.requests()[before:] if one["origin"] == "storage"]) == 0, "everything came from the disk"
    frame = frames[0]
    del frames
    assert frame.read() and len(list(tmp_path.iterdir())) == 1
    del frame, done
    end = time.monotonic() + 10
    while list(tmp_path.iterdir()):
        assert time.monotonic() < end, "the archive stayed"


def test_a_frame_is_opened_as_a_file_that_is_fetched_once_and_only_when_read(emulator, client, plate, tmp_path):
    frames = completed(emulator, client, plate, archive={"frames": 3, "compression": "none", "padding": 300_000}).frames()
    truth = frames[1].read()
    before = len(fetched(emulator))
    with frames[1].open() as file:
        assert (file.name, file.readable(), file.seekable(), file.writable()) == ("frame_00002.exr", True, True, False)
        assert (file.seek(0, os.SEEK_END), file.tell(), file.seek(-4, os.SEEK_CUR)) == (len(truth), len(truth), len(truth) - 4)
        assert len(fetched(emulator)) == before, "seeking needs no byte"
        assert file.read() == truth[-4:] and file.read(1) == b""
        assert (file.seek(0), file.read(4), file.peek(2)[:2]) == (0, truth[:4], truth[4:6])
        buffer = bytearray(8)
        assert (file.seek(100_000), file.readinto(buffer), bytes(buffer)) == (100_000, 8, truth[100_000:100_008])
        file.seek(0)
        with open(tmp_path / "copy.exr", "wb") as copy:
            shutil.copyfileobj(file, copy)
        assert (file.seek(len(truth) + 5), file.read()) == (len(truth) + 5, b"")
        for bad in ((-1, os.SEEK_SET), (0, 7)):
            with pytest.raises((ValueError, OSError)):
                file.seek(*bad)
    assert (tmp_path / "copy.exr").read_bytes() == truth and len(fetched(emulator)) == before + 1
    for use in (file.read, file.tell, lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises((OSError, ValueError)):
        frames[1].open().write(b"x")


def test_an_output_is_opened_where_it_lies_for_readers_that_seek(emulator, client, plate, tmp_path):
    done = completed(emulator, client, plate, archive={"frames": 8, "compression": "none", "padding": 1_000_000, "method": "deflated"})
    output = done.outputs[LABEL]
    truth = members(emulator)
    with output.open() as file, zipfile.ZipFile(file) as archive:
        assert archive.namelist() == [one["name"] for one in truth]
        assert fetched(emulator) == [], "the directory came with the opening"
        assert crc32(archive.read(truth[6]["name"])) == truth[6]["crc32"]
        assert asked_bytes(emulator) < 2.5 * truth[6]["length"], "the one member, and what was read ahead of its reader"
        assert archive.testzip() is None
    with pytest.raises(ValueError, match="closed"):
        file.read()
    whole = done.download(tmp_path, only=LABEL, archive="keep").paths[0].read_bytes()
    with output.open() as file:
        assert file.read() == whole
        assert (file.seek(-100, os.SEEK_END), file.read(), file.read()) == (len(whole) - 100, whole[-100:], b"")
        with open(tmp_path / "copy.zip", "wb") as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy)
        assert (tmp_path / "copy.zip").read_bytes() == whole
        for at in (3_000_000, 10, 2_999_990, 3_000_100):
            assert (file.seek(at), file.read(200)) == (at, whole[at : at + 200])
    emulator.push_fault(ROUTE, "changed_etag")
    with output.open() as file:
        file.read(10)
        emulator.push_fault(ROUTE, "changed_etag")
        file.seek(2_000_000)
        with pytest.raises(ltx_jobs.ObjectChanged):
            file.read(10)


def test_an_output_of_a_storage_without_ranges_cannot_be_opened(emulator, client, plate):
    done = completed(emulator, client, plate, storage={"ranges": False})
    with pytest.raises(ltx_jobs.Unsupported, match="download the output"):
        done.outputs[LABEL].open()


def test_what_a_progress_callback_raises_reaches_the_caller_and_ends_the_work(emulator, client, plate, tmp_path):
    done = completed(emulator, client, plate, archive=LARGE)
    frames = done.frames()

    class Enough(Exception):
        pass

    def enough(now):
        raise Enough(now.phase)

    for work in (
        lambda: done.frames(progress=enough),
        lambda: list(frames.stream(progress=enough)),
        lambda: frames.extract(tmp_path, progress=enough),
    ):
        with pytest.raises(Enough, match="downloading"):
            work()
    seen = []
    assert len(list(frames.stream(progress=seen.append))) == 12
    assert (seen[-1].frames_done, seen[-1].frames_total) == (12, 12)
    assert all(a.frames_done <= b.frames_done and a.bytes_done <= b.bytes_done for a, b in zip(seen, seen[1:]))


def test_numbers_that_cannot_be_meant_are_refused_before_anything_is_sent(emulator, client, plate, tmp_path):
    done = completed(emulator, client, plate)
    frames = done.frames()
    before = len(emulator.requests())
    for refused in (
        lambda: done.frames(connections=65).extract(tmp_path),
        lambda: list(done.frames(connections=-1).stream()),
        lambda: done.frames(bandwidth="20M"),
        lambda: done.frames(bandwidth=0),
        lambda: done.frames(bandwidth=2.5),
        lambda: frames.stream(budget=-1),
        lambda: frames.extract(tmp_path, first_frame=-1),
        lambda: frames.extract(tmp_path, frame_name="no number.exr"),
        lambda: done.download(tmp_path, connections=0),
        lambda: done.download(tmp_path, bandwidth="fast"),
        lambda: done.download(tmp_path, lock_timeout=-1),
        lambda: done.frames("no_such_label"),
    ):
        with pytest.raises(ltx_jobs.InvalidRequest):
            refused()
    # The first two opened their list.
    assert len([one for one in emulator.requests()[before:] if one["origin"] == "storage"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_frames_and_their_parts_do_not_pickle_and_show_no_credential(emulator, client, plate):
    done = completed(emulator, client, plate)
    frames = done.frames()
    signature = done.outputs[LABEL].url.partition("?")[2]
    assert len(signature) > 20
    for value in (frames, frames[0], frames.stream(), frames[0:1]):
        with pytest.raises(pickle.PicklingError, match="pickle its job"):
            pickle.dumps(value)
        assert signature not in repr(value) and "http" not in repr(value)
    assert repr(frames).startswith(f"<Frames {LABEL} of {done.job.ref}: 3 frames, ")
    assert repr(frames[1]) == f"Frame(1, 'frame_00002.exr', {frames[1].size} bytes)"


def test_threads_read_one_list_and_one_stream(emulator, client, plate):
    frames = completed(emulator, client, plate, archive={"frames": 40}).frames()
    truth = [one["crc32"] for one in members(emulator)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda frame: crc32(frame.read()), frames)) == truth
        stream = frames.stream()
        taken = pool.map(lambda _: [(frame.index, crc32(frame.read())) for frame in stream], range(8))
        assert sorted(pair for pairs in taken for pair in pairs) == list(enumerate(truth))


def test_closing_the_client_ends_a_stream_that_waits(emulator, plate):
    with emulator.client() as client:
        frames = completed(emulator, client, plate, archive=LARGE).frames()
        emulator.push_fault(ROUTE, "stall", times=0, at=1000)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: next(frames.stream()))
            while not fetched(emulator):
                time.sleep(0.005)
            client.close(grace=0)
            with pytest.raises((ltx_jobs.ClosedError, ltx_jobs.Cancelled)):
                waiting.result(timeout=20)


def test_a_list_outlives_the_urls_it_was_made_with(emulator, client, plate):
    frames = completed(emulator, client, plate, storage={"url_lifetime_s": 600}).frames()
    emulator.advance(3600)
    assert [len(frame.read()) for frame in frames] == [frame.size for frame in frames]


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="reads VmHWM from /proc")
def test_memory_stays_flat_while_frames_are_read_and_dropped(emulator, child, figure):
    # 480 MB of frames, 12 MB each.
    emulator.reset({"video": {"enabled": False}, "archive": {"frames": 40, "compression": "none", "padding": 12_000_000}, "storage": {"goog_hash": False}})
    reading = child("""
def high_water_mark():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
frames = ltx_jobs.Client().video_to_video_hdr(video_uri=plate).wait().frames()
for ways in (lambda: frames, frames.stream):
    open("/proc/self/clear_refs", "w").write("5")
    before = high_water_mark()
    total = sum(len(frame.read()) for frame in ways())
    say(f"{total} {high_water_mark() - before}")
""")
    for way in ("a loop", "a stream"):
        total, rise = map(int, reading.line().split())
        assert total > 480e6
        # 64 MiB beside the frame in the caller's hands; it holds one while it asks for the next.
        figure("memory", round(rise / 2**20, 1), 64 + 23, "MiB", of=f"{way} over {total / 1e6:.0f} MB of frames")
    assert reading.end()[::2] == (0, "")
