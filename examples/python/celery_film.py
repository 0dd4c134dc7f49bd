"""A film with Celery: this program submits, and the workers bring the frames home by reference.

    celery --app celery_film worker --queues ltx-fetch                # on every machine that fetches, with LTXV_API_KEY in its environment
    LTXV_API_KEY=... python celery_film.py plates /shots              # in one place

Only `main` submits, and no task does: a broker may deliver a task twice, and a worker that dies gives its task to another one. The task fetches by
reference, so that costs nothing. Run `main` again after a crash: what is submitted stays submitted, and what is on disk is not fetched again.
"""

import os
import sys
from functools import lru_cache
from pathlib import Path

import ltx_jobs
from celery import Celery

app = Celery("celery_film", broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost"), backend=os.environ.get("CELERY_RESULT_BACKEND"))
app.conf.update(
    # A task is gone from the queue when it is done, not when it is begun, also when its worker was killed.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # A transfer of minutes: no worker takes tasks that it cannot begin.
    worker_prefetch_multiplier=1,
    task_routes={"celery_film.fetch": {"queue": "ltx-fetch"}},
    # Longer than the longest transfer, or the broker delivers it once more (harmless, and for nothing).
    broker_transport_options={**app.conf.broker_transport_options, "visibility_timeout": 6 * 3600},
)


@lru_cache(maxsize=None)
def client() -> ltx_jobs.Client:
    """One for each process of a worker. It submits nothing, so it needs no journal on disk."""
    return ltx_jobs.Client(journal="memory")


@app.task(
    name="celery_film.fetch",
    # Errors that another try may mend: the network, a full disk that somebody empties, another worker at the same files.
    autoretry_for=(ltx_jobs.TransportError, ltx_jobs.NoSpace, ltx_jobs.Locked),
    retry_backoff=True,
    max_retries=10,
)
def fetch(ref: str, dest: str) -> int:
    """Saves a completed job; what is there already is verified and not fetched again."""
    saved = client().job(ref).save(dest)
    return len(saved.paths)


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: celery_film.py PLATES SHOTS", file=sys.stderr)
        return 2
    plates, shots = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    items = ((plate.stem, ltx_jobs.VideoToVideoHdr(video_uri=plate, output_colorspace="acescg")) for plate in sorted(plates.glob("*.mp4")))
    with ltx_jobs.Client() as submitter:
        # Without a dest the batch submits and waits, and saves nothing: an outcome comes when its job is completed.
        with submitter.batch(items, name="reel 2", spend_limit="250", progress=True) as batch:
            for outcome in batch:
                if outcome.state == "completed":
                    fetch.delay(outcome.ref, str(shots / outcome.key))
                print(f"{outcome.key}: {outcome.state} {outcome.error or ''}".rstrip(), flush=True)
    print(batch.summary)
    return 0 if batch.snapshot().all_done else 1


if __name__ == "__main__":
    sys.exit(main())
