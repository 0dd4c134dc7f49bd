"""A batch: an iterator of outcomes that pulls its items, stops when it is left, and goes on where it was under its name."""

from __future__ import annotations

import asyncio
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import ENDLESS, until

import ltx_jobs
from ltx_jobs import BatchItem, BatchState, Destination, StoreDestination

SUBMIT = "/v2/text-to-video"
# Archives of 6 MB.
BIG = {"video": {"enabled": False}, "archive": {"padding": 2_000_000}}


def shot(key: str = "a") -> ltx_jobs.TextToVideo:
    return ltx_jobs.TextToVideo(prompt=f"shot {key}", model="ltx-2-5-fast", duration=6, resolution="1920x1080")


def shots(*keys: str):
    return [(key, shot(key)) for key in keys]


@pytest.fixture
def durable(emulator, tmp_path):
    """A client whose journal another one of the same test can read."""
    with emulator.client(journal=tmp_path / "journal", poll_interval="20ms") as client:
        yield client


def states(outcomes) -> dict[str, str]:
    return {outcome.key: outcome.state.value for outcome in outcomes}


def test_every_item_is_saved_and_the_same_batch_again_asks_nobody(emulator, durable, tmp_path):
    outcomes = list(durable.batch(shots("sh010", "reel/sh020"), name="film", dest=tmp_path / "shots"))
    assert states(outcomes) == {"sh010": "saved", "reel/sh020": "saved"}
    assert (tmp_path / "shots/reel/sh020/video.mp4").is_file()
    first = next(outcome for outcome in outcomes if outcome.key == "sh010")
    assert first.paths == (tmp_path / "shots/sh010/video.mp4",)
    assert (first.state, first.error, first.bytes) == ("saved", None, first.paths[0].stat().st_size)
    assert first.job is not None and first.job.ref == first.ref and first.completed is not None
    asked = len(emulator.requests())
    with emulator.client(journal=tmp_path / "journal") as other:
        again = list(other.batch(iter(shots("sh010", "reel/sh020")), name="film", dest=tmp_path / "shots"))
    assert states(again) == {"sh010": "was_saved", "reel/sh020": "was_saved"}
    assert len(emulator.requests()) == asked and len(emulator.jobs()) == 2


def test_items_say_where_their_outputs_go_and_what_they_may_cost(emulator, durable, tmp_path):
    (tmp_path / "store").mkdir()
    items = [
        BatchItem("a", shot("a"), dest=tmp_path / "own", label="A shot", priority=5),
        BatchItem("b", shot("b"), dest=Destination(tmp_path / "none", only="exr_frames_url")),
        BatchItem("c", shot("c"), max_cost="0.01"),
    ]
    if sys.platform != "win32":
        items.append(BatchItem("d", shot("d"), rehost=f"file://{tmp_path / 'store'}/"))
    outcomes = {outcome.key: outcome for outcome in durable.batch(items, name="film")}
    assert outcomes["a"].label == "A shot" and (tmp_path / "own/video.mp4").is_file()
    # The service has no such output of it.
    assert outcomes["b"].state == "unsaved" and isinstance(outcomes["b"].error, ltx_jobs.InvalidRequest)
    assert outcomes["c"].state == "not_submitted" and isinstance(outcomes["c"].error, ltx_jobs.CostLimit)
    if sys.platform != "win32":
        assert outcomes["d"].urls[0].endswith("/video.mp4") and (tmp_path / "store/video.mp4").is_file()


def clips(*keys: str):
    """Requests whose outputs are frames."""
    return [(key, ltx_jobs.VideoToVideoHdr(video_uri=f"https://cdn.example/{key}.mp4")) for key in keys]


