"""A stand-in for Houdini's `hou`: the few names that the documentation uses, as SideFX's help describes them."""

from __future__ import annotations

from typing import Any

import event_loop

from . import ui as ui


class Parm:
    def __init__(self, value: Any = "") -> None:
        self._value = value

    def set(self, value: Any) -> None:
        event_loop.must_be_main_thread("Parm.set")
        self._value = value

    def evalAsString(self) -> str:
        return str(self._value)

    def unexpandedString(self) -> str:
        return str(self._value)


class Node:
    def __init__(self, path: str) -> None:
        self._path = path
        self._parms: dict[str, Parm] = {"filename": Parm()}
        self._data: dict[str, str] = {}

    def path(self) -> str:
        return self._path

    def parm(self, name: str) -> Parm:
        return self._parms[name]

    def setUserData(self, name: str, value: str) -> None:
        event_loop.must_be_main_thread("setUserData")
        self._data[name] = value

    def userData(self, name: str) -> str | None:
        return self._data.get(name)


_nodes: dict[str, Node] = {}


def node(path: str) -> Node:
    return _nodes.setdefault(path, Node(path))


def isUIAvailable() -> bool:
    return True
