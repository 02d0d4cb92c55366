"""Finished runs on tiny models, as the worker leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.recipe.model import ModelSection
from workbench.recipe.recipe import STRATEGIES as EVERY_STRATEGY
from workbench.recipe.yaml_io import validate

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs
    from workbench.strategies.base import Strategy

STRATEGIES = ("full", "lora")
"""One that changes the base's weights, and one that does not."""

KINDS = tuple(EVERY_STRATEGY)
_FIELDS = {"freeze": {"layers": 1}}


def finished_run(
    runs: Runs, base: Path, kind: str, *, shift: float = 0.3, seed: int = 1, **fields: object
) -> RunFolder:
    """A run whose result is ``base`` plus noise of standard deviation ``shift``."""

    from workbench.training.settled import settle

    run = runs.create(recipe_on(base, kind, **fields))
    settle(run, run.recipe())
    tuned_model(base, kind, run.model, shift=shift, seed=seed, **fields)
    return run


def recipe_on(base: Path, kind: str, **fields: object):
    """A recipe on a local model folder."""
    return validate(
        {
            "name": f"tiny-{kind}",
            "model": {"id": str(base), "dtype": "float32"},
            "training": {"precision": "fp32"},
            "strategy": {"kind": kind, **_FIELDS.get(kind, {}), **fields},
        }
    )


def tuned_model(
    base: Path, kind: str, folder: Path, *, shift: float = 0.3, seed: int = 1, **fields: object
):
    """Prepare the base with the strategy, move the trainable weights, and save the result."""
    import torch

    strategy = recipe_on(base, kind, **fields).strategy
    model = strategy.prepare(load(base, strategy))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(shift * torch.randn(parameter.shape, generator=generator))
    strategy.save(model, folder)
    return strategy


def keep_fingerprint(run: RunFolder, base: Path) -> None:
    """Store the base's logits in the run, as the worker does before training."""
    from transformers import AutoTokenizer

    from workbench.evaluation.fingerprint import Numerics, save_fingerprint, take_fingerprint

    model = load(base, run.recipe().strategy)
    logits = take_fingerprint(model, AutoTokenizer.from_pretrained(base))
    save_fingerprint(logits, Numerics.of(model), run.base)


def load(folder: Path, strategy: Strategy | None = None):
    """The model of a folder, quantised as ``strategy`` requires."""
    import torch

    from workbench.models.loading import load_base

    return load_base(
        ModelSection(id=str(folder)),
        folder,
        device=torch.device("cpu"),
        dtype=torch.float32,
        quantization=strategy.quantization() if strategy else None,
    )