def test_all_of_a_batch_goes_to_a_store_under_its_keys_with_names_for_the_frames(emulator, durable, tmp_path):
    emulator.reset({"archive": {"frames": 3}})
    store, own = (tmp_path / "store").as_uri(), (tmp_path / "own").as_uri()
    place = StoreDestination(store, only="exr_frames", frame_name="{key}.{frame:04d}.exr", first_frame=1001)
    keep = StoreDestination(own, only=["exr_frames_url"], archive="keep")
    items = [*clips("reel/sh010"), BatchItem("sh020", clips("x")[0][1], rehost=keep), BatchItem("sh030", clips("y")[0][1], dest=tmp_path / "disk")]
    outcomes = {outcome.key: outcome for outcome in durable.batch(items, name="film", rehost=place)}
    assert set(states(outcomes.values()).values()) == {"saved"}
    names = ["sh010.1001.exr", "sh010.1002.exr", "sh010.1003.exr"]
    assert sorted(file.name for file in (tmp_path / "store").rglob("*.*")) == names
    assert sorted(outcomes["reel/sh010"].urls) == [f"{store}/reel/sh010/exr_frames/{name}" for name in names]
    assert outcomes["reel/sh010"].bytes == sum(file.stat().st_size for file in (tmp_path / "store").rglob("*.exr"))
    assert [file.name for file in (tmp_path / "own").rglob("*.*")] == ["exr_frames.zip"]
    assert outcomes["sh030"].paths and not outcomes["sh030"].urls
    again = durable.batch(items, name="film", rehost=place)
    again = states(again)
    assert set(again.values()) == {"was_saved"} and len(emulator.jobs()) == 3, again

    async def film():
        async with emulator_client(emulator, tmp_path) as client:
            other = StoreDestination((tmp_path / "other").as_uri(), frame_name="{key}.{frame}.exr")
            return [outcome async for outcome in client.batch(clips("sh040"), name="film", rehost=other)]

    (outcome,) = asyncio.run(film())
    assert outcome.state == "saved" and (tmp_path / "other/sh040/exr_frames/sh040.1.exr").is_file()


@pytest.mark.parametrize("place", ["dest", "rehost"])
def test_a_limit_of_bandwidth_is_kept_by_all_that_is_saved_together(emulator, durable, tmp_path, place):
    emulator.reset(BIG)
    where = {place: tmp_path / "shots" if place == "dest" else (tmp_path / "shots").as_uri()}
    began = time.monotonic()
    batch = durable.batch(clips("a", "b"), name="film", bandwidth="4MB/s", saves_at_once=2, **where)
    assert states(batch) == {"a": "saved", "b": "saved"}
    # Each with the limit for itself would be there after half of it; that a machine is slow fails nothing.
    assert time.monotonic() - began > 2.4 and batch.snapshot().bytes >= 12_000_000


def test_a_file_that_somebody_else_is_fetching_is_waited_for_no_longer_than_was_said(emulator, durable, tmp_path):
    emulator.reset(BIG)
    dest = Destination(tmp_path / "shots", archive="keep", only="exr_frames_url")
    done = durable.submit(clips("a")[0][1], once="batch:film/a").wait()
    with emulator.client() as other, ThreadPoolExecutor(1) as pool:
        slow = other.job(done.job.ref).wait()
        first = pool.submit(slow.download, tmp_path / "shots/a", archive="keep", only="exr_frames_url", bandwidth="1MB/s")
        until(lambda: (tmp_path / "shots/a/.exr_frames.part.json").exists(), "the other download to be under way")
        (locked,) = durable.batch(clips("a"), name="film", dest=dest, lock_timeout=0)
        assert locked.state == "unsaved" and isinstance(locked.error, ltx_jobs.Locked) and not first.done()
        (waited,) = durable.batch(clips("a"), name="film", dest=dest)
        assert waited.state == "saved" and waited.paths == first.result().paths
    assert len(emulator.jobs()) == 1


def test_without_resume_nothing_is_left_of_what_was_begun(emulator, durable, tmp_path):
    emulator.reset(BIG)
    dest = Destination(tmp_path / "shots", archive="keep", only="exr_frames_url")
    for resume in (True, False):
        # Slow enough that it is under way for as long as a busy machine takes to look.
        batch = durable.batch(clips(f"a{resume}"), name="film", dest=dest, resume=resume, bandwidth="1MB/s")
        thread = threading.Thread(target=lambda batch=batch: list(batch))
        thread.start()
        folder = tmp_path / f"shots/a{resume}"
        until(lambda folder=folder: folder.exists() and list(folder.iterdir()), "the download to be under way")
        if resume:
            # A document without any bytes is not worth keeping.
            sidecar = folder / ".exr_frames.part.json"
            until(lambda sidecar=sidecar: sidecar.exists() and '"done":[{' in sidecar.read_text(), "some of it to be written down")
        batch.stop()
        thread.join(60)
        assert (folder.exists() and list(folder.iterdir()) != []) == resume


