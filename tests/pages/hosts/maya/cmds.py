from __future__ import annotations

from typing import Any

import event_loop

_attributes: dict[str, Any] = {}


def shadingNode(kind: str, *, asTexture: bool = False, isColorManaged: bool = False, name: str = "") -> str:
    event_loop.must_be_main_thread("shadingNode")
    _attributes.setdefault(f"{name}.useFrameExtension", False)
    return name


def setAttr(attribute: str, value: Any, *, type: str = "") -> None:
    event_loop.must_be_main_thread("setAttr")
    _attributes[attribute] = value


def getAttr(attribute: str) -> Any:
    return _attributes[attribute]


def warning(text: str) -> None:
    event_loop.must_be_main_thread("warning")
    _attributes["warning"] = text
