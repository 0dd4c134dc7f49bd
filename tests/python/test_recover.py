"""After a crash: what the journal knows, taken up by the next process."""

from __future__ import annotations

import os
import pickle
from datetime import datetime, timezone
from pathlib import Path

import pytest
from conftest import ENDLESS, POLLS, SUBMITS, until

import ltx_jobs


def kill(child) -> None:
    """Ends it as a crash does: nothing of it runs any more."""
    child.process.kill()
    child.process.wait(20)


@pytest.fixture
def journal(tmp_path):
    return str(tmp_path / "journal")


WAITING = """
client = ltx_jobs.Client()
for label in ("sh010", "sh020"):
    job = client.video_to_video_hdr(video_uri=plate, label=label, once=label)
    say(job.ref)
job.wait()
"""


def test_a_killed_script_is_taken_up_by_the_next_process(emulator, child, journal, tmp_path):
    emulator.reset(ENDLESS)
    killed = child(WAITING, LTX_JOURNAL=journal)
    refs = [killed.line(), killed.line()]
    until(lambda: emulator.count("GET", POLLS) > 0, "a poll")
    kill(killed)
    emulator.advance(7201)

    next_one = child(
        f"""
client = ltx_jobs.Client()
found = client.recover()
say([job.ref for job in found.jobs])
say([job.label for job in found.jobs] + [found.unknown, found.other_key])
for job in ltx_jobs.as_completed(found.jobs, timeout=30):
    say(len(job.save(Path({str(tmp_path)!r}, job.label)).paths))
say(client.recover())
say([(str(submit.state), submit.ref, submit.saved, str(submit.ended)) for submit in client.jobs()])
say(client.video_to_video_hdr(video_uri=plate, label="sh010", once="sh010").ref)
""",
        LTX_JOURNAL=journal,
    )
    assert next_one.line() == repr(refs)
    assert next_one.line() == repr(["sh010", "sh020", (), ()])
    assert [next_one.line(), next_one.line()] == ["4", "4"]
    assert next_one.line() == "Recovered(jobs=(), unknown=(), other_key=())"
    assert next_one.line() == repr([("accepted", ref, True, "completed") for ref in refs])
    assert next_one.line() == refs[0], "the key gives the job that is there"
    assert next_one.end()[::2] == (0, "")
    assert emulator.count("POST", SUBMITS) == 2


def test_a_script_killed_while_its_post_is_on_the_wire_leaves_an_unknown(emulator, child, journal):
    emulator.reset({"fault": [{"route": "submit", "do": "read_and_never_answer"}]})
    killed = child("ltx_jobs.Client().video_to_video_hdr(video_uri=plate, label='sh010', once='sh010')", LTX_JOURNAL=journal)
    until(lambda: emulator.count("POST", SUBMITS) == 1, "the POST")
    kill(killed)

    with emulator.client(journal=journal) as client:
        (unknown,) = client.recover().unknown
        assert (unknown.state, unknown.ref, unknown.label, unknown.once) == ("unknown", None, "sh010", "sh010")
        with pytest.raises(ltx_jobs.SubmitUnknown):
            client.job(unknown.intent)
        # A look at the account shows that the service has it.
        (there,) = emulator.jobs()
        client.resolve(unknown, job=f"video-to-video-hdr/{there['id']}")
        (job,) = client.recover().jobs
        assert job.ref == client.job(unknown.intent).ref == f"video-to-video-hdr/{there['id']}"
        assert job.label == "sh010" and job.wait(timeout=30).job == job
    assert emulator.count("POST", SUBMITS) == 1


def test_a_lost_id_is_listed_with_its_request_id_and_settled_when_the_job_is_found(emulator, client, plate):
    emulator.push_fault("submit", "no_id")
    with pytest.raises(ltx_jobs.IdLost) as caught:
        client.video_to_video_hdr(video_uri=plate, once="sh010")
    with pytest.raises(ltx_jobs.IdLost):
        client.video_to_video_hdr(video_uri=plate, once="sh010")
    (lost,) = client.recover().unknown
    assert (lost.state, lost.ref, lost.doubts) == (ltx_jobs.SubmitState.ID_LOST, None, 0)
    assert lost.request_id == caught.value.request_id
    assert lost.request_id is not None
    (there,) = emulator.jobs()
    client.resolve(lost, job=f"video-to-video-hdr/{there['id']}")
    assert client.video_to_video_hdr(video_uri=plate, once="sh010").wait(timeout=30)
    assert client.recover().unknown == ()
    assert emulator.count("POST", SUBMITS) == 1


