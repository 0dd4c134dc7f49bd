"""The client for asyncio: what is awaited waits in the core, no loop owns it, and no loop is held up by it."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import pickle
import sys
import threading
import time
import zipfile
from functools import partial

import pytest
from conftest import ENDLESS, SUBMITS

import ltx_jobs
from ltx_jobs import _dispatch

# Jobs that end when the emulator's clock is moved by two seconds.
SLOW = {"job": {"advance": "clock", "pending_ms": 1000, "processing_ms": 1000}}


@pytest.fixture
def aclient(emulator):
    """A client that belongs to no loop, so that a test can run as many as it likes."""
    client = ltx_jobs.AsyncClient(emulator.api_key, base_url=emulator.base_url, poll_interval="20ms", backoff_base="5ms", backoff_cap="50ms")
    yield client
    asyncio.run(client.close())


async def until(condition, what: str, limit: float = 20.0):
    """Waits beside the loop's other work; fails when it does not happen."""
    end = time.monotonic() + limit
    while not (found := await asyncio.to_thread(condition)):
        assert time.monotonic() < end, f"waited {limit} s for {what}"
        await asyncio.sleep(0.005)
    return found


def waiting() -> int:
    """How many awaits somebody is to be told of."""
    return len(_dispatch.dispatcher())


class Ticker:
    """A task that wants to run every millisecond, and the gaps it met: on the clock, and in what the loop's thread did meanwhile.

    The clock shows too what else the machine does; the time of the thread is what the loop was held up with.
    """

    async def __aenter__(self):
        # The interpreter's collector would look through all that the runner of the tests has, now and then.
        gc.collect()
        gc.freeze()
        self.gaps, self.busy, self._over = [], [], False
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_):
        self._over = True
        await self._task
        gc.unfreeze()

    async def _tick(self):
        last, worked = time.monotonic(), time.thread_time()
        while not self._over:
            await asyncio.sleep(0.001)
            now, work = time.monotonic(), time.thread_time()
            self.gaps.append(now - last)
            self.busy.append(work - worked)
            last, worked = now, work

    def told(self, figure, what: str, told: str = "") -> None:
        """The figures with their limits: what 95 of 100 gaps stay below on the clock, and what the loop's thread did at most in any of them."""
        typical = sorted(self.gaps)[int(len(self.gaps) * 0.95)]
        about = f"{told}{len(self.gaps)} ticks of the loop, worst gap {max(self.gaps) * 1000:.1f} ms"
        figure(f"{what}, 95 % of the gaps", typical * 1000, 50, "ms", of=about)
        figure(f"{what}, most work of the loop in a gap", max(self.busy) * 1000, 50, "ms", of=f"{told}{len(self.gaps)} ticks of the loop")


def test_a_job_goes_from_submit_to_files(emulator, aclient, plate, tmp_path):
    async def work():
        async with aclient:
            job = await aclient.video_to_video_hdr(video_uri=plate, label="sh010")
            assert isinstance(job, ltx_jobs.AsyncJob) and job.label == "sh010"
            assert (await job.poll()).status in ("pending", "processing", "completed")
            done = await job.wait(timeout=30)
            assert (await job).job is job and job.status == "completed" and job.done
            saved = await done.download(tmp_path / "a")
            assert sorted(path.name for path in saved.paths) == ["frame_00001.exr", "frame_00002.exr", "frame_00003.exr", "video.mp4"]
            assert len((await job.save(tmp_path / "b")).paths) == 4
            assert len((await done.outputs["video_url"].download(tmp_path / "c")).paths) == 1
            return aclient

    assert asyncio.run(work()).closed


