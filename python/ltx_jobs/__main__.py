"""``python -m ltx_jobs`` and the console script ``ltx-jobs``: the command, run in this process by the native module."""

from __future__ import annotations

import signal
import sys

from ._native import run_command


def main() -> int:
    """Runs the command with the arguments of this process and gives its exit code."""
    # The command listens for Ctrl-C itself; Python's handler would only note it for later.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = run_command(["ltx-jobs", *sys.argv[1:]])
    if code is None:
        print("ltx-jobs: this build of the Python package has no command; install the wheel, or `cargo install ltx-jobs-cli`", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
