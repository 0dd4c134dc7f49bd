"""A batch on a cluster of real processes: submitted by one, brought home by many, and no death of any of them costs a second submit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ENDLESS, PLATE, POLLS, ROOT, SUBMITS, until

import ltx_jobs
from ltx_jobs import BatchItem, BatchState

distributed = pytest.importorskip("distributed", reason="dask is not installed: no batch on a cluster was tested")
import ltx_jobs.dask  # noqa: E402

TEXT = "/v2/text-to-video"
# An archive of some 2 MB for every shot, at 1 MB/s.
SLOW = {"video": {"enabled": False}, "archive": {"padding": 700_000}, "storage": {"rate": 1_000_000}}
# One connection, so that the rate is the rate.
ONE = {"connections": 1}


@pytest.fixture(scope="module")
def started(_emulator):
    """A scheduler, and two workers with nannies: four processes with this one."""
    made = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        env={"LTXV_API_KEY": _emulator.api_key, "PYTHONPATH": str(Path(ltx_jobs.__file__).parent.parent)},
        silence_logs=50,
    )
    with made, distributed.Client(made) as cluster:
        yield cluster


@pytest.fixture
def cluster(started):
    started.wait_for_workers(2, timeout=60)
    return started


@pytest.fixture
def durable(emulator, tmp_path):
    with emulator.client(journal=tmp_path / "journal") as client:
        yield client


def shot(key: str = "a") -> ltx_jobs.TextToVideo:
    return ltx_jobs.TextToVideo(prompt=f"shot {key}", model="ltx-2-5-fast", duration=6, resolution="1920x1080")


def shots(*keys: str):
    return [(key, shot(key)) for key in keys]


def plates(*keys: str):
    return [(key, ltx_jobs.VideoToVideoHdr(video_uri=PLATE)) for key in keys]


def states(outcomes) -> dict[str, str]:
    return {outcome.key: outcome.state.value for outcome in outcomes}


def tasks(cluster, prefix: str) -> dict[str, tuple[str, int]]:
    """The tasks that workers have, by their names: with the worker, and its process id. One that was just killed has none."""
    pids = cluster.run(os.getpid, on_error="ignore")
    found = ((str(key), worker) for worker, keys in cluster.processing().items() for key in keys)
    return {key: (worker, pids[worker]) for key, worker in found if key.startswith(prefix) and worker in pids}


def busy(cluster) -> dict[str, int]:
    """The workers that do something for a batch, with their process ids."""
    return dict(tasks(cluster, "ltx-jobs-").values())


def test_workers_bring_home_what_one_process_submits_and_the_next_run_asks_nobody(emulator, durable, cluster, tmp_path):
    seen = []
    items = plates("sh010", "sh020", "reel/sh030", "sh040")
    with ltx_jobs.dask.batch(durable, iter(items), cluster=cluster, name="film", dest=tmp_path / "shots", progress=seen.append) as batch:
        outcomes = {outcome.key: outcome for outcome in batch}
    assert states(outcomes.values()) == dict.fromkeys(("sh010", "sh020", "reel/sh030", "sh040"), "saved")
    assert batch.summary == "4 items, 4 saved" and repr(batch) == "<Batch: 4 items, 4 saved>"
    for key, outcome in outcomes.items():
        assert len(outcome.paths) == 4 and all(path.is_file() and (tmp_path / "shots" / key) in path.parents for path in outcome.paths)
        assert outcome.bytes == sum(path.stat().st_size for path in outcome.paths)
        assert outcome.job is not None and outcome.completed is not None
    assert emulator.count("POST", SUBMITS) == 4
    # This process fetched nothing: what it has of the results is what the workers told.
    assert seen[-1].all_done and seen[-1].bytes == sum(outcome.bytes for outcome in outcomes.values())
    assert [now.bytes for now in seen] == sorted(now.bytes for now in seen)

    asked = len(emulator.requests())
    with emulator.client(journal=tmp_path / "journal") as other:
        again = list(ltx_jobs.dask.batch(other, items, cluster=cluster, name="film", dest=tmp_path / "shots"))
        alone = list(other.batch(items, name="film", dest=tmp_path / "shots"))
    assert set(states(again).values()) == set(states(alone).values()) == {"was_saved"}
    assert len(emulator.requests()) == asked


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_worker_that_is_killed_is_replaced_and_nothing_is_submitted_twice(emulator, durable, cluster, tmp_path):
    emulator.reset(SLOW)
    keys = [f"sh{number:03}" for number in range(10, 50, 10)]
    killed = []

    def kill_one(progress):
        # Bytes of a transfer that is running: nothing is saved yet.
        if not killed and progress.bytes > 500_000 and progress.count("saved") == 0:
            worker, pid = next(iter(tasks(cluster, "ltx-jobs-film-").values()))
            killed.append(worker)
            os.kill(pid, signal.SIGKILL)

    with ltx_jobs.dask.batch(
        durable, plates(*keys), cluster=cluster, name="film", dest=tmp_path / "shots", worker_settings=ONE, progress=kill_one
    ) as batch:
        outcomes = list(batch)
    assert killed and states(outcomes) == dict.fromkeys(keys, "saved")
    assert killed[0] not in cluster.run(os.getpid)
    # As many jobs as shots, and every frame whole.
    assert emulator.count("POST", SUBMITS) == len(emulator.jobs()) == len(keys)
    for key in keys:
        # What a killed process was writing lies hidden beside them.
        frames = sorted(path for path in (tmp_path / "shots" / key / "exr_frames").iterdir() if not path.name.startswith("."))
        assert [frame.name for frame in frames] == [f"frame_{number:05}.exr" for number in (1, 2, 3)]
        assert all(frame.stat().st_size > 700_000 for frame in frames)
        assert {path.name for path in (tmp_path / "shots" / key).iterdir()} == {"exr_frames"}


def polls_of(emulator, agent: str) -> int:
    """How many polls came from clients with this in their name."""
    polls = (one for one in emulator.requests() if one["method"] == "GET" and one["path"].startswith(SUBMITS + "/"))
    return sum(agent in dict(one["headers"])["user-agent"] for one in polls)


def waiting(cluster) -> dict[str, tuple[str, int]]:
    """The jobs that workers wait for."""
    return tasks(cluster, "ltx-jobs-wait-")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_workers_wait_and_one_that_is_killed_while_it_does_is_replaced(emulator, durable, cluster, tmp_path):
    emulator.reset(ENDLESS)
    keys = [f"sh{number:03}" for number in range(10, 70, 10)]
    killed = []

    def watch(progress):
        # Six waits, on two workers with one place each.
        if not killed and progress.running == 6 and len(seen := waiting(cluster)) == 6 and polls_of(emulator, "on-a-worker") > 60:
            # The workers ask at every interval; this process, with a client of the same settings, does not.
            assert polls_of(emulator, "on-a-worker") > 2 * polls_of(emulator, "at-the-caller")
            assert len({worker for worker, _ in seen.values()}) == 2
            # A place is free for other work.
            assert cluster.submit(pow, 2, 5, pure=False).result(timeout=30) == 32
            worker, pid = next(iter(seen.values()))
            killed.append(worker)
            os.kill(pid, signal.SIGKILL)
        elif killed and len(killed) == 1 and len(seen := waiting(cluster)) == 6 and killed[0] not in {worker for worker, _ in seen.values()}:
            # All of them are waited for again, by others.
            killed.append("replaced")
            emulator.advance(7200)

    with (
        durable.with_options(user_agent_suffix="at-the-caller") as client,
        ltx_jobs.dask.batch(
            client,
            plates(*keys),
            cluster=cluster,
            name="film",
            dest=tmp_path / "shots",
            worker_settings={"user_agent_suffix": "on-a-worker", "poll_interval": "20ms"},
            progress=watch,
        ) as batch,
    ):
        outcomes = list(batch)
    assert len(killed) == 2 and states(outcomes) == dict.fromkeys(keys, "saved")
    assert emulator.count("POST", SUBMITS) == len(emulator.jobs()) == len(keys)
    until(lambda: not waiting(cluster) and not busy(cluster), "all tasks to end")


def test_a_job_that_fails_is_told_by_its_worker_and_read_by_the_caller(emulator, durable, cluster, tmp_path):
    emulator.reset({"job": {**ENDLESS["job"], "outcome": "failed", "error": {"type": "content_filtered_error", "message": "No."}}})

    ended = []

    def end_it(progress):
        if not ended and waiting(cluster):
            emulator.advance(7200)
            ended.append(time.monotonic())

    # The caller alone would ask twenty seconds later.
    with durable.with_options(poll_interval="2s") as client:
        (outcome,) = ltx_jobs.dask.batch(
            client, plates("a"), cluster=cluster, name="film", dest=tmp_path, worker_settings={"poll_interval": "20ms"}, progress=end_it
        )
    assert ended and time.monotonic() - ended[0] < 10
    assert outcome.state == "failed" and isinstance(outcome.error, ltx_jobs.ContentFiltered) and outcome.error.job_ended
    assert outcome.error.job == outcome.job and emulator.count("GET", POLLS) >= 2


def test_jobs_whose_waits_no_worker_takes_are_waited_for_by_the_caller(emulator, durable, cluster, tmp_path, caplog):
    """A key that a worker is refused with says nothing of the caller's."""
    emulator.reset(ENDLESS)
    (tmp_path / "key").write_text("no-key-at-all")

    def end_it(progress):
        if "no worker waits for" in caplog.text:
            emulator.advance(7200)

    (outcome,) = ltx_jobs.dask.batch(
        durable, plates("a"), cluster=cluster, name="film", dest=tmp_path / "shots", worker_key_file=tmp_path / "key", progress=end_it
    )
    assert outcome.state == "unsaved" and isinstance(outcome.error, ltx_jobs.Unauthenticated), outcome
    assert "no-key-at-all" not in caplog.text
    (again,) = ltx_jobs.dask.batch(durable, plates("a"), cluster=cluster, name="film", dest=tmp_path / "shots")
    assert again.state == "saved" and emulator.count("POST", SUBMITS) == 1


