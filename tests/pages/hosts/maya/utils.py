from __future__ import annotations

import threading
from typing import Any, Callable

import event_loop


def executeDeferred(call: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    event_loop.ask(call, *args, **kwargs)


def executeInMainThreadWithResult(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if threading.current_thread() is threading.main_thread():
        return call(*args, **kwargs)
    return event_loop.ask_and_wait(call, *args, **kwargs)
