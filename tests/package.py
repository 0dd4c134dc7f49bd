"""What is inside a wheel or an sdist that is to be shipped: prints each figure with its limit, and fails when one is beyond it.

    python tests/package.py wheel ltx_jobs-....whl
    python tests/package.py sdist ltx_jobs-....tar.gz
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bindings" / "python"))
import licenses  # noqa: E402

MB = 1_000_000
LICENCES = ["LICENSE-MIT", "LICENSE-APACHE", "bindings/python/THIRD-PARTY.txt"]

wrong: list[str] = []


def figure(name: str, value: object, limit: object = None, fine: bool = True) -> None:
    print(f"{name}: {value}" + (f" (limit {limit})" if limit is not None else ""))
    if not fine:
        wrong.append(name)


def shown(module: pathlib.Path) -> list[str] | None:
    """The names that the module exports; ``None`` where nobody can tell."""
    if sys.platform == "win32":
        return None
    how = ["-gU", "-j"] if sys.platform == "darwin" else ["-D", "--defined-only", "--format=just-symbols"]
    try:
        table = subprocess.run(["nm", *how, module], check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return None
    return sorted(name.lstrip("_") if sys.platform == "darwin" else name for name in table.split())


def places() -> list[bytes]:
    """Paths of the machine that builds, which are in nothing that leaves it."""
    home = pathlib.Path.home()
    cargo = pathlib.Path(os.environ.get("CARGO_HOME") or home / ".cargo")
    rustup = pathlib.Path(os.environ.get("RUSTUP_HOME") or home / ".rustup")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    folders = [str(ROOT), str(cargo / "registry"), str(rustup / "toolchains"), str(target)]
    return [text.encode() for folder in folders for text in (folder, folder.replace("\\", "/"))]


def wheel(path: pathlib.Path) -> None:
    size = path.stat().st_size
    figure("wheel", f"{size / MB:.2f} MB", "6.00 MB", size <= 6 * MB)
    figure("tag", path.stem.split("-", 2)[2], "cp39-abi3 and one platform", "-cp39-abi3-" in path.name)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        info = next(name.split("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        foreign = [name for name in names if not name.startswith(("ltx_jobs/", f"{info}/"))]
        figure("files", f"{len(names)}, {len(foreign)} outside the package", "0 outside", not foreign)
        figure("typed", "py.typed, _native.pyi", None, {"ltx_jobs/py.typed", "ltx_jobs/_native.pyi"} <= set(names))

        lines = [line.rsplit(",", 2) for line in archive.read(f"{info}/RECORD").decode().splitlines()]
        true = [name for name, digest, _ in lines if digest and digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(archive.read(name)).digest()).rstrip(b"=").decode()]
        figure("RECORD", f"{len(true)} of {len(names) - 1} files as it says", "all", len(true) == len(names) - 1)

        kept = [name for name in LICENCES if f"{info}/licenses/{name}" in names]
        notices = archive.read(f"{info}/licenses/{LICENCES[-1]}").decode() if LICENCES[-1] in kept else ""
        # Those of this system are enough here: which are linked on another one is checked against the sources.
        packages = licenses.linked()
        noticed = [package for package in packages if f"\n{package[0]} {package[1]}  " in notices]
        figure("licences", ", ".join(kept), f"{len(LICENCES)} files", kept == LICENCES)
        figure("notices", f"{len(noticed)} of {len(packages)} linked packages", "all", len(noticed) == len(packages))

        boms = [name for name in names if name.startswith(f"{info}/sboms/")]
        bom = json.loads(archive.read(boms[0])) if boms else {}
        components = {component["name"] for component in bom.get("components", [])}
        listed = [name for name, _ in packages if name in components]
        figure("SBOM", f"{bom.get('bomFormat')} {bom.get('specVersion')}, {len(listed)} of {len(packages)} linked packages", "CycloneDX, all",
               bom.get("bomFormat") == "CycloneDX" and len(listed) == len(packages))  # fmt: skip

        found = {place.decode() for name in names for place in places() if place in archive.read(name)}
        figure("paths of this machine", ", ".join(sorted(found)) or "none", "none", not found)

        modules = [name for name in names if re.fullmatch(r"ltx_jobs/_native\.(abi3\.so|pyd)", name)]
        figure("native modules", len(modules), 1, len(modules) == 1)
        with tempfile.TemporaryDirectory() as folder:
            module = pathlib.Path(archive.extract(modules[0], folder))
            exported = shown(module)
            figure("module", f"{module.stat().st_size / MB:.2f} MB")
        if exported is None:
            print("exported names: SKIPPED, no nm here")
        else:
            figure("exported names", ", ".join(exported), "PyInit__native alone", exported == ["PyInit__native"])


def sdist(path: pathlib.Path) -> None:
    size = path.stat().st_size
    figure("sdist", f"{size / MB:.2f} MB", "2.00 MB", size <= 2 * MB)
    with tarfile.open(path) as archive:
        names = {"/".join(name.split("/")[1:]) for name in archive.getnames()}
    needed = ["PKG-INFO", "pyproject.toml", "Cargo.toml", "Cargo.lock", *LICENCES]
    missing = [name for name in needed if name not in names]
    figure("files", f"{len(names)}, missing: {', '.join(missing) or 'none'}", "none missing", not missing)
    built = [name for name in names if name.startswith("target/") or name.endswith((".so", ".pyd", ".whl", ".pyc"))]
    figure("built files", len(built), 0, not built)


if __name__ == "__main__":
    what, file = sys.argv[1:]
    {"wheel": wheel, "sdist": sdist}[what](pathlib.Path(file))
    if wrong:
        sys.exit(f"{file}: {', '.join(wrong)} beyond the limit")
