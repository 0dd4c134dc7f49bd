"""What notebooks show: tables, a player, pictures of frames. Nothing unescaped, no secret, no surprise on the wire, and never a traceback."""

from __future__ import annotations

import asyncio
import base64
import io
import pickle
import re
import struct
import sys
import zlib
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser

import pytest
from conftest import ENDLESS, Child

import ltx_jobs
from ltx_jobs import _measures, _notebook, _thumbnails

HOSTILE = "\"'><script>alert(1)</script>&amp;"
TAGS = {"table", "caption", "thead", "tbody", "tr", "th", "td", "div", "figure", "figcaption", "img", "video"}


class Read(HTMLParser):
    """The texts of cells and captions, the tags, and what is named by ``src``. Fails on a tag that is not ours, and on one that is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.sources, self._open = [], [], [], []
        self.html = html
        self.feed(html)
        self.close()
        assert not self._open, html

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS, (tag, self.html)
        assert {name for name, _ in attributes} <= {"style", "src", "alt", "colspan", "controls", "preload"}, attributes
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name == "src"]
        if tag != "img":
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, self.html

    def handle_data(self, text):
        self.texts.append(text)

    @property
    def rows(self) -> dict[str, str]:
        """Name and value of a table of pairs."""
        found = re.findall(r"<tr><th[^>]*>(.*?)</th><td[^>]*>(.*?)</td></tr>", self.html)
        return {name: unescape(text) for name, text in found}


def shown(value: object) -> Read:
    return Read(value._repr_html_())


def pixels(source: str) -> tuple[int, int, bytes]:
    """Width, height and RGB of a picture in the page."""
    kind, _, data = source.partition(",")
    assert kind == "data:image/png;base64"
    png = base64.b64decode(data, validate=True)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(png):
        length, name = struct.unpack(">I4s", png[place : place + 8])
        body = png[place + 8 : place + 8 + length]
        assert struct.unpack(">I", png[place + 8 + length : place + 12 + length]) == (zlib.crc32(name + body),)
        chunks[name], place = body, place + 12 + length
    width, height, depth, colours = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colours) == (8, 2) and b"IEND" in chunks
    lines = zlib.decompress(chunks[b"IDAT"])
    assert len(lines) == height * (1 + 3 * width)
    rows = [lines[row * (1 + 3 * width) : (row + 1) * (1 + 3 * width)] for row in range(height)]
    assert {row[0] for row in rows} == {0}
    return width, height, b"".join(row[1:] for row in rows)


def exr(picture, **header) -> io.BytesIO:
    """An EXR file of these half floats."""
    OpenEXR = pytest.importorskip("OpenEXR")
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}, {"RGB": picture}).write(file.name)
        return io.BytesIO(file.read())


@pytest.fixture
def pictures():
    pytest.importorskip("numpy")
    pytest.importorskip("OpenEXR")


def storage_gets(emulator) -> int:
    return len([one for one in emulator.requests() if one["origin"] == "storage" and one["method"] == "GET"])


def test_a_job_is_a_table_and_a_repr_with_state_and_age(emulator, client, plate):
    emulator.reset(ENDLESS)
    job = client.video_to_video_hdr(video_uri=plate, label="sh010", dest="shots/010")
    job.poll()
    rows = shown(job).rows
    assert (rows["endpoint"], rows["id"], rows["label"]) == ("video-to-video-hdr", job.id, "sh010")
    assert re.fullmatch(r"pending, \d+ s", rows["state"]) and rows["meant for"].endswith("010")
    assert "ago)" in rows["created"] and "UTC" in rows["last contact"]
    assert re.fullmatch(rf"<Job {job.ref} 'sh010' pending, \d+ s>", repr(job))
    emulator.advance(2 * 3600 + 1)
    done = job.wait()
    assert re.fullmatch(rf"<Job {job.ref} 'sh010' completed, created \d+ [smh].* ago>", repr(job))
    assert repr(client.job(job.ref)) == f"<Job {job.ref} not asked yet>"
    assert re.fullmatch(rf"<Completed {job.ref}: exr_frames_url, video_url; .+ ago, outputs for .+>", repr(done)), repr(done)
    assert "outputs for" in repr(done)


def test_what_went_wrong_with_a_poll_is_in_the_table(emulator, client, plate):
    emulator.reset({**ENDLESS, "fault": [{"route": "poll", "do": "status", "status": 503, "times": 0}]})
    job = client.video_to_video_hdr(video_uri=plate)
    with pytest.raises(ltx_jobs.WaitTimeout):
        job.wait(timeout=0.5)
    assert "503" in shown(job).rows["error"]


def test_a_job_from_a_pickle_is_shown_without_a_client_and_without_a_key(submit, monkeypatch):
    job = submit(label="sh010")
    monkeypatch.delenv("LTXV_API_KEY", raising=False)
    again = pickle.loads(pickle.dumps(job))
    assert shown(again).rows == {"endpoint": job.endpoint, "id": job.id, "label": "sh010", "state": "not asked yet"}
    assert repr(again) == f"<Job {job.ref} 'sh010' not asked yet>"


def test_every_text_is_escaped(emulator, client, plate, tmp_path):
    job = client.video_to_video_hdr(video_uri=plate, label=HOSTILE)
    assert shown(job).rows["label"] == HOSTILE
    made = tmp_path / "<script>alert(1)<"
    made.mkdir()
    (made / "b'\"&.exr").write_bytes(b"no EXR")
    (made / "a<b>.txt").write_text("x")
    saved = ltx_jobs.Saved([made / "a<b>.txt", made / "b'\"&.exr"], [1, 2], 7, 0.1)
    assert str(made / "a<b>.txt") in shown(saved).texts
    error = ltx_jobs.JobFailed(HOSTILE)
    values = [
        ltx_jobs.Estimate(Decimal("1.5"), HOSTILE),
        ltx_jobs.Snapshot("failed", None, None, error, None, (HOSTILE,), True),
        ltx_jobs.BatchOutcome(HOSTILE, HOSTILE, "failed", HOSTILE, None, None, [made], [HOSTILE], 5, error),
        ltx_jobs.TextToVideo(HOSTILE, model=HOSTILE, duration=6, resolution=HOSTILE, extra={HOSTILE: 1}),
        ltx_jobs.Destination(made, frame_name=HOSTILE),
        ltx_jobs.Rehosted([ltx_jobs.Object(HOSTILE, 5, None, HOSTILE)], 5, 0.1),
        ltx_jobs.Checked(HOSTILE, 0.1, 1, 0, [ltx_jobs.Finding(HOSTILE, "ok", HOSTILE, None, error)], [ltx_jobs.Setting(HOSTILE, HOSTILE, HOSTILE)]),
        ltx_jobs.BatchProgress(1, 1, 0, 0, 0, [("saved", 1)], 5, Decimal("0.1"), HOSTILE, 1.0, HOSTILE),
        ltx_jobs.Setting(HOSTILE, HOSTILE, HOSTILE),
    ]
    for value in values:
        # The parser refuses any tag that is not ours.
        assert shown(value).tags, value
    assert shown(values[0]).rows == {"usd": "1.5", "basis": HOSTILE}
    assert _notebook._strip([(b"png", HOSTILE)]).count("<script") == 0
    assert HOSTILE in Read(_notebook._strip([(b"png", HOSTILE)])).texts


def test_results_are_told_by_label_and_name_and_never_by_their_address(submit):
    done = submit().wait()
    read = shown(done)
    assert {"exr_frames_url", "video_url", "video.mp4"} <= set(read.texts)
    for output in done.outputs.values():
        assert output.url.partition("?")[2] not in read.html
    assert "http" not in read.html and not read.sources


def test_neither_key_nor_signature_is_in_anything_shown(emulator, plate, tmp_path, pictures):
    key = "canary-key-4711"
    emulator.reset({"api_key": key})
    with emulator.client(api_key=key) as client:
        job = client.video_to_video_hdr(video_uri=plate)
        done = job.wait()
        frames = done.frames()
        texts = [value._repr_html_() for value in (client, job, done, frames, done.download(tmp_path), client.check(), client.recover(), job.snapshot())]
        request = ltx_jobs.VideoToVideoHdr("https://cdn.example/plate.mp4?X-Goog-Signature=canary-signature")
        texts += [request._repr_html_(), ltx_jobs.BatchItem("a", request)._repr_html_()]
        signatures = [output.url.partition("?")[2] for output in done.outputs.values()]
    for text in texts:
        assert key not in text and "X-Goog-Signature" not in text and "canary-signature" not in text
        assert not [one for one in signatures if one in text]
    assert ("api_key", "***") in re.findall(r"<td[^>]*>(.*?)</td><td[^>]*>(.*?)</td>", texts[0])


def test_a_saved_video_below_the_working_directory_is_a_player_and_others_are_named(submit, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    done = submit().wait()
    saved = done.download("shots & co/010#1", only="video_url")
    read = shown(saved)
    assert read.tags.count("video") == 1 and read.sources == ["shots%20%26%20co/010%231/video.mp4"]
    elsewhere = shown(done.download(tmp_path / "elsewhere", only="video_url"))
    assert "video" not in elsewhere.tags and str(tmp_path / "elsewhere" / "video.mp4") in elsewhere.texts
    # By a link a file may be below this directory and not in it.
    (here / "link").symlink_to(tmp_path / "elsewhere")
    assert "video" not in shown(ltx_jobs.Saved([here / "link" / "video.mp4"], [1], 5, 0.1)).tags
    monkeypatch.setattr(_notebook, "MOST_PLAYED", 10)
    large = shown(saved)
    assert "video" not in large.tags and str(saved.paths[0]) in large.texts
    saved.paths[0].unlink()
    assert "not there any more" in shown(saved).texts


def test_saved_frames_are_a_strip_of_pictures(emulator, client, plate, tmp_path, pictures):
    emulator.reset({"archive": {"frames": 30, "width": 480, "height": 270}, "video": {"enabled": False}})
    saved = client.video_to_video_hdr(video_uri=plate).wait().download(tmp_path)
    read = shown(saved)
    assert len(read.sources) == 6 and "frame_00001.exr" in read.texts and "frame_00030.exr" in read.texts
    assert f"30 frames in {saved.paths[0].parent}" in read.texts
    for source in read.sources:
        assert pixels(source)[:2] == (160, 90)
    saved.paths[0].write_bytes(b"somebody changed it")
    damaged = shown(saved)
    assert not damaged.sources and str(saved.paths[0]) in damaged.texts


def test_frames_are_a_strip_over_the_whole_shot_that_says_what_it_fetched(emulator, client, plate, pictures):
    emulator.reset({"archive": {"frames": 100, "width": 320, "height": 180}, "video": {"enabled": False}})
    frames = client.video_to_video_hdr(video_uri=plate).wait().frames()
    before = storage_gets(emulator)
    read = shown(frames)
    assert storage_gets(emulator) == before + 6
    chosen = [frames[place] for place in (0, 20, 40, 59, 79, 99)]
    assert [name for name in read.texts if name.endswith(".exr")] == [frame.name for frame in chosen]
    size = _measures.size(sum(frame.size for frame in chosen))
    assert f"exr_frames_url of {frames._archive.job.ref}: 100 frames, " in read.texts[0] and f"for these pictures {size} were fetched" in read.texts[0]
    told = [pixels(source) for source in read.sources]
    assert len({data for _, _, data in told}) == 6, "each frame shows its own number"
    assert {one[:2] for one in told} == {(160, 90)}
    # Shown again, and in a slice: nothing is fetched for it.
    again = shown(frames)
    assert again.sources == read.sources and "nothing was fetched again" in again.texts[0]
    assert len(shown(frames[20:21]).sources) == 1
    assert storage_gets(emulator) == before + 6
    assert repr(frames) == f"<Frames exr_frames_url of {frames._archive.job.ref}: 100 frames, {_measures.size(sum(frame.size for frame in frames))}>"


def test_a_strip_takes_fewer_pictures_where_frames_are_large_and_none_where_one_is_too_large(emulator, client, plate, monkeypatch, pictures):
    emulator.reset({"archive": {"frames": 12, "compression": "none"}, "video": {"enabled": False}})
    frames = client.video_to_video_hdr(video_uri=plate).wait().frames()
    monkeypatch.setattr(_notebook, "MOST_FETCHED", frames[0].size * 2)
    before = storage_gets(emulator)
    assert len(shown(frames).sources) == 2 and storage_gets(emulator) == before + 2
    monkeypatch.setattr(_notebook, "MOST_FETCHED", frames[0].size - 1)
    read = shown(frames[3:5])
    assert storage_gets(emulator) == before + 2
    assert not read.sources and "no pictures: a frame is larger than" in read.texts[0] and frames[3].name in read.texts


def test_frames_that_cannot_be_fetched_are_a_table_with_the_reason(emulator, client, plate, monkeypatch, pictures):
    emulator.reset({"archive": {"frames": 30, "compression": "none"}, "video": {"enabled": False}})
    frames = client.video_to_video_hdr(video_uri=plate).wait().frames()
    emulator.push_fault("download", "status", status=404, times=0)
    read = shown(frames)
    assert not read.sources and "no pictures: ResultExpired" in read.texts[0]
    assert frames[0].name in read.texts and frames[19].name in read.texts and frames[20].name not in read.texts and "and 10 more" in read.texts
    assert "X-Goog" not in read.html


def test_frames_that_do_not_arrive_are_a_table_in_the_end(emulator, client, plate, monkeypatch, pictures):
    emulator.reset({"archive": {"frames": 3, "compression": "none", "padding": 100_000}, "video": {"enabled": False}})
    frames = client.video_to_video_hdr(video_uri=plate).wait().frames()
    emulator.push_fault("download", "stall", at=1000, times=0)
    monkeypatch.setattr(_notebook, "MOST_SECONDS", 0.3)
    assert "no pictures: TimeoutError: they did not arrive" in shown(frames).texts[0]


@pytest.mark.parametrize("missing", ["numpy", "OpenEXR"])
def test_without_numpy_and_openexr_frames_are_a_table_and_nothing_is_fetched(emulator, client, plate, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    done = client.video_to_video_hdr(video_uri=plate).wait()
    frames = done.frames()
    before = storage_gets(emulator)
    read = shown(frames)
    assert not read.sources and frames[0].name in read.texts and "with numpy and OpenEXR installed" in read.texts[0]
    assert storage_gets(emulator) == before
    saved = done.download(tmp_path, only="exr_frames_url")
    assert str(saved.paths[0]) in shown(saved).texts


def test_those_for_asyncio_are_tables_and_fetch_nothing(emulator, plate, pictures):
    async def work():
        async with ltx_jobs.AsyncClient(emulator.api_key, base_url=emulator.base_url, poll_interval=0.02) as client:
            job = await client.video_to_video_hdr(video_uri=plate, label=HOSTILE)
            done = await job
            frames = await done.frames()
            before = storage_gets(emulator)
            assert shown(job).rows["label"] == HOSTILE and repr(job).startswith("<AsyncJob video-to-video-hdr/")
            assert "video.mp4" in shown(done).texts and repr(done).startswith("<AsyncCompleted ")
            assert frames[0].name in shown(frames).texts and not shown(frames).sources and repr(frames).startswith("<AsyncFrames exr_frames_url")
            assert "base_url" in shown(client).texts
            assert storage_gets(emulator) == before

    asyncio.run(work())


def test_a_batch_and_its_outcomes_are_tables(client, plate, tmp_path):
    with client.batch([("sh010", ltx_jobs.VideoToVideoHdr(plate))], name="reel", dest=tmp_path) as batch:
        outcome = next(batch)
    assert shown(outcome).rows["state"] == "saved" and shown(outcome).rows["key"] == "sh010"
    rows = shown(batch).rows
    assert (rows["items"], rows["saved"]) == ("1", "1") and "queued" not in rows


def test_a_picture_is_tone_mapped_to_the_colours_of_a_screen(pictures):
    import numpy

    grey = numpy.full((32, 64, 3), 0.18, "f2")
    aces = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
    plain, of_aces = (pixels(as_source(exr(grey, **header))) for header in ({}, {"chromaticities": aces}))
    # White and grey stay what they are, whatever the primaries.
    assert max(abs(one - other) for one, other in zip(plain[2], of_aces[2])) <= 1
    assert 90 < plain[2][0] < 160, "middle grey is a middle grey"
    # A red of the wide gamut is a purer red on the screen.
    red = numpy.zeros((4, 4, 3), "f2")
    red[...] = (0.4, 0.05, 0.05)
    narrow, wide = (pixels(as_source(exr(red, **header)))[2][:3] for header in ({}, {"chromaticities": aces}))
    assert wide[0] > narrow[0] and wide[2] < narrow[2]
    # Brighter stays brighter above 1.0, and what is no number is black or white.
    ramp = numpy.zeros((1, 6, 3), "f2")
    ramp[0, :, :] = numpy.array([0.5, 1, 2, 4, numpy.inf, numpy.nan])[:, None]
    shades = pixels(as_source(exr(ramp)))[2][::3]
    assert list(shades[:4]) == sorted(set(shades[:4])) and shades[4] == 255 and shades[5] == 0
    # ACEScct is decoded: 0.4135884 stands for 0.18.
    coded = numpy.full((32, 64, 3), 0.4135884, "f2")
    assert abs(pixels(as_source(exr(coded, colorSpace="acescct")))[2][0] - plain[2][0]) <= 1


def as_source(file: io.BytesIO) -> str:
    return f"data:image/png;base64,{base64.b64encode(_thumbnails.thumbnail(file)).decode()}"


@pytest.mark.parametrize(
    "width, height, shape", [(64, 36, (64, 36)), (1920, 1080, (160, 90)), (3840, 2160, (160, 90)), (1000, 40, (166, 6)), (1, 1, (1, 1)), (700, 1, (175, 1))]
)
def test_a_picture_of_any_size_is_small(pictures, width, height, shape):
    import numpy

    assert pixels(as_source(exr(numpy.zeros((height, width, 3), "f2"))))[:2] == shape


def test_pictures_are_spread_from_the_first_frame_to_the_last():
    assert [_thumbnails.spread(count, 6) for count in (0, 1, 6)] == [[], [0], [0, 1, 2, 3, 4, 5]]
    assert _thumbnails.spread(7, 6)[0] == 0 and _thumbnails.spread(7, 6)[-1] == 6 and len(set(_thumbnails.spread(7, 6))) == 6
    assert _thumbnails.spread(101, 2) == [0, 100] and _thumbnails.spread(101, 1) == [50]


def test_times_and_sizes_read_as_people_say_them():
    times = {-5: "0 s", 0.4: "0 s", 59.4: "59 s", 59.6: "1 m 0 s", 130: "2 m 10 s", 3600: "1 h 0 m", 90061: "1 d 1 h"}
    assert {seconds: _measures.duration(seconds) for seconds in times} == times
    sizes = {0: "0 bytes", 999: "999 bytes", 1000: "1.00 kB", 12_400_000: "12.4 MB", 999_600: "1.00 MB", 4_123_456_789: "4.12 GB", 5 * 10**12: "5.00 TB"}
    assert {count: _measures.size(count) for count in sizes} == sizes


def test_what_is_shown_imports_nothing_before_it_is_shown(emulator):
    quiet = Child(emulator, "ltx_jobs.Client()\nsay([m for m in ('ltx_jobs._notebook', 'ltx_jobs._thumbnails', 'html', 'numpy') if m in sys.modules])")
    assert quiet.end() == (0, "[]\n", "")
