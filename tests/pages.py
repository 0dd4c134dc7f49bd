"""Runs every snippet of the documentation of the Python package against the emulator, and checks that its reference is complete.

    python tests/pages.py --command target/debug/ltx-jobs [PAGE ...]

The blocks of a page in Python and in shell are run in their order, in one process and one folder, where clips lie (`pages/one.py` does that, and says what there
is). A block marked `text` behind one is what it prints. A comment in the line before a block, which readers do not see, says what is special about it:

    <!-- not run: REASON -->        compiled and type-checked only; the reason is part of the result
    <!-- needs: NAME -->            run where this module, or this name of a module, is there; else as above
    <!-- emulator: PROGRAMME -->    first the emulator is reset to this programme (JSON)
    <!-- fault: FAULT -->           first this fault is added to it (JSON)
    <!-- program -->                run as a program of its own, as a reader would who copies it out of the page
    <!-- ctrl-c -->                 Ctrl-C is pressed once the service has been polled
    <!-- until: EXPRESSION -->      the event loop of the host runs until this is true

A block with `title="NAME"` is kept under that name and not run; some later block of its page has to use it. Every block in Python is type-checked with mypy as
well, all of a page together, with the line numbers of the page. A page of which no snippet is run fails, unless it is one of the reference, or all that it shows
needs what is not installed.

Needs the ltx_jobs package and what tests/requirements.txt lists in the interpreter that runs it, and no network.
"""

import argparse
import ast
import concurrent.futures
import inspect
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from snippets import ROOT, blocks

HERE = pathlib.Path(__file__).resolve().parent
DOCS = ROOT / "docs/python"
DIRECTIVE = re.compile(r"^::: (\S+)$", re.MULTILINE)
# A row of the table of errors: class, number, kind.
ERROR = re.compile(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \|", re.MULTILINE)


def run(page: pathlib.Path, command: str) -> "tuple[int, str]":
    """Runs the blocks of a page in a process of their own; the exit code, and what there is to tell."""
    with tempfile.TemporaryDirectory(prefix="ltx-page-") as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LTX_", "LTXV_"))}
        environment["LTX_JOBS_COMMAND"] = str(pathlib.Path(command).resolve())
        try:
            done = subprocess.run(
                [sys.executable, str(HERE / "pages/one.py"), str(page)], cwd=folder, env=environment, timeout=120, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired as late:
            output = late.stdout or b""
            return 1, f"{page.relative_to(ROOT)}: has not ended after {late.timeout:.0f} s\n{output if isinstance(output, str) else output.decode()}"
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")


def typed(pages: "list[pathlib.Path]") -> "tuple[int, str]":
    """Checks the blocks in Python with mypy: a module per page, in which each line stands where it stands on the page."""
    with tempfile.TemporaryDirectory(prefix="ltx-types-") as name:
        folder = pathlib.Path(name)
        modules = {}
        for page in pages:
            lines: "list[str]" = []
            for block in blocks(page):
                # What this version of the package has not is in its types neither.
                if block.language == "python" and not (block.missing or "").startswith("ltx_jobs."):
                    lines += [""] * (block.line - len(lines))
                    lines += block.text.splitlines()
            module = folder / (str(page.relative_to(DOCS).with_suffix("")).replace(os.sep, "_").replace("-", "_") + "_page.py")
            module.write_text("\n".join(lines) + "\n", encoding="utf-8")
            modules[module.name] = str(page.relative_to(ROOT))
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--config-file", str(HERE / "pages/mypy.ini"), "--cache-dir", str(ROOT / "target/mypy-pages"), *modules],
            cwd=folder,
            env={**os.environ, "MYPYPATH": os.pathsep.join([str(ROOT / "python"), str(HERE / "pages/hosts")])},
            capture_output=True,
            text=True,
            check=False,
        )
    told = done.stdout + done.stderr
    for module, source in modules.items():
        told = told.replace(module, source)
    return done.returncode, f"types of {len(pages)} pages: {told}"


def names_of(module: pathlib.Path) -> "list[str]":
    """What a module says is public, without importing it: it may need what is not there."""
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "__all__" for target in statement.targets):
            return list(ast.literal_eval(statement.value))
    return []


def missing_from_the_reference(pages: "list[pathlib.Path]") -> "list[str]":
    """What is public and not in the reference, or is there and is not so."""
    import ltx_jobs
    import ltx_jobs.testing

    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    told = [name for text in texts.values() for name in DIRECTIVE.findall(text)]
    public = {f"ltx_jobs.{name}" for name in ltx_jobs.__all__ if name != "__version__"}
    public |= {f"ltx_jobs.testing.{name}" for name, value in vars(ltx_jobs.testing).items() if inspect.isclass(value) and value.__module__ == "ltx_jobs.testing"}
    public |= {f"ltx_jobs.dask.{name}" for name in names_of(ROOT / "python/ltx_jobs/dask.py")}
    wrong = [f"{name} is public, and not in the reference" for name in sorted(public - set(told))]
    wrong += [f"{name} is in the reference, and not public" for name in sorted(set(told) - public)]
    wrong += [f"{name} is in the reference {told.count(name)} times" for name in sorted(set(told)) if told.count(name) > 1]
    rows = {name: (int(number), kind) for text in texts.values() for name, number, kind in ERROR.findall(text)}
    classes = {name: value for name, value in vars(ltx_jobs).items() if inspect.isclass(value) and issubclass(value, ltx_jobs.Error) and value.number}
    wrong += [
        f"{name} has {rows.get(name)} in the table of errors, not {kind.number, kind.kind}"
        for name, kind in classes.items()
        if rows.get(name) != (kind.number, kind.kind)
    ]
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True)
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    began = time.monotonic()
    all_pages = sorted(DOCS.rglob("*.md"))
    reference = [page for page in all_pages if DIRECTIVE.search(page.read_text(encoding="utf-8"))]
    chosen = [page.resolve() for page in options.pages] or [page for page in all_pages if page not in reference and page.parent.name != "reference"]
    failed = missing_from_the_reference(reference)
    for line in failed:
        print(line, file=sys.stderr)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(typed, chosen), *(pool.submit(run, page, options.command) for page in chosen)]
        for task in concurrent.futures.as_completed(tasks):
            code, told = task.result()
            print(told.rstrip("\n"), file=sys.stderr if code else sys.stdout, flush=True)
            if code:
                failed.append(told)
    print(f"pages for Python: {len(chosen)} pages, {len(failed)} failed (limit 0), {time.monotonic() - began:.0f} s (goal 60)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
