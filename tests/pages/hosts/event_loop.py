"""The main thread of a host that is not here, for the stand-ins beside this file: what other threads ask for is done in turn, while `run_until` runs."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Callable

_asked: queue.Queue[Callable[[], object]] = queue.Queue()
# Called in every turn, as `hou.ui.addEventLoopCallback` has it.
idle: list[Callable[[], object]] = []


def ask(call: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Has it called on the main thread, later."""
    _asked.put(lambda: call(*args, **kwargs))


def ask_and_wait(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Has it called on the main thread and gives what it returns. Never from that thread itself, which would wait for ever."""
    assert threading.current_thread() is not threading.main_thread(), "the main thread waits for itself"
    answer: queue.Queue[Any] = queue.Queue()
    _asked.put(lambda: answer.put(call(*args, **kwargs)))
    return answer.get(timeout=30)


def must_be_main_thread(what: str) -> None:
    """Most calls of the hosts are for the main thread alone; the stand-ins hold the snippets to it."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{what} is called outside of the main thread")


def run_until(is_over: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not is_over():
        if time.monotonic() > limit:
            raise TimeoutError("the event loop has run for 30 s, and what the page waits for has not happened")
        try:
            _asked.get(timeout=0.02)()
        except queue.Empty:
            pass
        for call in list(idle):
            call()