def test_a_paused_batch_submits_nothing_more_and_brings_home_what_runs(emulator, durable):
    # A key of its own: the place of a job that nobody waits for any more stays taken for minutes.
    emulator.reset({**ENDLESS, "api_key": "key-of-the-paused-batch"})

    def look(progress):
        if progress.running == 1 and not progress.paused:
            batch.pause("enough for today")
        elif progress.paused and progress.count("not_submitted") == 2:
            emulator.advance(7200)

    with durable.with_options(api_key="key-of-the-paused-batch", max_concurrent_jobs=1) as client:
        batch = client.batch(shots("a", "b", "c"), name="film", submits_at_once=2, progress=look)
        outcomes = list(batch)
    assert sorted(states(outcomes).values()) == ["completed", "not_submitted", "not_submitted"]
    assert batch.snapshot().paused == "enough for today" and len(emulator.jobs()) == 1


def test_one_failure_is_told_and_keeps_nobody(emulator, durable):
    emulator.push_fault("submit", "status", status=422)
    batch = durable.batch(shots("a", "b", "c"), name="film", submits_at_once=1)
    outcomes = {outcome.key: outcome for outcome in batch}
    assert states(outcomes.values()) == {"a": "failed", "b": "completed", "c": "completed"}
    assert isinstance(outcomes["a"].error, ltx_jobs.ContentFiltered)
    seen = batch.snapshot()
    assert (seen.items, seen.count("failed"), seen.count(BatchState.COMPLETED), seen.all_done) == (3, 1, 2, False)
    assert batch.summary == str(seen) == "3 items, 2 completed, 1 failed"


def test_what_is_unknown_can_be_settled_and_is_not_submitted_again(emulator, durable):
    emulator.push_fault("submit", "read_and_close")
    for _ in range(2):
        (outcome,) = durable.batch(shots("a"), name="film")
        assert outcome.state is BatchState.UNKNOWN and isinstance(outcome.error, ltx_jobs.SubmitUnknown)
        assert outcome.job is None and outcome.ref.startswith("intent:")
        assert len(emulator.jobs()) == 1
    durable.resolve(outcome.ref, job=f"text-to-video/{emulator.jobs()[0]['id']}")
    assert states(durable.batch(shots("a"), name="film")) == {"a": "completed"}
    assert len(emulator.jobs()) == 1


def test_a_generator_is_never_run_further_ahead_than_there_is_room(emulator):
    emulator.reset(ENDLESS)
    pulled = 0

    def items():
        nonlocal pulled
        for number in range(10_000):
            pulled += 1
            yield f"{number}", shot(str(number))

    with emulator.client(max_concurrent_jobs=1) as client:
        batch = client.batch(items(), name="film", submits_at_once=1)
        assert pulled == 0, "nothing is taken before somebody iterates"
        waiting = threading.Thread(target=lambda: next(batch))
        waiting.start()
        # One job runs, one waits for its place, and the batch holds the others.
        until(lambda: batch.snapshot().queued >= 256, "the batch to be full")
        time.sleep(0.3)
        assert 256 <= pulled <= 260
        batch.stop()
        waiting.join(60)
        # What was taken has its outcome, and nothing else.
        rest = 1 + sum(1 for _ in batch)
        assert rest == pulled == batch.snapshot().items
    assert emulator.count("POST", SUBMIT) == 1


def test_an_outcome_comes_before_the_next_item_is_taken(durable):
    told = []

    def items():
        for ended, key in enumerate("abc"):
            # As a render that takes its time: long enough for the jobs before.
            until(lambda ended=ended: batch.snapshot().count("completed") == ended, "the jobs before")
            told.append(f"take {key}")
            yield key, shot(key)

    batch = durable.batch(items(), name="film")
    for outcome in batch:
        told.append(f"told {outcome.key}")
    assert told.index("told a") < told.index("take c") and sorted(told) == [f"{what} {key}" for what in ("take", "told") for key in "abc"]


def test_an_exception_of_the_generator_reaches_the_caller_and_stops_the_batch(emulator, durable):
    emulator.reset(ENDLESS)

    class Mine(Exception):
        pass

    def items():
        yield "a", shot("a")
        until(lambda: batch.snapshot().running == 1, "the job")
        raise Mine("no more plates")

    batch = durable.batch(items(), name="film")
    with pytest.raises(Mine):
        next(batch)
    # The job goes on, and the same batch goes on with it.
    assert states(batch) == {"a": "running"}
    emulator.advance(7200)
    assert states(durable.batch(shots("a"), name="film")) == {"a": "completed"}
    assert len(emulator.jobs()) == 1


