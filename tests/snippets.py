"""The fenced blocks of Markdown pages, what a page says that they print, and the emulator that they talk to. For `readme.py`, `guide.py` and `pages.py`."""

import collections.abc
import contextlib
import dataclasses
import importlib
import json
import os
import pathlib
import re
import subprocess
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLATE = ROOT / "crates/ltx-jobs-cli/assets/plate.mp4"

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (.+?) -->\n *\Z")
TITLE = re.compile(r'\btitle="([^"]+)"')


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    text: str
    line: int
    """The line of its fence, from 1."""
    title: "str | None"
    """The file that it is the content of, from ``title="..."``."""
    mark: "str | None"
    """What the comment in the line before it says; readers do not see it."""

    @property
    def missing(self) -> "str | None":
        """What it needs, by its mark ``needs: NAME``, and what is not there."""
        what, _, name = (self.mark or "").partition(": ")
        return name if what == "needs" and not is_there(name) else None


def blocks(page: pathlib.Path) -> "list[Block]":
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        title = TITLE.search(fence["info"])
        mark = MARK.search(text, 0, fence.start())
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(fence["language"], textwrap.dedent(fence["text"]), line, title and title.group(1), mark and mark.group(1)))
    return found


def shown(all_blocks: "list[Block]", index: int) -> "str | None":
    """What a block prints, as the page says: the block marked `text` behind it."""
    behind = all_blocks[index + 1] if index + 1 < len(all_blocks) else None
    return behind.text if behind and behind.language == "text" else None


def is_as_shown(printed: str, wanted: str) -> bool:
    """Whether it printed what the page shows; "..." stands for anything in a line, and alone in its line for any lines."""
    lines = []
    for line in wanted.splitlines(keepends=True):
        lines.append("(.*\n)*" if line.strip() == "..." else ".*".join(re.escape(part) for part in line.split("...")))
    return re.fullmatch("".join(lines), printed) is not None


def is_there(name: str) -> bool:
    """Whether a module can be imported, or has what is named in it."""
    module, attributes = name, []
    while True:
        try:
            value: object = importlib.import_module(module)
            break
        except ImportError:
            module, _, attribute = module.rpartition(".")
            if not module:
                return False
            attributes.insert(0, attribute)
    for attribute in attributes:
        if not hasattr(value, attribute):
            return False
        value = getattr(value, attribute)
    return True


@contextlib.contextmanager
def emulator(command: str) -> "collections.abc.Iterator[dict[str, str]]":
    """The environment of a program that talks to an emulator, which runs as long."""
    process = subprocess.Popen([command, "emulate", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    address = json.loads(process.stdout.readline())
    try:
        yield {
            **os.environ,
            "LTXV_API_KEY": address["api_key"],
            "LTX_BASE_URL": address["api_url"],
            "LTX_POLL_INTERVAL": "20ms",
        }
    finally:
        process.stdin.close()
        process.wait(timeout=30)
