"""A request in a batch."""

from __future__ import annotations

from . import _dest
from ._models import Value
from ._requests import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    from ._dest import DestArg, StoreArg
    from ._money import Usd

    ItemArg = Union["BatchItem", tuple[str, Request]]
    # Any iterable; for asyncio an asynchronous one too.
    Items = Iterable[ItemArg]


class BatchItem(Value):
    """A request in a batch; see `Client.batch`.

    Args:
        key: What it is known by in its batch, for good: the batch started again goes on with the job that is there under it. Another version of a shot is
            another key. At most 200 characters; slashes make directories.
        request: A request object such as `VideoToVideoHdr`.
        label: A name for people; the key by default.
        priority: Higher ones are submitted first; equal ones in the order they come.
        dest: Where its outputs go; by default a directory named after the key, in that of the batch.
        rehost: Instead of `dest`: a URL of an object store, or a `StoreDestination`, that its outputs are copied to, as in `Completed.rehost`.
        max_cost: As in `Client.submit`; by default that of the batch.
    """

    __slots__ = ("key", "request", "label", "priority", "dest", "rehost", "max_cost")

    key: str
    """What it is known by."""
    request: Request
    """The request."""
    label: str | None
    """A name for people."""
    priority: int
    """Higher ones first."""
    dest: DestArg | None
    """Where its outputs go."""
    rehost: StoreArg | None
    """Where its outputs are copied to."""
    max_cost: Usd | None
    """The most it may cost."""

    def __init__(
        self,
        key: str,
        request: Request,
        label: str | None = None,
        priority: int = 0,
        dest: DestArg | None = None,
        rehost: StoreArg | None = None,
        max_cost: Usd | None = None,
    ) -> None:
        if not isinstance(request, Request):
            raise TypeError(f"request must be a request object such as VideoToVideoHdr, not {type(request).__name__}")
        _dest.one_place(dest, rehost, f"the item {key!r} has ")
        self._set(key=key, request=request, label=label, priority=priority, dest=dest, rehost=rehost, max_cost=max_cost)


def item_of(given: object) -> BatchItem:
    """The item that was given: one, or a tuple of key and request."""
    if isinstance(given, BatchItem):
        return given
    if not isinstance(given, tuple) or len(given) != 2:  # pyright: ignore[reportUnknownArgumentType]
        kind = type(given).__name__  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        raise TypeError(f"an item of a batch is a BatchItem or a tuple of key and request, not {kind}")
    key, request = given  # pyright: ignore[reportUnknownVariableType]
    return BatchItem(key, request)  # pyright: ignore[reportUnknownArgumentType]
