"""A key that a callable gives: when it is called, where, and what becomes of what goes wrong in it."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ENDLESS, POLLS, SUBMITS, until

import ltx_jobs
from ltx_jobs.testing import FAST

THREAD = "ltx-api-key"
# Longer than anything takes that is said to end soon, also on a busy machine; shorter than what it must not wait for.
SOON = 15


class Vault:
    """A callable that remembers how it was called. Gives these keys in turn, the last one again and again; an exception is raised."""

    def __init__(self, *keys: object) -> None:
        self.keys = list(keys)
        self.calls: list[str] = []

    def __call__(self) -> str:
        self.calls.append(threading.current_thread().name)
        key = self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]
        if isinstance(key, BaseException):
            raise key
        return key


class Stuck:
    """A callable that comes back when it is let go."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.called = threading.Event()
        self.let_go = threading.Event()
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        self.called.set()
        self.let_go.wait(60)
        return self.key


@pytest.fixture
def stuck(emulator):
    stuck = Stuck(emulator.api_key)
    yield stuck
    stuck.let_go.set()


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == THREAD}


def bearers(emulator, path: str) -> list[str]:
    seen = [one for one in emulator.requests() if one["path"].startswith(path)]
    return [value.removeprefix("Bearer ") for one in seen for name, value in dict(one["headers"]).items() if name.lower() == "authorization"]


def aclient(emulator, key: object) -> ltx_jobs.AsyncClient:
    return ltx_jobs.AsyncClient(key, base_url=emulator.base_url, **FAST)


def test_nothing_is_called_or_started_before_an_operation_needs_the_key(emulator):
    vault, before = Vault(emulator.api_key), threads()
    with emulator.client(api_key=vault) as client:
        other = client.with_options(poll_interval=0.05)
        for one in (client, other):
            assert "api_key='*** (function)' (argument)" in repr(one) and emulator.api_key not in repr(one)
            assert (one.committed, one.counters.submits, one.job("retake/x").snapshot().status) == (0, 0, None)
        assert vault.calls == [] and threads() <= before
        assert client.check().request_id
        assert vault.calls == [THREAD]
        assert other.check().request_id
        assert vault.calls == [THREAD] * 2, "a client of its own has a key of its own"
        other.close()


