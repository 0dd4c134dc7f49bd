"""The native module as its host sees it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from ltx_jobs import _native


@pytest.mark.skipif(not sys.platform.startswith("linux") or shutil.which("nm") is None, reason="looks at an ELF file with nm")
def test_the_module_shows_its_init_function_and_no_other_name(figure):
    table = subprocess.run(["nm", "-D", "--defined-only", "--format=just-symbols", _native.__file__], check=True, capture_output=True, text=True).stdout
    names = table.split()
    figure("names that the native module exports", len(names), 1)
    assert names == ["PyInit__native"]
