"""What can be known to be wrong with a run before its worker is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.data.narrowness import narrowness_of
from workbench.data.splitting import load_examples, load_split
from workbench.evaluation.suites.suites import named_suites
from workbench.models.describing import read_facts
from workbench.models.sources import DEMO
from workbench.planning.plan import Plan, plan
from workbench.retention.base import GeneralProtection
from workbench.retention.replay import ReplayProtection

if TYPE_CHECKING:
    from workbench.data.rendering import Renderer
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.evaluation import EvaluationSection
    from workbench.recipe.recipe import Recipe
    from workbench.recipe.retention import Protections
    from workbench.strategies.base import Strategy


def resolve(recipe: Recipe) -> Recipe:
    """Make the recipe independent of the current folder: paths that exist become absolute."""
    model = recipe.model.model_copy(update={"id": _absolute(recipe.model.id)})
    heldout = recipe.data.heldout
    data = recipe.data.model_copy(
        update={
            "train": _absolute(recipe.data.train),
            "heldout": None if heldout is None else _absolute(heldout),
        }
    )
    return recipe.model_copy(
        update={
            "model": model,
            "data": data,
            "strategy": _studying(recipe.strategy),
            "retention": _resolved(recipe.retention),
            "evaluation": _asking(recipe.evaluation),
        }
    )


def preflight(recipe: Recipe) -> Plan:
    """Size up a run from its files, without torch and without tokenising.

    Raises:
        FtwbError: The model, the data or the strategy cannot be used as asked.
    """
    facts = _checked(recipe)
    split = load_split(recipe.data, recipe.training.seed)
    if not split.train:
        raise BadInputError(f"{recipe.data.train}: no row is left to train on")
    return plan(recipe, facts, len(split.train), answers=narrowness_of(split.train))


def with_tokens(recipe: Recipe) -> Plan:
    """Size up a run and count its tokens with the model's own tokenizer.

    Raises:
        FtwbError: The model, the data or the strategy cannot be used as asked.
    """
    from workbench.data.rendering import Renderer
    from workbench.models.loading import load_tokenizer, locate

    facts = _checked(recipe)
    split = load_split(recipe.data, recipe.training.seed)
    folder = locate(recipe.model, lambda _what, _done, _total: None)
    renderer = Renderer(
        load_tokenizer(recipe.model, folder),
        recipe.data.assistant_only,
        recipe.training.sequence_length,
    )
    rows = [row for row in renderer.render_all(split.train) if row.learns]
    tokens = sum(len(row.input_ids) for row in rows)
    replayed = _replayed(recipe, renderer, sum(row.trained_tokens for row in rows))
    return plan(recipe, facts, len(rows), tokens, narrowness_of(split.train), replayed)


def _checked(recipe: Recipe) -> ModelFacts:
    """The facts of the model that the strategy and every protection can work with."""
    facts = read_facts(recipe.model)
    recipe.strategy.check(facts, recipe.training)
    recipe.devices.check(recipe)
    for source in recipe.strategy.datasets().values():
        load_examples(source)
    for protection in recipe.retention.active().values():
        protection.check(recipe, facts)
        if isinstance(protection, GeneralProtection):
            protection.check_format(load_examples(protection.source).format)
    _check_evaluation(recipe.evaluation)
    return facts


def _check_evaluation(evaluation: EvaluationSection) -> None:
    """Refuse general text and suites that cannot be read."""
    if evaluation.general_text is not None:
        load_examples(evaluation.general_text)
    if evaluation.size != "none":
        named_suites(evaluation.suites)


def _replayed(recipe: Recipe, renderer: Renderer, learned: int) -> int:
    """Tokens that are replayed beside ``learned`` learned ones of the dataset, an estimate."""
    replay = recipe.retention.active().get("replay")
    if not isinstance(replay, ReplayProtection):
        return 0
    general = renderer.render_all(load_examples(replay.source).rows[: replay.rows])
    rows = [row for row in general if row.learns]
    if not rows:
        raise BadInputError(f"{replay.source}: no general row has a token to learn from")
    return replay.replayed_tokens(learned, rows)


def _studying(strategy: Strategy) -> Strategy:
    paths = {field: _absolute(source) for field, source in strategy.datasets().items()}
    return strategy.model_copy(update=paths)


def _asking(evaluation: EvaluationSection) -> EvaluationSection:
    text = evaluation.general_text
    paths = {
        "general_text": None if text is None else _absolute(text),
        "suites": tuple(map(_absolute, evaluation.suites)),
    }
    return evaluation.model_copy(update=paths)


def _resolved(retention: Protections) -> Protections:
    paths = {
        kind: protection.model_copy(update={"source": _absolute(protection.source)})
        for kind, protection in retention.active().items()
        if isinstance(protection, GeneralProtection)
    }
    return retention.model_copy(update=paths)


def _absolute(name: str) -> str:
    path = Path(name).expanduser()
    return locations.shorten(path) if name != DEMO and path.exists() else name