def test_an_item_that_can_never_be_right_is_told_where_it_was_taken(emulator, durable):
    for bad, error in [
        (("a", ltx_jobs.TextToVideo(prompt="", model="ltx-2-5-fast", duration=6, resolution="1920x1080")), ltx_jobs.InvalidRequest),
        (("", shot()), ltx_jobs.InvalidRequest),
        ("a", TypeError),
        (("a", "text-to-video"), TypeError),
    ]:
        with pytest.raises(error):
            list(durable.batch([bad], name="bad"))
    twice = durable.batch(shots("a", "a"), name="film")
    with pytest.raises(ltx_jobs.InvalidRequest, match="'a'|\"a\""):
        list(twice)
    for options, error in [
        ({"name": ""}, ltx_jobs.InvalidRequest),
        ({"name": "x", "submits_at_once": 0}, ltx_jobs.InvalidRequest),
        ({"name": "x", "on_unknown": "perhaps"}, ltx_jobs.InvalidRequest),
        ({"name": "x", "spend_limit": 2.5}, TypeError),
        ({"name": "x", "dest": "shots", "rehost": "s3://plates/"}, ltx_jobs.InvalidRequest),
        ({"name": "x", "rehost": "shots"}, ltx_jobs.InvalidRequest),
        ({"name": "x", "rehost": "s3://key:secret@plates/"}, ltx_jobs.InvalidRequest),
        ({"name": "x", "rehost": StoreDestination("s3://plates/", frame_name="{key}.exr")}, ltx_jobs.InvalidRequest),
        ({"name": "x", "dest": Destination("shots", frame_name="{key}.exr")}, ltx_jobs.InvalidRequest),
        ({"name": "x", "bandwidth": 0}, ltx_jobs.InvalidRequest),
        ({"name": "x", "bandwidth": "fast"}, ltx_jobs.InvalidRequest),
        ({"name": "x", "bandwidth": 2.5}, ltx_jobs.InvalidRequest),
        ({"name": "x", "lock_timeout": -1}, ltx_jobs.InvalidRequest),
    ]:
        with pytest.raises(error):
            durable.batch(shots("a"), **options)
        with pytest.raises(error):
            ltx_jobs.AsyncClient("k", base_url=durable.base_url, journal="memory").batch(shots("a"), **options)
    assert not emulator.jobs()
    with pytest.raises(ltx_jobs.InvalidRequest):
        BatchItem("a", shot(), dest="x", rehost="s3://b/")


def test_leaving_it_stops_it(emulator, durable):
    emulator.reset(ENDLESS)
    with durable.batch(shots("a"), name="film") as batch:
        thread = threading.Thread(target=lambda: list(batch))
        thread.start()
        until(lambda: batch.snapshot().running == 1, "the job")
        batch.stop()
        thread.join(60)
        assert not thread.is_alive()
    assert batch.snapshot().count("running") == 1
    batch.close()
    assert list(batch) == []

    # A loop that is left: nothing more is submitted by it.
    emulator.reset({})
    submitted = emulator.count("POST", SUBMIT)
    for outcome in durable.batch((item for item in shots(*map(str, range(50)))), name="left", submits_at_once=1):
        assert outcome.state == "completed"
        break
    time.sleep(0.3)
    there = emulator.count("POST", SUBMIT)
    time.sleep(0.3)
    assert emulator.count("POST", SUBMIT) == there < submitted + 50


def test_a_spend_limit_counts_the_runs_before(emulator, durable):
    price = durable.estimate(shot()).usd
    for _ in range(2):
        batch = durable.batch(shots("a", "b"), name="film", spend_limit=price, submits_at_once=1)
        assert sorted(states(batch).values()) == ["completed", "not_submitted"]
        assert batch.snapshot().committed == price
    assert len(emulator.jobs()) == 1


