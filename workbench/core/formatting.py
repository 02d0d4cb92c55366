"""Numbers, sizes and durations as every screen, page and command writes them."""

from __future__ import annotations

GIB = 1 << 30
"""Bytes in a GiB."""

_SMALL, _LARGE = 0.01, 1e6
"""Numbers outside of this range are written with an exponent."""
_DIGITS = 6
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_MIB = 1 << 20
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def number(value: float, digits: int = _DIGITS) -> str:
    """A number in few characters: ``5e-4`` and ``1e9``, but ``0.05`` and ``10000``.

    Args:
        value: A setting or a measurement.
        digits: Most significant digits to keep.
    """
    if value == 0 or _SMALL <= abs(value) < _LARGE:
        return f"{value:.{digits}g}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if exponent else mantissa


def compact(value: float) -> str:
    """A count with three digits and a prefix: 1,400,000 as ``1.4 M``; small ones as they are."""
    for size, letter in _PREFIXES:
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def percent(share: float, decimals: int = 0, *, signed: bool = False) -> str:
    """A share in percent, with a space before the sign: ``90 %``."""
    return f"{100 * share:{'+' if signed else ''}.{decimals}f} %"


def gib(size: float) -> str:
    """Bytes as GiB, without the unit."""
    value = size / GIB
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def file_size(size: float) -> str:
    """Bytes as GiB or MiB, whichever reads better."""
    return f"{gib(size)} GiB" if size >= GIB / 10 else f"{size / _MIB:.3g} MiB"


def duration(seconds: float) -> str:
    """A duration as ``4:10`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age(seconds: float) -> str:
    """How long ago something happened, in its largest unit: ``5 min``, ``2 h``, ``3 d``."""
    if seconds < _MINUTE:
        return "now"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"
