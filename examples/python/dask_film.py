"""A film on a Dask cluster: this program submits, the workers bring the frames home.

    LTXV_API_KEY=... python dask_film.py tcp://scheduler:8786 plates /shots
    LTXV_API_KEY=... python dask_film.py local plates shots          # a cluster of two processes on this machine

The workers need ltx-jobs and LTXV_API_KEY in their own environment, and see the directory for the shots under the same name. Run it again after a crash, of
this program or of the cluster: what is saved is skipped, what runs is waited for, and nothing is paid twice.
"""

import sys
from pathlib import Path

import distributed
import ltx_jobs
import ltx_jobs.dask


def main() -> int:
    if len(sys.argv) != 4:
        print("usage: dask_film.py SCHEDULER|local PLATES SHOTS", file=sys.stderr)
        return 2
    address, plates, shots = sys.argv[1:]
    items = ((plate.stem, ltx_jobs.VideoToVideoHdr(video_uri=plate, output_colorspace="acescg")) for plate in sorted(Path(plates).glob("*.mp4")))
    with ltx_jobs.Client() as client, connect(address) as cluster:
        with ltx_jobs.dask.batch(client, items, cluster=cluster, name="reel 2", dest=shots, spend_limit="250", progress=True) as batch:
            for outcome in batch:
                print(f"{outcome.key}: {outcome.state} {outcome.error or ''}".rstrip(), flush=True)
    print(batch.summary)
    return 0 if batch.snapshot().all_done else 1


def connect(address: str) -> distributed.Client:
    if address == "local":
        return distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None)
    return distributed.Client(address)


if __name__ == "__main__":
    sys.exit(main())