def test_a_cluster_that_lets_go_of_its_tasks_pauses_the_batch_and_what_runs_comes_home(emulator, durable, cluster, tmp_path):
    # A key of its own: the place of a job that nobody waits for any more stays taken for minutes.
    key = "key-of-the-cluster-that-lets-go"
    emulator.reset({**ENDLESS, "api_key": key})
    (tmp_path / "key").write_text(key)
    options = {"cluster": cluster, "name": "film", "dest": tmp_path / "shots", "worker_key_file": tmp_path / "key"}

    def let_go(progress):
        if progress.paused:
            emulator.advance(7200)
        elif keys := waiting(cluster):
            with distributed.Client(cluster.scheduler.address, set_as_default=False) as other:
                other.cancel([distributed.Future(key, client=other) for key in keys], force=True)

    # One place: one shot runs, and the other one waits for it.
    with durable.with_options(api_key=key, max_concurrent_jobs=1) as client:
        batch = ltx_jobs.dask.batch(client, plates("a", "b"), progress=let_go, **options)
        # Either may have got the place.
        assert sorted(states(batch).values()) == ["not_submitted", "saved"]
        assert "the cluster let go of its tasks" in batch.snapshot().paused and len(emulator.jobs()) == 1
        again = ltx_jobs.dask.batch(client, plates("a", "b"), progress=lambda _: emulator.advance(7200), **options)
        assert sorted(states(again).values()) == ["saved", "was_saved"] and len(emulator.jobs()) == 2


