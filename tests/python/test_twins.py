"""The client for asyncio has the names, signatures and docstrings of the other one: what is said of one is true of both."""

from __future__ import annotations

import inspect
import re

import pytest

import ltx_jobs

TWINS = ["Client", "Job", "Completed", "Output", "Frames", "Frame", "FrameStream", "Batch"]

# Python's own words for the same thing.
PROTOCOLS = {"__enter__": "__aenter__", "__exit__": "__aexit__", "__next__": "__anext__", "__iter__": "__aiter__"}
# `await job`; and a loop over what is in memory stays what it was.
MORE = {"Job": {"__await__"}, "Frames": {"__iter__"}, "FrameStream": {"__aiter__"}}

# What ends a call, in the words of each world.
WORDS = [
    ("Releases the GIL and answers Ctrl-C at once", "Cancelling the task ends it at once"),
    ("Waits for it with the GIL released, and answers Ctrl-C at once", "Cancelling the task ends the wait, and the stream, at once"),
    ("Ctrl-C stops at once", "Cancelling the task stops it at once"),
    ("Any number of threads may use", "Any number of loops and threads may use"),
    ("StopIteration", "StopAsyncIteration"),
]

# What has a text of its own, for it is used in another way: the classes, and files, which block who reads them.
OWN_TEXT = {"Output.open", "Frame.open", "Job.future"}

# What does not wait, and is not awaited: it is in memory, or only begins something.
AT_ONCE = {"Client.job", "Client.set_api_key", "Client.with_options", "Client.as_completed", "Client.batch", "Batch.snapshot", "Batch.pause", "Batch.stop", "Job.snapshot", "Job.future", "Frames.by_number", "Frames.stream", "FrameStream.close"}

PAIRS = [(name, getattr(ltx_jobs, name), getattr(ltx_jobs, f"Async{name}")) for name in TWINS]


def is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def members(kind: type) -> dict[str, object]:
    found: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        # Python gives each class that defines an `__eq__` or a docstring some of its own.
        if base.__module__.startswith("ltx_jobs"):
            found.update({name: value for name, value in vars(base).items() if not name.startswith("_") or is_special(name)})
    plumbing = {"__slots__", "__module__", "__doc__", "__weakref__", "__dict__", "__class_getitem__", "__orig_bases__", "__parameters__", "__abstractmethods__"}
    plumbing |= {"__firstlineno__", "__static_attributes__", "__annotations__", "__del__"}
    return {name: value for name, value in found.items() if name not in plumbing}


def without_async(text: str) -> str:
    return re.sub(r"\bAsync(?=(%s)\b)" % "|".join(TWINS), "", text)


def told(text: str) -> str:
    """A docstring without what differs between the worlds by nature."""
    for here, there in WORDS:
        text = text.replace(there, here)
    return " ".join(re.sub(r"\b(async|await) ", "", without_async(text)).split())


@pytest.mark.parametrize(("name", "sync", "twin"), PAIRS, ids=TWINS)
def test_the_names_are_the_same(name, sync, twin):
    expected = {PROTOCOLS.get(one, one) for one in members(sync)} | MORE.get(name, set())
    assert set(members(twin)) | MORE.get(name, set()) == expected


@pytest.mark.parametrize(("name", "sync", "twin"), PAIRS, ids=TWINS)
def test_the_signatures_are_the_same(name, sync, twin):
    for member, value in members(sync).items():
        other = getattr(twin, PROTOCOLS.get(member, member))
        if not inspect.isfunction(value) or is_special(member) and member != "__init__":
            continue
        here, there = inspect.signature(value), inspect.signature(other)
        if member == "__init__" and name != "Client":
            # Made by the library.
            continue
        assert list(here.parameters) == list(there.parameters), f"{name}.{member}"
        for parameter, one in here.parameters.items():
            another = there.parameters[parameter]
            assert (one.kind, one.default, one.annotation) == (another.kind, another.default, without_async(str(another.annotation)) if isinstance(another.annotation, str) else another.annotation)
        if member != "future":
            assert without_async(str(there.return_annotation)).replace("AsyncIterator", "Iterator") in (str(here.return_annotation), f"{here.return_annotation}[Job]")


@pytest.mark.parametrize(("name", "sync", "twin"), PAIRS, ids=TWINS)
def test_the_docstrings_are_the_same(name, sync, twin):
    for member, value in members(sync).items():
        if f"{name}.{member}" in OWN_TEXT or not getattr(value, "__doc__", None) or member in ("__init__", "__enter__", "__exit__"):
            continue
        other = inspect.getattr_static(twin, PROTOCOLS.get(member, member))
        assert told(inspect.cleandoc(other.__doc__ or "")) == told(inspect.cleandoc(value.__doc__)), f"{name}.{member}"


def test_the_settings_are_documented_alike():
    here, there = (inspect.cleandoc(kind.__doc__).partition("Every setting can also")[2] for kind in (ltx_jobs.Client, ltx_jobs.AsyncClient))
    assert here and there == here


@pytest.mark.parametrize(("name", "sync", "twin"), PAIRS, ids=TWINS)
def test_what_waits_is_awaited_and_nothing_else(name, sync, twin):
    endpoints = set(vars(ltx_jobs._endpoints.Endpoints))
    for member, value in members(twin).items():
        if not inspect.isfunction(value) or is_special(member) or member in endpoints:
            continue
        assert inspect.iscoroutinefunction(value) == (f"{name}.{member}" not in AT_ONCE), f"{name}.{member}"


def test_the_endpoints_are_awaited_too(emulator, plate):
    import asyncio

    client = ltx_jobs.AsyncClient(emulator.api_key, base_url=emulator.base_url, poll_interval="20ms")
    submit = client.video_to_video_hdr(video_uri=plate)
    assert inspect.iscoroutine(submit)
    assert isinstance(asyncio.run(submit), ltx_jobs.AsyncJob)
    asyncio.run(client.close())
