"""What a client counts is what the service saw."""

from __future__ import annotations

import asyncio
import os
import pickle
from decimal import Decimal

import pytest

import ltx_jobs
from ltx_jobs import _native

from conftest import POLLS, SUBMITS


def test_the_names_are_those_of_the_core():
    assert list(ltx_jobs.Counters.__slots__) == [*_native.Client.counter_names(), "committed"]


def test_a_job_is_counted_as_the_service_saw_it(emulator, client, submit, plate, tmp_path):
    assert client.counters == ltx_jobs.Counters(*[0] * 18, Decimal(0))
    saved = submit(once="a").wait().download(tmp_path)
    submit(once="a")
    counters = client.counters
    assert (counters.submits, counters.submits_known, counters.jobs_created, counters.jobs_completed) == (2, 1, 1, 1)
    assert counters.posts == emulator.count("POST", SUBMITS) == 1
    assert counters.polls == emulator.count("GET", POLLS)
    assert counters.http_requests == emulator.count("*", "*")
    assert counters.bytes_uploaded == plate.stat().st_size
    assert counters.bytes_downloaded >= saved.bytes
    assert dict(counters.items())["posts"] == 1 and "committed" not in dict(counters.items())


def test_they_are_a_value(client):
    counters = client.counters
    assert pickle.loads(pickle.dumps(counters)) == counters
    assert repr(counters).startswith("Counters(submits=0, ")
    assert isinstance(counters.committed, Decimal)
    with pytest.raises(AttributeError, match="cannot be changed"):
        counters.posts = 1
    with pytest.raises(TypeError, match="19 values"):
        ltx_jobs.Counters(1)


def test_they_are_there_when_the_client_is_closed(client, submit):
    submit()
    client.close()
    assert client.counters.jobs_created == 1


def test_the_client_for_asyncio_has_them_without_waiting(emulator, plate):
    async def main():
        async with ltx_jobs.AsyncClient(emulator.api_key, base_url=emulator.base_url, poll_interval="20ms") as client:
            await (await client.video_to_video_hdr(video_uri=plate)).wait()
            return client.counters

    counters = asyncio.run(main())
    assert (counters.posts, counters.jobs_completed) == (1, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_counts_for_itself(client, submit):
    submit()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(client.counters.submits).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"0"
    assert client.counters.submits == 1
