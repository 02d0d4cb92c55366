"""Nested values as one mapping of dotted keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"a": {"b": 1}, "c": 2}`` into ``{"a.b": 1, "c": 2}``; lists stay values."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": leaf for inner, leaf in flatten(value).items()}
        else:
            flat[key] = value
    return flat
