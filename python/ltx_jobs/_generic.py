"""A stand-in for `typing.Generic`: type parameters are for type checkers, and `typing` costs more at import than all of this package."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self


class Generic:
    """Base of classes with type parameters; at run time it only takes them."""

    __slots__ = ()

    def __class_getitem__(cls, _parameters: Any) -> type[Self]:
        return cls