def test_everything_the_client_can_do_can_be_awaited(emulator, aclient, plate):
    async def work():
        assert (await aclient.check()).request_id
        assert (await aclient.upload(plate)).startswith("ltx://uploads/")
        assert str((await aclient.estimate(ltx_jobs.VideoToVideoHdr(plate))).usd)
        job = await aclient.submit("video-to-video-hdr", {"video_uri": plate}, once="sh010")
        assert await aclient.submit(ltx_jobs.VideoToVideoHdr(plate), once="sh010") == job
        assert aclient.job(job.ref) == job and aclient.job(job) == job
        (known,) = await aclient.jobs()
        assert known.ref == job.ref
        assert (await aclient.recover()).jobs == (job,)
        emulator.push_fault("submit", "read_and_close", times=1)
        with pytest.raises(ltx_jobs.SubmitUnknown) as caught:
            await aclient.video_to_video_hdr(video_uri=plate)
        await aclient.resolve(caught.value.ref, job=None)
        assert (await aclient.recover()).unknown == ()
        aclient.set_api_key(emulator.api_key)
        assert (await job.poll()).status
        assert await aclient.close() == 0 and await aclient.close() == 0

    asyncio.run(work())


def test_errors_are_those_of_the_other_client_and_their_job_can_be_awaited(emulator, aclient, plate):
    emulator.reset(ENDLESS)

    async def work():
        job = await aclient.video_to_video_hdr(video_uri=plate)
        with pytest.raises(ltx_jobs.WaitTimeout) as caught:
            await job.wait(timeout=0.05)
        assert caught.value.job is job and isinstance(caught.value, TimeoutError)
        with pytest.raises(ltx_jobs.JobNotFound):
            await aclient.job("video-to-video-hdr/nobody").poll()
        with pytest.raises(ltx_jobs.InvalidRequest):
            await aclient.video_to_video_hdr(video_uri=None)
        with pytest.raises(TypeError, match="AsyncJob"):
            aclient.as_completed([object()])
        emulator.advance(2 * 3600 + 1)
        assert (await caught.value.job).job is job

    asyncio.run(work())


def test_frames_are_read_while_the_rest_is_still_arriving(emulator, aclient, plate, tmp_path):
    emulator.reset({"archive": {"frames": 40}})

    async def work():
        done = await (await aclient.video_to_video_hdr(video_uri=plate))
        frames = await done.frames()
        assert len(frames) == 40 and [frame.name for frame in frames][:1] == ["frame_00001.exr"]
        one_by_one = [await frame.read() for frame in frames[:3]]
        assert [len(data) for data in one_by_one] == [frame.size for frame in frames[:3]]
        before = len(emulator.requests())
        in_order = [await frame.read() async for frame in frames]
        assert in_order[:3] == one_by_one and len(in_order) == 40
        assert len(emulator.requests()) - before < 40, "nothing was fetched ahead"
        async for frame in frames:
            await frame.read()
            break
        async with frames[10:30].stream(progress=lambda _: None) as stream:
            assert [frame.index async for frame in stream] == list(range(10, 30))
        assert await frames.by_number(2).read() == one_by_one[1]
        assert (await frames[1].open()).read() == one_by_one[1]
        assert await asyncio.gather(*(frame.read() for frame in frames[:3])) == one_by_one
        saved = await frames[:5].extract(tmp_path)
        assert len(saved.paths) == 5
        again = await done.frames("exr_frames")
        assert again == frames and hash(again) == hash(frames) and frames[3] in again

    asyncio.run(work())


def test_frames_of_one_loop_may_be_read_out_of_order_and_by_several_tasks(emulator, aclient, plate):
    emulator.reset({"archive": {"frames": 12}})

    async def work():
        frames = await (await (await aclient.video_to_video_hdr(video_uri=plate))).frames()
        told = [frame async for frame in frames]
        late = [await frame.read() for frame in reversed(told)]
        assert list(reversed(late)) == [await frame.read() for frame in frames]
        ahead = []
        async for frame in frames:
            ahead.append(asyncio.create_task(frame.read()))
        assert await asyncio.gather(*ahead) == list(reversed(late))

    asyncio.run(work())


def test_an_output_is_a_file_to_read_beside_the_loop(aclient, plate):
    async def work():
        done = await (await aclient.video_to_video_hdr(video_uri=plate))
        file = await done.outputs["exr_frames_url"].open()
        return await asyncio.to_thread(lambda: zipfile.ZipFile(file).namelist())

    assert len(asyncio.run(work())) == 3


