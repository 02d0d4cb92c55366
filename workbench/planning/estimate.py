"""The size of a run including its tokens, counted with the model's own tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.core.progress import silent
from workbench.data.narrowness import narrowness_of
from workbench.data.splitting import load_examples, load_split
from workbench.evaluation.overlap import refuse_overlaps
from workbench.planning.data_size import count_epoch
from workbench.planning.plan import Plan, plan
from workbench.planning.preflight import check
from workbench.retention.replay import ReplayProtection

if TYPE_CHECKING:
    from workbench.data.rendering import Renderer
    from workbench.recipe.recipe import Recipe


def estimate(recipe: Recipe) -> Plan:
    """Check a run and compute its size, with its tokens.

    Loads the tokenizer, and with it transformers; for a size without tokens, see
    :func:`workbench.planning.preflight.preflight`.

    Raises:
        FtwbError: The model, the data or the strategy cannot be used as the recipe says.
    """
    from workbench.data.rendering import Renderer
    from workbench.data.template_settings import TemplateSettings
    from workbench.models.loading import load_tokenizer, locate

    facts = check(recipe)
    split = load_split(recipe.data, recipe.training.seed)
    notes = refuse_overlaps(recipe, split.train)
    renderer = Renderer(
        load_tokenizer(recipe.model, locate(recipe.model, silent)),
        recipe.data.assistant_only_loss,
        recipe.training.sequence_length,
        TemplateSettings.of(recipe.data),
        None if recipe.model.resize_embeddings else facts.vocabulary or None,
    )
    epoch = count_epoch(recipe, split, renderer)
    replayed = _replayed_tokens(recipe, renderer, epoch.trained_tokens)
    return plan(
        *(recipe, facts, epoch.rows, epoch.tokens, narrowness_of(split.train), replayed),
        notes=(*notes, *epoch.notes),
    )


def _replayed_tokens(recipe: Recipe, renderer: Renderer, trained_tokens: int) -> int:
    """Tokens of general text replayed beside an epoch's ``trained_tokens``, an estimate."""
    from workbench.data.tokenising import first_rows

    replay = recipe.retention.active().get("replay")
    if not isinstance(replay, ReplayProtection):
        return 0
    rows = first_rows(renderer, load_examples(replay.source).rows[: replay.rows], replay.rows)
    if not rows:
        raise BadInputError(f"{replay.source}: no general row has a token to learn from")
    return replay.replayed_tokens(trained_tokens, rows)
