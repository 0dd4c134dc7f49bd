"""Runs the programs in README.md against the emulator, as a reader would: copied out of the page into an empty folder with a clip.

    python tests/readme.py --command target/debug/ltx-jobs --library target/debug --include include [--only python,c,cpp]

Needs the ltx_jobs package in the interpreter that runs it, and gcc or clang (CC, CXX). The Rust program is compiled by `cargo test --doc`.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from snippets import PLATE, ROOT, blocks, emulator

# What every program says at its end.
SAID = r"^(\d+ files, \d+ bytes|(\d+) items, \2 saved, USD [\d.]+)\n\Z"


def build(language: str, text: str, folder: pathlib.Path, options: argparse.Namespace) -> "list[str]":
    """The command that runs the program, after compiling it where that is needed."""
    if language == "python":
        (folder / "program.py").write_text(text, encoding="utf-8")
        return [sys.executable, "program.py"]
    source = folder / f"program.{language}"
    source.write_text(text, encoding="utf-8")
    compiler, standard = {
        "c": (os.environ.get("CC", "cc"), "-std=c99"),
        "cpp": (os.environ.get("CXX", "c++"), "-std=c++17"),
    }[language]
    library = pathlib.Path(options.library).resolve()
    subprocess.run(
        [compiler, standard, "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{pathlib.Path(options.include).resolve()}", str(source), "-o", str(folder / "program"),
         f"-L{library}", "-lltx_jobs", f"-Wl,-rpath,{library}"],
        check=True,
    )
    return ["./program"]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True)
    parser.add_argument("--library", default="target/debug")
    parser.add_argument("--include", default="include")
    parser.add_argument("--only", default="python,c,cpp")
    options = parser.parse_args()

    with emulator(options.command) as environment:
        for language in options.only.split(","):
            programs = [block.text for block in blocks(ROOT / "README.md") if block.language == language]
            if not programs:
                print(f"README.md has no program in {language}", file=sys.stderr)
                return 1
            for text in programs:
                with tempfile.TemporaryDirectory() as name:
                    folder = pathlib.Path(name)
                    shutil.copy(PLATE, folder / "plate.mp4")
                    done = subprocess.run(build(language, text, folder, options), cwd=folder, env=environment, timeout=120, capture_output=True, text=True, check=False)
                    frames = sorted((folder / "shots").rglob("*.exr"))
                    if done.returncode != 0 or not frames or not re.search(SAID, done.stdout, re.MULTILINE):
                        print(f"README.md, {language}: exit code {done.returncode}, {len(frames)} frames\n{done.stdout}{done.stderr}", file=sys.stderr)
                        return 1
                    print(f"README.md, {language}: {done.stdout.splitlines()[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