def test_ends_come_as_they_come_and_a_job_that_does_not_exist_holds_back_no_other(aclient, plate):
    async def work():
        jobs = [await aclient.video_to_video_hdr(video_uri=plate) for _ in range(5)]
        strange = aclient.job("video-to-video-hdr/nobody")
        ended = [job async for job in aclient.as_completed([*jobs, jobs[0], strange])]
        assert sorted(job.ref for job in ended) == sorted(job.ref for job in {*jobs, strange})
        outcomes = await aclient.wait_all([strange, *jobs])
        assert isinstance(outcomes[0], ltx_jobs.JobNotFound) and outcomes[0].job is strange
        assert [outcome.job for outcome in outcomes[1:]] == jobs
        assert await aclient.wait_all([]) == []

    asyncio.run(work())


def test_a_time_limit_for_several_jobs_gives_those_that_ended_and_tells_of_the_others(emulator, aclient, plate):
    emulator.reset(SLOW)

    async def work():
        quick = await aclient.video_to_video_hdr(video_uri=plate)
        emulator.advance(2001)
        await quick
        slow = await aclient.video_to_video_hdr(video_uri=plate)
        ended = []
        with pytest.raises(ltx_jobs.WaitTimeout) as caught:
            async for job in aclient.as_completed([slow, quick], timeout=0.3):
                ended.append(job)
        assert ended == [quick] and caught.value.job is slow
        (outcome,) = await aclient.wait_all([slow], timeout=0)
        assert isinstance(outcome, ltx_jobs.WaitTimeout)

    asyncio.run(work())


def test_leaving_a_loop_over_ends_early_leaves_nothing_behind(emulator, aclient, plate):
    emulator.reset(SLOW)

    async def work():
        quick = await aclient.video_to_video_hdr(video_uri=plate)
        emulator.advance(2001)
        await quick
        slow = await aclient.video_to_video_hdr(video_uri=plate)
        async for job in aclient.as_completed([quick, slow]):
            assert job == quick
            break
        await until(lambda: waiting() == 0, "the end of what was left")

    asyncio.run(work())


def test_progress_is_told_on_the_loops_thread_at_most_ten_times_a_second(emulator, aclient, plate):
    emulator.reset(ENDLESS)

    async def work():
        job = await aclient.video_to_video_hdr(video_uri=plate)
        told, here = [], threading.get_ident()
        with pytest.raises(ltx_jobs.WaitTimeout):
            await job.wait(timeout=1, progress=lambda progress: told.append((threading.get_ident(), progress)))
        assert 3 <= len(told) <= 12 and {thread for thread, _ in told} == {here}
        assert told[-1][1].phase == "waiting" and told[-1][1].status == "pending"

        class Enough(Exception):
            pass

        def enough(_):
            raise Enough

        with pytest.raises(Enough):
            await job.wait(progress=enough)
        assert waiting() == 0

    asyncio.run(work())


@pytest.mark.parametrize("way", ["cancel", "wait_for", "gather", "task_group"])
def test_cancelling_a_wait_frees_it_within_50_ms_and_the_job_goes_on(way, emulator, aclient, plate, figure):
    if way == "task_group" and sys.version_info < (3, 11):
        pytest.skip("task groups are of Python 3.11")
    emulator.reset(ENDLESS)

    async def work():
        job = await aclient.video_to_video_hdr(video_uri=plate)
        operations = []
        begin = job._attached().wait

        class Seen:
            """The native job, which remembers what it began."""

            def wait(self, limit):
                operations.append(begin(limit))
                return operations[-1]

            def __getattr__(self, name):
                return getattr(job._native[1], name)

        seen = aclient.job(job.ref)
        seen._native = (job._native[0], Seen())
        if way == "wait_for":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(seen.wait(), 0.1)
        elif way == "task_group":

            async def fail():
                await asyncio.sleep(0.1)
                raise LookupError

            with pytest.raises(BaseExceptionGroup):  # noqa: F821
                async with asyncio.TaskGroup() as group:
                    group.create_task(seen.wait())
                    group.create_task(fail())
        else:
            task = asyncio.ensure_future(asyncio.gather(seen.wait(), seen.wait()) if way == "gather" else seen.wait())
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            if way == "cancel" and sys.version_info >= (3, 11):
                assert any(job.ref in note and "goes on" in note for note in caught.value.__notes__)
        began = time.monotonic()
        assert operations
        for operation in operations:
            while not operation.wait_slice(1, False):
                assert time.monotonic() - began < 20
        took = time.monotonic() - began
        figure("cancelling", took * 1000, 50, "ms", of=f"by {way}, until the core was rid of it")
        assert waiting() == 0
        assert (await job.poll()).status == "pending"

    asyncio.run(work())


