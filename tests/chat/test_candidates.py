"""What can be opened in a further lane of a chat."""

from __future__ import annotations

from tests.tui.scripted import make_run
from workbench.chat.candidates import candidates
from workbench.chat.titles import base_name
from workbench.recipe.recipe import Recipe


def finish(run):
    run.model.mkdir()
    (run.model / "adapter_model.safetensors").touch()
    return run


def test_checkpoints_come_first_then_the_result_then_runs_on_the_same_base(runs):
    other = finish(make_run(runs, "other"))
    finish(make_run(runs, "elsewhere", model={"id": "org/another"}))
    finish(make_run(runs, "revised", model={"revision": "abc"}))
    make_run(runs, "unfinished")
    run = finish(make_run(runs, "mine"))
    for step in (5, 40, 100):
        (run.checkpoints / f"step-{step}").mkdir(parents=True)
    offered = candidates(run)
    assert [(each.run, each.checkpoint) for each in offered] == [
        (run, 100),
        (run, 40),
        (run, 5),
        (run, None),
        (other, None),
    ]
    assert offered[0].title == "step 100 of mine"
    assert len({each.key for each in offered}) == len(offered)
    source = offered[1].source("tuned-2")
    assert (source.lane, source.run, source.checkpoint) == ("tuned-2", str(run.path), 40)


def test_a_quantised_base_is_a_different_base(runs):
    quantised = finish(make_run(runs, "quantised", strategy={"kind": "qlora"}))
    run = finish(make_run(runs, "mine"))
    assert quantised not in [each.run for each in candidates(run)]


def test_a_run_whose_recipe_cannot_be_read_is_skipped(runs):
    finish(make_run(runs, "torn")).recipe_file.write_text("strategy: {kind: gone}")
    run = finish(make_run(runs, "mine"))
    assert [each.run for each in candidates(run)] == [run]


def test_a_base_is_named_by_all_that_makes_its_weights():
    def name(**strategy):
        return base_name(Recipe.model_validate({"strategy": strategy}))

    assert name(kind="lora") == name(kind="full") == "demo"
    quantised = {
        name(kind="qlora", **values)
        for values in (
            {},
            {"bnb_4bit_quant_type": "fp4"},
            {"bnb_4bit_use_double_quant": False},
            {"bnb_4bit_compute_dtype": "float32"},
        )
    }
    assert len(quantised) == 4
    assert name(kind="qlora") == "demo in 4-bit nf4 with double quantisation"