def test_without_waits_at_once_the_workers_see_completed_jobs_only(emulator, durable, cluster, tmp_path, monkeypatch):
    submitted = []
    submit = cluster.submit
    monkeypatch.setattr(cluster, "submit", lambda *task, **options: submitted.append(options["key"]) or submit(*task, **options))
    batch = ltx_jobs.dask.batch(durable, plates("a", "b"), cluster=cluster, name="film", dest=tmp_path, waits_at_once=0)
    assert states(batch) == {"a": "saved", "b": "saved"}
    assert sorted(key.rpartition("-")[0] for key in submitted) == ["ltx-jobs-film-a", "ltx-jobs-film-b"]


CALLER = """
import distributed, ltx_jobs.dask
cluster = distributed.Client({scheduler!r})
client = ltx_jobs.Client(journal={journal!r})
items = [(key, ltx_jobs.VideoToVideoHdr(video_uri=plate)) for key in {keys!r}]
def look(now):
    if now.bytes > 500_000: say("moving")
batch = ltx_jobs.dask.batch(
    client, items, cluster=cluster, name="film", dest={dest!r}, worker_settings={{"connections": 1}}, progress=look
)
"""


def caller(child, cluster, tmp_path, keys, code: str):
    values = {"scheduler": cluster.scheduler.address, "journal": str(tmp_path / "journal"), "dest": str(tmp_path / "shots"), "keys": list(keys)}
    return child(CALLER.format(**values) + code)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_caller_that_is_killed_submits_nothing_twice_when_it_runs_again(emulator, child, cluster, tmp_path):
    emulator.reset(SLOW)
    program = caller(child, cluster, tmp_path, "abcd", "for outcome in batch: say(outcome.key)")
    assert program.line() == "moving"
    program.process.kill()
    program.process.wait(20)
    # The scheduler notices, and the workers are not kept busy for nobody.
    until(lambda: not busy(cluster), "the tasks of the dead caller to end")
    with emulator.client(journal=tmp_path / "journal") as client:
        again = list(ltx_jobs.dask.batch(client, plates(*"abcd"), cluster=cluster, name="film", dest=tmp_path / "shots"))
    assert set(states(again).values()) <= {"saved", "was_saved"} and len(again) == 4
    assert emulator.count("POST", SUBMITS) == len(emulator.jobs()) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_the_loop_and_the_tasks_and_the_next_run_goes_on(emulator, child, cluster, tmp_path):
    emulator.reset({**SLOW, "storage": {"rate": 300_000}})
    program = caller(
        child,
        cluster,
        tmp_path,
        "ab",
        """
try:
    list(batch)
except KeyboardInterrupt as stop:
    say("interrupted " + " ".join(getattr(stop, "__notes__", [])))
say(",".join(sorted(f"{outcome.state}" for outcome in batch)))
input()
""",
    )
    assert program.line() == "moving"
    began = time.monotonic()
    program.process.send_signal(signal.SIGINT)
    told = program.line()
    while told == "moving":
        told = program.line()
    assert told.startswith("interrupted") and time.monotonic() - began < 10
    assert program.line() == "unsaved,unsaved"
    # The caller is there still; its tasks are not. They had some more seconds to go.
    until(lambda: not busy(cluster), "the tasks to end", limit=4)
    program.process.stdin.write("\n")
    program.process.stdin.flush()
    assert program.end()[0] == 0
    emulator.push_fault("submit", "status", status=500)
    with emulator.client(journal=tmp_path / "journal") as client:
        again = list(
            ltx_jobs.dask.batch(client, plates(*"ab"), cluster=cluster, name="film", dest=tmp_path / "shots", worker_settings={"connections": 8})
        )
    assert states(again) == {"a": "saved", "b": "saved"} and len(emulator.jobs()) == 2


