"""What of a dataset is not learned, in words: the same in preview, plan and run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.data.rows import RowFault, check_dropped, list_numbers, rows_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workbench.data.formats import Examples
    from workbench.data.splitting import SourceSplit
    from workbench.data.tokenising import Losses

_BLANK = "blank"


def left_out(dataset: Examples) -> list[RowFault]:
    """The rows that were left out when a dataset was read, in order."""
    blank = (RowFault(number, _BLANK) for number in dataset.empty)
    return sorted([*dataset.dropped, *blank])


def lost_in_tokens(losses: Losses, sequence_length: int) -> list[RowFault]:
    """The rows that were left out when a dataset was tokenised, in order."""
    reason = f"no token to learn within {sequence_length:,} tokens (training.sequence_length)"
    return sorted([*losses.refused, *(RowFault(row, reason) for row in losses.unlearnable)])


def require_consent(
    part: SourceSplit, losses: Losses, rows: int, sequence_length: int, max_dropped: float
) -> None:
    """Refuse a dataset that loses more of its rows than the recipe allows.

    Args:
        part: The dataset.
        losses: What was lost when its training rows, or a sample of them, were tokenised.
        rows: How many of them were tokenised.
        sequence_length: Tokens that rows are cut to.
        max_dropped: The share of rows that may be lost.

    Raises:
        BadInputError: Naming the rows, why they are lost, and the field to change.
    """
    faults = lost_in_tokens(losses, sequence_length)
    if rows == len(part.train):
        before = left_out(part.dataset)
        faults, rows = sorted([*before, *faults]), rows + len(before)
    check_dropped(part.source.name, faults, rows, max_dropped, part.unit)


def describe_dataset(part: SourceSplit, used: Iterable[str] = ()) -> Iterator[str]:
    """What was left out when a dataset was read, one sentence each.

    Args:
        part: The dataset.
        used: Fields that are used in another way than as text to learn.
    """
    name = part.source.name
    faults = left_out(part.dataset)
    if faults:
        rows = len(part.dataset.rows) + len(faults)
        dropped = f"{name}: {len(faults):,} of {rows:,} rows dropped"
        yield str(rows_error(dropped, faults, part.unit))
    if part.groups and not part.heldout:
        yield (
            f"{name}: no row is held out, because near duplicates stay together (groups: "
            f"{part.groups:,}); name held-out rows in data.heldout"
        )
    needed = set(used)
    if unused := [field for field in part.dataset.unused if field not in needed]:
        yield f"{name}: the model never sees {', '.join(unused)}"


def describe_losses(
    part: SourceSplit, losses: Losses, rows: int, sequence_length: int
) -> Iterator[str]:
    """What was lost when the rows of a dataset, or a sample of them, were tokenised.

    Args:
        part: The dataset.
        losses: What was lost.
        rows: How many rows were tokenised.
        sequence_length: Tokens that rows are cut to.
    """
    name, within = part.source.name, f"{sequence_length:,} tokens (training.sequence_length)"
    of_rows = f"of {rows:,} rows" if rows == len(part.train) else f"of a sample of {rows:,} rows"
    if faults := lost_in_tokens(losses, sequence_length):
        dropped = f"{name}: {len(faults):,} {of_rows} dropped"
        yield str(rows_error(dropped, faults, part.unit))
    if losses.cut:
        yield (
            f"{name}: {len(losses.cut):,} {of_rows} cut at {within}: "
            f"{list_numbers(losses.cut, part.unit)}"
        )
    if losses.divided:
        yield (
            f"{name}: {len(losses.divided):,} {of_rows} learned in pieces of {within}: "
            f"{list_numbers(losses.divided, part.unit)}"
        )
    for note, rows_noted in losses.notes.items():
        yield f"{name}: {list_numbers(rows_noted, part.unit)}: {note}"
