"""What notebooks show: a table for a value, a small player for a saved video, a strip of pictures for frames.

Every text is escaped; no signed address and no key is in any of it. Nothing here raises for what it shows: what cannot be pictured is a table. Only the
frames of a `Completed` are fetched for it, a few of them, within `MOST_FETCHED` and `MOST_SECONDS`; Ctrl-C ends that as it ends any call.
"""

from __future__ import annotations

import os
import time
from html import escape

from ._errors import Error
from ._measures import duration, size
from ._wait import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from ._batch_outcome import BatchProgress
    from ._frames import BaseFrame, BaseFrames, Frame
    from ._completed import BaseCompleted
    from ._job import BaseJob
    from ._models import Checked, Rehosted, Saved, Value
    from ._progress import Shown

# Pictures in a strip.
PICTURES = 6

# Bytes of frames that one strip may fetch: one 4K frame without compression is 50 MB.
MOST_FETCHED = 64_000_000

# Seconds after which a strip gives way to a table.
MOST_SECONDS = 20.0

# Lines of a list before the rest is only counted.
LINES = 20

# A larger video is named, not shown.
MOST_PLAYED = 50_000_000

# Pictures and players as wide as they are of use beside a program.
PICTURE = "width:160px;image-rendering:auto"
PLAYER = "max-width:480px"

# Where a number is a size, and where it is a time.
SIZES = ("bytes", "bytes_done", "bytes_total", "size")
TIMES = ("elapsed", "unreachable")


def value(shown: Value) -> str:
    """Any value: its fields, one a line; what is not there is left out."""
    rows = [(name.replace("_", " "), _text(name, field)) for name, field in shown._fields() if field is not None and field != ()]
    return _pairs(type(shown).__name__, rows)


def job(shown: BaseJob) -> str:
    """A job, as far as it is known. Asks nobody, and makes no client for one from a pickle."""
    rows = [("endpoint", shown.endpoint), ("id", shown.id)]
    if not shown.id:
        rows = [("reference", shown.ref)]
    if shown.label:
        rows.append(("label", shown.label))
    rows.append(("state", shown._state()))
    known = shown._known()
    if known is not None:
        if known.created_at is not None:
            rows.append(("created", _moment(known.created_at)))
        if known.last_contact is not None:
            rows.append(("last contact", _moment(known.last_contact)))
        if known.unreachable_since is not None:
            rows.append(("not reachable since", _moment(known.unreachable_since)))
        if known.last_error is not None:
            rows.append(("error", _text("error", known.last_error)))
        rows.extend(("warning", warning) for warning in known.warnings)
    dest = shown.dest
    if dest is not None:
        rows.append(("meant for", str(dest.dir)))
    return _pairs(type(shown).__name__, rows)


def completed(shown: BaseCompleted[Any], ref: str) -> str:
    """The outputs, by label and by the file's name on the storage; never by their addresses."""
    rows = [(label, output._place.rpartition("/")[2]) for label, output in shown.outputs.items()]
    about = [ref]
    if shown.completed_at is not None:
        about.append(f"completed {_moment(shown.completed_at)}")
    if shown.outputs_expire_at is not None:
        about.append(f"addresses of the outputs until {_moment(shown.outputs_expire_at)}")
    return _table(", ".join(about), ("output", "file"), rows)


def saved(shown: Saved) -> str:
    """Videos as players where a notebook can reach them, EXR frames as a strip, and a list of the rest."""
    about = f"{len(shown.paths)} files, {size(shown.bytes)}, {shown.elapsed:.1f} s"
    parts: list[str] = []
    listed: list[Path] = []
    pictured: list[Path] = []
    for path in shown.paths:
        source = _played(path)
        if source is not None:
            parts.append(f'<video controls preload="metadata" style="{PLAYER}" src="{escape(source)}"></video><div>{escape(str(path))}</div>')
        elif path.suffix.lower() == ".exr":
            pictured.append(path)
        else:
            listed.append(path)
    strip = _strip_of_files(pictured)
    if strip is None:
        listed = [*pictured, *listed]
    else:
        parts.append(strip)
    if listed:
        parts.append(_table(None, ("file", "size"), [(str(path), _size_of(path)) for path in listed[:LINES]], more=len(listed) - LINES))
    return f"<div>{escape(about)}</div>{''.join(parts)}"


