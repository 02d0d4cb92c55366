"""Loading runs: one base, and every result beside it as a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from workbench.chat.engine.decoding import Decoder, stop_tokens
from workbench.chat.engine.lanes import Lane, open_lanes, twin
from workbench.chat.sources import folder_of, run_of
from workbench.chat.titles import base_name
from workbench.core.errors import BadInputError
from workbench.data.formats import Message
from workbench.data.rendering import Renderer
from workbench.data.template_settings import use_template
from workbench.models import loading
from workbench.models.dtype import read_dtypes, torch_dtype
from workbench.models.template_record import read_template
from workbench.strategies.interpolation import Interpolation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from torch.nn import Module, Parameter
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.chat.protocol import Source
    from workbench.core.progress import ProgressCallback
    from workbench.recipe.recipe import Recipe
    from workbench.strategies.base import Strategy


def open_sources(
    sources: Sequence[Source], report: ProgressCallback, apart: Collection[str] = ()
) -> Decoder:
    """Load the base of the first source's run and every source beside it.

    Tokenizer and chat template are those of training. The lanes in ``apart`` share no batch.

    Raises:
        BadInputError: A source does not exist, or has another base than the first.
        FtwbError: The base cannot be found or loaded.
    """
    # 1. All sources must share one base and have different names.
    _require_distinct_names(sources)
    recipes = {source.lane: run_of(source).recipe() for source in sources}
    folders = {source.lane: folder_of(source) for source in sources}
    _require_one_base(sources, recipes)

    # 2. Load the base in the dtype and quantisation of training.
    first = sources[0]
    recipe = recipes[first.lane]
    report(f"Looking for {recipe.model.id}", 0, 0)
    folder = loading.locate(recipe.model, report)
    tokenizer = loading.load_tokenizer(recipe.model, folder)
    template = read_template(run_of(first))
    use_template(tokenizer, template)
    device = loading.choose_device()
    report("Loading the base model", 0, len(sources) + 1)
    base = loading.load_base(
        recipe.model,
        folder,
        device=device,
        dtype=torch_dtype(read_dtypes(run_of(first)).weights, device),
        quantization=recipe.strategy.quantization(),
    )

    # 3. Load every source on a twin of it, and open the lanes.
    others = []
    for done, source in enumerate(sources, 1):
        report(f"Loading the {source.lane} model", done, len(sources) + 1)
        strategy = recipes[source.lane].strategy
        lane, lane_folder = source.lane, folders[source.lane]
        others.append(load_lane(lane, base, strategy, lane_folder, apart=lane in apart))
    renderer = Renderer(
        tokenizer, recipe.data.assistant_only_loss, recipe.training.sequence_length, template
    )
    virtual_tokens = max(recipe.strategy.virtual_tokens() for recipe in recipes.values())
    return Decoder(
        lanes=open_lanes(base, others),
        tokenizer=tokenizer,
        render=lambda turns: renderer.prompt([Message(turn.role, turn.content) for turn in turns]),
        context=context_length(base, tokenizer) - virtual_tokens,
        stops=stop_tokens(base, tokenizer, template.end_of_turn),
    )


def context_length(base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Most tokens the model was built for, or the tokenizer's limit if its config has none."""
    config = base.config.get_text_config()
    built_for: int | None = getattr(config, "max_position_embeddings", None)
    return built_for or int(tokenizer.model_max_length)


def _require_distinct_names(sources: Sequence[Source]) -> None:
    names = ["base", *(source.lane for source in sources)]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"two lanes are called {name!r}; give each its own name")


def _require_one_base(sources: Sequence[Source], recipes: Mapping[str, Recipe]) -> None:
    """One set of base weights serves all lanes, so all runs must have started from it."""
    first = sources[0]
    expected = base_name(recipes[first.lane])
    for source in sources[1:]:
        base = base_name(recipes[source.lane])
        if base != expected:
            raise BadInputError(
                f"{run_of(first).id} is on {expected}, but {run_of(source).id} is on {base}; all "
                "runs of a chat must share one base"
            )


def load_lane(
    name: str, base: PreTrainedModel, strategy: Strategy, folder: Path, *, apart: bool = False
) -> Lane:
    """Load a result on a twin of the base, so that unchanged tensors are in memory once.

    A result that only adds to the outputs of the base's modules needs no separate model, unless it
    is to answer ``apart``.
    """
    model = strategy.load(twin(base), folder)
    module_deltas = strategy.module_deltas(model)
    if module_deltas is not None and apart and strategy.delta_kind == "low_rank":
        return Lane(name, model, interpolation=Interpolation.between({}, model))
    if module_deltas is not None and not apart:
        return Lane(name, base, module_deltas, deltas_scale=strategy.delta_kind == "low_rank")
    if strategy.delta_kind != "weights":
        return Lane(name, model)
    start = dict(base.named_parameters(remove_duplicate=False))
    _share_equal_tensors(start, model)
    return Lane(name, model, interpolation=Interpolation.between(start, model, folder))


def _share_equal_tensors(start: Mapping[str, Parameter], model: Module) -> None:
    """Replace tensors that equal the base's by the base's own."""
    for name, tensor in list(model.named_parameters(remove_duplicate=False)):
        if name in start and start[name] is not tensor and torch.equal(start[name], tensor):
            owner, _, last = name.rpartition(".")
            model.get_submodule(owner).register_parameter(last, start[name])
