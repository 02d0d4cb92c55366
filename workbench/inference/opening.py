"""From a run folder to lanes that can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadInputError
from workbench.inference.decoding import Decoder, stop_tokens
from workbench.inference.lanes import Lanes, open_lanes, twin

if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.recipe.strategy import Strategy
    from workbench.runs.folder import RunFolder

    Report = Callable[[str, int, int], None]
    LoadBase = partial[PreTrainedModel]


def require_result(run: RunFolder) -> None:
    """Refuse a run that has nothing to chat with.

    Raises:
        BadInputError: No tuned model was saved; the line says where the run stands.
    """
    if not run.has_result():
        status = run.status()
        advice = "wait until it is finished" if status.live else f"'ftwb show {run.id}' says why"
        raise BadInputError(f"{run.id} is {status.state} and has no result to chat with: {advice}")


def open_run(run: RunFolder, report: Report) -> Decoder:
    """Load base and result of ``run`` with the tokenizer and template it was trained with.

    Raises:
        BadInputError: The run has no result.
        FtwbError: The base cannot be found or loaded.
    """
    from functools import partial

    from workbench.data.formats import Message
    from workbench.data.rendering import Renderer
    from workbench.models import loading

    require_result(run)
    recipe = run.recipe()
    section = recipe.model
    report(f"Looking for {section.id}", 0, 0)
    folder = loading.locate(section, report)
    device = loading.choose_device()
    dtype = loading.choose_dtype(section.dtype, device)
    tokenizer = loading.load_tokenizer(section, folder)
    load_base = partial(
        loading.load_base,
        section,
        folder,
        device=device,
        dtype=dtype,
        quantization=recipe.strategy.quantization(),
    )
    lanes = _lanes(recipe.strategy, load_base, run.model, report)
    renderer = Renderer(tokenizer, recipe.data.assistant_only, recipe.training.sequence_length)
    return Decoder(
        lanes=lanes,
        tokenizer=tokenizer,
        render=lambda turns: renderer.prompt([Message(turn.role, turn.content) for turn in turns]),
        context=context_length(lanes.base, tokenizer) - recipe.strategy.virtual_tokens(),
        stops=stop_tokens(lanes.base, tokenizer),
    )


def context_length(base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Most tokens the model was built for, or the tokenizer's limit where the config has none."""
    config = base.config.get_text_config()
    built_for: int | None = getattr(config, "max_position_embeddings", None)
    return built_for or int(tokenizer.model_max_length)


def _lanes(strategy: Strategy, load_base: LoadBase, model: Path, report: Report) -> Lanes:
    """One set of weights where the strategy leaves the base's alone, else two.

    Elsewhere ``strategy.load`` may consume the model it is given, so the base lane gets one that
    nobody has touched.
    """
    pieces = 2 if strategy.shares_base else 3
    report("Loading the base model", 0, pieces)
    base = load_base()
    report("Loading the tuned model", 1, pieces)
    if strategy.shares_base:
        return open_lanes(base, strategy.load(twin(base), model), shared=True)
    tuned = strategy.load(base, model)
    del base
    report("Loading the base model beside it", 2, pieces)
    return open_lanes(load_base(), tuned, shared=False)