def test_cancelling_a_download_stops_it_and_the_same_call_goes_on(emulator, aclient, plate, tmp_path):
    emulator.reset({"fault": [{"route": "download:video_url", "do": "stall", "at": 1000}]})

    async def work():
        done = await (await aclient.video_to_video_hdr(video_uri=plate))
        task = asyncio.create_task(done.download(tmp_path))
        await until(lambda: [one for one in emulator.requests() if one["path"].endswith(".mp4") and one["method"] == "GET"], "the request for the video")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not list(tmp_path.rglob("video.mp4"))
        assert len((await done.download(tmp_path)).paths) == 4

    asyncio.run(work())


def test_a_submit_that_is_cancelled_on_the_wire_is_finished_and_written_down(emulator, aclient, plate):
    emulator.reset({"api": {"latency_ms": 400}})

    async def work():
        address = await aclient.upload(plate)
        task = asyncio.create_task(aclient.video_to_video_hdr(video_uri=address, once="sh010"))
        await until(lambda: [one for one in emulator.requests() if one["path"] == SUBMITS], "the POST")
        task.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert time.monotonic() - began < 0.2, "it waited for the answer"
        if sys.version_info >= (3, 11):
            assert any("intent:" in note and "withdrawn unless it was on the wire" in note for note in caught.value.__notes__)
        end = time.monotonic() + 20
        while [submit.state for submit in await aclient.jobs()] != ["accepted"]:
            assert time.monotonic() < end, "the job was never written down"
            await asyncio.sleep(0.01)
        (job,) = (await aclient.recover()).jobs
        assert await aclient.video_to_video_hdr(video_uri=address, once="sh010") == job

    asyncio.run(work())
    assert emulator.count("POST", SUBMITS) == 1


def test_a_submit_that_is_cancelled_before_the_wire_owes_nothing(emulator, aclient, plate):
    emulator.reset({"fault": [{"route": "put", "do": "read_and_never_answer"}]})

    async def work():
        task = asyncio.create_task(aclient.video_to_video_hdr(video_uri=plate))
        await until(lambda: emulator.count("PUT", "/*") == 1, "the upload")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await aclient.recover()).jobs == ()

    asyncio.run(work())
    assert emulator.count("POST", SUBMITS) == 0


def test_two_thousand_jobs_are_awaited_at_once_and_the_loop_goes_on(emulator, aclient, plate, figure):
    emulator.reset(ENDLESS)
    count = 2000

    async def work():
        first = await aclient.video_to_video_hdr(video_uri=plate)
        threads = threading.active_count()
        # One job with many handles: what is tried is the waiting, not the service.
        jobs = [aclient.job(first.ref) for _ in range(count)]
        async with Ticker() as ticker:
            began, burnt = time.monotonic(), time.process_time()
            waits = [asyncio.create_task(job.wait()) for job in jobs]
            await until(lambda: waiting() >= count, "all of them to wait")
            assert threading.active_count() <= threads + 40, "a thread for each"
            await asyncio.sleep(1)
            await asyncio.to_thread(emulator.advance, 2 * 3600 + 1)
            done = await asyncio.gather(*waits)
            took, burnt = time.monotonic() - began, time.process_time() - burnt
        assert {one.job.ref for one in done} == {first.ref} and len(done) == count
        assert waiting() == 0
        return took, burnt, ticker

    took, burnt, ticker = asyncio.run(work())
    ticker.told(figure, f"{count} awaits", f"{took - 1:.2f} s beside the second they slept, {burnt:.2f} s of CPU; ")


