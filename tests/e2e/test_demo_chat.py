"""Both lanes on a real model answer token for token like plain ``generate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.chat.decoding_helpers import answers, ask, decoder_on, lanes_of, reference, said
from tests.strategies.cases import strategy_of
from workbench.models import loading
from workbench.recipe.model import ModelSection
from workbench.recipe.recipe import STRATEGIES

if TYPE_CHECKING:
    from pathlib import Path

    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.strategies.base import Strategy

pytestmark = [pytest.mark.demo_model, pytest.mark.slow, pytest.mark.timeout(1800)]

TOKENS = 8
CONVERSATIONS = {
    "base": said("What is photosynthesis?"),
    "tuned": said("Name a city in France.", "Lyon.", "And what is it known for?"),
}
FIELDS = {"freeze": {"choose": "freeze_first", "layers": 15}}
MOST_MEMORY = {"freeze": 1.4, "full": 2.0, "osf": 2.5}
"""All weights relative to the base's, where more than 1.1; OSF keeps factors of its matrices."""


def demo_model(strategy: Strategy, folder: Path) -> PreTrainedModel:
    return loading.load_base(
        ModelSection(id=str(folder)),
        folder,
        device=torch.device("cpu"),
        dtype=torch.float32,
        quantization=strategy.quantization(),
    )


def save_result(strategy: Strategy, model: Module, folder: Path) -> None:
    """Save a result that answers differently: noise in place of what a run would have learned."""
    model = strategy.prepare(model)
    noise = 0.003 if strategy.trains_base_weights else 0.05
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_A" not in name:
                parameter.add_(noise * torch.randn(parameter.shape, generator=generator))
    strategy.save(model, folder)


@pytest.mark.parametrize("kind", STRATEGIES)
def test_lanes_answer_like_generate(kind: str, demo_model_folder: Path, tmp_path: Path) -> None:
    folder = demo_model_folder
    strategy = strategy_of(kind, **FIELDS.get(kind, {}))
    save_result(strategy, demo_model(strategy, folder), tmp_path)
    lanes = lanes_of(demo_model(strategy, folder), [("tuned", (strategy, tmp_path))])
    decoder = decoder_on(lanes, folder, context=2048)
    done = answers(ask(decoder, CONVERSATIONS, max_tokens=TOKENS))
    apart = demo_model(strategy, folder)
    tuned = strategy.load(demo_model(strategy, folder), tmp_path).eval()
    for lane, model in {"base": apart, "tuned": tuned}.items():
        expected = reference(model, decoder, CONVERSATIONS[lane], TOKENS)
        assert list(done[lane].token_ids) == expected
    lane_bytes = [lane.extra_bytes for lane in lanes.facts()]
    assert sum(lane_bytes) / lane_bytes[0] <= MOST_MEMORY.get(kind, 1.1)
