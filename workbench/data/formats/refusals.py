"""Data of a known kind that supervised training would learn wrongly, refused by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.formats.layouts import is_pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.data.formats.fields import Fields
    from workbench.data.formats.layouts import Layout

_CHOICES = ("choices", "options")
_RANKED = ("ranking", "rankings", "ranks", "rank", "scores", "labels")
_CANDIDATES = ("responses", "completions", "answers", "outputs", "candidates", "generations")
_COMPARED = tuple(
    (f"{what}_{one}", f"{what}_{other}")
    for what in ("response", "conversation", "answer", "completion")
    for one, other in ("ab", "jk", "01", "12")
)
_GOOD = ("chosen", "response", "completion", "answer", "output", "messages", "conversations")
_TRUTHS = ("true", "false")


def refuse_preferences(sample: Sequence[Fields], source: str) -> None:
    """Refuse rows that say which answers are better instead of what to answer.

    Raises:
        BadInputError: Names the kind of data and the remedy.
    """
    names = {name for fields in sample for name in fields.names}
    rejected = sorted(name for name in names if name.startswith("rejected"))
    if "chosen" in names or rejected:
        raise _paired(sample[0], source, rejected)
    if "label" in names and "text" not in names and _labels_are_truths(sample):
        raise BadInputError(
            f"{source}: preference data (KTO: 'label' says whether an answer is good), which ftwb "
            "does not train on: its bad answers would be learned; keep the rows whose label is "
            "true, without the label"
        )
    ranks = [name for name in _RANKED if name in names and _has_candidates(sample)]
    compared = [" and ".join(pair) for pair in _COMPARED if names.issuperset(pair)]
    if ranks or compared:
        raise BadInputError(
            f"{source}: preference data (answers compared by {(ranks + compared)[0]!r}), which "
            "ftwb does not train on; write the best answer of each row as 'completion', alone"
        )


def _has_candidates(sample: Sequence[Fields]) -> bool:
    """Whether rows have several answers each."""
    return any(isinstance(fields.take(_CANDIDATES), (list, tuple)) for fields in sample)


def refuse_choices(sample: Sequence[Fields], layout: Layout, source: str) -> None:
    """Refuse questions with choices, whose answers are often only numbers.

    Raises:
        BadInputError: Says how to learn them nevertheless.
    """
    names = {name for fields in sample for name in fields.names}
    if is_pair(layout) and (choices := names.intersection(_CHOICES)):
        raise BadInputError(
            f"{source}: looks like multiple choice (field {min(choices)!r}), whose answers are "
            "often only numbers; write each right answer out as text, or set the format to "
            f"{layout.name} to learn the answers as they are"
        )


def refuse_single_turns(sample: Sequence[Fields], source: str) -> None:
    """Refuse rows that are turns, because no row says which conversation it belongs to.

    Raises:
        BadInputError: Says how a conversation is written.
    """
    names = set(sample[0].names)
    if {"role", "content"} <= names or {"from", "value"} <= names:
        raise BadInputError(
            f"{source}: each row is a single turn; write each conversation as one row, as in "
            '{"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}'
        )


def _paired(first: Fields, source: str, rejected: Sequence[str]) -> BadInputError:
    good = next((name for name in _GOOD if name in first.names), "chosen")
    bad = f" and {rejected[0]!r}" if rejected else ""
    chosen = first.take((good,))
    whole = isinstance(chosen, (list, tuple)) and len(chosen) > 1
    part = "messages" if whole else "completion"
    return BadInputError(
        f"{source}: preference data (DPO: {good!r}{bad}), which ftwb does not train on; to learn "
        f"the good answers alone, set data.columns to {part}={good}"
    )


def _labels_are_truths(sample: Sequence[Fields]) -> bool:
    labels = [fields.take(("label",)) for fields in sample if "label" in fields.names]
    return all(isinstance(label, bool) or str(label).lower() in _TRUTHS for label in labels)