def test_of_many_that_begin_at_once_those_that_are_cancelled_keep_nobody_back(emulator, aclient, plate):
    emulator.reset(ENDLESS)

    async def work():
        job = await aclient.video_to_video_hdr(video_uri=plate)
        waits = [asyncio.create_task(job.wait()) for _ in range(100)]
        # Some have begun by then, and most wait for a later turn of the loop.
        await asyncio.sleep(0)
        assert waiting() < 100
        for task in waits[:90]:
            task.cancel()
        assert {type(end) for end in await asyncio.gather(*waits[:90], return_exceptions=True)} == {asyncio.CancelledError}
        await until(lambda: waiting() == 10, "the others to wait")
        await asyncio.to_thread(emulator.advance, 2 * 3600 + 1)
        assert {one.job.ref for one in await asyncio.gather(*waits[90:])} == {job.ref}

    asyncio.run(work())


def test_who_is_interrupted_while_others_are_told_keeps_nobody_from_hearing():
    told = []

    def interrupted():
        raise KeyboardInterrupt

    loop = asyncio.new_event_loop()
    wakers = _dispatch._Wakers()
    wakers.add([interrupted, *(partial(told.append, number) for number in range(100))])
    loop.call_soon(wakers.more, loop)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()

    async def rest():
        while len(told) < 100:
            await asyncio.sleep(0)
        wakers.add([partial(told.append, "later")])
        wakers.more(loop)

    loop.run_until_complete(asyncio.wait_for(rest(), 20))
    loop.close()
    assert told == [*range(100), "later"]


def test_two_hundred_downloads_hold_up_no_loop(emulator, aclient, plate, tmp_path, figure):
    async def work():
        done = await (await aclient.video_to_video_hdr(video_uri=plate))
        async with Ticker() as ticker:
            saved = await asyncio.gather(*(done.download(tmp_path / str(number), only="video_url", progress=lambda _: None) for number in range(200)))
        assert len(saved) == 200
        return ticker

    ticker = asyncio.run(work())
    ticker.told(figure, "200 downloads in a loop")


def test_an_end_that_is_there_before_anybody_waits_is_never_missed(aclient, plate):
    async def work():
        job = await aclient.video_to_video_hdr(video_uri=plate)
        await job
        for _ in range(1000):
            await asyncio.wait_for(job.wait(), 20)
        for _ in range(20):
            await asyncio.wait_for(asyncio.gather(*(job.wait() for _ in range(100))), 20)

    asyncio.run(work())


def test_one_client_serves_several_runs_and_several_loops_in_threads(emulator, aclient, plate):
    async def work():
        return (await (await aclient.video_to_video_hdr(video_uri=plate))).job.ref

    one_after_the_other = {asyncio.run(work()) for _ in range(5)}
    refs, errors = [], []

    def in_a_thread():
        try:
            refs.append(asyncio.run(work()))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=in_a_thread) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == [] and len(one_after_the_other | set(refs)) == 11
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("ltx-dispatch") == 1


def test_one_job_is_awaited_in_two_loops_at_once(emulator, aclient, plate):
    emulator.reset(ENDLESS)
    job = asyncio.run(aclient.video_to_video_hdr(video_uri=plate))
    outcomes = []

    async def wait():
        outcomes.append(await job)

    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 20
    while waiting() < 2:
        assert time.monotonic() < end
        time.sleep(0.005)
    emulator.advance(2 * 3600 + 1)
    for thread in threads:
        thread.join(20)
    assert [outcome.job for outcome in outcomes] == [job, job]