def test_without_credits_the_rest_is_left_for_the_same_batch(emulator, durable):
    envelope = {"type": "insufficient_funds_error", "message": "no credits"}
    emulator.push_fault("submit", "status", status=402, envelope=envelope)
    batch = durable.batch(shots("a", "b", "c"), name="film", submits_at_once=1)
    assert set(states(batch).values()) == {"not_submitted"}
    assert "account" in batch.snapshot().paused
    assert states(durable.batch(shots("a", "b", "c"), name="film")) == dict.fromkeys("abc", "completed")


def test_progress_comes_to_the_iterating_thread_and_its_exception_stops_the_batch(emulator, durable):
    emulator.reset({"job": {"advance": "clock", "pending_ms": 300, "processing_ms": 300}})
    seen = []

    def look(progress):
        seen.append((progress, threading.current_thread()))

    list(durable.batch(shots("a", "b"), name="film", progress=look))
    assert {thread for _, thread in seen} == {threading.current_thread()}
    last = seen[-1][0]
    assert (last.items, last.all_done, last.elapsed > 0) == (2, True, True)

    def fail(_):
        raise ZeroDivisionError

    emulator.reset(ENDLESS)
    batch = durable.batch(shots("c"), name="film", progress=fail)
    with pytest.raises(ZeroDivisionError):
        list(batch)


def test_of_a_closed_client_it_says_so(emulator):
    client = emulator.client()
    client.close()
    with pytest.raises(ltx_jobs.ClosedError):
        list(client.batch(shots("a"), name="film"))


def test_values_pickle_and_show_no_secret(durable, tmp_path):
    (outcome,) = durable.batch(shots("a"), name="film", dest=tmp_path / "shots")
    again = pickle.loads(pickle.dumps(outcome))
    assert (again.key, again.state, again.ref, again.paths) == (outcome.key, outcome.state, outcome.ref, outcome.paths)
    assert again.job == outcome.job and again.completed is None
    assert repr(outcome).startswith(f"BatchOutcome('a', saved, {outcome.ref!r}, 1 files, ") and "Signature" not in repr(outcome)
    batch = durable.batch(shots("b"), name="film")
    list(batch)
    progress = batch.snapshot()
    assert pickle.loads(pickle.dumps(progress)) == progress
    item = BatchItem("a", shot(), dest=Destination("x", only=["video_url"], archive="keep", frame_name="f.{frame}.exr", first_frame=7))
    assert pickle.loads(pickle.dumps(item)) == item
    assert repr(batch) == "<Batch: 1 items, 1 completed>"
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(batch)
    for place in (Destination, StoreDestination):
        with pytest.raises(ltx_jobs.InvalidRequest):
            place("x", archive="zip")
    place = StoreDestination("s3://plates/", options={"secret_access_key": "canary", "region": "eu-west-1"})
    assert pickle.loads(pickle.dumps(place)) == place and place.options[0] == ("region", "eu-west-1")
    shown = [repr(place), place._repr_html_(), repr(BatchItem("a", shot(), rehost=place)), repr(StoreDestination("s3://key:canary@plates/"))]
    assert not any("canary" in text for text in shown) and "eu-west-1" not in shown[0] and "'region'" in shown[0]


def test_a_submit_writes_down_where_its_outputs_go(emulator, tmp_path):
    dest = Destination(tmp_path / "shots", only="video_url", archive="both", frame_name="f.{frame}.exr", first_frame=1001)
    with emulator.client(journal=tmp_path / "journal") as client:
        job = client.submit(shot(), dest=dest, max_cost=10)
        assert job.dest == dest
        assert client.text_to_video(
            prompt="a", model="ltx-2-5-fast", duration=6, resolution="1920x1080", dest=tmp_path
        ).dest == Destination(tmp_path)
        price = client.estimate(shot()).usd
    with emulator.client(journal=tmp_path / "journal") as client:
        first, second = client.jobs()
        assert (first.dest, first.usd) == (dest, price) and isinstance(first.usd, Decimal)
        assert (second.dest, second.usd) == (Destination(tmp_path), None)
        assert [job.dest for job in client.recover().jobs] == [dest, Destination(tmp_path)]
        assert pickle.loads(pickle.dumps(first)) == first
        assert client.job("text-to-video/x").dest is None