def rehosted(shown: Rehosted) -> str:
    """The objects in the store."""
    about = f"{len(shown.objects)} objects, {size(shown.bytes)}, {shown.elapsed:.1f} s"
    rows = [(one.url, size(one.bytes)) for one in shown.objects[:LINES]]
    return _table(about, ("object", "size"), rows, more=len(shown.objects) - LINES)


def checked(shown: Checked) -> str:
    """Findings first, for they are what is looked for; then the settings."""
    findings = [(one.what, one.state.value, one.detail) for one in shown.findings]
    settings = [(one.key, one.value, one.origin) for one in shown.settings]
    return _table(None, ("part", "state", "found"), findings) + _table(None, ("setting", "value", "from"), settings)


def batch(shown: BatchProgress) -> str:
    """The account, and how many items are where."""
    now = [(name, str(getattr(shown, name))) for name in ("queued", "submitting", "running", "saving")]
    ended = [(state.value.replace("_", " "), str(count)) for state, count in shown.ended]
    rows = [("items", str(shown.items)), *((name, count) for name, count in [*now, *ended] if count != "0")]
    rows += [("bytes saved", size(shown.bytes)), ("elapsed", duration(shown.elapsed))]
    if shown.committed:
        rows.append(("committed", f"USD {shown.committed}"))
    if shown.paused:
        rows.append(("paused", shown.paused))
    return _pairs(shown.account, rows)


def failure(name: str, error: Error) -> str:
    """Something that cannot be looked at here."""
    return _pairs(name, [("error", _text("error", error))])


def settings(name: str, rows: Iterable[tuple[str, str, str]]) -> str:
    """A client."""
    return _table(name, ("setting", "value", "from"), rows)


def frame_list(shown: BaseFrames[Any], why: str | None = None) -> str:
    """Names and sizes, from memory."""
    frames: Sequence[BaseFrame] = [shown[place] for place in range(min(len(shown), LINES))]
    rows = [("" if frame.number is None else str(frame.number), frame.name, size(frame.size)) for frame in frames]
    about = shown._account() if why is None else f"{shown._account()} ({why})"
    return _table(about, ("number", "name", "size"), rows, more=len(shown) - LINES)


def frame_strip(shown: BaseFrames[Frame]) -> str:
    """A few frames spread over the list, as pictures; else their list. What was pictured once is not fetched again."""
    from . import _thumbnails

    if not len(shown):
        return frame_list(shown)
    if not _thumbnails.can_be_made():
        return frame_list(shown, "with numpy and OpenEXR installed, there are pictures here")
    chosen = _affordable(shown)
    if not chosen:
        return frame_list(shown, f"no pictures: a frame is larger than {size(MOST_FETCHED)}")
    try:
        pictures, fetched = _fetched(chosen)
    except Exception as error:  # noqa: BLE001
        # A cell that shows a list must not fail for a picture.
        return frame_list(shown, f"no pictures: {_text('error', error)}")
    about = f"{shown._account()}; for these pictures {f'{size(fetched)} were fetched' if fetched else 'nothing was fetched again'}"
    names = [frame.name for frame in chosen]
    return f"<div>{escape(about)}</div>{_strip(zip(pictures, names))}"


def _affordable(shown: BaseFrames[Frame]) -> list[Frame]:
    """As many frames, spread over the list, as may be fetched."""
    from ._thumbnails import spread

    for most in range(min(PICTURES, len(shown)), 0, -1):
        chosen = [shown[place] for place in spread(len(shown), most)]
        if sum(frame.size for frame in chosen if frame.index not in frame._archive.pictures) <= MOST_FETCHED:
            return chosen
    return []


def _fetched(chosen: Iterable[Frame]) -> tuple[list[bytes], int]:
    """The pictures, and how many bytes of frames were fetched for them."""
    from io import BytesIO

    from ._thumbnails import thumbnail

    fetched, limit = 0, _Limit()
    pictures: list[bytes] = []
    for frame in chosen:
        archive = frame._archive
        picture = archive.pictures.get(frame.index)
        if picture is None:
            data = run(archive.reading(frame.index), archive.client, reporter=limit, job=archive.job)
            fetched += len(data)
            with BytesIO(data) as file:
                picture = archive.pictures[frame.index] = thumbnail(file)
        pictures.append(picture)
    return pictures, fetched


