"""The scenario suite's performer for Python: one JSON line in for a scenario, one JSON line out with what happened, until standard input ends."""

from __future__ import annotations

import inspect
import json
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any, Callable

import ltx_jobs

CLASSES = {kind.endpoint: kind for kind in vars(ltx_jobs).values() if isinstance(kind, type) and issubclass(kind, ltx_jobs.Request) and kind.endpoint}


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

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.scenario = scenario
        self.client = ltx_jobs.Client(scenario["api_key"], base_url=scenario["base_url"], **scenario.get("settings", {}))
        self.job: ltx_jobs.Job | None = None
        self.started: deque[Started] = deque()
        self.done: ltx_jobs.Completed | None = None
        self.saved: list[str] = []

    def perform(self, step: dict[str, Any]) -> dict[str, Any]:
        """What the step gave, beside that it was done."""
        return getattr(self, f"do_{step['do']}")(step) or {}

    def close(self) -> None:
        self.client.close()
        for started in self.started:
            started.thread.join()

    def params(self, step: dict[str, Any]) -> dict[str, Any]:
        media = {field: Path(text) for field, text in self.scenario.get("media", {}).items()}
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

    def do_poll(self, step: dict[str, Any]) -> None:
        self.a_job().poll()

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
        self.saved = sorted(path.relative_to(dest).as_posix() for path in saved.paths)

    def do_check(self, step: dict[str, Any]) -> None:
        self.client.check()

    def do_upload(self, step: dict[str, Any]) -> None:
        for path in self.scenario["media"].values():
            self.client.upload(Path(path))

    def a_job(self) -> ltx_jobs.Job:
        if self.job is None:
            raise SystemExit("the scenario has no job at this step")
        return self.job


def told(error: ltx_jobs.Error) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "number": error.number,
        "billing": error.billing,
        "retryable": error.retryable,
        "job_ended": error.job_ended,
        "http_status": error.http_status,
        "api_type": error.api_type,
    }


def play(scenario: dict[str, Any]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    stage = None
    for step in scenario["steps"]:
        try:
            if stage is None:
                stage = Stage(scenario)
            steps.append({"do": step["do"], "ok": True, **stage.perform(step)})
        except ltx_jobs.Error as error:
            # What goes wrong is also shown to people, as a program would: no secret may be in it.
            print(f"{scenario['scenario']}: {error}\n{error!r}", file=sys.stderr)
            steps.append({"do": step["do"], "ok": False, "error": told(error)})
            if not step.get("go_on", False):
                break
    if stage is not None:
        stage.close()
    return {"scenario": scenario["scenario"], "steps": steps, "saved": [] if stage is None else stage.saved}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(play(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
