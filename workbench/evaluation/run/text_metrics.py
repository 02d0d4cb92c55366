"""Loss and KL to the base, sequence by sequence, on text that is never trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from workbench.data.batches import device_batches
from workbench.evaluation.report import TextResult
from workbench.models.eval_mode import eval_mode
from workbench.models.loss import labelled_logits
from workbench.retention.penalties.kl import TopTokens, kl_to_top_tokens, top_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.rendering import Rendered

TOP_TOKENS = 64
"""Most likely tokens of the base that are kept per position; all others form one tail."""

TEXT_BATCH = 8
"""Rows in a batch of short rows."""

TEXT_BATCH_TOKENS = 2048
"""Tokens in a batch, padding included: logits of a gigabyte with a vocabulary of 128,000.

A longer row forms a batch by itself.
"""


class TextEvaluator:
    """Batches of text, on which a model's loss and its KL to the base are measured.

    The rows that are watched during training form the first batches, so that base and model in
    training see them in the same batches.
    """

    def __init__(
        self,
        rows: Sequence[Rendered],
        pad_token_id: int,
        device: torch.device,
        *,
        watched: int = 0,
        batch_size: int = TEXT_BATCH,
    ) -> None:
        """Put rows into batches of similar length.

        Args:
            rows: Each with at least one labelled token.
            pad_token_id: Id of the padding token.
            device: Device of the model.
            watched: How many rows, from the first, are watched during training.
            batch_size: Rows in a batch; fewer if they are long.
        """
        watched_groups = list(_groups(rows[:watched], batch_size))
        groups = [*watched_groups, *_groups(rows[watched:], batch_size)]
        self._batches = [
            device_batches(group, len(group), pad_token_id, device)[0] for group in groups
        ]
        self._token_counts = [[row.trained_tokens for row in group] for group in groups]
        self._watched_batches = len(watched_groups)

    def base_predictions(self, base: Module, *, max_rows: int = TEXT_BATCH) -> dict[str, Tensor]:
        """Predictions of the base for each labelled token, on the CPU.

        Args:
            base: The untouched base.
            max_rows: Rows that fit into memory; larger batches are read in parts.

        Returns:
            ``ids`` and ``log_probs`` ``[tokens, k]`` and ``tail`` ``[tokens]`` (see
            :class:`TopTokens`) and ``nll`` ``[tokens]``, nats; empty without text.
        """
        parts = []
        with eval_mode(base):
            for batch, _ in self._parts(len(self._batches), max_rows):
                logits, targets = labelled_logits(base, batch)
                top = top_tokens(logits, TOP_TOKENS)
                nll = functional.cross_entropy(logits.float(), targets, reduction="none")
                parts.append({**top._asdict(), "ids": top.ids.int(), "nll": nll})
        names = parts[0] if parts else ()
        return {name: torch.cat([part[name] for part in parts]).cpu() for name in names}

    def base_results(self, predictions: Mapping[str, Tensor]) -> tuple[TextResult, ...]:
        """The base's own results; its KL to itself is zero."""
        counts = [count for batch in self._token_counts for count in batch]
        losses = torch.split(predictions["nll"], counts) if counts else ()
        return tuple(TextResult(tokens=len(nll), nll=float(nll.mean())) for nll in losses)

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
            watched_only: Only the rows that are watched during training.
            max_rows: Rows that fit into memory; larger batches are read in parts.
        """
        results: list[TextResult] = []
        batches = self._watched_batches if watched_only else len(self._batches)
        start = 0
        with eval_mode(model):
            for batch, counts in self._parts(batches, max_rows):
                stop = start + sum(counts)
                base = _top_tokens_at(predictions, slice(start, stop), batch["labels"].device)
                start = stop
                logits, targets = labelled_logits(model, batch)
                kl = kl_to_top_tokens(base, logits)
                nll = functional.cross_entropy(logits.float(), targets, reduction="none")
                rows = zip(torch.split(nll, counts), torch.split(kl, counts), strict=True)
                results += [
                    TextResult(
                        tokens=len(row_nll), nll=float(row_nll.mean()), kl=float(row_kl.mean())
                    )
                    for row_nll, row_kl in rows
                ]
        return tuple(results)

    def _parts(self, batches: int, max_rows: int) -> Iterator[tuple[dict[str, Tensor], list[int]]]:
        """The first ``batches``, in parts of at most ``max_rows``, with labelled tokens per row."""
        whole = zip(self._batches[:batches], self._token_counts[:batches], strict=True)
        for batch, counts in whole:
            for start in range(0, len(counts), max_rows):
                rows = slice(start, start + max_rows)
                yield {name: tensor[rows] for name, tensor in batch.items()}, counts[rows]


def _top_tokens_at(
    predictions: Mapping[str, Tensor], tokens: slice, device: torch.device
) -> TopTokens:
    part = {name: tensor[tokens].to(device) for name, tensor in predictions.items()}
    return TopTokens(part["ids"].long(), part["log_probs"], part["tail"])


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
