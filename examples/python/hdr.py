"""From a clip to HDR frames on disk: submit, wait, download.

    LTXV_API_KEY=... python hdr.py plate.mp4 shots/010

Run it again after a crash or Ctrl-C with the reference it printed instead of the clip; files that are complete are not fetched twice.
"""

import sys
from pathlib import Path

import ltx_jobs


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: hdr.py CLIP|REFERENCE DIRECTORY", file=sys.stderr)
        return 2
    source, directory = sys.argv[1:]
    with ltx_jobs.Client() as client:
        try:
            if Path(source).is_file():
                job = client.video_to_video_hdr(video_uri=Path(source), output_colorspace="acescg", progress=True)
                print(f"submitted: {job.ref}", flush=True)
            else:
                job = client.job(source)
            done = job.wait(timeout=1800, progress=True)
            saved = done.download(directory, progress=True)
        except ltx_jobs.SubmitUnknown as error:
            print(f"look at the account before you submit again: {error}", file=sys.stderr)
            return 1
        except ltx_jobs.JobFailed as error:
            print(f"the service gave the job up and does not bill it: {error.kind}: {error.message}", file=sys.stderr)
            return 1
        except ltx_jobs.Error as error:
            print(error, file=sys.stderr)
            return 1
    frames = [path for path in saved.paths if path.suffix == ".exr"]
    print(f"{len(frames)} frames, {len(saved.paths)} files, {saved.bytes} bytes in {saved.elapsed:.1f} s under {directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
