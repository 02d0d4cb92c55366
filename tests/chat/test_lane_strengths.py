"""Lanes at strengths between their base and their result, and beyond."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from tests.chat.decoding_helpers import (
    answers,
    ask,
    both,
    decoder_on,
    lanes_of,
    next_logits,
    reference,
)
from tests.chat.tuned_runs import finished_run, load, tuned_model
from tests.tiny import make_tiny_model
from workbench.core.errors import BadInputError
from workbench.interpolation.strength import save_at_strength

SCALABLE = ("lora", "qlora", "full", "freeze")
UNSCALABLE = ("bottleneck", "ia3", "osf", "prompt_tuning")


def silent(_what, _done, _total):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("kind", SCALABLE)
def test_lanes_answer_at_any_strength_as_a_run_saved_there(runs, kind, tmp_path):
    base = make_tiny_model(tmp_path / "base", width=64)
    run = finished_run(runs, base, kind)
    strategy = run.recipe().strategy
    lanes = lanes_of(load(base, strategy), [("tuned", (strategy, run.model))])
    assert [lane.scalable for lane in lanes.facts()] == [False, True]
    decoder = decoder_on(lanes, base)
    texts = {}
    for alpha in (0.5, 1.0, 0.0, 1.25, 1.0):
        saved = save_at_strength(runs, run, alpha, silent)
        alone = strategy.load(load(base, strategy), saved.model).eval()
        done = answers(ask(decoder, both("Hi"), strengths={"tuned": alpha}))
        expected = reference(alone, decoder, both("Hi")["tuned"])
        assert list(done["tuned"].token_ids) == expected
        texts[alpha] = done["tuned"].text
        assert alpha or texts[alpha] == done["base"].text
    assert len(set(texts.values())) == len(texts)
    done = answers(ask(decoder, both("Hi")))
    assert done["tuned"].text == texts[1.0]


@pytest.mark.parametrize("kind", ["full", "freeze"])
def test_back_at_one_the_weights_are_the_results_bit_for_bit(tiny_model, kind, tmp_path):
    strategy = tuned_model(tiny_model, kind, tmp_path)
    lanes = lanes_of(load(tiny_model), [("tuned", (strategy, tmp_path))])
    ids = torch.arange(20, 29)[None]
    with lanes.with_strengths({"tuned": 0.37}):
        moved = next_logits(lanes, "tuned", ids)
    result = strategy.load(load(tiny_model), tmp_path).state_dict()
    back = next_logits(lanes, "tuned", ids)
    assert not torch.allclose(moved, back)
    for name, tensor in lanes.get("tuned").model.state_dict().items():
        assert torch.equal(tensor, result[name])
    base = load(tiny_model).state_dict()
    assert all(torch.equal(t, base[name]) for name, t in lanes.base.state_dict().items())


@pytest.mark.parametrize("kind", ["full", "freeze"])
def test_the_interpolation_starts_at_the_bases_own_tensors_and_ends_on_disk(
    tiny_model, kind, tmp_path
):
    strategy = tuned_model(tiny_model, kind, tmp_path)
    lanes = lanes_of(load(tiny_model), [("tuned", (strategy, tmp_path))])
    places = {tensor.data_ptr() for tensor in lanes.base.parameters()}
    (file,) = tmp_path.glob("*.safetensors")
    saved = load_file(file)
    segments = lanes.get("tuned").interpolation.segments
    assert segments
    for tensor, start, load_end in segments:
        assert start.data_ptr() in places
        assert torch.equal(load_end(), tensor)
        assert load_end().data_ptr() != tensor.data_ptr()
    with lanes.with_strengths({"tuned": 0.2}):
        next_logits(lanes, "tuned", torch.arange(20, 29)[None])
    again = load_file(file)
    assert all(torch.equal(again[name], tensor) for name, tensor in saved.items())


@pytest.mark.parametrize("kind", UNSCALABLE)
def test_lanes_that_cannot_be_scaled_refuse_a_strength(kind, tmp_path):
    base = make_tiny_model(tmp_path / "base", width=64)
    strategy = tuned_model(base, kind, tmp_path / "tuned")
    lanes = lanes_of(load(base), [("tuned", (strategy, tmp_path / "tuned"))])
    assert not any(lane.scalable for lane in lanes.facts())
    decoder = decoder_on(lanes, base)
    with pytest.raises(BadInputError, match="the tuned lane cannot be scaled"):
        ask(decoder, both("Hi"), strengths={"tuned": 0.5})
    assert answers(ask(decoder, both("Hi"), strengths={"tuned": 1.0}))


def test_neither_the_base_nor_unknown_lanes_can_be_scaled(tiny_model, tmp_path):
    strategy = tuned_model(tiny_model, "lora", tmp_path)
    decoder = decoder_on(lanes_of(load(tiny_model), [("tuned", (strategy, tmp_path))]), tiny_model)
    with pytest.raises(BadInputError, match="the base lane cannot be scaled"):
        ask(decoder, both("Hi"), strengths={"base": 0.5})
    with pytest.raises(BadInputError, match="no lane 'third' is open; there are base, tuned"):
        ask(decoder, both("Hi"), strengths={"third": 0.5})


def test_two_lanes_keep_their_own_strengths(tiny_model, tmp_path):
    strategy = tuned_model(tiny_model, "lora", tmp_path)
    result = (strategy, tmp_path)
    lanes = lanes_of(load(tiny_model), [("whole", result), ("half", result), ("none", result)])
    decoder = decoder_on(lanes, tiny_model)
    conversations = dict.fromkeys(("base", "whole", "half", "none"), both("Hi")["base"])
    done = answers(ask(decoder, conversations, strengths={"half": 0.5, "none": 0.0}))
    texts = {lane: answer.text for lane, answer in done.items()}
    assert texts["none"] == texts["base"]
    assert len(set(texts.values())) == 3
