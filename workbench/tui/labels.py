"""Numbers as people read them."""

from __future__ import annotations

_SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
GIB = 1 << 30
"""Bytes of a GiB."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def short(number: float) -> str:
    """1,400,000 as ``1.4 M``; below a thousand as it is."""
    for size, letter in _SIZES:
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:.3g}"


def gib(number: float) -> str:
    """Bytes as GiB, without the unit."""
    value = number / GIB
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def size(number: float) -> str:
    """Bytes with the unit that fits."""
    return f"{gib(number)} GiB" if number >= GIB / 10 else f"{number / (1 << 20):.3g} MiB"


def clock(seconds: float) -> str:
    """A duration as ``4:10`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age(seconds: float) -> str:
    """How long ago something was, in its largest unit."""
    if seconds < _MINUTE:
        return "now"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells, with an ellipsis where something is missing."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def letter(place: int) -> str:
    """What the run in that place is called where several are drawn together."""
    return chr(ord("A") + place)


def bar(share: float, width: int) -> tuple[str, str]:
    """A progress bar of ``width`` cells: the part done and the part left."""
    done = round(max(0.0, min(1.0, share)) * width) or int(share > 0)
    return "━" * done, "─" * (width - done)
