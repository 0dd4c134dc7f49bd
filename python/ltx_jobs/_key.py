"""A key that a callable of the program gives: what may be one, and the thread that calls it.

The native side calls nobody. It asks in a queue of the client's, and a daemon thread of Python, ``ltx-api-key``, sleeps there with the GIL released, calls the
function and answers. The thread starts with the first operation of a client, in a forked child anew, and ends with the client, or when another key is set; it
holds the function and the queue, never the client. The key is in no attribute and in no text of an error; of an exception only the class is told, for its words
are not ours, and the exception itself is the ``__cause__`` of what is raised.

Loaded only when a client is given a callable.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from weakref import WeakSet

from . import _wait
from ._dispatch import leave_signals_alone
from ._errors import local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from . import _native

    KeyFunction = Callable[[], str]

# Seconds for a thread to end at the exit, unless it is in the function, which may hang.
END = 2.0

# CPython's flags of code that gives a coroutine, or an asynchronous generator. `inspect` would be a large import for them.
_ASYNC = 0x80 | 0x100 | 0x200


def check(function: object) -> None:
    """Refuses what gives no text when it is called."""
    if _is_async(function):
        raise TypeError(
            "api_key is an async function, but it is called on a thread that has no event loop; "
            "give a function that returns the key, such as lambda: asyncio.run(read_key())"
        )


def _is_async(function: object) -> bool:
    while isinstance(function, partial):
        called: object = function.func  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        function = called
    for one in (function, getattr(type(function), "__call__", None)):
        flags = getattr(getattr(one, "__code__", None), "co_flags", 0)
        if isinstance(flags, int) and flags & _ASYNC:
            return True
    return False


class KeyGiver:
    """The thread that answers for one native client."""

    def __init__(self, requests: _native.KeyRequests, function: KeyFunction) -> None:
        self._requests = requests
        self._function = function
        self._process = os.getpid()
        self._calling = False
        self._thread = threading.Thread(target=self._run, name="ltx-api-key", daemon=True)
        # What the function raised, when its last call ended so.
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()
        _givers.add(self)

    def must_not_be_here(self) -> None:
        """Refuses an operation that the function itself begins: it would wait for the key that the function is to give."""
        if self._thread is threading.current_thread():
            raise local(105, "the function for the api_key uses the client that waits for its key")

    def _run(self) -> None:
        leave_signals_alone()
        while not _wait.exiting:
            number = self._requests.next_request()
            if number is None:
                return
            self._answer(number)

    def _answer(self, number: int) -> None:
        """Calls the function for one question. The key is in no variable but for this moment."""
        failure: BaseException | None = None
        self.failure = None
        key: Any = None
        self._calling = True
        try:
            key = self._function()
        except BaseException as error:  # noqa: BLE001
            # Also one that wants to end its thread: nobody would be answered any more.
            failure = error
        self._calling = False
        if _wait.exiting:
            # Nobody waits, and who enters the native module now may not come back.
            return
        if failure is not None:
            self.failure = failure
            self._requests.fail(number, f"it raised {_class_name(failure)}")
        elif not isinstance(key, str):
            if hasattr(key, "cr_code"):
                # What nobody will await would be complained about.
                key.close()
            self._refuse(number, f"{_class_name(key)}, where a str is wanted")
        elif not key.strip():
            self._refuse(number, "an empty str")
        else:
            try:
                self._requests.answer(number, key)
            except UnicodeError:
                self._refuse(number, "a str with characters that no HTTP header can carry")

    def _refuse(self, number: int, what: str) -> None:
        self.failure = None
        self._requests.fail(number, f"it returned {what}")

    def end(self) -> None:
        """Waits for the thread, unless it is in the function."""
        mine = self._process == os.getpid() and self._thread is not threading.current_thread()
        if mine and not self._calling:
            self._thread.join(END)


_givers: WeakSet[KeyGiver] = WeakSet()


def end() -> None:
    """At the exit of the interpreter, when all clients are closed: no thread may be on its way out of the native module then."""
    for giver in list(_givers):
        giver.end()


def _class_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
