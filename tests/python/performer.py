"""The scenario suite's performer for Python: one JSON line in for a scenario, one JSON line out with what happened, until standard input ends.

On the way it logs everything and shows everything, for the conductor to look for secrets in.
"""

from __future__ import annotations

import copy
import gc
import inspect
import json
import logging
import pickle
import sys
import threading
import traceback
from collections import deque
from pathlib import Path
from typing import Any, Callable

import ltx_jobs

CLASSES = {kind.endpoint: kind for kind in vars(ltx_jobs).values() if isinstance(kind, type) and issubclass(kind, ltx_jobs.Request) and kind.endpoint}
PACKAGE = str(Path(ltx_jobs.__file__).parent)

# The client that is tried.
make_client: Callable[..., ltx_jobs.Client] = ltx_jobs.Client


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


class Started:
    """A submit that nobody waits for yet, on a thread of its own; tells once when it waits for a place or has ended."""

    def __init__(self, submit: Callable[..., ltx_jobs.Job]) -> None:
        self.job: ltx_jobs.Job | None = None
        self.error: BaseException | None = None
        self.queued = False
        self.news = threading.Event()
        self._submit = submit
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.job = self._submit(progress=self._look)
        except BaseException as error:
            self.error = error
        self.news.set()

    def _look(self, progress: ltx_jobs.Progress) -> None:
        if progress.phase == "queued":
            self.queued = True
            self.news.set()

    def finish(self) -> ltx_jobs.Job:
        self.thread.join()
        if self.error is not None:
            raise self.error
        assert self.job is not None
        return self.job


