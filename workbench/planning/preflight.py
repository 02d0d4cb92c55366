"""What can be known to be wrong with a run before its worker starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.data.narrowness import narrowness_of
from workbench.data.splitting import load_examples, load_split
from workbench.data.template_settings import TemplateSettings
from workbench.evaluation.overlap import refuse_overlaps
from workbench.evaluation.suites.suites import named_suites
from workbench.models.describing import read_facts, require_base
from workbench.models.sources import DEMO
from workbench.planning.data_size import guess_epoch
from workbench.planning.plan import Plan, plan
from workbench.recipe.sources import map_paths
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.recipe.retention import Protections

_SHARDABLE_OPTIMISERS = ("adamw_torch", "sgd")
"""Optimisers whose step on a part of the weights is the same as on the whole."""
_WHOLE_WEIGHTS = (
    "retention.{} needs each weight in one piece; use kl or replay, or set sharding to none"
)


def preflight(recipe: Recipe) -> Plan:
    """Check a run and compute its size from its files, without torch and without tokenising.

    Raises:
        FtwbError: The model, the data or the strategy cannot be used as the recipe says.
    """
    facts = check(recipe)
    split = load_split(recipe.data, recipe.training.seed)
    if not split.train:
        raise BadInputError(f"{recipe.data.train}: no row is left to train on")
    notes = refuse_overlaps(recipe, split.train)
    epoch = guess_epoch(recipe, split)
    return plan(
        *(recipe, facts, epoch.rows),
        answers=narrowness_of(split.train),
        notes=(*notes, *epoch.notes),
    )


def check(recipe: Recipe) -> ModelFacts:
    """Refuse a recipe whose parts cannot be used together; return the facts of its base model.

    Raises:
        FtwbError: The model, the data or the strategy cannot be used as the recipe says.
    """
    facts = read_facts(recipe.model)
    TemplateSettings.of(recipe.data)
    require_base(recipe.model, facts)
    recipe.strategy.check(facts, recipe.training)
    check_sharding(recipe)
    _check_added_rows(recipe)
    for source in recipe.strategy.datasets().values():
        load_examples(source)
    for protection in recipe.retention.active().values():
        protection.check(recipe, facts)
        if isinstance(protection, GeneralProtection):
            protection.check_format(load_examples(protection.source).format)
    if recipe.evaluation.general_text is not None:
        load_examples(recipe.evaluation.general_text)
    if recipe.evaluation.size != "none":
        named_suites(recipe.evaluation.suites)
    return facts


def _check_added_rows(recipe: Recipe) -> None:
    """Refuse to add rows to the embedding that nothing trains, or that cannot be split."""
    if not recipe.model.resize_embeddings:
        return
    if recipe.devices.sharding == "full":
        raise BadInputError(
            "devices.sharding: rows that model.resize_embeddings adds cannot be split; set it to "
            "none"
        )
    if not recipe.strategy.trains_added_rows:
        raise BadInputError(
            f"model.resize_embeddings: {recipe.strategy.kind} as configured does not train the "
            "rows that are added; use full, lora or qlora, or freeze with strategy.embeddings"
        )


def check_sharding(recipe: Recipe) -> None:
    """Refuse a recipe whose weights or optimiser state cannot be split over devices.

    Raises:
        BadInputError: Naming what cannot be split, and what to do instead.
    """
    if recipe.devices.sharding == "full" and (problem := _unshardable(recipe)):
        raise BadInputError(f"devices.sharding: {problem}")


def _unshardable(recipe: Recipe) -> str:
    """What cannot be split, and what to do instead; empty if everything can be."""
    strategy, training = recipe.strategy, recipe.training
    if recipe.devices.count == 1:
        return "one device has nothing to split; set devices.count"
    if strategy.quantization() is not None:
        return f"the 4-bit weights of {strategy.kind} cannot be split; set sharding to none"
    if strategy.delta_kind == "other":
        return (
            f"only weights of the base and LoRA's two factors can be split, and {strategy.kind} as "
            "configured trains others; set sharding to none"
        )
    if training.optim not in _SHARDABLE_OPTIMISERS:
        optimisers = " or ".join(_SHARDABLE_OPTIMISERS)
        return f"the state of {training.optim} cannot be split; use {optimisers}"
    if training.precision == "fp16":
        return "fp16 gradients cannot be scaled in parts; use bf16"
    whole = (
        kind for kind, method in recipe.retention.active().items() if method.needs_whole_weights
    )
    return next(map(_WHOLE_WEIGHTS.format, whole), "")


def resolve_paths(recipe: Recipe) -> Recipe:
    """Make a recipe independent of the current folder: paths that exist become absolute."""
    strategy, data, evaluation = recipe.strategy, recipe.data, recipe.evaluation
    sources = {field: _absolute(source) for field, source in strategy.datasets().items()}
    return recipe.model_copy(
        update={
            "model": recipe.model.model_copy(update={"id": _absolute(recipe.model.id)}),
            "data": data.model_copy(
                update={
                    "train": map_paths(data.train, _absolute),
                    "heldout": _optional(data.heldout),
                    "chat_template": _optional(data.chat_template),
                }
            ),
            "strategy": strategy.model_copy(update=sources),
            "retention": _resolve_sources(recipe.retention),
            "evaluation": evaluation.model_copy(
                update={
                    "general_text": _optional(evaluation.general_text),
                    "suites": tuple(map(_absolute, evaluation.suites)),
                }
            ),
        }
    )


def _resolve_sources(retention: Protections) -> Protections:
    resolved = {
        kind: protection.model_copy(update={"source": _absolute(protection.source)})
        for kind, protection in retention.active().items()
        if isinstance(protection, GeneralProtection)
    }
    return retention.model_copy(update=resolved)


def _optional(name: str | None) -> str | None:
    return None if name is None else _absolute(name)


def _absolute(name: str) -> str:
    """A path that exists, or a folder with a split behind it, as an absolute path."""
    path = Path(name).expanduser()
    if name != DEMO and path.exists():
        return locations.shorten(path)
    folder, colon, split = name.rpartition(":")
    if colon and folder and Path(folder).expanduser().is_dir():
        return f"{locations.shorten(Path(folder).expanduser())}:{split}"
    return name
