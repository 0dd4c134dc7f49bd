"""Times and sizes in words, as people read them: ``2 m 10 s``, ``38.2 MB``."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A time in its two largest units. Never negative: clocks differ."""
    left = max(0, round(seconds))
    if left < 60:
        return f"{left} s"
    minutes, left = divmod(left, 60)
    if minutes < 60:
        return f"{minutes} m {left} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} m"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def size(count: int) -> str:
    """A number of bytes, in decimal units with three digits."""
    if count < 1000:
        return f"{count} bytes"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5:
            break
    else:
        amount, unit = amount / 1000, "TB"
    digits = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    return f"{amount:.{digits}f} {unit}"
