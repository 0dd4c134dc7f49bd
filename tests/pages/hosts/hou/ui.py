from __future__ import annotations

from typing import Callable

import event_loop

_status = ""


def addEventLoopCallback(call: Callable[[], object]) -> None:
    event_loop.idle.append(call)


def removeEventLoopCallback(call: Callable[[], object]) -> None:
    event_loop.idle.remove(call)


def setStatusMessage(text: str) -> None:
    global _status
    event_loop.must_be_main_thread("setStatusMessage")
    _status = text
