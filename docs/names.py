"""A hook of mkdocs: a public name in code, such as `Client.submit`, leads to its place in the reference, on the pages and in the docstrings alike.

The names are those of `ltx_jobs.__all__`, read without importing it: pages are built where there is no native module.
"""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What stays as it is (a link, a heading), or a name in code.
PIECES = re.compile(r"<a\b.*?</a>|<h[1-6]\b.*?</h[1-6]>|<pre\b.*?</pre>|<code>(?:ltx_jobs\.)?([A-Za-z_]\w*(?:\.[a-z_]\w*)?)(?:\(\))?</code>", re.DOTALL)


def public_names() -> "list[str]":
    """The names of `ltx_jobs.__all__`."""
    module = ast.parse((ROOT / "python/ltx_jobs/__init__.py").read_text(encoding="utf-8"))
    for part in module.body:
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name) and part.targets[0].id == "__all__":
            names: "list[str]" = ast.literal_eval(part.value)
            return names
    raise LookupError("ltx_jobs has no __all__")


PLACES = {**{name: f"ltx_jobs.{name}" for name in public_names()}, "Emulator": "ltx_jobs.testing.Emulator"}


def linked(piece: "re.Match[str]") -> str:
    name = piece.group(1)
    if name is None:
        return piece.group()
    root, _, member = name.partition(".")
    place = PLACES.get(root)
    if place is None:
        return piece.group()
    identifier = f"{place}.{member}" if member else place
    return f'<autoref identifier="{identifier}" optional>{piece.group()}</autoref>'


def on_page_content(html: str, **_: object) -> str:
    return PIECES.sub(linked, html)
