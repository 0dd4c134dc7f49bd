#!/usr/bin/env python3
"""Writes THIRD-PARTY.txt: what the native module of the wheel is linked from, and under which licences.

    python bindings/python/licenses.py [--check | --names]

The texts are those that the packages themselves carry, out of cargo's copies of their sources; equal ones are printed once. The list is the union over all
systems that wheels are built for. --check writes nothing and fails when the file is not what would be written: for releases, which is when a licence that is
not on the list below has to be looked at too. --names is quick and needs no sources but those of a build for this system: it fails when the build links a
package that the file does not have.

A script instead of cargo-about: every one who builds a wheel, from the sdist too, gets the file without installing a tool for it.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = pathlib.Path(__file__).resolve().parent / "THIRD-PARTY.txt"
PACKAGE = ["--package", "ltx-jobs-py", "--features", "command"]

# What may be linked. Whoever adds one has read that it lets us ship binaries with no more than the notice.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0",
    "MPL-2.0", "OpenSSL", "Unicode-3.0", "Unlicense", "Zlib",
}  # fmt: skip

# The names that licences and notices go by.
TEXTS = re.compile(r"(licen[sc]e|copying|copyright|notice|unlicense)([-_.].*)?", re.IGNORECASE)
# The Apache licence, which most packages carry a copy of. Headings and the example behind the terms differ; who filled that in is kept as a text of its own.
APACHE = re.compile(r"\s*(SPDX-License-Identifier: \S+\s+)?Apache License\b.*?1\. Definitions\.(.*?)END OF TERMS AND CONDITIONS(.*)", re.DOTALL)
FILLED_IN = re.compile(r"^\s*Copyright (?!\[yyyy\]|\{yyyy\}).*\d{4}.*$", re.MULTILINE)

HEAD = """\
The native module of the Python package ltx-jobs is linked from the packages of Rust listed here and from the standard library of Rust, beside what is
ltx-jobs' own (see LICENSE-MIT and LICENSE-APACHE). Written by bindings/python/licenses.py; not to be edited.

Where a package offers a choice of licences, it is used under any of them. The numbers are those of the texts below, which are the packages' own.

"""
STANDARD_LIBRARY = ("The standard library of Rust", "MIT OR Apache-2.0", "https://github.com/rust-lang/rust")


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def linked(*more: str) -> list[tuple[str, str]]:
    """Names and versions of the packages of others that the module is linked from."""
    lines = cargo("tree", "--locked", *PACKAGE, "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", *more).splitlines()
    found = {tuple(re.sub(r" \(proc-macro\)| \(\*\)", "", line).split(" ", 2)) for line in lines if line}
    # What lies in this repository has its path behind its version.
    return sorted((each[0], each[1].removeprefix("v")) for each in found if len(each) == 2)


def choices(expression: str) -> set[str]:
    """The single licences in an SPDX expression."""
    return {part.strip() for part in re.split(r"\bAND\b|\bOR\b|/|\(|\)", expression) if part.strip()}


def allowed(expression: str) -> bool:
    """Whether all that has to be met can be: of alternatives one is enough."""
    return all(choices(required) & ALLOWED for required in re.split(r"\bAND\b(?![^()]*\))", expression))


def texts(folder: pathlib.Path) -> list[str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and TEXTS.fullmatch(path.name) and len(path.relative_to(folder).parts) <= 2)
    found = []
    for path in files:
        # Programs and data beside the texts have such names too.
        if path.suffix.lower() in ("", ".md", ".txt", ".mit", ".apache", ".bsd") or path.suffix.lower().startswith((".mit", ".apache")):
            text = "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()).strip("\n")
            if text and text not in found:
                found.append(text)
    return found


def normal(text: str) -> str:
    return re.sub(r"\W+", " ", text.replace("https:", "http:")).strip().lower()


def written() -> str:
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1"))
    known = {(package["name"], package["version"]): package for package in metadata["packages"] if package["source"]}
    refused: list[str] = []
    lines: list[str] = []
    numbers: dict[str, int] = {}
    bodies: list[str] = []

    def number(text: str, key: str = "") -> int:
        # The words decide, not how their lines are broken.
        key = key or normal(text)
        if key not in numbers:
            bodies.append(text)
            numbers[key] = len(bodies)
        return numbers[key]

    def numbered(text: str) -> set[int]:
        apache = APACHE.fullmatch(text)
        if apache is None:
            return {number(text)}
        holders = "\n".join(line.strip() for line in FILLED_IN.findall(apache[3]))
        return {number(text, normal(apache[2]))} | ({number(holders)} if holders else set())

    ours = (ROOT / "LICENSE-APACHE").read_text(encoding="utf-8").strip("\n")
    for name, version in linked("--target", "all"):
        package = known[name, version]
        expression = package["license"] or "see its text"
        if not package["license"] or not allowed(expression):
            refused.append(f"{name} {version}: {expression}")
        found = texts(pathlib.Path(package["manifest_path"]).parent)
        if not found and "Apache-2.0" in choices(expression):
            # The package carries no text; its licence names one.
            found = [ours]
        where = f"  {package['repository']}" if package["repository"] else ""
        by = f"  {', '.join(re.sub(r' *<.*?>', '', author) for author in package['authors'])}" if package["authors"] and not found else ""
        refers = ", ".join(f"[{each}]" for each in sorted(set().union(*map(numbered, found)))) or "no text in the package"
        lines.append(f"{name} {version}  {expression}  {refers}{where}{by}\n")
    title, expression, where = STANDARD_LIBRARY
    lines.append(f"{title}  {expression}  [{min(numbered(ours))}]  {where}\n")
    if refused:
        raise SystemExit("not on the list of licences in this script:\n  " + "\n  ".join(refused))
    rule = "=" * 100
    return HEAD + "".join(lines) + "".join(f"\n{rule}\n[{at}]\n\n{body}\n" for at, body in enumerate(bodies, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--names", action="store_true")
    options = parser.parse_args()
    if options.names:
        listed = FILE.read_text(encoding="utf-8")
        packages = linked()
        missing = [f"{name} {version}" for name, version in packages if f"\n{name} {version}  " not in listed]
        if missing:
            sys.exit(f"{FILE.name} does not have {', '.join(missing)}: run bindings/python/licenses.py")
        print(f"licences of what is linked: {len(packages)} of {len(packages)} packages in {FILE.name} (limit all)")
        return
    text = written()
    if options.check:
        if FILE.read_text(encoding="utf-8") != text:
            sys.exit(f"{FILE.name} is not up to date: run bindings/python/licenses.py")
        print(f"{FILE.name}: up to date")
    else:
        FILE.write_text(text, encoding="utf-8")
        print(f"{FILE}: {len(text)} bytes")


if __name__ == "__main__":
    main()