def test_it_is_called_once_for_all_who_need_the_key_together(emulator):
    vault = Vault(emulator.api_key)
    with emulator.client(api_key=vault) as client, ThreadPoolExecutor(20) as pool:
        jobs = list(pool.map(lambda _: client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4"), range(20)))
        assert all(isinstance(outcome, ltx_jobs.Completed) for outcome in client.wait_all(jobs, timeout=30))
    assert vault.calls == [THREAD]


def test_it_is_called_once_more_after_the_key_was_refused_and_the_submit_goes_on(emulator):
    vault = Vault("stale", emulator.api_key)
    with emulator.client(api_key=vault) as client:
        client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4").wait(timeout=30)
    assert bearers(emulator, SUBMITS)[:2] == ["stale", emulator.api_key]
    assert len(vault.calls) == 2 and len(emulator.jobs()) == 1


def test_an_upload_and_a_running_job_go_on_with_the_next_key(emulator, submit, plate):
    job = submit()
    vault = Vault("stale", emulator.api_key)
    with emulator.client(api_key=vault) as client:
        client.upload(plate)
        assert len(vault.calls) == 2
    vault = Vault("stale", emulator.api_key)
    with emulator.client(api_key=vault) as client:
        assert client.job(job.ref).poll().status, "one poll, with the next key"
        client.job(job.ref).wait(timeout=30)
        assert len(vault.calls) == 2


def test_a_key_that_stays_refused_is_asked_for_once_for_each_wait_and_the_job_goes_on(emulator):
    emulator.reset(ENDLESS)
    vault = Vault("stale")
    with emulator.client() as good, emulator.client(api_key=vault) as client:
        jobs = [client.job(good.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4").ref) for _ in range(20)]
        for outcome in client.wait_all(jobs, timeout=30):
            assert isinstance(outcome, ltx_jobs.Unauthenticated) and not outcome.job_ended
        # One call for the first need. Of those that are refused together one asks; each that comes later asks for itself.
        assert 2 <= len(vault.calls) <= 21
        calls = len(vault.calls)
        with pytest.raises(ltx_jobs.Unauthenticated):
            jobs[0].wait(timeout=30)
        assert len(vault.calls) == calls + 1
        vault.keys = [emulator.api_key]
        emulator.advance(7200)
        jobs[0].wait(timeout=30)
        assert all(isinstance(outcome, ltx_jobs.Completed) for outcome in client.wait_all(jobs, timeout=30))
        assert len(vault.calls) == calls + 2


WORDS = "the vault is sealed: canary-words"


def test_what_it_raises_is_the_cause_of_a_config_error_before_anything_is_sent(emulator, plate):
    sealed = PermissionError(WORDS)
    vault = Vault(sealed, sealed, emulator.api_key)
    with emulator.client(api_key=vault) as client:
        with pytest.raises(ltx_jobs.ConfigError) as caught:
            client.video_to_video_hdr(video_uri=plate)
        error = caught.value
        assert error.message == "the API key function failed: it raised PermissionError"
        assert error.__cause__ is sealed and WORDS not in str(error)
        assert (error.kind, error.billing, error.retryable) == ("Config", "no_job", True)
        with pytest.raises(ltx_jobs.ConfigError):
            client.recover()
        assert emulator.requests() == []
        # Nothing is kept of a failure: the next call asks again.
        client.video_to_video_hdr(video_uri=plate).wait(timeout=30)


@pytest.mark.parametrize("mend", ["the function", "set_api_key"])
def test_a_job_goes_on_while_no_key_can_be_had_and_is_waited_for_when_there_is_one(emulator, submit, mend):
    job = submit()
    vault = Vault(KeyError(WORDS))
    with emulator.client(api_key=vault) as client:
        attached = client.job(job.ref)
        for _ in range(2):
            with pytest.raises(ltx_jobs.ConfigError, match="it raised KeyError") as caught:
                attached.wait(timeout=30)
            assert (caught.value.billing, caught.value.job, caught.value.job_ended) == ("job_exists", attached, False)
            assert isinstance(caught.value.__cause__, KeyError)
        assert len(vault.calls) == 2, "each wait asks once"
        if mend == "the function":
            vault.keys = [emulator.api_key]
        else:
            client.set_api_key(emulator.api_key)
        attached.wait(timeout=30)
        assert len(vault.calls) == (3 if mend == "the function" else 2)


def test_after_a_refusal_the_refusal_is_told_with_the_reason_why_there_is_no_other_key(emulator, submit):
    job = submit()
    for begin in (lambda client: client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4"), lambda client: client.job(job.ref).wait(timeout=30)):
        sealed = OSError(WORDS)
        with emulator.client(api_key=Vault("stale", sealed)) as client, pytest.raises(ltx_jobs.Unauthenticated) as caught:
            begin(client)
        assert caught.value.__cause__ is sealed and caught.value.http_status == 401
        assert "asking for another key failed: the API key function failed: it raised OSError" in str(caught.value)
        assert WORDS not in str(caught.value)
    assert len(emulator.jobs()) == 1


class Told(str):
    """A str is a str."""


async def later() -> str:
    return "canary-key"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "it returned NoneType, where a str is wanted"),
        (b"canary-key", "it returned bytes, where a str is wanted"),
        (7, "it returned int, where a str is wanted"),
        ("", "it returned an empty str"),
        (" \n", "it returned an empty str"),
        ("canary-key\udc80", "it returned a str with characters that no HTTP header can carry"),
        ("canary key", "the API key holds characters that no HTTP header can carry"),
        (SystemExit(3), "it raised SystemExit"),
        (KeyboardInterrupt(), "it raised KeyboardInterrupt"),
        (ltx_jobs.Error("canary-key"), "it raised ltx_jobs.Error"),
    ],
)
def test_what_is_no_key_is_a_config_error_without_it(emulator, key, message):
    with emulator.client(api_key=Vault(key, Told(emulator.api_key + "\n"))) as client:
        with pytest.raises(ltx_jobs.ConfigError) as caught:
            client.check()
        assert caught.value.message.endswith(message) and "canary" not in str(caught.value)
        assert caught.value.__cause__ is (key if isinstance(key, BaseException) else None)
        assert client.check().request_id, "the thread is still there"


@pytest.mark.filterwarnings("error")
def test_a_coroutine_that_comes_out_of_a_function_is_told_and_not_left_behind(emulator):
    with emulator.client(api_key=lambda: later()) as client, pytest.raises(ltx_jobs.ConfigError, match="it returned coroutine"):
        client.check()
    gc.collect()


class AsyncVault:
    async def __call__(self) -> str:
        return "key"

    async def read(self) -> str:
        return "key"

    async def several(self):
        yield "key"


@pytest.mark.parametrize("kind", [ltx_jobs.Client, ltx_jobs.AsyncClient])
@pytest.mark.parametrize("function", [later, functools.partial(later), AsyncVault(), AsyncVault().read, AsyncVault().several, functools.partial(AsyncVault())])
def test_an_async_function_is_refused_in_words(kind, function):
    with pytest.raises(TypeError, match="async function.*returns the key"):
        kind(function)
    with pytest.raises(TypeError, match="async function"):
        kind("key").with_options(api_key=function)


def test_options_keep_the_function_or_put_something_in_its_place(emulator, monkeypatch):
    vault = Vault(emulator.api_key)
    client = emulator.client(api_key=vault)
    for other, calls in ((client.with_options(stall_timeout=9), 1), (client.with_options(api_key=emulator.api_key), 1), (emulator.client().with_options(api_key=vault), 2)):
        with other:
            assert other.check().request_id
        assert len(vault.calls) == calls
    monkeypatch.setenv("LTXV_API_KEY", emulator.api_key)
    with client.with_options(api_key=None) as other:
        assert "environment LTXV_API_KEY" in repr(other) and other.check().request_id
    assert len(vault.calls) == 2


def test_a_client_with_a_function_does_not_pickle_and_its_jobs_do(emulator, monkeypatch):
    for kind in (ltx_jobs.Client, ltx_jobs.AsyncClient):
        with pytest.raises(pickle.PicklingError, match="LTXV_API_KEY"):
            pickle.dumps(kind(Vault("canary-key")))
    monkeypatch.setenv("LTXV_API_KEY", emulator.api_key)
    with emulator.client(api_key=Vault(emulator.api_key)) as client:
        job = client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4")
        with pytest.raises(ltx_jobs.ConfigError) as caught:
            emulator.client(api_key=Vault(ValueError(WORDS))).check()
    assert pickle.loads(pickle.dumps(job)) == job
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


def test_a_function_that_uses_the_client_that_waits_for_it_is_told_so_at_once(emulator):
    client = emulator.client(api_key=lambda: client.check().request_id)
    began = time.monotonic()
    with client, pytest.raises(ltx_jobs.ConfigError) as caught:
        client.check()
    assert isinstance(caught.value.__cause__, ltx_jobs.InvalidState) and "waits for its key" in str(caught.value.__cause__)
    assert time.monotonic() - began < SOON


def test_the_thread_ends_with_the_client_and_with_another_key(emulator):
    before = threads()
    closed, replaced, dropped = (emulator.client(api_key=Vault(emulator.api_key)) for _ in range(3))
    for client in (closed, replaced, dropped):
        client.check()
    mine = threads() - before
    assert len(mine) == 3
    closed.close()
    replaced.set_api_key(emulator.api_key)
    assert replaced.check().request_id
    del client, dropped
    gc.collect()
    until(lambda: not any(thread.is_alive() for thread in mine), "the threads to end")
    replaced.close()


def test_a_batch_asks_once_and_tells_when_there_is_no_key(emulator, tmp_path):
    items = [(name, ltx_jobs.VideoToVideoHdr("https://cdn.example/plate.mp4")) for name in "abcd"]
    vault = Vault(emulator.api_key)
    with emulator.client(api_key=vault) as client, client.batch(items, name="reel", dest=tmp_path) as batch:
        assert {outcome.state.value for outcome in batch} == {"saved"}
    assert len(vault.calls) == 1
    emulator.reset()
    sealed = OSError(WORDS)
    with emulator.client(api_key=Vault(sealed)) as client, client.batch(items, name="reel", dest=tmp_path) as batch:
        with pytest.raises(ltx_jobs.ConfigError) as caught:
            for outcome in batch:
                raise outcome.error
    assert caught.value.__cause__ is sealed and emulator.jobs() == []


def test_waiting_for_many_jobs_asks_too(emulator, submit):
    jobs = [submit() for _ in range(3)]
    with emulator.client(api_key=Vault(emulator.api_key)) as client:
        ended = [job.ref for job in client.as_completed([client.job(job.ref) for job in jobs], timeout=30)]
    assert sorted(ended) == sorted(job.ref for job in jobs)


def test_a_function_that_hangs_keeps_nobody_from_ending(emulator, stuck, submit, plate):
    job = submit()
    with emulator.client(api_key=stuck) as client:
        began = time.monotonic()
        with pytest.raises(ltx_jobs.WaitTimeout):
            client.job(job.ref).wait(timeout=0.2)
        with pytest.raises(ltx_jobs.RequestTimeout) as caught:
            client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4", timeout=0.2)
        assert caught.value.billing == "no_job"
        with ThreadPoolExecutor(4) as pool:
            calls = [client.check, client.recover, lambda: client.upload(plate), lambda: client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4")]
            waiting = [pool.submit(call) for call in calls]
            assert stuck.called.wait(SOON)
            assert client.close(grace=60) == 0, "a thread was left behind"
            for one in waiting:
                assert isinstance(one.exception(SOON), ltx_jobs.ClosedError)
        assert time.monotonic() - began < SOON
    assert stuck.calls == 1 and len(emulator.jobs()) == 1


def test_a_function_that_hangs_after_a_refusal_holds_up_neither_close_nor_a_time_limit(emulator, submit):
    job, stuck = submit(), Stuck("never")
    first = iter(["stale"])
    try:
        with emulator.client(api_key=lambda: next(first, None) or stuck()) as client:
            began = time.monotonic()
            with pytest.raises(ltx_jobs.Unauthenticated) as caught:
                client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4", timeout=3)
            assert caught.value.billing == "no_job" and stuck.called.is_set()
            with pytest.raises(ltx_jobs.WaitTimeout):
                client.job(job.ref).wait(timeout=0.2)
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(client.video_to_video_hdr, video_uri="https://cdn.example/plate.mp4")
                until(lambda: bearers(emulator, SUBMITS).count("stale") >= 2, "the second refusal")
                assert client.close(grace=60) == 0
                assert isinstance(waiting.exception(SOON), (ltx_jobs.ClosedError, ltx_jobs.Unauthenticated))
            assert time.monotonic() - began < SOON
    finally:
        stuck.let_go.set()
    assert stuck.calls == 1


def test_a_key_that_is_set_ends_the_wait_for_a_function_that_hangs(emulator, stuck, submit):
    job = submit()
    with emulator.client(api_key=stuck) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.job(job.ref).wait, timeout=30)
        assert stuck.called.wait(SOON)
        client.set_api_key(emulator.api_key)
        assert waiting.result(SOON * 2).job == job
        stuck.let_go.set()
        assert client.check().request_id


def test_for_asyncio_a_slow_function_holds_up_no_loop_and_a_cancelled_task_ends_at_once(emulator, stuck):
    async def main() -> None:
        async with aclient(emulator, stuck) as client:
            task = asyncio.ensure_future(client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4"))
            while not stuck.called.is_set():
                await asyncio.sleep(0.001)
            began = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - began < SOON
            again = asyncio.ensure_future(client.video_to_video_hdr(video_uri="https://cdn.example/plate.mp4"))
            await asyncio.sleep(0.05)
            stuck.let_go.set()
            await (await asyncio.wait_for(again, SOON)).wait(timeout=30)
        with pytest.raises(ltx_jobs.ConfigError) as caught:
            async with aclient(emulator, Vault(sealed)) as client:
                await client.check()
        assert caught.value.__cause__ is sealed

    sealed = OSError(WORDS)
    asyncio.run(main())
    assert stuck.calls == 1 and len(emulator.jobs()) == 1


IN_CHILD = """
import asyncio, gc
key = os.environ.pop("LTXV_API_KEY")
def hang():
    called.set()
    time.sleep(120)
called = threading.Event()
def daemon(work):
    threading.Thread(target=work, daemon=True).start()
    assert called.wait(20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process")
@pytest.mark.parametrize("call", ["client.check()", "client.job('retake/x').wait()", "client.video_to_video_hdr(video_uri=plate)"])
def test_ctrl_c_does_not_wait_for_the_function(child, call):
    code = f"""{IN_CHILD}
def tell():
    called.wait(20)
    say("called")
threading.Thread(target=tell).start()
client = ltx_jobs.Client(hang)
try:
    {call}
except KeyboardInterrupt:
    say(f"caught {{time.monotonic()!r}}")
"""
    waiting = child(code)
    assert waiting.line() == "called"
    sent = time.monotonic()
    os.kill(waiting.process.pid, signal.SIGINT)
    word, moment = waiting.line().split()
    assert word == "caught" and float(moment) - sent < SOON
    assert waiting.end()[::2] == (0, "")


# What goes on when the program just ends.
ENDINGS = {
    "nothing ever": "",
    "the key is known": "",
    "a call of the function that hangs": "client = ltx_jobs.Client(hang)\ndaemon(client.check)",
    "the same, by asyncio": "aclient = ltx_jobs.AsyncClient(hang)\ndaemon(lambda: asyncio.run(aclient.check()))",
    "a call that ends just then": "def soon():\n    called.set()\n    time.sleep(0.05)\n    return key\nclient = ltx_jobs.Client(soon)\ndaemon(client.check)",
    "a call that raises just then": "def soon():\n    called.set()\n    time.sleep(0.05)\n    raise ValueError\nclient = ltx_jobs.Client(soon)\ndaemon(client.check)",
    "a client that nobody has any more": "client = ltx_jobs.Client(lambda: key)\nclient.check()\ndel client\ngc.collect()",
    "a job that is polled": "client = ltx_jobs.Client(lambda: key)\njob = client.video_to_video_hdr(video_uri=plate)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_goes_on_the_exit_is_quiet_and_soon(emulator, child, ending):
    emulator.reset(ENDLESS)
    code = IN_CHILD + "client = ltx_jobs.Client(lambda: key)\n" + ("client.check()\n" if ending == "the key is known" else "") + ENDINGS[ending]
    for _ in range(2):
        began = time.monotonic()
        assert child(code).end() == (0, "", "")
        assert time.monotonic() - began < 2 * SOON, "it waited for the function"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("state", ["never used", "used", "in the middle of a call"])
def test_a_forked_child_asks_for_itself_and_its_parent_goes_on(child, state):
    forking = child(f"""{IN_CHILD}
import signal, warnings
warnings.simplefilter("ignore", DeprecationWarning)
calls, let_go = [], threading.Event()
def read():
    calls.append(os.getpid())
    called.set()
    if {state!r} == "in the middle of a call" and os.getpid() == parent:
        let_go.wait(20)
    return key
parent, client = os.getpid(), ltx_jobs.Client(read)
waiting = threading.Thread(target=lambda: client.check())
if {state!r} == "used":
    client.check()
if {state!r} == "in the middle of a call":
    waiting.start()
    called.wait(20)
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    try:
        before = len(calls)
        assert client.check().request_id and client.check().request_id
        say(f"child: {{calls[before:] == [os.getpid()]}}")
        client.close()
    except BaseException as error:
        say(f"child: {{error!r}}")
    gc.collect()
    os._exit(0)
_, status = os.waitpid(pid, 0)
let_go.set()
client.check()
if waiting.ident:
    waiting.join()
say(f"parent: {{status}} {{calls == [os.getpid()]}}")
""")
    assert forking.line() == "child: True"
    assert forking.line() == "parent: 0 True"
    assert forking.end()[::2] == (0, "")


def test_the_key_is_in_no_log_and_no_traceback(child, emulator):
    emulator.reset({"api_key": "canary-key-0815"})
    told = child(
        f"""{IN_CHILD}
import traceback
keys = iter(["stale-canary-key", "canary-key-0815", "stale-canary-key"])
client = ltx_jobs.Client(lambda: next(keys))
client.video_to_video_hdr(video_uri=plate).wait()
other = ltx_jobs.Client(lambda: next(keys))
try:
    other.video_to_video_hdr(video_uri=plate)
except ltx_jobs.Unauthenticated as error:
    assert isinstance(error.__cause__, StopIteration)
    say("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()).replace("\\n", "|"))
""",
        LTX_LOG="trace",
    )
    text = told.line()
    _, _, complaint = told.end()
    for shown in (text, complaint):
        assert "StopIteration" in shown or shown is complaint
        assert "canary-key" not in shown
