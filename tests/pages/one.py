"""Runs the blocks of one page, in the folder it is started in; see `pages.py`.

In the folder are `plate.mp4` and `plates/sh010.mp4` to `sh030.mp4` (H.264 with 24 frames), `still.png` and `voice.m4a`. The environment has the key and address of
an emulator of the page's own, short intervals, and a journal in the folder. `ltx-jobs` is the command that was built, `python` the interpreter that runs this.
"""

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "hosts")]

from snippets import PLATE, ROOT, Block, blocks, is_as_shown, shown  # noqa: E402

from ltx_jobs.testing import Emulator  # noqa: E402

MEDIA = ROOT / "crates/ltx-jobs/tests/media"


class Wrong(Exception):
    """A block of the page does not do what the page says."""


def lay_out(folder: pathlib.Path, emulator: Emulator) -> None:
    """What a page finds: clips in its folder, commands in its path, the emulator in its environment."""
    shutil.copy(PLATE, folder / "plate.mp4")
    (folder / "plates").mkdir()
    for shot in ("sh010", "sh020", "sh030"):
        shutil.copy(PLATE, folder / f"plates/{shot}.mp4")
    shutil.copy(MEDIA / "still.png", folder / "still.png")
    shutil.copy(MEDIA / "aac.m4a", folder / "voice.m4a")
    commands = folder / ".commands"
    commands.mkdir()
    (commands / "ltx-jobs").symlink_to(os.environ["LTX_JOBS_COMMAND"])
    (commands / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (commands / "python").chmod(0o755)
    os.environ.update(
        PATH=f"{commands}{os.pathsep}{os.environ['PATH']}",
        LTXV_API_KEY=emulator.api_key,
        LTX_BASE_URL=emulator.base_url,
        LTX_POLL_INTERVAL="20ms",
        LTX_BACKOFF_BASE="5ms",
        LTX_BACKOFF_CAP="50ms",
        LTX_JOURNAL=str(folder / ".journal"),
    )


def press_ctrl_c_once_polled(emulator: Emulator) -> threading.Thread:
    """Sends SIGINT to this process as soon as a job of the block has been asked for a few times."""
    before = emulator.count("GET", "/v2/*")

    def press() -> None:
        limit = time.monotonic() + 30
        while emulator.count("GET", "/v2/*") < before + 3 and time.monotonic() < limit:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    return thread


class Page:
    """A page whose blocks share their variables, as those of a notebook do."""

    def __init__(self, path: pathlib.Path, folder: pathlib.Path, emulator: Emulator) -> None:
        self.path = path
        self.folder = folder
        self.emulator = emulator
        self.module = types.ModuleType("__main__")
        # What pickles a class or a function of the page looks for it there.
        sys.modules["__main__"] = self.module
        self.counts = {"run": 0, "kept": 0, "not run": 0}
        # Names of what the blocks need and is not installed.
        self.missing: "set[str]" = set()

    def python(self, block: Block, until: "str | None") -> str:
        """Runs a block and gives what it printed."""
        # The lines of a traceback are those of the page.
        source = "\n" * block.line + block.text
        code = compile(source, str(self.path.relative_to(ROOT)), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(typing.cast("typing.Coroutine[None, None, None]", eval(code, self.module.__dict__)))
            else:
                exec(code, self.module.__dict__)
            if until is not None:
                import event_loop

                event_loop.run_until(lambda: bool(eval(until, self.module.__dict__)))
        return printed.getvalue()

    def process(self, command: "list[str]") -> str:
        done = subprocess.run(command, cwd=self.folder, timeout=60, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Wrong(f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def check_only(self, block: Block) -> None:
        if block.language == "python":
            compile(block.text, str(self.path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        else:
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)

    def block(self, block: Block, wanted: "str | None") -> None:
        what, _, value = (block.mark or "").partition(": ")
        why = value if what == "not run" else f"{block.missing} is not there" if block.missing else None
        if why is not None:
            self.check_only(block)
            self.counts["not run"] += 1
            self.missing.update([block.missing] if block.missing else [])
            print(f"{self.path.relative_to(ROOT)}:{block.line}: NOT RUN, {why}")
            return
        if block.title is not None:
            kept = self.folder / block.title
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(block.text, encoding="utf-8")
            self.counts["kept"] += 1
            return
        if block.language not in ("python", "sh"):
            return
        if what == "emulator":
            self.emulator.reset(json.loads(value))
        elif what == "fault":
            self.emulator.push_fault(**json.loads(value))
        elif what not in ("", "needs", "program", "ctrl-c", "until"):
            raise Wrong(f"nobody knows the mark {block.mark!r}")
        pressed = press_ctrl_c_once_polled(self.emulator) if what == "ctrl-c" else None
        if block.language == "sh":
            printed = self.process(["bash", "-euo", "pipefail", "-c", block.text])
        elif what == "program":
            (self.folder / "program.py").write_text(block.text, encoding="utf-8")
            printed = self.process([sys.executable, "program.py"])
        else:
            printed = self.python(block, value if what == "until" else None)
        if pressed is not None:
            pressed.join()
        if wanted is not None and not is_as_shown(printed, wanted):
            raise Wrong(f"should print\n{wanted}and printed\n{printed}")
        self.counts["run"] += 1

    def all(self) -> None:
        """Runs all of it.

        Raises:
            Wrong: It is not as the page says; with the place.
        """
        found = blocks(self.path)
        for index, block in enumerate(found):
            try:
                self.block(block, shown(found, index))
                if block.title is not None and not any(pathlib.Path(block.title).stem in later.text for later in found[index + 1 :]):
                    raise Wrong(f"nothing on the page uses {block.title}")
            except KeyboardInterrupt:
                raise Wrong(f"{self.path.relative_to(ROOT)}:{block.line}: Ctrl-C came out of it") from None
            except Wrong as wrong:
                raise Wrong(f"{self.path.relative_to(ROOT)}:{block.line}: {wrong}") from None
            except Exception:
                raise Wrong(f"{self.path.relative_to(ROOT)}:{block.line}: it raised\n{traceback.format_exc()}") from None
        # A page about another package has nothing to run where that is not installed; each of its blocks has said so.
        if self.counts["run"] == 0 and not self.missing:
            raise Wrong(f"{self.path.relative_to(ROOT)}: no snippet of it was run")


def main() -> int:
    path, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path.cwd()
    # As a program in the folder would find its neighbours.
    sys.path.insert(0, str(folder))
    with Emulator() as emulator:
        lay_out(folder, emulator)
        page = Page(path, folder, emulator)
        try:
            page.all()
        except Wrong as wrong:
            print(wrong, file=sys.stderr)
            return 1
    print(f"{path.relative_to(ROOT)}: {', '.join(f'{count} {what}' for what, count in page.counts.items() if count)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