def test_without_credits_the_rest_is_left_for_the_same_batch(emulator, durable, cluster, tmp_path):
    envelope = {"type": "insufficient_funds_error", "message": "no credits"}
    emulator.push_fault("submit", "status", status=402, skip=1, envelope=envelope)
    batch = ltx_jobs.dask.batch(durable, shots("a", "b", "c"), cluster=cluster, name="film", dest=tmp_path, submits_at_once=1)
    assert sorted(states(batch).values()) == ["not_submitted", "not_submitted", "saved"]
    assert "account" in batch.snapshot().paused
    again = states(ltx_jobs.dask.batch(durable, shots("a", "b", "c"), cluster=cluster, name="film", dest=tmp_path))
    assert again == {"a": "was_saved", "b": "saved", "c": "saved"} and len(emulator.jobs()) == 3


def test_what_is_unknown_is_told_and_not_submitted_again(emulator, durable, cluster, tmp_path):
    emulator.push_fault("submit", "read_and_close")
    for _ in range(2):
        (outcome,) = ltx_jobs.dask.batch(durable, shots("a"), cluster=cluster, name="film", dest=tmp_path)
        assert outcome.state is BatchState.UNKNOWN and isinstance(outcome.error, ltx_jobs.SubmitUnknown)
    assert emulator.count("POST", TEXT) == len(emulator.jobs()) == 1


