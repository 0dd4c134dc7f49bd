"""One wheel on every Python of this machine from 3.9 on, each with the smoke test; says which were tried, and which are not here.

    python tests/interpreters.py WHEEL [--install]

The wheel is unpacked once, and every interpreter gets the same files. With --install each has a virtual environment of its own, into which its own pip
installs the wheel without an index. Interpreters are looked for in the path (`python3.9` and so on) and under pyenv.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMOKE = ROOT / "tests" / "python" / "smoke.py"

# Those that the package is for, and that exist when this is written.
MINORS = range(9, 16)

ASK = """
import importlib.util, platform, sys, sysconfig
print(sys.executable)
print(platform.python_version(), sys.implementation.name, sysconfig.get_config_var('Py_GIL_DISABLED') or 0, importlib.util.find_spec('ensurepip') is not None)
"""


class Interpreter(NamedTuple):
    version: tuple[int, ...]
    text: str
    program: pathlib.Path
    pip: bool
    """Whether it makes virtual environments with pip."""
    skipped: str
    """Why it is not tried."""


def candidates() -> list[pathlib.Path]:
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv")
    found = sorted(pyenv.glob("versions/*/bin/python3.*"))
    for folder in os.get_exec_path():
        found += [pathlib.Path(folder) / f"python3.{minor}{end}" for minor in MINORS for end in ("", "t", ".exe")]
    # The one that runs this, whatever its name.
    return [path for path in [*found, pathlib.Path(sys.executable)] if re.fullmatch(r"python(3(\.\d+t?)?)?(\.exe)?", path.name) and path.is_file()]


def look(program: pathlib.Path) -> Interpreter | None:
    """What it is; ``None`` when it does not run (a shim of pyenv for a version that is switched off), or is too old."""
    answer = subprocess.run([program, "-I", "-c", ASK], capture_output=True, text=True)
    if answer.returncode != 0:
        return None
    executable, facts = answer.stdout.splitlines()
    text, implementation, without_gil, pip = facts.split()
    version = tuple(int(part) for part in re.findall(r"\d+", text)[:3])
    if version < (3, MINORS.start):
        return None
    skipped = ""
    if implementation != "cpython":
        skipped = f"{implementation}, and the wheel is for CPython"
    elif without_gil != "0":
        text += "t"
        skipped = "free-threaded, and needs a wheel of its own"
    return Interpreter(version, text, pathlib.Path(executable), pip == "True", skipped)


def interpreters() -> list[Interpreter]:
    """One of each version, in order."""
    found: dict[str, Interpreter] = {}
    for program in candidates():
        interpreter = look(program)
        if interpreter is not None:
            found.setdefault(interpreter.text, interpreter)
    return sorted(found.values(), key=lambda one: one.version)


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LTX_", "LTXV_", "PYTHON"))}
    return {**kept, "PYTHONNOUSERSITE": "1", **more}


def installed(interpreter: Interpreter, wheel: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """A Python that has the wheel, put there by the interpreter's own pip."""
    place = folder / interpreter.text
    subprocess.run([interpreter.program, "-m", "venv", place], check=True, env=environment())
    program = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [program, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps", wheel]
    subprocess.run(pip, check=True, env=environment())
    return program


def smoke(program: pathlib.Path, packages: pathlib.Path | None) -> str:
    """What is wrong with it; empty when nothing is."""
    python_path = {} if packages is None else {"PYTHONPATH": str(packages)}
    try:
        ran = subprocess.run([program, SMOKE], capture_output=True, text=True, timeout=180, env=environment(**python_path))
    except subprocess.TimeoutExpired as hung:
        return f"hung for {hung.timeout:.0f} s; it said {hung.stdout!r}"
    if (ran.returncode, ran.stderr) != (0, "") or not ran.stdout.endswith("smoke: fine\n"):
        return f"ended with {ran.returncode}; it said:\n{ran.stdout}{ran.stderr}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    found = interpreters()
    tried, wrong = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if not options.install:
            zipfile.ZipFile(options.wheel).extractall(folder / "packages")
        for interpreter in found:
            without_pip = "has no pip of its own (ensurepip)" if options.install and not interpreter.pip else ""
            if interpreter.skipped or without_pip:
                print(f"Python {interpreter.text}: SKIPPED, {interpreter.skipped or without_pip}", flush=True)
                continue
            began = time.monotonic()
            if options.install:
                trouble = smoke(installed(interpreter, options.wheel.resolve(), folder), None)
            else:
                trouble = smoke(interpreter.program, folder / "packages")
            tried.append(interpreter)
            wrong += [trouble] if trouble else []
            print(f"Python {interpreter.text}: {trouble or 'fine'} ({time.monotonic() - began:.1f} s)", flush=True)
    there = {interpreter.version[1] for interpreter in tried}
    for minor in MINORS:
        if minor not in there:
            print(f"Python 3.{minor}: SKIPPED, not on this machine")
    print(f"interpreters tried: {' '.join(one.text for one in tried)}; {len(tried) - len(wrong)} of {len(tried)} fine (limit all that were found)")
    sys.exit(1 if wrong or not tried else 0)


if __name__ == "__main__":
    main()