class Stage:
    """What one scenario works with."""

    def __init__(self, scenario: dict[str, Any], told: Told) -> None:
        self.scenario = scenario
        self.told = told
        self.client = make_client(scenario["api_key"], base_url=scenario["base_url"], **scenario.get("settings", {}))
        self.job: ltx_jobs.Job | None = None
        self.started: deque[Started] = deque()
        self.done: ltx_jobs.Completed | None = None
        self.frames: ltx_jobs.Frames | None = None
        self.saved: list[str] = []

    def perform(self, step: dict[str, Any]) -> dict[str, Any]:
        """What the step gave, beside that it was done."""
        gave = getattr(self, f"do_{step['do']}")(step) or {}
        if self.job is not None:
            self.told.job(self.job)
        return gave

    def close(self) -> None:
        # An archive that was fetched whole goes with it.
        self.frames = None
        self.told.client(self.client)
        self.client.close()
        self.told.value(self.client)
        for started in self.started:
            started.thread.join()

    def params(self, step: dict[str, Any]) -> dict[str, Any]:
        media = {field: media_input(text) for field, text in self.scenario.get("media", {}).items()}
        return {**(step.get("params") or self.scenario.get("params", {})), **media}

    def typed_params(self, step: dict[str, Any]) -> dict[str, Any]:
        """The same as arguments of the endpoint's class and method: what they do not know goes through `extra`."""
        params = self.params(step)
        known = inspect.signature(CLASSES[self.scenario["endpoint"]]).parameters
        named = {name: value for name, value in params.items() if name in known}
        extra = {name: value for name, value in params.items() if name not in known}
        return {**named, "extra": extra} if extra else named

    def submit(self, step: dict[str, Any], progress: Any = None) -> ltx_jobs.Job:
        scenario = self.scenario
        limit = scenario.get("submit_timeout_ms")
        options: dict[str, Any] = {
            "once": scenario.get("once"),
            "on_unknown": scenario.get("on_unknown") or "stop",
            "max_cost": scenario.get("max_cost"),
            "timeout": None if limit is None else limit / 1000,
            "progress": progress,
        }
        if scenario.get("typed"):
            method = getattr(self.client, scenario["endpoint"].replace("-", "_"))
            return method(**self.typed_params(step), **options)
        return self.client.submit(scenario["endpoint"], self.params(step), **options)

    def do_submit(self, step: dict[str, Any]) -> None:
        self.job = self.submit(step)

    def do_start(self, step: dict[str, Any]) -> None:
        self.started.append(Started(lambda progress: self.submit(step, progress)))

    def do_queued(self, step: dict[str, Any]) -> None:
        last = self.started[-1]
        last.news.wait()
        if not last.queued:
            raise ltx_jobs.InvalidState("the submit ended without a wait")

    def do_finish(self, step: dict[str, Any]) -> None:
        self.job = self.started.popleft().finish()

    def do_estimate(self, step: dict[str, Any]) -> dict[str, Any]:
        if self.scenario.get("typed"):
            estimate = self.client.estimate(CLASSES[self.scenario["endpoint"]](**self.typed_params(step)))
        else:
            estimate = self.client.estimate(self.scenario["endpoint"], self.params(step))
        return {"usd": str(estimate.usd), "basis": estimate.basis}

    def do_warnings(self, step: dict[str, Any]) -> dict[str, Any]:
        return {"warnings": list(self.a_job().snapshot().warnings)}

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

    def do_frames(self, step: dict[str, Any]) -> dict[str, Any]:
        if self.done is None:
            self.done = self.a_job().wait()
        self.frames = self.done.frames(step.get("label"), spool=step.get("spool"))
        self.told.value(self.frames)
        return {"frames": [frame.name for frame in self.frames]}

    def do_read(self, step: dict[str, Any]) -> dict[str, Any]:
        frames = self.some_frames()
        frame = frames[step["index"]] if step.get("number") is None else frames.by_number(step["number"])
        self.told.value(frame)
        return {"frames": [self.keep(frame)]}

    def do_extract(self, step: dict[str, Any]) -> None:
        dest = Path(self.scenario["dest"])
        saved = self.part(step).extract(dest, overwrite=step["overwrite"], frame_name=step.get("frame_name"), first_frame=step.get("first_frame"))
        self.told.value(saved)
        for path in saved.paths:
            self.note(path.relative_to(dest).as_posix())

    def do_stream(self, step: dict[str, Any]) -> dict[str, Any]:
        with self.part(step).stream(budget=step.get("budget")) as stream:
            self.told.value(stream)
            return {"frames": [self.keep(frame) for frame in stream]}

    def some_frames(self) -> ltx_jobs.Frames:
        if self.frames is None:
            raise ltx_jobs.InvalidState("the scenario has no frames yet")
        return self.frames

    def part(self, step: dict[str, Any]) -> ltx_jobs.Frames:
        start, count = step["from"], step.get("count")
        return self.some_frames()[start : None if count is None else start + count]

    def keep(self, frame: ltx_jobs.Frame) -> str:
        """A frame that came into memory becomes a file, which the conductor looks at."""
        data, dest = frame.read(), Path(self.scenario["dest"])
        dest.mkdir(exist_ok=True)
        (dest / frame.name).write_bytes(data)
        self.note(frame.name)
        return frame.name

    def note(self, path: str) -> None:
        self.saved = sorted({*self.saved, path})

    def do_check(self, step: dict[str, Any]) -> None:
        checked = self.client.check(keep_failures=True)
        self.told.value(checked)
        failed = [finding.error for finding in checked.findings if finding.error is not None and finding.what != "storage"]
        if failed:
            raise failed[0]

    def do_upload(self, step: dict[str, Any]) -> None:
        for path in self.scenario["media"].values():
            self.told.value(self.client.upload(Path(path)))

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
            steps.append({"do": step["do"], "ok": True, **stage.perform(step)})
        except ltx_jobs.Error as error:
            told.error(error)
            # As a program would do it.
            print(f"{scenario['scenario']}: {error}", file=sys.stderr)
            steps.append({"do": step["do"], "ok": False, "error": report(error)})
            if not step.get("go_on", False):
                break
    if stage is not None:
        stage.close()
    counters = None if stage is None else dict(stage.client.counters.items())
    return {"scenario": scenario["scenario"], "steps": steps, "saved": [] if stage is None else stage.saved, "counters": counters}


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
            # Where variables were shown, the error and its frames hold each other; what the stage holds is to go now, and not with some later collection.
            gc.collect()
            told.file.close()
            logging.getLogger("ltx_jobs").removeHandler(handler)
            handler.close()
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
