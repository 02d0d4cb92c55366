"""Base and adapters in one batch on a CUDA device; skipped without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.chat.decoding_helpers import both, decoder_on, expect_reference, lanes_of, said
from tests.chat.tuned_runs import tuned_model
from tests.tiny import Architecture, make_tiny_model
from workbench.chat.engine.cached_model import CachedModel, pad_left
from workbench.chat.engine.decoding import Row, make_batches
from workbench.models.loading import load_base
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def on_device(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    section, device = ModelSection(id=str(folder)), torch.device("cuda")
    return load_base(section, folder, device=device, dtype=dtype)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3"])
@pytest.mark.parametrize("kind", ["lora", "bottleneck"])
def test_one_batch_says_what_each_alone_does(
    architecture: Architecture, kind: str, tmp_path: Path
) -> None:
    base = make_tiny_model(tmp_path / "base", architecture, width=64)
    strategy = tuned_model(base, kind, tmp_path / "tuned")
    held = on_device(base, torch.float32)
    lanes = lanes_of(held, [("tuned", (strategy, tmp_path / "tuned"))])
    assert {lane.decoding for lane in lanes.facts()} == {"one batch"}
    alone = strategy.load(on_device(base, torch.float32), tmp_path / "tuned").eval()
    references = {"base": on_device(base, torch.float32), "tuned": alone}
    decoder = decoder_on(lanes, base)
    expect_reference(decoder, references, both("Hi"))
    unlike = {"base": said("A longer question?"), "tuned": said("Hi")}
    expect_reference(decoder, references, unlike)


def test_in_bfloat16_the_bases_row_is_its_own_and_the_tuned_one_is_close(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", width=64)
    strategy = tuned_model(base, "lora", tmp_path / "tuned")
    held = on_device(base, torch.bfloat16)
    lanes = lanes_of(held, [("tuned", (strategy, tmp_path / "tuned"))])
    ids = torch.arange(20, 31, device="cuda")[None]
    rows = [Row(lane, ids) for lane in lanes.all]
    (batch,) = make_batches(lanes, rows)
    found = {row.lane.name: logits for row, logits in batch.step(rows)}
    plain = CachedModel(lanes.base).read(*pad_left([ids[0], ids[0]]))
    assert torch.equal(found["base"], plain[0])
    alone = strategy.load(on_device(base, torch.bfloat16), tmp_path / "tuned").eval()
    with torch.no_grad():
        expected = alone(input_ids=ids).logits[:, -1].float()
    assert (found["tuned"] - expected).norm() < 0.02 * expected.norm()
    assert (found["tuned"] - found["base"]).norm() > 0.1 * expected.norm()
