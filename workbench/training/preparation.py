"""What the worker offers strategies and protections while the base is still untouched."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors.torch import load_file, save_file

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.data.batches import Collator
from workbench.data.rendering import IGNORE_INDEX, Rendered
from workbench.data.splitting import load_examples
from workbench.evaluation.run.generation import greedy_tokens
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.loss import labelled_logits
from workbench.models.store import build_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.formats import Example
    from workbench.models.loaded_base import LoadedBase
    from workbench.retention.base import GeneralRow
    from workbench.training.reporting.reporter import Reporter

_T = TypeVar("_T")

_ANSWERS = 16
"""Questions that the base answers at once."""

_PHASE = "studying the base"
_MADE = "made.safetensors"


class WorkerBaseContext:
    """The untouched base, general text, and a memory that outlives the run."""

    def __init__(self, loaded: LoadedBase, fingerprint: Tensor, reporter: Reporter) -> None:
        """Take the base; ``fingerprint`` tells it from any other in the cache."""
        self.recipe = loaded.recipe
        self.base = loaded.base
        self._loaded = loaded
        self._tokenizer = loaded.tokenizer
        self._renderer = loaded.renderer
        self._fingerprint = hashlib.sha256(fingerprint.numpy().tobytes()).hexdigest()
        self._reporter = reporter

    def report(self, what: str, done: int, total: int) -> None:
        """Tell the user what is being done."""
        self._reporter.phase(_PHASE, what, done, total)

    def general(self, source: str, rows: int) -> list[Rendered]:
        """Rows of a dataset in tokens; what the evaluation asks is left out."""
        rendered = self._renderer.render_all(self._examples(source, rows))
        return _learnable(rendered, source)

    def answered(self, source: str, rows: int, new_tokens: int) -> list[Rendered]:
        """The same questions with the base's own greedy answers, in its own tokens."""
        examples = self._examples(source, rows)
        prompts = [self._renderer.prompt(_question(example, source)) for example in examples]
        kept = self.cached(
            "self-answers", lambda: self._answer(prompts, new_tokens), prompts, new_tokens
        )["answers"]
        answers = [[token for token in row if token >= 0] for row in kept.tolist()]
        length = self._renderer.sequence_length
        rendered = [
            Rendered(prompt + answer, [IGNORE_INDEX] * len(prompt) + answer, False).cut(length)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        return _learnable(rendered, source)

    def batches(self, rows: Sequence[GeneralRow], size: int) -> list[dict[str, Tensor]]:
        """Padded batches, shortest rows first, on the base's device."""
        ordered: Any = sorted(rows, key=lambda row: len(row.input_ids))
        collate = Collator(self._tokenizer.pad_token_id)
        batches = [collate(ordered[start : start + size]) for start in range(0, len(rows), size)]
        device = self.base.device
        return [{name: tensor.to(device) for name, tensor in batch.items()} for batch in batches]

    def in_parts(self, what: str, rows: int, work: Callable[[int], _T]) -> _T:
        """Do ``work`` with ``rows`` at once, or as many as there is memory for.

        Raises:
            NoRoomError: There is no memory for a single one.
        """
        return AutoBatchSize(what, rows, partial(self._reporter.notice, level="warning")).run(work)

    def logits(self, model: Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits ``[labelled tokens, vocabulary]``, of base and tuned model in one number format.

        Otherwise rounding alone would hold a model that trains in mixed precision off its base.
        """
        with self._loaded.autocast():
            return labelled_logits(model, batch)[0]

    def cached(
        self, what: str, make: Callable[[], dict[str, Tensor]], *of: Any
    ) -> dict[str, Tensor]:
        """Tensors made once for this base and for equal ``of``, on the base's device."""
        key = json.dumps([what, self._fingerprint, str(self._loaded.autocast_dtype), *of])
        name = f"{what}-{hashlib.sha256(key.encode()).hexdigest()[:24]}"

        def build(folder: Path) -> None:
            made = {key: tensor.cpu().contiguous() for key, tensor in make().items()}
            save_file(made, folder / _MADE)

        shelf = locations.cache() / "retention"
        folder = self._reporter.retry_when_disk_full(
            lambda: build_once(shelf / name, build, self.report), shelf
        )
        return load_file(folder / _MADE, device=str(self.base.device))

    def _examples(self, source: str, rows: int) -> list[Example]:
        asked = set(self.recipe.evaluation.prompts)
        examples = load_examples(source).rows
        return [example for example in examples if not _asks(example, asked)][:rows]

    def _answer(self, prompts: Sequence[list[int]], new_tokens: int) -> dict[str, Tensor]:
        with self._loaded.autocast():
            answers = self.in_parts(
                "the base's own answers",
                _ANSWERS,
                lambda at_once: greedy_tokens(
                    self.base,
                    self._tokenizer,
                    prompts,
                    max_new_tokens=new_tokens,
                    batch_size=at_once,
                    report=lambda done, total: self.report("answers of the base", done, total),
                ),
            )
        longest = max(map(len, answers))
        padded = [answer + [-1] * (longest - len(answer)) for answer in answers]
        return {"answers": torch.tensor(padded)}


def _asks(example: Example, asked: set[str]) -> bool:
    return any(message.content in asked for message in example.messages)


def _question(example: Example, source: str) -> Sequence[Any]:
    """The conversation before its last answer."""
    turns = [i for i, message in enumerate(example.messages) if message.role == "assistant"]
    if not turns or not example.messages[: turns[-1]]:
        raise BadInputError(
            f"retention.replay.source: row {example.number} of {source} asks nothing that the base "
            "could answer; set retention.replay.answers to dataset to learn the rows as they stand"
        )
    return example.messages[: turns[-1]]


def _learnable(rendered: Sequence[Rendered], source: str) -> list[Rendered]:
    rows = [row for row in rendered if row.learns]
    if not rows:
        raise BadInputError(f"{source}: no general row is left with a token to learn from")
    return rows
