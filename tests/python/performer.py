"""The scenario suite's performer for Python: one JSON line in for a scenario, one JSON line out with what happened, until standard input ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ltx_jobs


class Stage:
    """What one scenario works with."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.scenario = scenario
        self.client = ltx_jobs.Client(scenario["api_key"], base_url=scenario["base_url"], **scenario.get("settings", {}))
        self.job: ltx_jobs.Job | None = None
        self.done: ltx_jobs.Completed | None = None
        self.saved: list[str] = []

    def perform(self, step: dict[str, Any]) -> None:
        getattr(self, f"do_{step['do']}")(step)

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
        self.client.upload(Path(self.scenario["media"]["video_uri"]))

    def a_job(self) -> ltx_jobs.Job:
        if self.job is None:
            raise SystemExit("the scenario has no job at this step")
        return self.job


def media_input(text: str) -> Any:
    return text if text.startswith(("https:", "http:", "ltx:", "data:")) else Path(text)


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
            stage.perform(step)
            steps.append({"do": step["do"], "ok": True})
        except ltx_jobs.Error as error:
            steps.append({"do": step["do"], "ok": False, "error": told(error)})
            if not step.get("go_on", False):
                break
    if stage is not None:
        stage.client.close()
    return {"scenario": scenario["scenario"], "steps": steps, "saved": [] if stage is None else stage.saved}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(play(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
