"""The library's log in Python's `logging`, under ``ltx_jobs`` and its children ``ltx_jobs.submit``, ``ltx_jobs.poll``, ``ltx_jobs.transfer``.

The native side keeps lines and calls nobody; the threads that wait for something of ours take them along. `logging` is imported only when the program did,
or when the environment variable ``LTX_LOG`` asks for lines on standard error, as for the command: ``debug``, ``warn,ltx_jobs::submit=debug``, and with
``json`` among it (``debug,json``; ``json`` alone is ``info,json``) one JSON object a line, in the form that the command has.

Levels are `logging`'s; ``TRACE`` is 5 and adds what the HTTP and TLS libraries inside say, under ``ltx_jobs`` too (``ltx_jobs.h2.codec``). A record has its
values as ``ltx_fields``, a dict, its text without them as ``ltx_message``, and the operations it happened in as ``ltx_spans``, their own values as
``ltx_span_fields``. No line contains the API key or the query of a signed URL.
"""

from __future__ import annotations

import os
import sys

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

ROOT = "ltx_jobs"

# The native levels from 1 to 5, in the words of `logging`.
LEVELS = {1: 40, 2: 30, 3: 20, 4: 10, 5: 5}
WORDS = {"off": 60, "error": 40, "warn": 30, "warning": 30, "info": 20, "debug": 10, "trace": 5}

# Lines taken at once.
PORTION = 500

# Loggers whose levels decide how much is kept.
_watched = [ROOT, f"{ROOT}.submit", f"{ROOT}.poll", f"{ROOT}.transfer"]
_environment_read = False
# The process that asked, and for which native level.
_asked: tuple[int, int] | None = None


def attend() -> None:
    """Has as much kept as somebody listens to. Called before work begins; cheap."""
    global _asked
    if not _environment_read:
        _read_environment()
    logging = sys.modules.get("logging")
    level = 0 if logging is None else _wanted(logging)
    here = (os.getpid(), level)
    if here != _asked and (level or _asked is not None):
        _asked = here
        _native.log_level(level)


def hand_over() -> None:
    """Gives `logging` what was kept. A handler or filter that fails ends no wait: that is between it and `logging`."""
    if _asked is None:
        return
    logging = sys.modules.get("logging")
    lines = _native.log_drain(PORTION)
    while lines and logging is not None:
        for line in lines:
            try:
                _emit(logging, line)
            except Exception:  # noqa: BLE001
                continue
        lines = _native.log_drain(PORTION) if len(lines) == PORTION else []


def _wanted(logging: ModuleType) -> int:
    """The native level that covers what our loggers let through."""
    get = getattr(logging, "getLogger", None)
    if get is None:
        # It is being imported right now.
        return 0
    root = get(ROOT)
    if not root.handlers:
        # A library prints nothing of its own: without this, warnings nobody asked for would go to standard error.
        root.addHandler(logging.NullHandler())
    known = logging.root.manager.loggerDict
    lowest = min(get(name).getEffectiveLevel() for name in _watched if name == ROOT or name in known)
    lowest = max(lowest, logging.root.manager.disable + 1)
    return next((native for native, level in sorted(LEVELS.items(), reverse=True) if lowest <= level), 0)


def _emit(logging: ModuleType, line: _native._Line) -> None:
    native, at, target, message, fields, spans, lost = line
    name = target.replace("::", ".")
    if name != ROOT and not name.startswith(f"{ROOT}."):
        name = f"{ROOT}.{name}"
    logger, level = logging.getLogger(name), LEVELS.get(native, 10)
    if not logger.isEnabledFor(level):
        return
    parts = [message, *(f"{key}={_text(value)}" for key, value in fields)]
    values = dict(fields)
    if lost:
        parts.append(f"({lost} lines before this one were dropped)")
        values["lines_dropped"] = lost
    names = tuple(span for span, _ in spans)
    extra = {
        "ltx_fields": values,
        "ltx_message": message,
        "ltx_target": target,
        "ltx_spans": names,
        "ltx_span_fields": tuple(dict(own) for _, own in spans),
    }
    # Percent signs are text here, not places for arguments.
    record = logger.makeRecord(name, level, ":".join(names) or ROOT, 0, "%s", (" ".join(parts),), None, extra=extra)
    record.created, record.msecs = at, at % 1 * 1000
    if level < 10:
        record.levelname = "TRACE"
    logger.handle(record)


def _text(value: object) -> str:
    """A value in a line for people."""
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return repr(value) if " " in value or not value else value


def _word(level: int) -> str:
    """A level of `logging` in the words of ``LTX_LOG``."""
    return next((word for word, least in WORDS.items() if least <= level <= 40), "error" if level > 40 else "trace")


def _read_environment() -> None:
    """What ``LTX_LOG`` asks for, once."""
    global _environment_read
    _environment_read = True
    wish = os.environ.get("LTX_LOG", "").strip()
    if not wish:
        return
    import logging

    root = logging.getLogger(ROOT)
    parts = [part.strip() for part in wish.split(",")]
    as_json = "json" in parts
    for part in parts:
        if part in ("", "json"):
            continue
        target, _, word = part.rpartition("=")
        if not target and word.lower() not in WORDS:
            # As for the command: a target alone is everything it says.
            target, word = word, "trace"
        name = target.replace("::", ".") or ROOT
        if name != ROOT and not name.startswith(f"{ROOT}."):
            name = f"{ROOT}.{name}"
        logging.getLogger(name).setLevel(WORDS.get(word.lower(), 30))
        if name not in _watched:
            _watched.append(name)
    if as_json and parts == ["json"]:
        root.setLevel(WORDS["info"])
    if as_json or not root.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(_json_lines(logging) if as_json else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)


def _json_lines(logging: ModuleType) -> Any:
    """A formatter for the lines that the command writes too (``log.rs`` there): the same keys, words and kinds of values."""
    import json
    from datetime import datetime, timezone

    class JsonLines(logging.Formatter):  # type: ignore[name-defined,misc]
        def format(self, record: Any) -> str:
            line = {
                "time": datetime.fromtimestamp(record.created, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "level": _word(record.levelno),
                "target": getattr(record, "ltx_target", None) or record.name.replace(".", "::"),
                "message": getattr(record, "ltx_message", None) or record.getMessage(),
                "fields": getattr(record, "ltx_fields", {}),
                "spans": [{"name": name, "fields": own} for name, own in zip(getattr(record, "ltx_spans", ()), getattr(record, "ltx_span_fields", ()))],
            }
            return json.dumps(line, default=str, sort_keys=True)

    return JsonLines()
