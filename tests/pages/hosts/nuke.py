"""A stand-in for Nuke's module: the few names that the documentation uses, as Foundry's developer guide describes them."""

from __future__ import annotations

from typing import Any, Callable

import event_loop


class Knob:
    def __init__(self, value: Any = "") -> None:
        self._value = value

    def value(self) -> Any:
        return self._value

    def setValue(self, value: Any) -> bool:
        event_loop.must_be_main_thread("setValue")
        self._value = value
        return True


class String_Knob(Knob):
    def __init__(self, name: str, label: str | None = None, value: str | None = None) -> None:
        super().__init__(value or "")
        self.knob_name = name


class Node:
    def __init__(self, kind: str, **knobs: Any) -> None:
        self.kind = kind
        self._knobs = {"name": Knob(f"{kind}1"), "file": Knob(), "first": Knob(1), "last": Knob(1), "raw": Knob(False)}
        for name, value in knobs.items():
            self._knobs[name] = Knob(value)

    def __getitem__(self, name: str) -> Knob:
        return self._knobs[name]

    def name(self) -> str:
        return str(self["name"].value())

    def knob(self, name: str) -> Knob | None:
        return self._knobs.get(name)

    def addKnob(self, knob: String_Knob) -> None:
        event_loop.must_be_main_thread("addKnob")
        self._knobs[knob.knob_name] = knob


class ProgressTask:
    def __init__(self, name: str) -> None:
        self.name = name

    def setMessage(self, message: str) -> None: ...

    def setProgress(self, percent: int) -> None:
        assert isinstance(percent, int) and 0 <= percent <= 100

    def isCancelled(self) -> bool:
        return False


class Menu:
    def addCommand(self, name: str, command: Callable[[], object]) -> None: ...


_nodes = [Node("Read", name="sh010", file="plates/sh010.mp4")]
_messages: list[str] = []


def executeInMainThread(call: Callable[..., object], args: Any = (), kwargs: dict[str, Any] = {}) -> None:
    event_loop.ask(call, *(args if isinstance(args, tuple) else (args,)), **kwargs)


def executeInMainThreadWithResult(call: Callable[..., Any], args: Any = (), kwargs: dict[str, Any] = {}) -> Any:
    return event_loop.ask_and_wait(call, *(args if isinstance(args, tuple) else (args,)), **kwargs)


def menu(name: str) -> Menu:
    return Menu()


def message(text: str) -> None:
    event_loop.must_be_main_thread("message")
    _messages.append(text)


def selectedNode() -> Node:
    event_loop.must_be_main_thread("selectedNode")
    return _nodes[0]


def allNodes(kind: str | None = None) -> list[Node]:
    event_loop.must_be_main_thread("allNodes")
    return [node for node in _nodes if kind in (None, node.kind)]


def toNode(name: str) -> Any:
    """The node, or None; a type that would make every snippet look whether it is there helps nobody."""
    return next((node for node in _nodes if node.name() == name), None)


def createNode(kind: str, inpanel: bool = True) -> Node:
    event_loop.must_be_main_thread("createNode")
    _nodes.append(Node(kind))
    return _nodes[-1]


def addOnScriptLoad(call: Callable[[], object]) -> None: ...
