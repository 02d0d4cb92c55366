"""Limits on YAML that may come from a stranger, checked before anything is built from it."""

from __future__ import annotations

from contextlib import suppress

import yaml

MAX_BYTES = 1 << 20
"""Size of a text; the largest recipe is a few kilobytes."""

MAX_DEPTH = 40
"""Mappings and lists inside one another."""

MAX_ALIASES = 20
"""References to an anchor: with many, a small text stands for a huge document."""

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def excess(text: str) -> str:
    """Which limit a text exceeds, and in which line; empty if none, as far as it is YAML.

    Events of the parser are looked at, without recursion and without keeping any.
    """
    if len(text) > MAX_BYTES:
        return f"it has more than {MAX_BYTES >> 20} MB"
    depth = aliases = 0
    with suppress(yaml.YAMLError):  # loading it says what is wrong
        for event in yaml.parse(text, Loader=_PARSER):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            line = event.start_mark.line + 1 if event.start_mark else 0
            if depth > MAX_DEPTH:
                return f"line {line} is nested more than {MAX_DEPTH} deep"
            if aliases > MAX_ALIASES:
                return f"there are more than {MAX_ALIASES} aliases up to line {line}"
    return ""
