"""``max_concurrent_jobs``: never more jobs at once than it says, and a submit that waits for its turn says so."""

from __future__ import annotations

import pytest
from conftest import ENDLESS

import ltx_jobs

SHOT = {"prompt": "A lighthouse", "model": "ltx-2-5-fast", "duration": 6, "resolution": "1920x1080"}
SUBMITS = "/v2/text-to-video"


@pytest.fixture
def key(emulator, request):
    """Another key for each test: the place of a job that nobody waits for any more stays taken for minutes."""
    key = f"key-of-{request.node.name}"
    emulator.reset({**ENDLESS, "api_key": key})
    return key


@pytest.fixture
def one_at_a_time(emulator, key):
    with emulator.client(api_key=key, max_concurrent_jobs=1) as client:
        yield client


def test_a_submit_waits_for_its_turn_and_is_sent_when_the_job_before_it_has_ended(emulator, one_at_a_time):
    first = one_at_a_time.text_to_video(**SHOT)
    phases = []

    def watch(progress: ltx_jobs.Progress) -> None:
        if progress.phase == "queued" and "queued" not in phases:
            assert emulator.count("POST", SUBMITS) == 1
            emulator.advance(2 * 3600 + 1)
        if progress.phase not in phases:
            phases.append(progress.phase)

    second = one_at_a_time.text_to_video(**SHOT, progress=watch)
    assert "queued" in phases and phases[-1] == "submitting"
    assert first.done and first.status == "completed" and second != first
    assert emulator.count("POST", SUBMITS) == 2


def test_a_time_limit_ends_the_wait_for_a_place_and_names_who_holds_it(emulator, one_at_a_time):
    first = one_at_a_time.text_to_video(**SHOT)
    with pytest.raises(ltx_jobs.ConcurrencyLimited, match=first.ref) as caught:
        one_at_a_time.text_to_video(**SHOT, timeout=0.2)
    assert (caught.value.billing, caught.value.retryable) == ("no_job", True)
    assert emulator.count("POST", SUBMITS) == 1


def test_clients_of_one_key_share_their_places(emulator, key, one_at_a_time):
    one_at_a_time.text_to_video(**SHOT)
    with emulator.client(api_key=key, max_concurrent_jobs="1") as other, pytest.raises(ltx_jobs.ConcurrencyLimited):
        other.text_to_video(**SHOT, timeout=0.1)
    with emulator.client(api_key=key, max_concurrent_jobs=2) as wider:
        wider.text_to_video(**SHOT)
    assert emulator.count("POST", SUBMITS) == 2


def test_whoever_gives_up_its_turn_sends_nothing_and_keeps_nobody_back(emulator, one_at_a_time):
    one_at_a_time.text_to_video(**SHOT)

    def refuse(progress: ltx_jobs.Progress) -> None:
        if progress.phase == "queued":
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        one_at_a_time.text_to_video(**SHOT, progress=refuse)
    emulator.advance(2 * 3600 + 1)
    one_at_a_time.text_to_video(**SHOT, timeout=20)
    assert emulator.count("POST", SUBMITS) == 2


@pytest.mark.parametrize("value", [0, -1, 1.5, "many", True], ids=repr)
def test_a_number_of_places_that_is_none_is_refused(value):
    with pytest.raises(ltx_jobs.ConfigError, match="max_concurrent_jobs"):
        ltx_jobs.Client("key", max_concurrent_jobs=value)