@pytest.fixture
def unknown(emulator, client, plate) -> ltx_jobs.SubmitUnknown:
    """A submit whose reply was lost, as its error."""
    emulator.push_fault("submit", "read_and_close")
    with pytest.raises(ltx_jobs.SubmitUnknown) as caught:
        client.video_to_video_hdr(video_uri=plate, once="sh010", label="sh010")
    return caught.value


def test_an_unknown_that_became_no_job_frees_its_key(emulator, client, plate, unknown):
    client.resolve(unknown.ref, job=None)
    assert client.recover() == ltx_jobs.Recovered((), (), ())
    (submit,) = client.jobs()
    assert (submit.intent, submit.state) == (unknown.ref, ltx_jobs.SubmitState.REFUSED)
    assert client.video_to_video_hdr(video_uri=plate, once="sh010").wait(timeout=30)
    assert emulator.count("POST", SUBMITS) == 2


def test_an_unknown_that_became_a_job_gives_it_under_its_key(emulator, client, plate, unknown):
    job = client.job(f"video-to-video-hdr/{emulator.jobs()[0]['id']}")
    client.resolve(unknown.ref, job=job)
    assert client.video_to_video_hdr(video_uri=plate, once="sh010") == job == client.job(unknown.ref)
    assert emulator.count("POST", SUBMITS) == 1


def test_only_an_unknown_can_be_resolved(client, submit, unknown):
    client.resolve(unknown.ref, job=None)
    cases = [
        (unknown.ref, None, ltx_jobs.InvalidState, "refused"),
        ("intent:00000000000000000000000000ff", None, ltx_jobs.JobNotFound, "does not know"),
        ("video-to-video-hdr/x", None, ltx_jobs.InvalidRequest, "no intent"),
        (unknown.ref, unknown.ref, ltx_jobs.InvalidRequest, "no job"),
        ("nonsense", None, ltx_jobs.InvalidRequest, "reference"),
    ]
    for intent, job, kind, words in cases:
        with pytest.raises(kind, match=words):
            client.resolve(intent, job=job)
    with pytest.raises(TypeError, match="job"):
        client.resolve(unknown.ref)


def test_a_job_of_another_key_is_told_apart(emulator, journal, plate):
    with emulator.client(journal=journal) as client:
        ref = client.video_to_video_hdr(video_uri=plate).ref
    with emulator.client(journal=journal, api_key="another-key") as client:
        found = client.recover()
        assert (found.jobs, found.unknown) == ((), ())
        (other,) = found.other_key
        assert other.ref == ref and other.other_key


def test_what_the_journal_knows_travels_without_the_key(emulator, client, submit, unknown):
    submit(label="sh020")
    found, known = client.recover(), client.jobs()
    assert (len(found.jobs), len(found.unknown), [submit.state for submit in known]) == (1, 1, ["unknown", "accepted"])
    assert known[0].began_at <= known[1].began_at <= datetime.now(timezone.utc)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        packed = pickle.dumps((found, known), protocol)
        assert emulator.api_key.encode() not in packed
        assert pickle.loads(packed) == (found, known)
    state = pickle.loads(pickle.dumps(ltx_jobs.SubmitState("of 2027")))
    assert state == "of 2027" and isinstance(state, ltx_jobs.SubmitState)


def test_without_a_journal_nothing_is_known(emulator, plate):
    with emulator.client(journal=False) as client:
        client.video_to_video_hdr(video_uri=plate)
        assert client.jobs() == [] and client.recover() == ltx_jobs.Recovered((), (), ())


def test_a_damaged_journal_is_named_with_its_line(emulator, journal, plate):
    with emulator.client(journal=journal) as client:
        client.video_to_video_hdr(video_uri=plate)
    written = [os.path.join(folder, name) for folder, _, names in os.walk(journal) for name in names]
    (lines,) = [path for path in map(Path, written) if b"\n" in path.read_bytes()]
    content = bytearray(lines.read_bytes())
    content[10] ^= 0x55
    lines.write_bytes(content)
    with emulator.client(journal=journal) as client:
        with pytest.raises(ltx_jobs.JournalError, match="line 1"):
            client.jobs()


def test_a_closed_client_recovers_nothing(emulator):
    client = emulator.client()
    client.close()
    for call in (client.jobs, client.recover, lambda: client.resolve("intent:00000000000000000000000000ff", job=None)):
        with pytest.raises(ltx_jobs.ClosedError):
            call()
