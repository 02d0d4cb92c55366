"""Loss and KL to the base, sequence by sequence, on text that is never trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

from workbench.data.batches import device_batches
from workbench.data.rendering import IGNORE_INDEX
from workbench.evaluation.report import TextResult
from workbench.evaluation.run.base_predictions import BasePredictions
from workbench.models.eval_mode import eval_mode
from workbench.models.loss import labelled_logits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.rendering import Rendered

TEXT_BATCH = 8
"""Rows in a batch of short rows."""

TEXT_BATCH_TOKENS = 2048
"""Tokens in a batch, padding included: logits of a gigabyte with a vocabulary of 128,000.

A longer row forms a batch by itself.
"""

_SEED = 0
"""Of the tokens drawn from the base's predictions: the same each time."""


class _Counts(NamedTuple):
    """Labelled tokens of a row, and how many of them open an answer."""

    tokens: int
    openings: int

    @classmethod
    def of(cls, row: Rendered) -> _Counts:
        return cls(row.trained_tokens, row.openings)


class TextEvaluator:
    """Batches of text, on which a model's loss and its KL to the base are measured.

    The rows that are watched during training form the first batches, so that base and model in
    training see them in the same batches. The others are reported, or all where they are too few.
    """

    def __init__(
        self,
        rows: Sequence[Rendered],
        pad_token_id: int,
        device: torch.device,
        *,
        watched: int = 0,
        apart: bool = False,
        batch_size: int = TEXT_BATCH,
    ) -> None:
        """Put rows into batches of similar length.

        Args:
            rows: Each with at least one labelled token.
            pad_token_id: Id of the padding token.
            device: Device of the model.
            watched: How many rows, from the first, are watched during training.
            apart: Whether these are not reported.
            batch_size: Rows in a batch; fewer if they are long.
        """
        watched_groups = list(_groups(rows[:watched], batch_size))
        groups = [*watched_groups, *_groups(rows[watched:], batch_size)]
        self._batches = [
            device_batches(group, len(group), pad_token_id, device)[0] for group in groups
        ]
        self._counts = [[_Counts.of(row) for row in group] for group in groups]
        self._watched = slice(0, len(watched_groups))
        self._reported = slice(len(watched_groups) if apart else 0, len(groups))

    def base_predictions(self, base: Module, *, max_rows: int = TEXT_BATCH) -> dict[str, Tensor]:
        """Predictions of the base for each labelled token, on the CPU.

        Args:
            base: The untouched base.
            max_rows: Rows that fit into memory; larger batches are read in parts.

        Returns:
            The fields of :class:`BasePredictions` by name; empty without text.
        """
        device = next(base.parameters()).device
        generator = torch.Generator(device).manual_seed(_SEED)
        parts = []
        with eval_mode(base):
            for batch, _ in self._parts(slice(None), max_rows):
                parts.append(BasePredictions.of(*labelled_logits(base, batch), generator))
        predictions = BasePredictions.join(parts)._asdict() if parts else {}
        return {name: tensor.cpu() for name, tensor in predictions.items()}

    def base_results(
        self, predictions: Mapping[str, Tensor], *, watched_only: bool = False
    ) -> tuple[TextResult, ...]:
        """The base's own results on the reported or the watched rows; its KL to itself is zero."""
        batches = self._watched if watched_only else self._reported
        counts = [count for batch in self._counts[batches] for count in batch]
        if not counts:
            return ()
        tokens = [row.tokens for row in counts]
        start = self._tokens_before(batches)
        losses = torch.split(predictions["nll"][start : start + sum(tokens)], tokens)
        return tuple(
            TextResult(tokens=row.tokens, nll=float(nll.mean()), openings=row.openings)
            for row, nll in zip(counts, losses, strict=True)
        )

    def results(
        self,
        model: Module,
        predictions: Mapping[str, Tensor],
        *,
        watched_only: bool = False,
        max_rows: int = TEXT_BATCH,
    ) -> tuple[TextResult, ...]:
        """Loss of ``model`` and KL(base ‖ model) per sequence, in the order of the batches.

        Args:
            model: The model to measure.
            predictions: The base's :meth:`base_predictions`.
            watched_only: The rows that are watched during training, in place of the reported ones.
            max_rows: Rows that fit into memory; larger batches are read in parts.
        """
        results: list[TextResult] = []
        batches = self._watched if watched_only else self._reported
        start = self._tokens_before(batches)
        with eval_mode(model):
            for batch, counts in self._parts(batches, max_rows):
                tokens = [row.tokens for row in counts]
                stop = start + sum(tokens)
                base = BasePredictions.at(predictions, slice(start, stop), batch["labels"].device)
                start = stop
                logits, targets = labelled_logits(model, batch)
                nll = functional.cross_entropy(logits.float(), targets, reduction="none")
                rows = (nll, base.kl(logits), _opens_answer(batch["labels"]))
                split = (torch.split(values.cpu(), tokens) for values in rows)
                results += map(_text_result, *split)
        return tuple(results)

    def _tokens_before(self, batches: slice) -> int:
        """Labelled tokens of all batches before these."""
        return sum(row.tokens for batch in self._counts[: batches.start] for row in batch)

    def _parts(
        self, batches: slice, max_rows: int
    ) -> Iterator[tuple[dict[str, Tensor], list[_Counts]]]:
        """These batches, in parts of at most ``max_rows``, with labelled tokens per row."""
        whole = zip(self._batches[batches], self._counts[batches], strict=True)
        for batch, counts in whole:
            for start in range(0, len(counts), max_rows):
                rows = slice(start, start + max_rows)
                yield {name: tensor[rows] for name, tensor in batch.items()}, counts[rows]


def _opens_answer(labels: Tensor) -> Tensor:
    """Whether each labelled token is the first of an answer: nothing before it is labelled.

    Args:
        labels: ``[rows, length]``; what :func:`labelled_logits` predicts is their second token on.
    """
    labelled = labels != IGNORE_INDEX
    opens: Tensor = ~labelled[:, :-1][labelled[:, 1:]]
    return opens


def _text_result(nll: Tensor, kl: Tensor, opens: Tensor) -> TextResult:
    """Means over the labelled tokens of one row, each ``[tokens]``."""
    return TextResult(
        tokens=len(nll),
        nll=float(nll.mean()),
        kl=float(kl.mean()),
        openings=int(opens.sum()),
        opening_kl=float(kl[opens].mean()) if opens.any() else 0.0,
    )


def _groups(rows: Sequence[Rendered], batch_size: int) -> Iterator[list[Rendered]]:
    """Rows, shortest first, in groups of at most ``batch_size`` rows and the token limit."""
    group: list[Rendered] = []
    for row in sorted(rows, key=lambda row: len(row.input_ids)):
        is_full = len(group) == batch_size
        if is_full or (len(group) + 1) * len(row.input_ids) > TEXT_BATCH_TOKENS:
            if group:
                yield group
            group = []
        group.append(row)
    if group:
        yield group
