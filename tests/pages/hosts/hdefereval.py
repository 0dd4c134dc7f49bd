"""A stand-in for Houdini's module of this name, which is there in a graphical session only."""

from __future__ import annotations

from typing import Any, Callable

import event_loop


def executeDeferred(call: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    event_loop.ask(call, *args, **kwargs)


def executeInMainThreadWithResult(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return event_loop.ask_and_wait(call, *args, **kwargs)
