"""Combinations that fail are refused before anything is loaded, and costs are listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from workbench.core.errors import BadInputError, NotFoundError
from workbench.planning.learning_rates import judge, recommended
from workbench.planning.preflight import preflight, resolve_paths
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.models.model_facts import ModelFacts


@pytest.fixture
def recipe(tiny_model: Path, rows: Path):
    base = {
        "model": {"id": str(tiny_model)},
        "data": {"train": str(rows)},
        "training": {"micro_batch_size": 4},
    }

    def make(*overrides: str):
        return yaml_io.validate(yaml_io.override(base, overrides))

    return make


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("strategy.kind=prompt_tuning", "retention.ewc=true"), "retention.ewc: prompt_tuning"),
        (("strategy.kind=ia3", "retention.l2sp=true"), "use kl or replay"),
        (("strategy.use_dora=true", "retention.ewc=true"), "retention.ewc: lora as set"),
        (
            ("strategy.kind=osf", "retention.l2sp=true"),
            "singular vectors, which l2sp cannot penalise",
        ),
        (("retention.ewc.apply=proximal",), "retention.ewc.apply: the proximal step"),
        (
            ("strategy.kind=full", "training.weight_decay=0.01", "retention.l2sp=true"),
            "set training.weight_decay to 0",
        ),
        (
            ("retention.early_stopping=true", "training.eval_steps=0"),
            "set training.eval_steps",
        ),
        (
            ("retention.early_stopping=true", "data.heldout_share=0"),
            "needs held-out rows",
        ),
    ],
)
def test_combinations_that_fail_are_refused(recipe, overrides, says) -> None:
    with pytest.raises(BadInputError) as error:
        preflight(recipe(*overrides))
    assert says in str(error.value)


@pytest.mark.parametrize("strategy", ["full", "lora", "freeze", "prompt_tuning", "bottleneck"])
@pytest.mark.parametrize("kind", ["kl", "replay"])
def test_kl_and_replay_are_accepted_with_every_strategy(recipe, strategy, kind) -> None:
    fields = ("strategy.layers=1",) if strategy == "freeze" else ()
    preflight(recipe(f"strategy.kind={strategy}", *fields, f"retention.{kind}=true"))


def test_missing_general_text_is_refused(recipe) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        preflight(recipe("retention.kl.source=nowhere.jsonl"))


def test_general_text_of_unknown_format_is_refused(recipe, tmp_path: Path) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text(json.dumps({"colour": "red"}) + "\n")
    with pytest.raises(BadInputError, match="format not recognised from the fields 'colour'"):
        preflight(recipe(f"retention.replay.source={odd}"))


def test_documents_cannot_be_answered(recipe, tmp_path: Path) -> None:
    documents = tmp_path / "documents.txt"
    documents.write_text("Once upon a time.\n\nThe end.\n")
    with pytest.raises(BadInputError, match="can only answer questions"):
        preflight(recipe(f"retention.replay.source={documents}"))
    preflight(recipe(f"retention.replay.source={documents}", "retention.replay.answers=dataset"))


def test_general_text_in_another_format_is_read(recipe, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("instruction,output\nSay hello.,Hello.\n")
    preflight(recipe(f"retention.replay.source={other}"))


def test_paths_of_general_text_become_absolute(
    recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    resolved = resolve_paths(recipe("retention.kl.source=here.jsonl", "retention.l2sp=true"))
    retention: Any = resolved.retention
    assert retention.kl.source == str(tmp_path / "here.jsonl")
    assert set(retention.active()) == {"kl", "l2sp"}


def test_the_plan_lists_what_protections_cost(recipe) -> None:
    plan = preflight(
        recipe("strategy.kind=full", "retention.ewc=true", "retention.replay.share=0.5")
    )
    assert any(
        note.startswith("EWC needs about") and "GB more memory" in note for note in plan.notes
    )
    assert "Replay needs 2.00 times as many learned tokens a step" in plan.notes


@pytest.mark.parametrize(
    ("kind", "parameters", "low", "high"),
    [
        ("full", 134_515_008, 5e-5, 1e-4),
        ("full", 1_500_000_000, 2e-6, 1e-5),
        ("full", 70_000_000_000, 1e-6, 5e-6),
        ("lora", 360_000_000, 5e-4, 2e-3),
        ("lora", 1_200_000_000, 1e-4, 5e-4),
        ("qlora", 8_000_000_000, 5e-5, 2e-4),
        ("freeze", 135_000_000, 5e-5, 1e-4),
    ],
)
def test_rates_follow_strategy_and_size(facts, kind, parameters, low, high) -> None:
    made = yaml_io.validate({"strategy": {"kind": kind}})
    known = recommended(made, facts(parameters))
    assert (known.low, known.high) == (low, high)


@pytest.mark.parametrize(
    ("kind", "rate", "verdict", "says"),
    [
        ("full", 7e-5, "usual", "is usual: full on 135 M parameters usually starts from 5e-5 to"),
        ("full", 5e-4, "forgets", "visibly forget"),
        ("full", 2e-4, "high", "is high and may cost old knowledge"),
        ("full", 1e-6, "low", "is low and may teach little"),
        ("lora", 1e-3, "usual", "1e-3 is usual"),
        ("lora", 1e-2, "high", "from 5e-4 to 2e-3"),
    ],
)
def test_a_rate_is_judged_by_its_range(facts, kind, rate, verdict, says) -> None:
    made = yaml_io.validate({"strategy": {"kind": kind}, "training": {"learning_rate": rate}})
    found = judge(made, facts(135_000_000))
    assert (found.rate, found.verdict) == (rate, verdict)
    assert says in str(found)


def test_no_rate_is_judged_without_a_usual_range(facts) -> None:
    made = yaml_io.validate({"strategy": {"kind": "prompt_tuning"}})
    assert judge(made, facts(135_000_000)) is None


@pytest.fixture
def facts():
    from workbench.models.model_facts import ModelFacts

    def make(parameters: int) -> ModelFacts:
        return ModelFacts(
            source="x",
            architecture="LlamaForCausalLM",
            model_type="llama",
            parameters=parameters,
            layers=30,
            hidden_size=576,
            vocabulary=49152,
            context=2048,
            dtype="float32",
        )

    return make
