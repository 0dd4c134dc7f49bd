"""Amounts of US dollars: taken as ``Decimal``, text or whole numbers, given as ``Decimal``. Never as a float, which holds no exact amount.

`decimal` is imported when an amount is made, not before: most programs set no limit and ask for no estimate.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Union

    # Text such as "2.50".
    Usd = Union[Decimal, str, int]

# A Decimal may have an exponent that fills the memory when it is written out; what has more digits than this is no amount anyway.
_MOST_DIGITS = 40


def amount_text(what: str, value: object) -> str:
    """An amount as text, in the form the core reads and judges.

    Raises:
        TypeError: It is no amount. The message names `what`.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        raise TypeError(f"{what} = {value!r}: a float is no exact amount; write '{value}' or Decimal('{value}')")
    from decimal import Decimal

    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) < _MOST_DIGITS else str(value)
    raise TypeError(f"{what} must be US dollars as a Decimal, text such as '2.50' or an int, not {type(value).__name__}")


def amount(text: str) -> Decimal:
    """The amount in the core's text."""
    from decimal import Decimal

    return Decimal(text)
