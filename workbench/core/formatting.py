"""Numbers as every screen, page and command writes them."""

from __future__ import annotations

_SMALL = 0.01
_LARGE = 1e6
_DIGITS = 6


def number(value: float, digits: int = _DIGITS) -> str:
    """A number in few characters: ``5e-4`` and ``1e9``, but ``0.05`` and ``10000``.

    Args:
        value: A setting or a measurement.
        digits: Significant ones that are kept at most.
    """
    if value == 0 or _SMALL <= abs(value) < _LARGE:
        return f"{value:.{digits}g}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if exponent else mantissa


def percent(share: float, decimals: int = 0, *, signed: bool = False) -> str:
    """A share in percent, with the space that belongs before the sign: ``90 %``."""
    return f"{100 * share:{'+' if signed else ''}.{decimals}f} %"
