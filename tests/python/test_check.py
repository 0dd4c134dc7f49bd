"""A check tells every part that works and every part that does not, for nothing."""

from __future__ import annotations

import pickle

import pytest

import ltx_jobs

PARTS = ["proxy", "certificates", "api", "key", "clock", "journal", "storage"]


def test_where_all_is_well_every_part_says_so_with_every_settings_origin(emulator, monkeypatch):
    monkeypatch.setenv("LTX_STALL_TIMEOUT", "7s")
    with emulator.client() as client:
        checked = client.check()
    assert [(finding.what, finding.state) for finding in checked.findings] == [(part, "ok") for part in PARTS], str(checked)
    assert checked.failure is None and checked.request_id and checked.elapsed > 0 and (checked.submits, checked.unknown) == (0, 0)
    origins = {setting.key: (setting.value, setting.origin) for setting in checked.settings}
    assert origins["api_key"] == ("***", "argument")
    assert origins["stall_timeout"] == ("7 s", "environment LTX_STALL_TIMEOUT")
    report = str(checked).splitlines()
    assert report[0] == "api_key: *** (argument)" and report[-1].startswith("storage       ok       127.0.0.1 answers")
    assert emulator.count("PUT", "*") == emulator.count("POST", "/v2/*") == 0 and emulator.count("POST", "/v1/upload") == 1
    assert pickle.loads(pickle.dumps(checked)) == checked


def test_what_fails_is_raised_unless_it_is_kept_and_hides_nothing(emulator, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with emulator.client(api_key="canary-stale", journal=tmp_path / "file" / "journal") as client:
        with pytest.raises(ltx_jobs.Unauthenticated):
            client.check()
        checked = client.check(keep_failures=True)
    states = {finding.what: str(finding.state) for finding in checked.findings}
    assert states == dict(zip(PARTS, ["ok", "ok", "ok", "failed", "ok", "failed", "skipped"])), str(checked)
    errors = [type(finding.error) for finding in checked.findings if finding.error is not None]
    assert errors == [ltx_jobs.Unauthenticated, ltx_jobs.JournalError]
    assert checked.failure is checked.findings[3] and checked.failure.error.billing == "no_job"
    assert "canary" not in f"{checked} {checked!r} {pickle.dumps(checked)!r}"


def test_a_storage_that_cannot_be_had_is_a_finding_and_not_raised(emulator):
    emulator.reset({"fault": [{"route": "slot", "status": 503, "times": 100}]})
    with emulator.client() as client:
        checked = client.check()
    assert checked.failure.what == "storage" and isinstance(checked.failure.error, ltx_jobs.Unavailable)
