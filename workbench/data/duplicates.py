"""When two rows say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from workbench.data.formats import Example

_MARKS = str.maketrans("", "", ".,;:!?'\"\u2018\u2019\u201c\u201d\u2026")


def exact_key(example: Example) -> Hashable:
    """Equal for rows with the same words in the same roles."""
    return (example.text, example.messages)


def normalised_key(example: Example) -> Hashable:
    """Equal also where only case, spaces and sentence marks differ."""
    turns = tuple((message.role, _plain(message.content)) for message in example.messages)
    return (None if example.text is None else _plain(example.text), turns)


def repeats(examples: Iterable[Example], key: Callable[[Example], Hashable]) -> tuple[int, ...]:
    """Numbers of the rows that repeat an earlier one."""
    seen: set[Hashable] = set()
    repeated = []
    for example in examples:
        found = key(example)
        if found in seen:
            repeated.append(example.number)
        seen.add(found)
    return tuple(repeated)


def _plain(text: str) -> str:
    return " ".join(text.casefold().translate(_MARKS).split()) or text
