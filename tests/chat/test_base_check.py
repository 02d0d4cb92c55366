"""The base lane is checked, and everything that is not the base is caught."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from tests.chat.tuned_runs import KINDS, finished_run, keep_fingerprint, load, recipe_on
from tests.strategies.cases import setup, take_steps
from tests.tiny import make_tiny_model
from workbench.chat.engine.base_check import check_base, lane_logits
from workbench.chat.engine.lanes import Lane, open_lanes, twin
from workbench.chat.engine.loader import open_sources
from workbench.chat.protocol import Source
from workbench.evaluation.fingerprint import EXACT, Numerics, save_fingerprint, take_fingerprint
from workbench.recipe import yaml_io
from workbench.training.settled import settle

MUTATING = ("pissa", "olora", "corda")


@pytest.fixture
def base(tmp_path):
    return make_tiny_model(tmp_path / "base", width=64)


def proven_run(runs, base, kind="lora", **fields):
    run = finished_run(runs, base, kind, **fields)
    keep_fingerprint(run, base)
    return run


def decoder_of(*opened):
    sources = [Source(lane=f"lane{place}", run=str(run.path)) for place, run in enumerate(opened)]
    return open_sources(sources, lambda _what, _done, _total: None)


def proof_of(*opened):
    decoder = decoder_of(*opened)
    return check_base(decoder.lanes, lane_logits(decoder.lanes, decoder.tokenizer), opened)


def proof_on(run, base, lanes):
    logits = lane_logits(lanes, AutoTokenizer.from_pretrained(base))
    return check_base(lanes, logits, [run])


def put_tensors(folder, change):
    file = folder / "model.safetensors"
    tensors = {name: change(name, tensor) for name, tensor in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})


def open_as(run, base, dtype="float32", **strategy):
    """Rewrite the run so that its base opens with another dtype or quantisation."""
    recipe = recipe_on(base, **strategy)
    model = recipe.model.model_copy(update={"dtype": dtype})
    run.recipe_file.write_text(yaml_io.dump(recipe.model_copy(update={"model": model})))
    (run.path / "dtypes.json").unlink()
    settle(run, run.recipe())


def forget_how_it_was_held(run):
    """Store the logits alone, as earlier versions did."""
    file = run.base / "fingerprint.safetensors"
    save_file(load_file(file), file)


def text_for(init, folder):
    """A little general text, which only CorDA reads."""
    if init != "corda":
        return {}
    text = folder.parent / "general.txt"
    text.write_text("\n\n".join(f"A plain sentence, number {number}." for number in range(8)))
    return {"general_text": str(text)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_untouched_base_is_proven_beside_every_strategy(runs, base, kind):
    run = proven_run(runs, base, kind)
    proof = proof_of(run)
    assert proof.state == "proven"
    assert proof.distance < 3e-6
    assert run.id in proof.text


def test_several_runs_are_all_compared_and_the_worst_is_reported(runs, base):
    good, other = proven_run(runs, base), proven_run(runs, base, "full")
    assert proof_of(good, other).state == "proven"
    shutil.rmtree(other.base)
    proof = proof_of(good, other)
    assert (proof.state, proof.distance) == ("missing", None)
    assert other.id in proof.text


def test_an_exchanged_base_folder_is_refuted(runs, base):
    run = proven_run(runs, base)
    make_tiny_model(base, width=64, seed=1)
    proof = proof_of(run)
    assert proof.state == "refuted"
    assert proof.distance > 0.5
    assert "restore the base or pin model.revision" in proof.text


def test_another_revision_of_the_same_base_is_refuted(runs, base):
    run = proven_run(runs, base)
    generator = torch.Generator().manual_seed(0)

    def nudge(name, tensor):
        if not name.endswith("layers.1.mlp.down_proj.weight"):
            return tensor
        return tensor * (1 + 0.01 * torch.randn(tensor.shape, generator=generator))

    put_tensors(base, nudge)
    proof = proof_of(run)
    assert proof.state == "refuted"
    assert EXACT < proof.distance < 0.01


def test_a_base_of_another_vocabulary_is_refuted_without_a_distance(runs, base):
    run = proven_run(runs, base)
    file = run.base / "fingerprint.safetensors"
    save_file({"logits": load_file(file)["logits"][:, :-2].clone()}, file)
    proof = proof_of(run)
    assert (proof.state, proof.distance) == ("refuted", None)
    assert "a vocabulary of 258 tokens, not of 256" in proof.text


@pytest.mark.parametrize(
    ("kind", "steps"), [("lora", 1), ("lora", 5), ("bottleneck", 1), ("ia3", 5)]
)
def test_an_adapter_left_on_is_refuted_however_little_it_learned(runs, base, kind, steps, tmp_path):
    run = proven_run(runs, base, kind)
    trained = setup(base, kind)
    model = trained.prepared()
    take_steps(model, steps, learning_rate=1e-5)
    trained.strategy.save(model, tmp_path / "weak")
    touched = load(base)
    lanes = open_lanes(touched, [Lane("tuned", trained.strategy.load(touched, tmp_path / "weak"))])
    proof = proof_on(run, base, lanes)
    assert proof.state == "refuted"
    assert EXACT < proof.distance < 0.05
    assert "answers as tuned does; an adapter is left on" in proof.text


def test_an_adapter_on_the_bases_own_rows_of_the_batch_is_refuted(runs, base):
    run = proven_run(runs, base)
    decoder = decoder_of(run)
    lanes = decoder.lanes
    assert lanes.shares_batch
    lanes.multi_adapter.add_lane("base", lanes.get("lane0").module_deltas)
    proof = check_base(lanes, lane_logits(lanes, decoder.tokenizer), [run])
    assert proof.state == "refuted"
    assert "answers as lane0 does" in proof.text


def test_weights_merged_into_the_shared_base_are_refuted(runs, base):
    run = proven_run(runs, base)
    touched = load(base)
    tuned = run.recipe().strategy.load(twin(touched), run.model)
    lanes = open_lanes(touched, [Lane("tuned", tuned.merge_and_unload())])
    proof = proof_on(run, base, lanes)
    assert proof.state == "refuted"
    assert "merged into the base" in proof.text


@pytest.mark.parametrize("init", MUTATING)
def test_a_base_that_an_initialisation_changed_is_refuted(runs, base, init):
    run = proven_run(runs, base)
    touched = load(base)
    mutating = setup(base, "lora", init_lora_weights=init, **text_for(init, base))
    tuned = mutating.prepared(twin(touched))
    proof = proof_on(run, base, open_lanes(touched, [Lane("tuned", tuned)]))
    assert proof.state == "refuted"
    assert "PiSSA, OLoRA, CorDA" in proof.text


@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_an_adapter_saved_without_conversion_is_refuted_on_opening(runs, base, init):
    run = proven_run(runs, base)
    mutating = setup(base, "lora", init_lora_weights=init)
    model = mutating.prepared()
    take_steps(model)
    shutil.rmtree(run.model)
    model.save_pretrained(run.model)
    assert proof_of(run).state == "refuted"
    mutating.strategy.save(model, run.model)
    assert proof_of(run).state == "proven"


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    ("then", "now"),
    [
        (
            {"kind": "qlora", "bnb_4bit_quant_type": "nf4"},
            {"kind": "qlora", "bnb_4bit_quant_type": "fp4"},
        ),
        ({"kind": "qlora", "bnb_4bit_quant_type": "fp4"}, {"kind": "lora"}),
        ({"kind": "lora"}, {"kind": "qlora", "bnb_4bit_quant_type": "nf4"}),
    ],
)
def test_a_wrong_quantisation_is_refuted(runs, base, then, now, told):
    run = proven_run(runs, base, **then)
    open_as(run, base, **now)
    if not told:
        forget_how_it_was_held(run)
    proof = proof_of(run)
    assert proof.state == "refuted"
    assert ("open it the same way" in proof.text) == told


def test_a_coarser_dtype_is_reported_and_allowed_for(runs, base):
    run = proven_run(runs, base)
    open_as(run, base, "bfloat16", kind="lora")
    proof = proof_of(run)
    assert proof.state == "proven"
    assert 1e-3 < proof.distance < 0.05
    assert "float32 on cpu then, bfloat16 on cpu now" in proof.text


def test_rounding_does_not_hide_an_adapter_left_on(runs, base, tmp_path):
    run = proven_run(runs, base)
    trained = setup(base, "lora")
    model = trained.prepared()
    take_steps(model, 1, learning_rate=1e-5)
    trained.strategy.save(model, tmp_path / "weak")
    touched = load(base).bfloat16()
    lanes = open_lanes(touched, [Lane("tuned", trained.strategy.load(touched, tmp_path / "weak"))])
    proof = proof_on(run, base, lanes)
    assert proof.state == "missing"
    assert "cannot be told from tuned" in proof.text


@pytest.mark.parametrize("damage", ["absent", "broken", "late"])
def test_without_logits_from_before_training_nothing_is_proven(runs, base, damage):
    run = proven_run(runs, base)
    file = run.base / "fingerprint.safetensors"
    match damage:
        case "absent":
            file.unlink()
        case "broken":
            file.write_bytes(b"no tensors")
        case "late":
            model = load(base)
            logits = take_fingerprint(model, AutoTokenizer.from_pretrained(base))
            save_fingerprint(logits, Numerics.of(model), run.base, late=True)
    proof = proof_of(run)
    assert (proof.state, proof.distance) == ("missing", None)
    assert ("broken" if damage == "broken" else "no logits of its base before") in proof.text
