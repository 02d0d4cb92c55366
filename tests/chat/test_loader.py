"""Base, results and checkpoints become lanes; what they share is in memory once."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.chat.decoding_helpers import answers, ask, decoder_on, lanes_of, reference, said
from tests.chat.tuned_runs import finished_run, load, tuned_model
from tests.tiny import make_tiny_model
from workbench.chat.engine.loader import open_sources
from workbench.chat.protocol import Source
from workbench.core.errors import BadInputError, NotFoundError


def silent(_what, _done, _total):
    pass


def source(run, lane="tuned", checkpoint=None):
    return Source(lane=lane, run=str(run.path), checkpoint=checkpoint)


def bytes_of(decoder):
    return {lane.name: lane.extra_bytes for lane in decoder.lanes.facts()}


def test_an_adapter_costs_no_more_than_its_file(runs, tmp_path):
    base = make_tiny_model(tmp_path / "base", width=64)
    run = finished_run(runs, base, "lora", r=2)
    held = bytes_of(open_sources([source(run)], silent))
    assert held["tuned"] <= (run.model / "adapter_model.safetensors").stat().st_size
    assert held["tuned"] <= 0.1 * held["base"]


def test_frozen_layers_are_shared(runs, tiny_model):
    run = finished_run(runs, tiny_model, "freeze", layers=1)
    held = bytes_of(open_sources([source(run)], silent))
    changed = load_file(run.model / "changed.safetensors").values()
    assert held["tuned"] == sum(tensor.nbytes for tensor in changed)
    layer = load(tiny_model).model.layers[1]
    norm = load(tiny_model).model.norm.weight.nbytes
    assert held["tuned"] == sum(tensor.nbytes for tensor in layer.parameters()) + norm


def test_tensors_that_full_fine_tuning_left_alone_are_shared(tiny_model, tmp_path):
    strategy = tuned_model(tiny_model, "full", tmp_path)
    start = load(tiny_model).state_dict()
    file = tmp_path / "model.safetensors"
    saved = load_file(file)
    moved = {name: t if "mlp" in name else start[name] for name, t in saved.items()}
    save_file(moved, file, metadata={"format": "pt"})
    lanes = lanes_of(load(tiny_model), [("tuned", (strategy, tmp_path))])
    own = sum(tensor.nbytes for name, tensor in moved.items() if "mlp" in name)
    buffers = sum(buffer.nbytes for buffer in load(tiny_model).buffers())
    assert lanes.facts()[1].extra_bytes == own + buffers
    expected = strategy.load(load(tiny_model), tmp_path).eval()
    decoder = decoder_on(lanes, tiny_model)
    done = answers(ask(decoder, {"tuned": said("Hi")}))
    assert list(done["tuned"].token_ids) == reference(expected, decoder, said("Hi"))


def test_runs_and_checkpoints_of_one_base_share_a_chat(runs, tiny_model):
    first = finished_run(runs, tiny_model, "lora", seed=1)
    second = finished_run(runs, tiny_model, "full", seed=2)
    tuned_model(tiny_model, "lora", first.checkpoints / "step-20", seed=3)
    sources = [source(first), source(first, "step20", 20), source(second, "second")]
    decoder = open_sources(sources, silent)
    assert [lane.name for lane in decoder.lanes.all] == ["base", "tuned", "step20", "second"]
    done = answers(ask(decoder, {lane.name: said("Hi") for lane in decoder.lanes.all}))
    folders = {
        "tuned": (first, first.model),
        "step20": (first, first.checkpoints / "step-20"),
        "second": (second, second.model),
    }
    for lane, (run, folder) in folders.items():
        alone = run.recipe().strategy.load(load(tiny_model), folder).eval()
        assert list(done[lane].token_ids) == reference(alone, decoder, said("Hi"), 24)
    assert len({answer.text for answer in done.values()}) == 4


def test_a_missing_checkpoint_and_a_run_without_result_are_refused(runs, tiny_model):
    run = finished_run(runs, tiny_model, "lora")
    with pytest.raises(NotFoundError, match=f"{run.id} has no checkpoint of step 5"):
        open_sources([source(run), source(run, "early", 5)], silent)
    shutil.rmtree(run.model)
    with pytest.raises(BadInputError, match="has no result to chat with"):
        open_sources([source(run)], silent)


def test_runs_of_other_bases_are_refused_and_both_are_named(runs, tiny_model, tmp_path):
    ours = finished_run(runs, tiny_model, "lora")
    other = make_tiny_model(tmp_path / "other", width=64)
    theirs = finished_run(runs, other, "lora")
    with pytest.raises(BadInputError) as refused:
        open_sources([source(ours), source(theirs, "theirs")], silent)
    for part in (ours.id, str(tiny_model), theirs.id, str(other)):
        assert part in str(refused.value)
    quantised = finished_run(runs, other, "qlora")
    with pytest.raises(BadInputError, match="4-bit"):
        open_sources([source(theirs), source(quantised, "theirs")], silent)


def test_the_same_name_twice_is_refused(runs, tiny_model):
    run = finished_run(runs, tiny_model, "lora")
    with pytest.raises(BadInputError, match="two lanes are called 'tuned'"):
        open_sources([source(run), source(run)], silent)
    with pytest.raises(BadInputError, match="two lanes are called 'base'"):
        open_sources([source(run, "base")], silent)


def test_models_are_in_evaluation_mode(runs, tiny_model):
    decoder = open_sources([source(finished_run(runs, tiny_model, "full"))], silent)
    assert not any(lane.model.training for lane in decoder.lanes.all)
    assert decoder.lanes.base.dtype == torch.float32
