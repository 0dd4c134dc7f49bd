"""Compiles every program and piece of the guide for C and C++, runs the programs in the order of their page, and compares what they print.

    python tests/guide.py --command target/debug/ltx-jobs --prefix target/c-install [--cmake cmake]

A block with a `main` is a program: it is run in the folder of its page, where a clip lies, against the emulator, and a block marked `text` behind it is what it
prints ("..." stands for anything in a line). Any other block in C or C++ is compiled alone. A block whose first line is a comment with a file's name is also kept
under that name; those called CMakeLists.txt are configured and built at the end.

Needs gcc or clang (CC, CXX), and an installed ltx_jobs.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from snippets import PLATE, ROOT, blocks, emulator, is_as_shown, shown

PAGES = sorted((ROOT / "docs/c").glob("*.md"))
NAME = re.compile(r"^(?://|#) (\S+)\n")
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


class Wrong(Exception):
    """Something on a page is not so."""


def compiled(language: str, source: pathlib.Path, prefix: pathlib.Path, program: "pathlib.Path | None") -> None:
    compiler, standard = {"c": (os.environ.get("CC", "cc"), "-std=c99"), "cpp": (os.environ.get("CXX", "c++"), "-std=c++17")}[language]
    command = [compiler, standard, *STRICT, f"-I{prefix / 'include'}", f"-I{ROOT / 'tests/guide'}", str(source)]
    if language == "c":
        command.append("-D_XOPEN_SOURCE=700")
    if program is None:
        command += ["-c", "-o", os.devnull]
    else:
        command += ["-o", str(program), f"-L{prefix / 'lib'}", "-lltx_jobs", f"-Wl,-rpath,{prefix / 'lib'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Wrong(f"does not compile\n{done.stderr}")


def run(program: pathlib.Path, folder: pathlib.Path, environment: "dict[str, str]", wanted: "str | None") -> None:
    done = subprocess.run([str(program)], cwd=folder, env=environment, timeout=120, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not is_as_shown(done.stdout, wanted or ""):
        raise Wrong(f"exit code {done.returncode}, wanted\n{wanted}and got\n{done.stdout}{done.stderr}")


def built(cmake: str, file: pathlib.Path, prefix: pathlib.Path) -> None:
    build = file.parent / "build"
    for command in ([cmake, "-S", str(file.parent), "-B", str(build), f"-DCMAKE_PREFIX_PATH={prefix}"], [cmake, "--build", str(build)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Wrong(f"{file.name}: {done.stdout}{done.stderr}")


def page(path: pathlib.Path, folder: pathlib.Path, options: argparse.Namespace, environment: "dict[str, str]") -> str:
    prefix = pathlib.Path(options.prefix).resolve()
    shutil.copy(PLATE, folder / "plate.mp4")
    found = blocks(path)
    counts = {"compiled": 0, "run": 0, "built": 0}
    files = []
    for index, block in enumerate(found):
        language, source, line = block.language, block.text, block.line
        try:
            name = NAME.match(source)
            if name:
                kept = folder / name.group(1)
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(source, encoding="utf-8")
                if kept.name == "CMakeLists.txt":
                    files.append((line, kept))
            if language not in ("c", "cpp"):
                continue
            file = folder / f"block{index}.{language}"
            file.write_text(source, encoding="utf-8")
            if re.search(r"\bint main\(", source):
                program = folder / f"program{index}"
                compiled(language, file, prefix, program)
                run(program, folder, environment, shown(found, index))
                counts["run"] += 1
            else:
                compiled(language, file, prefix, None)
            counts["compiled"] += 1
        except Wrong as wrong:
            raise Wrong(f"{path.relative_to(ROOT)}:{line}: {wrong}") from None
    for line, file in files:
        try:
            built(options.cmake, file, prefix)
        except Wrong as wrong:
            raise Wrong(f"{path.relative_to(ROOT)}:{line}: {wrong}") from None
        counts["built"] += 1
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True)
    parser.add_argument("--prefix", default="target/c-install")
    parser.add_argument("--cmake", default="cmake")
    options = parser.parse_args()
    with emulator(options.command) as environment:
        for path in PAGES:
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                try:
                    told = page(path, folder, options, {**environment, "LTX_JOURNAL": str(folder / "journal")})
                except Wrong as wrong:
                    print(wrong, file=sys.stderr)
                    return 1
                print(f"{path.relative_to(ROOT)}: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
