"""Subinterpreters: the native module has one state per process, so the import is refused there, in words, and the interpreter goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ltx_jobs

PROGRAM = """
import sys
sys.path.insert(0, {place!r})
if {before}:
    import ltx_jobs
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
import sys
sys.path.insert(0, {place!r})
try:
    import ltx_jobs
except ImportError as error:
    print(f"refused: {{error}}")
else:
    print("not refused")
print("it goes on")
'''
own = interpreters.create(*{config!r})
failed = interpreters.run_string(own, code)
assert not failed, failed
interpreters.destroy(own)
if {before}:
    print(ltx_jobs.Status("pending"))
"""

# Where there are several, mod_wsgi's and those of `_interpreters` differ in what they share.
CONFIGS = {"3.9": [()], "3.11": [()], "3.12": [()], "3.13": [("isolated",), ("legacy",)]}


def interpreter(version: str) -> str | None:
    """A Python of this version: this one, one on the path, or one of pyenv."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    programs = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    # A shim on the path may stand for an interpreter that is not there.
    return next((program for program in programs if program and subprocess.run([program, "-c", "pass"], capture_output=True).returncode == 0), None)


@pytest.mark.parametrize("version", CONFIGS)
@pytest.mark.parametrize("before", [False, True], ids=["alone", "imported in the main interpreter before"])
def test_the_import_in_a_subinterpreter_is_refused_in_words(version, before):
    program = interpreter(version)
    if program is None:
        pytest.skip(f"there is no Python {version} here")
    for config in CONFIGS[version]:
        code = PROGRAM.format(place=str(Path(ltx_jobs.__file__).parents[1]), before=before, config=config)
        ended = subprocess.run([program, "-c", code], capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        refused, *rest = ended.stdout.splitlines()
        assert refused.startswith("refused: ltx_jobs works in the main interpreter only") and "mod_wsgi" in refused, refused
        assert rest == ["it goes on", "pending"][: 1 + before]