class _Limit:
    """Ends a wait when it has taken too long for a picture."""

    def __init__(self) -> None:
        self._until = time.monotonic() + MOST_SECONDS

    def look(self, operation: Shown) -> None:
        if time.monotonic() > self._until:
            raise TimeoutError(f"they did not arrive within {MOST_SECONDS:.0f} s")

    def last_look(self, operation: Shown) -> None:
        pass

    def close(self) -> None:
        pass


def _strip_of_files(paths: Sequence[Path]) -> str | None:
    """A few of these EXR files as pictures; nothing when there can be none."""
    from . import _thumbnails

    if not paths or not _thumbnails.can_be_made():
        return None
    pictures: list[tuple[bytes, str]] = []
    for place in _thumbnails.spread(len(paths), PICTURES):
        try:
            if paths[place].stat().st_size > MOST_FETCHED:
                return None
            with open(paths[place], "rb") as file:
                pictures.append((_thumbnails.thumbnail(file), paths[place].name))
        except Exception:  # noqa: BLE001
            # Moved, or changed, since it was saved.
            return None
    parents = {str(path.parent) for path in paths}
    where = parents.pop() if len(parents) == 1 else f"{len(parents)} directories"
    return f"{_strip(pictures)}<div>{len(paths)} frames in {escape(where)}</div>"


def _strip(pictures: Iterable[tuple[bytes, str]]) -> str:
    from base64 import b64encode

    figures = [
        f'<figure style="margin:2px"><img style="{PICTURE}" alt="{escape(name)}" src="data:image/png;base64,{b64encode(picture).decode()}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for picture, name in pictures
    ]
    return f'<div style="display:flex;flex-wrap:wrap">{"".join(figures)}</div>'


def _played(path: Path) -> str | None:
    """The address of a video for a notebook, which reaches what lies below its working directory; nothing for anything else."""
    if path.suffix.lower() not in (".mp4", ".webm"):
        return None
    from urllib.parse import quote

    try:
        found = path.resolve()
        below = found.relative_to(os.path.realpath(os.curdir))
        if found.stat().st_size > MOST_PLAYED:
            return None
    except (OSError, ValueError):
        return None
    return quote(below.as_posix())


def _size_of(path: Path) -> str:
    try:
        return size(path.stat().st_size)
    except OSError:
        return "not there any more"


def _cell(kind: str, text: str) -> str:
    return f'<{kind} style="text-align:left">{escape(text)}</{kind}>'


def _line(kind: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(_cell(kind, cell) for cell in cells)}</tr>"


def _pairs(caption: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr>{_cell('th', name)}{_cell('td', text)}</tr>" for name, text in rows)
    return f"<table><caption>{escape(caption)}</caption><tbody>{lines}</tbody></table>"


def _table(caption: str | None, head: Sequence[str], rows: Iterable[Sequence[str]], *, more: int = 0) -> str:
    lines = "".join(_line("td", row) for row in rows)
    if more > 0:
        lines += f'<tr><td colspan="{len(head)}">and {more} more</td></tr>'
    about = "" if caption is None else f"<caption>{escape(caption)}</caption>"
    return f"<table>{about}<thead>{_line('th', head)}</thead><tbody>{lines}</tbody></table>"


def _text(name: str, field: Any) -> str:
    """A field as text, for people."""
    if isinstance(field, Error):
        return f"{field.kind}: {field}"
    if isinstance(field, BaseException):
        return f"{type(field).__name__}: {field}"
    if isinstance(field, str):
        return str(field)
    if isinstance(field, bool):
        return "yes" if field else "no"
    if isinstance(field, (int, float)) and name in TIMES:
        return f"{field:.1f} s" if field < 60 else duration(field)
    if isinstance(field, int) and name in SIZES:
        return size(field)
    if isinstance(field, tuple):
        return _listed([_text("", part) for part in field])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    when: Any = field
    if hasattr(when, "tzinfo"):
        return _moment(when)
    if isinstance(field, os.PathLike):
        return os.fsdecode(os.fspath(field))  # pyright: ignore[reportUnknownArgumentType]
    return str(field)


def _listed(words: list[str]) -> str:
    return ", ".join(words[:LINES]) + (f" and {len(words) - LINES} more" if len(words) > LINES else "")


def _moment(when: datetime) -> str:
    """A time, and how long ago it was or how soon it will be."""
    away = time.time() - when.timestamp()
    words = f"{duration(away)} ago" if away >= 0 else f"in {duration(-away)}"
    return f"{when:%Y-%m-%d %H:%M:%S} UTC ({words})"
