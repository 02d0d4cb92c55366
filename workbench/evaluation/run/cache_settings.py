"""Everything that decides what a base answers, as plain values: the key of its cached results."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from workbench.evaluation.run.base_predictions import DRAWN_TOKENS, TOP_TOKENS
from workbench.evaluation.run.prompts import probe_ending, prompt_tokens
from workbench.evaluation.run.text_metrics import TEXT_BATCH, TEXT_BATCH_TOKENS

if TYPE_CHECKING:
    from workbench.evaluation.run.evaluation_set import EvaluationSet
    from workbench.evaluation.suites.suites import Suite
    from workbench.models.loaded_base import LoadedBase

NOISE_BATCH = 5
"""Rows or items in a batch when the base is measured against itself."""

WATCHED_TASK_ROWS = 4
"""Held-out rows whose KL is measured during training."""


def cache_settings(loaded: LoadedBase, asked: EvaluationSet) -> dict[str, object]:
    """What decides all results of a base."""
    evaluation = loaded.recipe.evaluation
    texts = (*asked.general_text, *asked.task_text)
    return {
        **model_settings(loaded),
        "size": asked.size,
        "suites": [suite_settings(suite) for suite in asked.suites],
        "target": [list(row) for row in asked.target],
        "target_metric": evaluation.target_metric,
        "target_tokens": evaluation.target_max_new_tokens,
        "prompts": list(asked.prompts),
        "answer_tokens": evaluation.prompts_max_new_tokens,
        "heldout": [
            [batch[name].tolist() for name in ("input_ids", "labels")] for batch in asked.heldout
        ],
        "text": [[row.input_ids, row.labels] for row in texts],
        "text_split": [
            *(len(asked.general_text), asked.apart),
            *(evaluation.retention_rows, WATCHED_TASK_ROWS),
        ],
        "batches": [TEXT_BATCH, TEXT_BATCH_TOKENS, TOP_TOKENS, DRAWN_TOKENS, NOISE_BATCH],
    }


def model_settings(loaded: LoadedBase) -> dict[str, object]:
    """How the base computes, and how prompts are rendered for it."""
    return {
        "device": str(loaded.device),
        "dtype": str(loaded.base.dtype),
        "precision": str(loaded.autocast_dtype),
        "virtual_tokens": loaded.recipe.strategy.virtual_tokens(),
        "chat_template": prompt_tokens(loaded.renderer, "?"),
        "answers_end": astuple(probe_ending(loaded.renderer)),
    }


def suite_settings(suite: Suite) -> dict[str, object]:
    """What decides how a suite is asked and scored."""
    return {
        "name": suite.name,
        "scorer": suite.scorer.model_dump(mode="json"),
        "new_tokens": suite.new_tokens,
        "items": [item.model_dump(mode="json") for item in suite.items],
    }
