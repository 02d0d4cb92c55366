"""From run folders to lanes that can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.chat.engine.decoding import Decoder, stop_tokens
from workbench.chat.engine.lanes import Lane, open_lanes, twin
from workbench.chat.sources import folder_of, run_of
from workbench.core.errors import BadInputError
from workbench.strategies.interpolation import Interpolation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch.nn import Module, Parameter
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.chat.protocol import Source
    from workbench.core.progress import ProgressCallback
    from workbench.recipe.recipe import Recipe
    from workbench.strategies.base import Strategy


def open_sources(sources: Sequence[Source], report: ProgressCallback) -> Decoder:
    """Load the base of the first source and every source beside it.

    Tokenizer and template are those of training.

    Raises:
        BadInputError: A source is not there, or has another base than the first.
        FtwbError: The base cannot be found or loaded.
    """
    from workbench.data.formats import Message
    from workbench.data.rendering import Renderer
    from workbench.models import loading
    from workbench.models.dtype import read_dtypes, torch_dtype

    _refuse_equal_names(sources)
    recipes = {source.lane: run_of(source).recipe() for source in sources}
    folders = {source.lane: folder_of(source) for source in sources}
    _refuse_other_bases(sources, recipes)
    recipe = recipes[sources[0].lane]
    section = recipe.model
    report(f"Looking for {section.id}", 0, 0)
    folder = loading.locate(section, report)
    tokenizer = loading.load_tokenizer(section, folder)
    device = loading.choose_device()
    report("Loading the base model", 0, len(sources) + 1)
    base = loading.load_base(
        section,
        folder,
        device=device,
        dtype=torch_dtype(read_dtypes(run_of(sources[0])).weights, device),
        quantization=recipe.strategy.quantization(),
    )
    strategies = {lane: each.strategy for lane, each in recipes.items()}
    lanes = open_lanes(base, _load_all(base, strategies, folders, report))
    renderer = Renderer(tokenizer, recipe.data.assistant_only_loss, recipe.training.sequence_length)
    taken = max(strategy.virtual_tokens() for strategy in strategies.values())
    return Decoder(
        lanes=lanes,
        tokenizer=tokenizer,
        render=lambda turns: renderer.prompt([Message(turn.role, turn.content) for turn in turns]),
        context=context_length(base, tokenizer) - taken,
        stops=stop_tokens(base, tokenizer),
    )


def context_length(base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Most tokens the model was built for, or the tokenizer's limit where the config has none."""
    config = base.config.get_text_config()
    built_for: int | None = getattr(config, "max_position_embeddings", None)
    return built_for or int(tokenizer.model_max_length)


def _refuse_equal_names(sources: Sequence[Source]) -> None:
    names = ["base", *(source.lane for source in sources)]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"two lanes are called {name!r}: give each a name of its own")


def _refuse_other_bases(sources: Sequence[Source], recipes: Mapping[str, Recipe]) -> None:
    """One set of base weights serves all lanes, so all runs must have started from it."""
    first = sources[0]
    for source in sources[1:]:
        ours, theirs = (_base_of(recipes[each.lane]) for each in (first, source))
        if ours != theirs:
            raise BadInputError(
                f"{run_of(first).id} is on {ours} and {run_of(source).id} on {theirs}: "
                "one chat holds runs of one base"
            )


def _base_of(recipe: Recipe) -> str:
    """The model, its revision and how it is held, in words."""
    at = f"@{recipe.model.revision}" if recipe.model.revision else ""
    held = recipe.strategy.quantization()
    return f"{recipe.model.id}{at}" + (f" in 4-bit {held.quant_type}" if held else "")


def _load_all(
    base: PreTrainedModel,
    strategies: Mapping[str, Strategy],
    folders: Mapping[str, Path],
    report: ProgressCallback,
) -> list[Lane]:
    lanes = []
    for done, (name, strategy) in enumerate(strategies.items(), 1):
        report(f"Loading the {name} model", done, len(strategies) + 1)
        lanes.append(load_lane(name, base, strategy, folders[name]))
    return lanes


def load_lane(name: str, base: PreTrainedModel, strategy: Strategy, folder: Path) -> Lane:
    """Load a result on a twin of the base, so that what it leaves as it is lies in memory once.

    What only adds to the base needs no model of its own.
    """
    model = strategy.load(twin(base), folder)
    module_deltas = strategy.module_deltas(model)
    if module_deltas is not None:
        return Lane(name, base, module_deltas, scalable=strategy.delta_kind == "low_rank")
    if strategy.delta_kind != "weights":
        return Lane(name, model)
    start = dict(base.named_parameters(remove_duplicate=False))
    _share_equal(start, model)
    return Lane(name, model, line=Interpolation.between(start, model, folder))


def _share_equal(start: Mapping[str, Parameter], model: Module) -> None:
    """Put the base's own tensors in the place of equal ones."""
    import torch

    for name, tensor in list(model.named_parameters(remove_duplicate=False)):
        if name in start and start[name] is not tensor and torch.equal(start[name], tensor):
            owner, _, last = name.rpartition(".")
            model.get_submodule(owner).register_parameter(last, start[name])
