"""A shot with Airflow 3: one task submits and is deferred, the triggerer waits, and other tasks bring the frames home by reference.

Put this file into the DAGs folder; LTXV_API_KEY is in the environment of workers and triggerer, /shots and /ltx-journal are storage that the workers share.
A deferred task holds no place in a worker while its job runs, however long that takes.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import ltx_jobs
from airflow.sdk import BaseOperator, dag, task
from airflow.triggers.base import BaseTrigger, TriggerEvent

JOURNAL = os.environ.get("SHOT_JOURNAL", "/ltx-journal")


class JobTrigger(BaseTrigger):
    """Waits for the end of a job in the triggerer, beside hundreds of others. Submits nothing, so any triggerer may take it over."""

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {"ref": self.ref}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        async with ltx_jobs.AsyncClient(journal="memory") as client:
            try:
                await client.job(self.ref).wait()
            except ltx_jobs.Error as error:
                yield TriggerEvent({"ref": self.ref, "error": str(error), "ended": error.job_ended})
            else:
                yield TriggerEvent({"ref": self.ref, "error": None, "ended": True})


class SubmitShot(BaseOperator):
    """Submits a shot, waits for it without a worker, and gives the reference of its job. **Billed** if the job succeeds.

    Airflow may run a task twice. What keeps that from being paid twice is the key: the name of the shot and its version, never the run, the date or the
    try. It is known by the journal, so all workers that may run this task share one: a directory on shared storage, and a queue of its own if they are many.
    """

    template_fields = ("shot", "plate")

    def __init__(self, *, shot: str, plate: str, max_cost: str, **options: Any) -> None:
        super().__init__(**options)
        self.shot = shot
        self.plate = plate
        self.max_cost = max_cost

    def execute(self, context: Any) -> None:
        from pathlib import Path

        with ltx_jobs.Client(journal=JOURNAL) as client:
            job = client.video_to_video_hdr(video_uri=Path(self.plate), output_colorspace="acescg", once=self.shot, label=self.shot, max_cost=self.max_cost)
        self.defer(trigger=JobTrigger(job.ref), method_name="completed")

    def completed(self, context: Any, event: dict[str, Any]) -> str:
        if event["error"] is not None:
            # A failed job is not billed, and its key is free: a try of this task submits it again. Anything else waits again for the same job.
            raise RuntimeError(event["error"])
        ref: str = event["ref"]
        return ref


@dag(schedule=None, catchup=False, params={"plate": "/plates/sh010.mp4", "shot": "sh010_v003", "dest": "/shots/sh010/v003"})
def ltx_shot() -> None:
    submit = SubmitShot(
        task_id="submit",
        shot="{{ params.shot }}",
        plate="{{ params.plate }}",
        max_cost="25",
        # Where one machine runs all submits, its own journal would do.
        queue="ltx-submit",
        retries=2,
        retry_delay=timedelta(seconds=30),
    )

    # On any machine, as often as it takes: what is there already is verified and not fetched again.
    @task(retries=10, retry_exponential_backoff=True)
    def fetch(ref: str, dest: str) -> int:
        with ltx_jobs.Client(journal="memory") as client:
            return len(client.job(ref).save(dest).paths)

    fetch(submit.output, "{{ params.dest }}")


ltx_shot()