def test_outputs_go_to_a_store_and_items_may_have_places_of_their_own(emulator, durable, cluster, tmp_path):
    (tmp_path / "store").mkdir()
    items = [
        *shots("reel/a"),
        BatchItem("b", shot("b"), dest=ltx_jobs.Destination(tmp_path / "own", only="video_url")),
        BatchItem("c", shot("c"), max_cost="0.01"),
        BatchItem("d", shot("d"), dest=ltx_jobs.Destination(tmp_path / "none", only="exr_frames_url")),
    ]
    store = (tmp_path / "store").as_uri()
    outcomes = {one.key: one for one in ltx_jobs.dask.batch(durable, items, cluster=cluster, name="film", rehost=store)}
    assert states(outcomes.values()) == {"reel/a": "saved", "b": "saved", "c": "not_submitted", "d": "unsaved"}
    assert outcomes["reel/a"].urls[0].endswith("/store/reel/a/video.mp4") and (tmp_path / "store/reel/a/video.mp4").is_file()
    assert outcomes["reel/a"].bytes == (tmp_path / "store/reel/a/video.mp4").stat().st_size
    assert outcomes["b"].paths == (tmp_path / "own/video.mp4",)
    # As the worker raised it: the service has no such output of it.
    assert isinstance(outcomes["d"].error, ltx_jobs.InvalidRequest) and outcomes["d"].error.job == outcomes["d"].job
    place = ltx_jobs.StoreDestination((tmp_path / "frames").as_uri(), only="exr_frames", frame_name="{key}.{frame:04d}.exr", first_frame=1001)
    clip = ltx_jobs.VideoToVideoHdr(video_uri="https://cdn.example/a.mp4")
    (framed,) = ltx_jobs.dask.batch(durable, [("sh010", clip)], cluster=cluster, name="film", rehost=place)
    assert framed.state == "saved" and framed.urls[0].endswith("/frames/sh010/exr_frames/sh010.1001.exr")
    again = states(ltx_jobs.dask.batch(durable, items[:2], cluster=cluster, name="film", rehost=store))
    assert again == {"reel/a": "was_saved", "b": "was_saved"}
    (outside,) = ltx_jobs.dask.batch(durable, shots("../x"), cluster=cluster, name="film", rehost=store)
    assert outside.state == "failed" and isinstance(outside.error, ltx_jobs.UnsafeName)


def test_a_worker_without_a_key_is_refused_before_anything_is_submitted(emulator, durable, cluster, tmp_path):
    first = min(cluster.run(os.getpid))
    # A setting of its own, so that the worker has no client yet.
    options = {"cluster": cluster, "name": "film", "dest": tmp_path, "worker_settings": {"user_agent_suffix": "keyless"}}

    # Inside of here, so that they travel by value.
    def forget():
        return os.environ.pop("LTXV_API_KEY")

    def remember(key):
        os.environ["LTXV_API_KEY"] = key

    key = cluster.run(forget, workers=[first])[first]
    try:
        with pytest.raises(ltx_jobs.ConfigError, match=r"the worker tcp://.* LTXV_API_KEY .*Nothing was submitted") as caught:
            ltx_jobs.dask.batch(durable, shots("a"), **options)
        assert first in str(caught.value) and emulator.count("POST", TEXT) == 0
        # It may have a file with the key; or others are to do the work.
        (tmp_path / "key").write_text(emulator.api_key)
        assert states(ltx_jobs.dask.batch(durable, shots("a"), worker_key_file=tmp_path / "key", **options)) == {"a": "saved"}
        others = [worker for worker in cluster.run(os.getpid) if worker != first]
        assert states(ltx_jobs.dask.batch(durable, shots("b"), workers=others, **options)) == {"b": "saved"}
        # One that came later tells it by its task.
        job = durable.submit(shot("c"))
        task = cluster.submit(ltx_jobs.dask.download, job, str(tmp_path / "c"), settings={"connections": 3}, workers=[first], pure=False)
        with pytest.raises(ltx_jobs.ConfigError, match="LTXV_API_KEY"):
            task.result(timeout=30)
    finally:
        cluster.run(remember, key, workers=[first])


def test_the_key_is_in_no_task(emulator, durable, cluster, tmp_path, monkeypatch):
    from distributed.protocol.pickle import dumps

    submitted = []
    submit = cluster.submit

    def record(function, *args, **options):
        submitted.append((function, args, options))
        return submit(function, *args, **options)

    monkeypatch.setattr(cluster, "submit", record)
    # Given in the program: what else could get into a task by mistake.
    assert states(ltx_jobs.dask.batch(durable, shots("a"), cluster=cluster, name="film", dest=tmp_path)) == {"a": "saved"}
    wait, task = submitted
    text = dumps(submitted)
    assert durable.base_url.encode() in text and emulator.api_key.encode() not in text and b"Signature" not in text
    assert wait[2]["key"].startswith("ltx-jobs-wait-film-a-") and task[2]["key"].startswith("ltx-jobs-film-a-")
    assert wait[2]["pure"] is task[2]["pure"] is False
    with pytest.raises(ltx_jobs.ConfigError, match="no task carries a key"):
        ltx_jobs.dask.batch(durable, [], cluster=cluster, name="film", worker_settings={"api_key": "x"})
    with pytest.raises(ltx_jobs.ConfigError, match="no task carries a key"):
        ltx_jobs.dask.batch(durable, [], cluster=cluster, name="film", worker_settings={"api_key": lambda: "x"})
    # Nor does what gives one to this process.
    with durable.with_options(api_key=lambda: emulator.api_key) as client:
        assert states(ltx_jobs.dask.batch(client, shots("b"), cluster=cluster, name="film", dest=tmp_path)) == {"b": "saved"}
    assert len(submitted) == 4 and emulator.api_key.encode() not in dumps(submitted)