def test_a_loop_that_was_closed_before_the_end_disturbs_nobody(emulator, aclient, plate, capfd):
    emulator.reset(ENDLESS)
    loop = asyncio.new_event_loop()
    job = loop.run_until_complete(aclient.video_to_video_hdr(video_uri=plate))
    operation = job._attached().wait(None)
    future = loop.create_future()
    _dispatch.dispatcher().arm(operation, loop, lambda: future.set_result(None))
    loop.close()
    assert waiting() == 1
    emulator.advance(2 * 3600 + 1)

    async def another():
        await asyncio.wait_for(aclient.job(job.ref).wait(), 20)
        await until(lambda: waiting() == 0, "the end that the closed loop was to hear of")

    asyncio.run(another())
    assert not future.done()
    gc.collect()
    assert capfd.readouterr().err == ""


def test_uvloop_is_as_good_as_any(aclient, plate, tmp_path):
    if importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    import uvloop

    async def work():
        done = await (await aclient.video_to_video_hdr(video_uri=plate, progress=lambda _: None))
        await asyncio.gather(*(aclient.job(done.job.ref).wait() for _ in range(100)))
        return await done.download(tmp_path)

    loop = uvloop.new_event_loop()
    try:
        assert len(loop.run_until_complete(work()).paths) == 4
    finally:
        loop.close()


def test_closing_the_client_wakes_who_awaits(emulator, aclient, plate):
    emulator.reset(ENDLESS)

    async def work():
        job = await aclient.video_to_video_hdr(video_uri=plate)
        waits = [asyncio.create_task(job.wait()) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert await aclient.close() == 0
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
        assert all(isinstance(outcome, ltx_jobs.ClosedError) for outcome in outcomes)

    asyncio.run(work())


def test_the_task_of_a_job_can_be_awaited_later_or_cancelled(emulator, aclient, plate):
    emulator.reset(ENDLESS)

    async def work():
        job = await aclient.video_to_video_hdr(video_uri=plate)
        left, kept = job.future(), job.future(timeout=60)
        await until(lambda: waiting() == 2, "both")
        left.cancel()
        emulator.advance(2 * 3600 + 1)
        assert (await kept).job is job and left.cancelled()

    asyncio.run(work())


def test_jobs_pickle_and_clients_do_as_the_other_one(emulator, aclient, plate, monkeypatch):
    job = asyncio.run(aclient.video_to_video_hdr(video_uri=plate, label="sh010"))
    monkeypatch.setenv("LTXV_API_KEY", emulator.api_key)
    monkeypatch.setenv("LTX_POLL_INTERVAL", "20ms")
    again = pickle.loads(pickle.dumps(job))
    assert type(again) is ltx_jobs.AsyncJob and again == job and again.label == "sh010"
    done = asyncio.run(again.wait())
    for value in (done, done.outputs["video_url"], aclient):
        with pytest.raises(pickle.PicklingError):
            pickle.dumps(value)
    with ltx_jobs.Client(base_url=emulator.base_url) as other:
        assert other.job(job) == job, "a reference is a reference"
    copied = pickle.loads(pickle.dumps(ltx_jobs.AsyncClient(base_url=emulator.base_url)))
    assert type(copied) is ltx_jobs.AsyncClient and copied.base_url == aclient.base_url
    assert emulator.api_key not in repr(aclient) and repr(aclient).startswith("AsyncClient(")


def test_asyncio_is_imported_with_the_first_use_of_the_client_and_not_before():
    from test_import import run

    code = """
import sys, ltx_jobs
client = ltx_jobs.Client("key")
before = "asyncio" in sys.modules, "ltx_jobs._dispatch" in sys.modules, "AsyncClient" in dir(ltx_jobs)
ltx_jobs.AsyncClient
print(before, "asyncio" in sys.modules)
"""
    assert run(code) == "(False, False, True) True"
    with pytest.raises(AttributeError, match="AsyncClients"):
        ltx_jobs.AsyncClients  # noqa: B018
