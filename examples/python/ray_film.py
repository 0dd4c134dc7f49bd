"""A film with Ray: this program submits, and tasks anywhere on the cluster bring the frames home by reference.

    LTXV_API_KEY=... python ray_film.py plates /shots

The machines of the cluster need ltx-jobs, LTXV_API_KEY in the environment that `ray start` was run in, and /shots. The key goes into no task, no
`runtime_env` and no argument: Ray keeps and shows those. Run it again after a crash: nothing is paid twice, and what is on disk is not fetched again.
"""

import sys
from pathlib import Path
from typing import Any

import ltx_jobs
import ray


# A task whose worker or machine died is run again, as often as it takes: it fetches by reference. It waits for the network, not for a processor.
@ray.remote(max_retries=-1, retry_exceptions=[ltx_jobs.TransportError], num_cpus=0.25)
def fetch(ref: str, dest: str) -> int:
    """Saves a completed job; what is there already is verified and not fetched again."""
    # It submits nothing, so it needs no journal on disk.
    with ltx_jobs.Client(journal="memory") as client:
        return len(client.job(ref).save(dest).paths)


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: ray_film.py PLATES SHOTS", file=sys.stderr)
        return 2
    plates, shots = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    items = ((plate.stem, ltx_jobs.VideoToVideoHdr(video_uri=plate, output_colorspace="acescg")) for plate in sorted(plates.glob("*.mp4")))
    ray.init(log_to_driver=False)
    fetching: dict[Any, str] = {}
    # Only here is anything submitted: a task may be run twice, and this program is not.
    with ltx_jobs.Client() as submitter:
        with submitter.batch(items, name="reel 2", spend_limit="250", progress=True) as batch:
            for outcome in batch:
                if outcome.state == "completed":
                    fetching[fetch.remote(outcome.ref, str(shots / outcome.key))] = outcome.key
                else:
                    print(f"{outcome.key}: {outcome.state} {outcome.error or ''}".rstrip(), flush=True)
    while fetching:
        (ended,), _ = ray.wait(list(fetching))
        print(f"{fetching.pop(ended)}: {ray.get(ended)} files", flush=True)
    print(batch.summary)
    return 0 if batch.snapshot().all_done else 1


if __name__ == "__main__":
    sys.exit(main())
