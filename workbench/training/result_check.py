"""Proof that a result, read back from its folder, is the model that was trained."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from workbench.core.errors import RunFailedError, first_line
from workbench.evaluation.fingerprint import (
    Fingerprint,
    Numerics,
    save_fingerprint,
    take_fingerprint,
)
from workbench.models.auto_batch_size import out_of_memory

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedTokenizerBase

    from workbench.strategies.base import Strategy


@dataclass(frozen=True)
class ResultRecord:
    """What is remembered of a trained model while its result is read back in its place.

    So that both need never be in memory at once, its tensors are remembered by their checksums.

    Attributes:
        checksums: Of every tensor that the result keeps, by name.
        fingerprint: Its logits on the fingerprint's prompts.
    """

    checksums: dict[str, str]
    fingerprint: Fingerprint

    @classmethod
    def of(
        cls, strategy: Strategy, model: Module, tokenizer: PreTrainedTokenizerBase
    ) -> ResultRecord:
        """Compute both from the model in memory.

        Raises:
            RunFailedError: Its logits are not finite.
        """
        fingerprint = fingerprint_of(model, tokenizer)
        if not fingerprint.logits.isfinite().all():
            raise RunFailedError(
                f"the trained model answers with numbers that are not finite in "
                f"{fingerprint.numerics}; train it again with training.precision=fp32 or bf16, or "
                "a lower learning rate"
            )
        return cls(_checksums(strategy, model), fingerprint)

    def save_logits(self, folder: Path) -> None:
        """Write the logits, by which chats and evaluations recognise the result from now on.

        Raises:
            MachineError: The disk is full or cannot be written.
        """
        assert self.fingerprint.numerics is not None  # noqa: S101 - it was computed here
        save_fingerprint(self.fingerprint.logits, self.fingerprint.numerics, folder)

    def read_back(
        self, strategy: Strategy, base: Module, folder: Path, tokenizer: PreTrainedTokenizerBase
    ) -> Module:
        """Load the result in ``folder`` onto the untouched base.

        Raises:
            RunFailedError: It is not the trained model, or cannot be loaded.
        """
        try:
            model = strategy.load(base, folder)
        except Exception as error:
            if out_of_memory(error):
                raise
            raise RunFailedError(f"it cannot be loaded: {first_line(error)}") from error
        self._require_same_tensors(_checksums(strategy, model))
        self._require_same_logits(fingerprint_of(model, tokenizer))
        return model

    def _require_same_tensors(self, found: dict[str, str]) -> None:
        missing = [name for name in self.checksums if name not in found]
        if missing:
            raise RunFailedError(f"it lacks {missing[0]} ({len(missing)} tensors are missing)")
        other = [name for name, checksum in self.checksums.items() if found[name] != checksum]
        if other:
            raise RunFailedError(
                f"{other[0]} holds other numbers ({len(other)} of {len(found)} tensors differ)"
            )

    def _require_same_logits(self, found: Fingerprint) -> None:
        assert found.numerics is not None  # noqa: S101 - it was just computed
        if not self.fingerprint.matches(found.logits, found.numerics):
            distance = self.fingerprint.distance(found.logits)
            raise RunFailedError(
                f"its tensors are right, but it answers differently (distance {distance:.1g}, "
                f"rounding explains {self.fingerprint.tolerance(found.numerics):.0e})"
            )


def fingerprint_of(model: Any, tokenizer: PreTrainedTokenizerBase) -> Fingerprint:
    """The logits of a tuned model, whatever wraps it."""
    logits = take_fingerprint(model, tokenizer)
    return Fingerprint(logits, Numerics.of(model), late=False)


def _checksums(strategy: Strategy, model: Module) -> dict[str, str]:
    return {name: _checksum(t) for name, t in strategy.result_tensors(model).items()}


def _checksum(tensor: Tensor) -> str:
    """Of shape and values; a 16-bit number counts as the float32 number that it equals."""
    values = tensor.detach().to("cpu", torch.float32).contiguous()
    digest = hashlib.sha256(repr(tuple(values.shape)).encode())
    digest.update(values.numpy().data if values.numel() else b"")
    return digest.hexdigest()