def test_for_asyncio_it_is_the_same(emulator, tmp_path):
    async def film():
        async def items():
            for item in shots("a", "b"):
                await asyncio.sleep(0)
                yield item

        async with emulator_client(emulator, tmp_path) as client:
            async with client.batch(items(), name="film", dest=tmp_path / "shots") as batch:
                saved = {outcome.key: outcome async for outcome in batch}
            assert batch.summary == "2 items, 2 saved" and repr(batch) == "<AsyncBatch: 2 items, 2 saved>"
            assert isinstance(saved["a"].job, ltx_jobs.AsyncJob) and (await saved["a"].job.poll()).done
            again = [outcome.state async for outcome in client.batch(shots("a", "b"), name="film", dest=tmp_path / "shots")]
            assert again == ["was_saved", "was_saved"]

    asyncio.run(film())
    assert len(emulator.jobs()) == 2


def test_for_asyncio_back_pressure_exceptions_and_cancelling_are_the_same(emulator, tmp_path):
    emulator.reset(ENDLESS)

    async def film():
        pulled = 0

        def items():
            nonlocal pulled
            for number in range(10_000):
                pulled += 1
                yield f"{number}", shot(str(number))

        async def broken():
            yield "x", shot("x")
            raise ZeroDivisionError

        # A place for one job: the others wait.
        async with emulator_client(emulator, tmp_path, max_concurrent_jobs=1) as client:
            batch = client.batch(items(), name="film", submits_at_once=1)
            task = asyncio.ensure_future(batch.__anext__())
            while batch.snapshot().queued < 256:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            assert 256 <= pulled <= 260
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            rest = [outcome async for outcome in batch]
            assert len(rest) == pulled and set(states(rest).values()) <= {"running", "not_submitted"}
            with pytest.raises(ZeroDivisionError):
                await client.batch(broken(), name="broken").__anext__()

    asyncio.run(film())
    assert len(emulator.jobs()) <= 2


def emulator_client(emulator, tmp_path, **settings):
    key, address = emulator.api_key, emulator.base_url
    return ltx_jobs.AsyncClient(key, base_url=address, journal=tmp_path / "journal", poll_interval="20ms", **settings)


BATCH = """
request = ltx_jobs.TextToVideo(prompt="a", model="ltx-2-5-fast", duration=6, resolution="1920x1080")
client = ltx_jobs.Client(journal={journal!r}, poll_interval="20ms")
batch = client.batch([(key, request) for key in "abc"], name="film", dest={dest!r})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_the_wait_at_once_and_the_batch_goes_on_later(emulator, child, tmp_path):
    emulator.reset(ENDLESS)
    code = BATCH.format(journal=str(tmp_path / "journal"), dest=str(tmp_path / "shots"))
    program = child(
        code
        + """
def tell():
    while batch.snapshot().running < 3: time.sleep(0.01)
    say("running")
threading.Thread(target=tell, daemon=True).start()
try:
    next(batch)
except KeyboardInterrupt as stop:
    say("interrupted" + "".join(getattr(stop, "__notes__", [])))
say(",".join(sorted(outcome.state for outcome in batch)))
""",
    )
    assert program.line() == "running"
    program.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    told = program.line()
    assert told.startswith("interrupted") and time.monotonic() - began < 30
    if sys.version_info >= (3, 11):
        assert "started again" in told
    assert program.line() == "running,running,running"
    assert program.end()[0] == 0
    emulator.advance(7200)
    with emulator.client(journal=tmp_path / "journal", poll_interval="20ms") as client:
        request = ltx_jobs.TextToVideo(prompt="a", model="ltx-2-5-fast", duration=6, resolution="1920x1080")
        outcomes = list(client.batch([(key, request) for key in "abc"], name="film", dest=tmp_path / "shots"))
    assert set(states(outcomes).values()) == {"saved"} and len(emulator.jobs()) == 3
    assert all(Path(path).is_file() for outcome in outcomes for path in outcome.paths)


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork")
def test_a_forked_child_is_told_that_the_batch_is_its_parents(emulator, child, tmp_path):
    emulator.reset(ENDLESS)
    code = BATCH.format(journal=str(tmp_path / "journal"), dest=str(tmp_path / "shots"))
    program = child(
        code
        + """
child = os.fork()
if child == 0:
    try:
        next(batch)
    except ltx_jobs.ForkedError:
        say(repr(batch))
    os._exit(0)
os.waitpid(child, 0)
batch.close()
say(batch.summary)
""",
    )
    assert program.line() == "<Batch of the parent process>"
    assert program.line() == "0 items; paused: the batch was stopped"
    assert program.end()[0] == 0
