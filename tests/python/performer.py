"""The scenario suite's performer for Python: one JSON line in for a scenario, one JSON line out with what happened, until standard input ends.

On the way it logs everything and shows everything, for the conductor to look for secrets in.
"""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any

import ltx_jobs

PACKAGE = str(Path(ltx_jobs.__file__).parent)


class Told:
    """Everything a program could show of what it holds, in every form Python has for showing."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "wb")  # noqa: SIM115

    def text(self, text: str) -> None:
        self.file.write(text.encode("utf-8", "backslashreplace") + b"\n")

    def value(self, value: object) -> None:
        self.text(f"{value!r} {value}")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                self.file.write(pickle.dumps(value, protocol) + b"\n")
            except pickle.PicklingError as refusal:
                self.text(f"{refusal!r} {refusal}")
        try:
            self.text(repr(copy.copy(value)))
        except pickle.PicklingError as refusal:
            self.text(repr(refusal))

    def error(self, error: BaseException) -> None:
        self.value(error)
        self.text(f"{error.args!r} {error.__dict__!r} {getattr(error, '__notes__', None)!r}")
        self.text("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        # As a tool shows it that prints the variables of every frame; ours of this program hold the order, and are nobody's business.
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        while report is not None:
            self.text("\n".join(f"{frame.name} {frame.locals!r}" for frame in report.stack if frame.filename.startswith(PACKAGE)))
            report = report.__cause__ or report.__context__

    def job(self, job: ltx_jobs.Job) -> None:
        snapshot = job.snapshot()
        for value in (job, job.ref, job.status, snapshot):
            self.value(value)
        if snapshot.last_error is not None:
            self.error(snapshot.last_error)

    def completed(self, done: ltx_jobs.Completed) -> None:
        self.value(done)
        self.text(repr(done.outputs))
        for output in done.outputs.values():
            self.value(output)

    def client(self, client: ltx_jobs.Client) -> None:
        self.value(client)
        self.text(f"{client._settings!r} {client.base_url}")
        for value in (client.jobs(), client.recover()):
            self.value(value)


class Stage:
    """What one scenario works with."""

    def __init__(self, scenario: dict[str, Any], told: Told) -> None:
        self.scenario = scenario
        self.told = told
        self.client = ltx_jobs.Client(scenario["api_key"], base_url=scenario["base_url"], **scenario.get("settings", {}))
        self.job: ltx_jobs.Job | None = None
        self.done: ltx_jobs.Completed | None = None
        self.saved: list[str] = []

    def perform(self, step: dict[str, Any]) -> None:
        getattr(self, f"do_{step['do']}")(step)
        if self.job is not None:
            self.told.job(self.job)

    def do_submit(self, step: dict[str, Any]) -> None:
        scenario = self.scenario
        media = {field: media_input(text) for field, text in scenario.get("media", {}).items()}
        limit = scenario.get("submit_timeout_ms")
        self.job = self.client.submit(
            scenario["endpoint"],
            {**scenario.get("params", {}), **media},
            once=scenario.get("once"),
            on_unknown=scenario.get("on_unknown") or "stop",
            timeout=None if limit is None else limit / 1000,
        )

    def do_wait(self, step: dict[str, Any]) -> None:
        limit = step.get("timeout_ms")
        self.done = self.a_job().wait(None if limit is None else limit / 1000)
        self.told.completed(self.done)

    def do_poll(self, step: dict[str, Any]) -> None:
        self.told.value(self.a_job().poll())

    def do_attach(self, step: dict[str, Any]) -> None:
        ref = self.a_job().ref
        self.job = self.done = None
        self.job = self.client.job(ref)

    def do_set_api_key(self, step: dict[str, Any]) -> None:
        self.client.set_api_key(step["key"])

    def do_download(self, step: dict[str, Any]) -> None:
        if self.done is None:
            self.done = self.a_job().wait()
        dest = Path(self.scenario["dest"])
        saved = self.done.download(
            dest,
            only=step.get("only"),
            overwrite=step.get("overwrite", False),
            frame_name=step.get("frame_name"),
            first_frame=step.get("first_frame"),
        )
        self.told.value(saved)
        self.saved = sorted(path.relative_to(dest).as_posix() for path in saved.paths)

    def do_check(self, step: dict[str, Any]) -> None:
        checked = self.client.check(keep_failures=True)
        self.told.value(checked)
        failed = [finding.error for finding in checked.findings if finding.error is not None and finding.what != "storage"]
        if failed:
            raise failed[0]

    def do_upload(self, step: dict[str, Any]) -> None:
        self.told.value(self.client.upload(Path(self.scenario["media"]["video_uri"])))

    def a_job(self) -> ltx_jobs.Job:
        if self.job is None:
            raise SystemExit("the scenario has no job at this step")
        return self.job


def media_input(text: str) -> Any:
    return text if text.startswith(("https:", "http:", "ltx:", "data:")) else Path(text)


def report(error: ltx_jobs.Error) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "number": error.number,
        "billing": error.billing,
        "retryable": error.retryable,
        "job_ended": error.job_ended,
        "http_status": error.http_status,
        "api_type": error.api_type,
    }


def play(scenario: dict[str, Any], told: Told) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    stage = None
    for step in scenario["steps"]:
        try:
            if stage is None:
                stage = Stage(scenario, told)
            stage.perform(step)
            steps.append({"do": step["do"], "ok": True})
        except ltx_jobs.Error as error:
            told.error(error)
            steps.append({"do": step["do"], "ok": False, "error": report(error)})
            if not step.get("go_on", False):
                break
    if stage is not None:
        told.client(stage.client)
        stage.client.close()
        told.value(stage.client)
    return {"scenario": scenario["scenario"], "steps": steps, "saved": [] if stage is None else stage.saved}


def logged_into(path: str) -> logging.Handler:
    """A handler that writes everything the library logs at its finest level."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s %(ltx_fields)s %(ltx_spans)s"))
    logging.getLogger("ltx_jobs").addHandler(handler)
    return handler


def main() -> None:
    logging.getLogger("ltx_jobs").setLevel(5)
    for line in sys.stdin:
        if line.strip():
            scenario = json.loads(line)
            handler, told = logged_into(scenario["log"]), Told(scenario["told"])
            result = play(scenario, told)
            told.file.close()
            logging.getLogger("ltx_jobs").removeHandler(handler)
            handler.close()
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
