"""Loss and KL to the base, sequence by sequence, on text that is never trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from workbench.data.batches import Collator
from workbench.evaluation.report.report import TextResult
from workbench.models.eval_mode import eval_mode
from workbench.models.loss import labelled_logits
from workbench.retention.penalties.kl import TopTokens, kl_to_top_tokens, top_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.rendering import Rendered

    Batch = dict[str, Tensor]
    Kept = Mapping[str, Tensor]

TOP_TOKENS = 64
"""Most likely tokens of the base that are kept for each predicted token; the rest is one tail."""

BATCH = 8
"""Rows in a batch, of short ones."""

BATCH_TOKENS = 2048
"""Tokens in a batch, padding included: a vocabulary of 128,000 makes a gigabyte of logits of them.

A longer row is a batch of its own.
"""


class TextEvaluator:
    """Rows in batches, and what the base predicted for each of their learned tokens.

    The rows that are watched while training stand in batches of their own, the first ones, so that
    they are computed in the same batches by the base and by the model in training.
    """

    def __init__(
        self,
        rows: Sequence[Rendered],
        padding: int,
        device: torch.device,
        *,
        watched: int = 0,
        size: int = BATCH,
    ) -> None:
        """Put rows into batches of similar length.

        Args:
            rows: Each with a token to learn.
            padding: Id of the padding token.
            device: Where the model is.
            watched: The first rows of which this many are read while training.
            size: Rows in a batch; fewer where they are long.
        """
        collate = Collator(padding)
        first = list(_groups(_by_length(rows[:watched]), size))
        groups = [*first, *_groups(_by_length(rows[watched:]), size)]
        self._batches = [
            {name: tensor.to(device) for name, tensor in collate(group).items()} for group in groups
        ]
        self._counts = [[row.trained_tokens for row in group] for group in groups]
        self._watched = len(first)

    def __len__(self) -> int:
        return sum(map(len, self._counts))

    def predictions(self, base: Module, *, at_once: int = BATCH) -> dict[str, Tensor]:
        """What the base predicts for each learned token, on the CPU.

        Args:
            base: The one to ask.
            at_once: Rows that there is memory for; larger batches are read in parts.

        Returns:
            ``ids`` ``[tokens, k]``, ``log_probs`` ``[tokens, k]``, ``tail`` ``[tokens]`` (see
            :class:`TopTokens`) and ``nll`` ``[tokens]``, nats; empty where there is no text.
        """
        parts = []
        with eval_mode(base):
            for batch, _ in self._in_parts(len(self._batches), at_once):
                logits, targets = labelled_logits(base, batch)
                top = top_tokens(logits, TOP_TOKENS)
                nll = functional.cross_entropy(logits.float(), targets, reduction="none")
                parts.append({**top._asdict(), "ids": top.ids.int(), "nll": nll})
        names = parts[0] if parts else ()
        return {name: torch.cat([part[name] for part in parts]).cpu() for name in names}

    def of_base(self, kept: Kept) -> tuple[TextResult, ...]:
        """The base's own results; its KL to itself is zero."""
        counts = [count for batch in self._counts for count in batch]
        losses = torch.split(kept["nll"], counts) if counts else ()
        return tuple(TextResult(tokens=len(nll), nll=float(nll.mean())) for nll in losses)

    def results(
        self, model: Module, kept: Kept, *, watched_only: bool = False, at_once: int = BATCH
    ) -> tuple[TextResult, ...]:
        """Loss of ``model`` and KL of the base to it, in the order of the batches.

        Args:
            model: The one to measure.
            kept: The base's :meth:`predictions`.
            watched_only: Leave out what is not read while training.
            at_once: Rows that there is memory for; larger batches are read in parts.
        """
        found: list[TextResult] = []
        with eval_mode(model):
            for batch, counts, base in self._with_base(kept, watched_only, at_once):
                logits, targets = labelled_logits(model, batch)
                kl = kl_to_top_tokens(base, logits)
                nll = functional.cross_entropy(logits.float(), targets, reduction="none")
                rows = zip(torch.split(nll, counts), torch.split(kl, counts), strict=True)
                found += [
                    TextResult(tokens=len(loss), nll=float(loss.mean()), kl=float(away.mean()))
                    for loss, away in rows
                ]
        return tuple(found)

    def _with_base(
        self, kept: Kept, watched_only: bool, at_once: int
    ) -> Iterator[tuple[Batch, list[int], TopTokens]]:
        first = 0
        last = self._watched if watched_only else len(self._batches)
        for batch, counts in self._in_parts(last, at_once):
            tokens = slice(first, first := first + sum(counts))
            device = batch["labels"].device
            base = {name: tensor[tokens].to(device) for name, tensor in kept.items()}
            top = TopTokens(base["ids"].long(), base["log_probs"], base["tail"])
            yield batch, counts, top

    def _in_parts(self, last: int, at_once: int) -> Iterator[tuple[Batch, list[int]]]:
        """The batches before ``last``, of at most so many rows, and their learned tokens."""
        for whole, counts in zip(self._batches[:last], self._counts[:last], strict=True):
            for row in range(0, len(counts), at_once):
                rows = slice(row, row + at_once)
                yield {name: tensor[rows] for name, tensor in whole.items()}, counts[rows]


def mean_of(results: Sequence[TextResult], name: str) -> float | None:
    """Mean of ``kl`` or ``nll`` over all tokens; None where there is no text."""
    tokens = sum(result.tokens for result in results)
    if not tokens:
        return None
    return float(sum(getattr(result, name) * result.tokens for result in results)) / tokens


def _groups(rows: Sequence[Rendered], size: int) -> Iterator[list[Rendered]]:
    """Rows, shortest first, in batches of at most ``size`` rows and :data:`BATCH_TOKENS`."""
    group: list[Rendered] = []
    for row in rows:
        if len(group) == size or (len(group) + 1) * len(row.input_ids) > BATCH_TOKENS:
            if group:
                yield group
            group = []
        group.append(row)
    if group:
        yield group


def _by_length(rows: Sequence[Rendered]) -> list[Rendered]:
    return sorted(rows, key=lambda row: len(row.input_ids))
