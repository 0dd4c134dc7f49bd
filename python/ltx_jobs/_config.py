"""Settings and inputs as the native side takes them: text for every setting, a kind and a value for every input."""

from __future__ import annotations

import os

from ._errors import local
from ._money import amount_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from os import PathLike
    from typing import Any, Optional, TypedDict, Union

    from ._key import KeyFunction
    from ._money import Usd

    # Seconds, a timedelta, or text with a unit such as "500ms" or "2m".
    Duration = Union[float, timedelta, str]

    class Options(TypedDict, total=False):
        """The settings as `Client` takes them; a test holds the two equal."""

        api_key: Optional[Union[str, PathLike[str], Callable[[], str]]]
        base_url: Optional[str]
        journal: Optional[Union[str, PathLike[str], bool]]
        max_concurrent_jobs: Optional[Union[int, str]]
        spend_limit: Optional[Usd]
        prices: Optional[Union[str, PathLike[str]]]
        poll_interval: Optional[Duration]
        backoff_base: Optional[Duration]
        backoff_cap: Optional[Duration]
        connect_timeout: Optional[Duration]
        submit_timeout: Optional[Duration]
        poll_timeout: Optional[Duration]
        stall_timeout: Optional[Duration]
        connections: Optional[Union[int, str]]
        proxy: Optional[str]
        ca_bundle: Optional[Union[str, PathLike[str]]]
        allow_http: Optional[Union[bool, str]]
        worker_threads: Optional[Union[int, str]]
        user_agent_suffix: Optional[str]

JSON_TYPES = (str, int, float, bool, type(None))


def key_function(settings: dict[str, object]) -> KeyFunction | None:
    """The callable that is to give the key, if there is one; then nothing stands in its place.

    Raises:
        TypeError: It is an async one.
    """
    function = settings.get("api_key")
    if isinstance(function, (str, os.PathLike)) or not callable(function):
        return None
    from ._key import check

    check(function)
    settings["api_key"] = None
    return function  # pyright: ignore[reportReturnType]


def setting_pairs(settings: Mapping[str, object]) -> list[tuple[str, str]]:
    """Those settings that were given, as text."""
    return [(key, setting_text(key, value)) for key, value in settings.items() if value is not None]


def setting_text(key: str, value: object) -> str:
    """One setting as text, in the form the core's table reads."""
    if isinstance(value, str):
        return value
    if key == "spend_limit":
        try:
            return amount_text(key, value)
        except TypeError as error:
            raise local(100, str(error)) from None
    if key == "journal" and isinstance(value, bool):
        return "default" if value else "off"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # Never in powers of ten.
        return format(value, ".9f")
    total_seconds = getattr(value, "total_seconds", None)
    if total_seconds is not None:
        return format(total_seconds(), ".9f")
    path = file_path(value)
    if path is None:
        raise local(100, f"{key}: a value of type {type(value).__name__} cannot be used")
    return f"file:{path}" if key == "api_key" else path


def file_path(value: object) -> str | None:
    """The text of a ``PathLike``; ``None`` for anything else, text included."""
    if not isinstance(value, os.PathLike):
        return None
    path: str | bytes = os.fspath(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return os.fsdecode(path)


def media_input(field: str, value: object, *, put_back: bool = False) -> tuple[str, str | bytes] | None:
    """The kind and value of an input: ``None`` when it is no file and nothing that could be one, so that it stays a parameter.

    A file whose path cannot be told is read from where it stands; with `put_back` it stands there again afterwards.
    """
    path = file_path(value)
    if path is not None:
        return "file", path
    if isinstance(value, bytes):
        return "bytes", value
    if isinstance(value, (bytearray, memoryview)):
        return "bytes", bytes(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, str):
        # Only in fields for media is text an address, to be checked as one.
        return ("address", value) if field.endswith("_uri") else None
    read = getattr(value, "read", None)
    if read is None:
        return None
    path = _path_of(value)
    if path is not None:
        return "file", path
    content = _peek(field, value) if put_back else read()
    if not isinstance(content, bytes):
        raise local(101, f"{field}: the file is open for text; open it with mode 'rb'")
    return "bytes", content


def split_params(params: Mapping[str, object], *, put_back: bool = False) -> tuple[str, list[tuple[str, str, str | bytes]]]:
    """Parameters as JSON text, and the inputs among them; `put_back` as in `media_input`."""
    import json

    plain: dict[str, object] = {}
    media: list[tuple[str, str, str | bytes]] = []
    for field, value in params.items():
        if not isinstance(field, str):
            raise local(101, f"parameter names must be text, not {type(field).__name__}")
        found = None if isinstance(value, JSON_TYPES) and not isinstance(value, str) else media_input(field, value, put_back=put_back)
        if found is None:
            plain[field] = value
        else:
            media.append((field, *found))
    try:
        return json.dumps(plain, allow_nan=False, default=_no_json), media
    except ValueError as error:
        raise local(101, f"the parameters cannot be written as JSON: {error}") from None


def _peek(field: str, file: Any) -> object:
    """The rest of an open file, which is left where it was."""
    try:
        position = file.tell()
        content = file.read()
        file.seek(position)
    except (OSError, AttributeError) as error:
        raise local(101, f"{field}: this file can be read only once, and the submit would find nothing in it; give a Path or bytes ({error})") from None
    return content


def _no_json(value: object) -> object:
    path = file_path(value)
    if path is not None:
        raise local(101, f"{path!r} is inside a list or object: upload it first with Client.upload and put the address there")
    raise local(101, f"a value of type {type(value).__name__} cannot be written as JSON")


def _path_of(file: object) -> str | None:
    """The path of an open file from whose start everything would be read: it is then sent as a stream and never held in memory."""
    name = getattr(file, "name", None)
    if not isinstance(name, (str, bytes)) or "b" not in str(getattr(file, "mode", "")):
        return None
    try:
        here, there = os.fstat(file.fileno()), os.stat(name)  # type: ignore[attr-defined]
        at_start = file.tell() == 0  # type: ignore[attr-defined]
    except (OSError, AttributeError, ValueError):
        return None
    same = (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) and here.st_ino != 0
    return os.path.abspath(os.fsdecode(name)) if same and at_start else None
