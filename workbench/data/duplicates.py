"""Which rows say the same as an earlier one, exactly or nearly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from workbench.data.formats import Example

_PUNCTUATION = str.maketrans("", "", ".,;:!?'\"\u2018\u2019\u201c\u201d\u2026")


def exact_key(example: Example) -> Hashable:
    """Equal for rows with the same words in the same roles."""
    return (example.text, example.messages)


def normalised_key(example: Example) -> Hashable:
    """Equal also for rows that differ in case, white space and punctuation only."""
    turns = tuple((message.role, _normalise(message.content)) for message in example.messages)
    return (None if example.text is None else _normalise(example.text), turns)


def question_key(example: Example) -> Hashable:
    """Equal for rows that ask the same, whatever their answers; a text is its own question."""
    asked = tuple(_normalise(turn.content) for turn in example.messages if turn.role == "user")
    return asked or normalised_key(example)


def repeats(examples: Iterable[Example], key: Callable[[Example], Hashable]) -> tuple[int, ...]:
    """Numbers of the rows whose key is that of an earlier row."""
    seen: set[Hashable] = set()
    numbers = []
    for example in examples:
        value = key(example)
        if value in seen:
            numbers.append(example.number)
        seen.add(value)
    return tuple(numbers)


def _normalise(text: str) -> str:
    return " ".join(text.casefold().translate(_PUNCTUATION).split()) or text
