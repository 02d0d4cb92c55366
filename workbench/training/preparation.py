"""What strategies and protections get from the worker while the base is still untouched."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors.torch import load_file, save_file

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.core.store import build_once
from workbench.data.batches import device_batches
from workbench.data.rendering import IGNORE_INDEX, Rendered
from workbench.data.splitting import load_examples
from workbench.data.tokenising import first_rows
from workbench.evaluation.run.generation import greedy_tokens
from workbench.evaluation.run.prompts import chat_ending
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.loss import labelled_logits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.formats import Example, Message
    from workbench.models.loaded_base import LoadedBase
    from workbench.retention.base import GeneralRow
    from workbench.training.reporting.reporter import Reporter

_T = TypeVar("_T")

_ANSWER_BATCH = 16
"""Questions that the base answers at once."""

_PHASE = "calibrating on the base"
_CACHE_FILE = "tensors.safetensors"
_CACHE_VERSION = 2
"""Part of every key: raise it when what is cached is computed or stored in another way."""

_NO_TOKEN = -1


class WorkerBaseContext:
    """The untouched base, general text in tokens, and a cache that outlives the run."""

    def __init__(self, loaded: LoadedBase, fingerprint: Tensor, reporter: Reporter) -> None:
        """Offer the base of a run.

        Args:
            loaded: The base.
            fingerprint: Distinguishes it from any other base in the cache.
            reporter: Shows progress and takes notices.
        """
        self.recipe = loaded.recipe
        self.base = loaded.base
        self._loaded = loaded
        self._tokenizer = loaded.tokenizer
        self._renderer = loaded.renderer
        self._fingerprint = hashlib.sha256(fingerprint.numpy().tobytes()).hexdigest()
        self._reporter = reporter

    def report(self, what: str, done: int, total: int) -> None:
        """Show progress to the user."""
        self._reporter.phase(_PHASE, what, done, total)

    def general_rows(self, source: str, rows: int) -> list[Rendered]:
        """The first rows of a dataset in tokens, without those that the evaluation asks."""
        examples = self._examples(source, rows)
        return _with_labels(first_rows(self._renderer, examples, len(examples)), source)

    def self_answered_rows(self, source: str, rows: int, max_new_tokens: int) -> list[Rendered]:
        """The questions of those rows with the base's own greedy answers, in its own tokens."""
        examples = self._examples(source, rows)
        prompts = [self._renderer.prompt(_question(example, source)) for example in examples]
        padded = self.cached(
            "self-answers", lambda: self._answer(prompts, max_new_tokens), prompts, max_new_tokens
        )["answers"]
        answers = [[token for token in row if token != _NO_TOKEN] for row in padded.tolist()]
        length = self._renderer.sequence_length
        rendered = [
            Rendered(prompt + answer, [IGNORE_INDEX] * len(prompt) + answer, False).cut(length)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        return _with_labels(rendered, source)

    def batches(self, rows: Sequence[GeneralRow], size: int) -> list[dict[str, Tensor]]:
        """Padded batches, shortest rows first, on the base's device."""
        return device_batches(rows, size, self._tokenizer.pad_token_id, self.base.device)

    def with_auto_batch_size(self, what: str, rows: int, work: Callable[[int], _T]) -> _T:
        """Call ``work`` with ``rows`` at once, or as many as fit into memory.

        Raises:
            DeviceMemoryError: Not even one row fits.
        """
        return AutoBatchSize(what, rows, partial(self._reporter.notice, level="warning")).run(work)

    def logits(self, model: Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits ``[labelled tokens, vocabulary]``, of base and tuned model in one number format.

        Otherwise rounding alone would keep a model that trains in mixed precision off its base.
        """
        with self._loaded.autocast():
            return labelled_logits(model, batch)[0]

    def cached(
        self, what: str, make: Callable[[], dict[str, Tensor]], *of: Any
    ) -> dict[str, Tensor]:
        """Tensors computed once for this base and for equal ``of``, on the base's device."""
        key = json.dumps(
            [_CACHE_VERSION, what, self._fingerprint, str(self._loaded.autocast_dtype), *of]
        )
        name = f"{what}-{hashlib.sha256(key.encode()).hexdigest()[:24]}"

        def build(folder: Path) -> None:
            tensors = {name: tensor.cpu().contiguous() for name, tensor in make().items()}
            save_file(tensors, folder / _CACHE_FILE)

        cache = locations.cache() / "retention"
        folder = self._reporter.retry_when_disk_full(
            lambda: build_once(cache / name, build, self.report), cache
        )
        return load_file(folder / _CACHE_FILE, device=str(self.base.device))

    def _examples(self, source: str, rows: int) -> list[Example]:
        evaluated = set(self.recipe.evaluation.prompts)
        others = (
            example
            for example in load_examples(source).rows
            if not any(message.content in evaluated for message in example.messages)
        )
        return list(islice(others, rows))

    def _answer(self, prompts: Sequence[list[int]], max_new_tokens: int) -> dict[str, Tensor]:
        """Greedy answers ``[prompts, longest]``, padded with :data:`_NO_TOKEN`."""
        with self._loaded.autocast():
            answers = self.with_auto_batch_size(
                "the base's own answers",
                _ANSWER_BATCH,
                lambda batch_size: greedy_tokens(
                    self.base,
                    self._tokenizer,
                    prompts,
                    max_new_tokens=max_new_tokens,
                    batch_size=batch_size,
                    ending=chat_ending(self._renderer),
                    report=lambda done, total: self.report("answers of the base", done, total),
                ),
            )
        longest = max(map(len, answers))
        padded = [answer + [_NO_TOKEN] * (longest - len(answer)) for answer in answers]
        return {"answers": torch.tensor(padded)}


def _question(example: Example, source: str) -> Sequence[Message]:
    """The conversation before its last answer."""
    answers = [i for i, message in enumerate(example.messages) if message.role == "assistant"]
    if not answers or not example.messages[: answers[-1]]:
        raise BadInputError(
            f"retention.replay.source: row {example.number} of {source} has no question for the "
            "base to answer; set retention.replay.answers=dataset to learn the rows as they are"
        )
    return example.messages[: answers[-1]]


def _with_labels(rendered: Sequence[Rendered], source: str) -> list[Rendered]:
    rows = [row for row in rendered if row.learns]
    if not rows:
        raise BadInputError(
            f"{source}: no row has a token to learn; give rows with answers within "
            "training.sequence_length tokens"
        )
    return rows