def test_what_cannot_be_right_is_refused_at_once(emulator, durable, cluster, tmp_path):
    for options, error in [
        ({"cluster": cluster.cluster}, TypeError),
        ({"dest": tmp_path, "rehost": "s3://b/"}, ltx_jobs.InvalidRequest),
        ({"rehost": ltx_jobs.StoreDestination("s3://b/", options={"region": "x"})}, ltx_jobs.InvalidRequest),
        ({"name": ""}, ltx_jobs.InvalidRequest),
        ({"saves_at_once": 0}, ltx_jobs.InvalidRequest),
        ({"waits_at_once": 257}, ltx_jobs.InvalidRequest),
        ({"retries": -1}, ltx_jobs.InvalidRequest),
        ({"spend_limit": 2.5}, TypeError),
        ({"worker_settings": {"conections": 4}}, ltx_jobs.ConfigError),
    ]:
        with pytest.raises(error):
            ltx_jobs.dask.batch(durable, shots("a"), **{"cluster": cluster, "name": "film", **options})
    with pytest.raises(TypeError):
        ltx_jobs.dask.batch(None, [], cluster=cluster, name="film")
    secret = ltx_jobs.StoreDestination("s3://b/", options={"secret_access_key": "canary"})
    with pytest.raises(ltx_jobs.InvalidRequest, match="secret_access_key") as refused:
        list(ltx_jobs.dask.batch(durable, [BatchItem("a", shot("a"), rehost=secret)], cluster=cluster, name="film"))
    assert "canary" not in str(refused.value)
    assert emulator.count("POST", TEXT) == 0


def test_tasks_of_your_own_wait_without_a_place_and_share_the_frames_of_one_job(emulator, cluster, submit, tmp_path):
    emulator.reset({**ENDLESS, "archive": {"frames": 6}})
    settings = {"poll_interval": "20ms"}
    job = submit()
    # More waits than places: one for every half of the frames, and two for copies.
    halves = [
        cluster.submit(ltx_jobs.dask.extract, job, str(tmp_path / "shots"), start, start + 3, settings=settings, pure=False) for start in (0, 3)
    ]
    whole = cluster.submit(ltx_jobs.dask.download, job.ref, str(tmp_path / "all"), settings={**settings, "base_url": emulator.base_url}, pure=False)
    waited = cluster.submit(ltx_jobs.dask.wait, job, settings=settings, pure=False)
    behind = cluster.submit(ltx_jobs.dask.rehost, waited, (tmp_path / "store").as_uri(), settings={"base_url": emulator.base_url}, pure=False)
    assert cluster.submit(pow, 2, 5, pure=False).result(timeout=30) == 32
    assert not any(task.done() for task in (*halves, whole, waited))
    emulator.advance(7200)
    assert [len(half.result(timeout=30).paths) for half in halves] == [3, 3]
    assert len(list((tmp_path / "shots").glob("*.exr"))) == 6
    assert len(whole.result(timeout=30).paths) == 7 and behind.result(timeout=30).bytes == whole.result().bytes
    assert waited.result() == job.ref and emulator.count("POST", SUBMITS) == 1


def test_a_wait_that_nobody_wants_any_more_ends(emulator, cluster, submit):
    emulator.reset(ENDLESS)
    task = cluster.submit(ltx_jobs.dask.wait, submit(), settings={"poll_interval": "20ms"}, pure=False)
    until(lambda: emulator.count("GET", "/v2/video-to-video-hdr/*") > 5, "the wait")
    task.cancel()

    def polled():
        before = emulator.count("GET", "/v2/video-to-video-hdr/*")
        time.sleep(0.2)
        return emulator.count("GET", "/v2/video-to-video-hdr/*") - before

    # The client that submitted it polls on, once in 20 ms; the worker does not.
    until(lambda: polled() <= 11, "the worker's polls to end")


def test_without_dask_the_import_says_what_to_install():
    code = "import sys; sys.modules['distributed'] = None\ntry:\n    import ltx_jobs.dask\nexcept ImportError as error:\n    print(error)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert "pip install ltx-jobs[dask]" in told
    assert (ROOT / "pyproject.toml").read_text().count("dask = [") == 1
