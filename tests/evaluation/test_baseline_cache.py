"""The key under which results of a base are cached, and reading what is cached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from workbench.core.errors import BadInputError, MachineError
from workbench.core.progress import silent
from workbench.data.splitting import load_split
from workbench.evaluation.report import Measurement, TextResult
from workbench.evaluation.run import baseline_cache
from workbench.evaluation.run.baseline_cache import (
    Baseline,
    BaselineResults,
    baseline_key,
    cached_baseline,
    read_baseline,
)
from workbench.evaluation.run.evaluator import Evaluator
from workbench.models.dtype import RunDtypes
from workbench.models.loaded_base import open_base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    Settings = Callable[..., dict[str, object]]

LOGITS = torch.arange(6.0).reshape(2, 3)
FLOAT32 = RunDtypes("float32", "float32")


@pytest.fixture
def settings(new_run: Callable[..., RunFolder], probed: tuple[str, ...]) -> Settings:
    """The cache settings of a run with these overrides."""

    def make(*overrides: str, dtypes: RunDtypes = FLOAT32) -> dict[str, object]:
        recipe = new_run(*probed, *overrides).recipe()
        split = load_split(recipe.data, recipe.training.seed)
        return Evaluator(open_base(recipe, split, dtypes, silent)).cache_settings()

    return make


def test_the_key_changes_with_the_base_and_the_version() -> None:
    key = baseline_key(LOGITS, {"size": "quick"}, version=1)
    assert key == baseline_key(LOGITS.clone(), {"size": "quick"}, version=1)
    assert key != baseline_key(LOGITS, {"size": "quick"}, version=2)
    assert key != baseline_key(LOGITS + 1, {"size": "quick"}, version=1)
    current = baseline_cache.BASELINE_VERSION
    assert baseline_key(LOGITS, {}) == baseline_key(LOGITS, {}, version=current)


def test_the_key_changes_with_each_setting_and_not_with_their_order(settings: Settings) -> None:
    values = settings()
    key = baseline_key(LOGITS, values)
    assert baseline_key(LOGITS, dict(reversed(values.items()))) == key
    for name in values:
        assert baseline_key(LOGITS, values | {name: "changed"}) != key, name


@pytest.mark.parametrize(
    ("override", "setting"),
    [
        ("evaluation.size=standard", "size"),
        ("evaluation.size=none", "size"),
        ("evaluation.prompts_max_new_tokens=5", "answer_tokens"),
        ("evaluation.target_max_new_tokens=5", "target_tokens"),
        ("evaluation.target_metric=exact", "target_metric"),
        ("evaluation.target_field=null", "target"),
        ("evaluation.target_rows=5", "target"),
        ('evaluation.prompts=["What is a cat?"]', "prompts"),
        ("evaluation.general_text=null", "text"),
        ("evaluation.text_rows=7", "text"),
        ("evaluation.text_max_length=50", "text"),
        ("evaluation.retention_rows=3", "text_split"),
        ("evaluation.loss_rows=9", "heldout"),
        ("training.micro_batch_size=3", "heldout"),
        ("training.sequence_length=60", "heldout"),
        ("strategy.kind=prompt_tuning", "virtual_tokens"),
    ],
)
def test_what_decides_the_answers_changes_its_setting(
    settings: Settings, override: str, setting: str
) -> None:
    assert settings(override)[setting] != settings()[setting]


def test_the_dtypes_of_weights_and_products_are_settings(settings: Settings) -> None:
    first = settings()
    assert settings(dtypes=RunDtypes("bfloat16", "float32"))["dtype"] != first["dtype"]
    assert settings(dtypes=RunDtypes("float32", "bfloat16"))["precision"] != first["precision"]


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "training.learning_rate=0.5",
        "training.max_steps=99",
        "training.save_steps=3",
        "training.seed=7",
        "strategy.r=2",
        "retention.replay=true",
        "evaluation.retention_steps=3",
        "evaluation.canary_steps=1",
    ],
)
def test_what_does_not_decide_the_answers_leaves_the_key_alone(
    settings: Settings, override: str
) -> None:
    assert baseline_key(LOGITS, settings(override)) == baseline_key(LOGITS, settings())


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("words.yaml", "new_tokens: 6", "new_tokens: 7", True),
        ("words.yaml", "kind: contains", "kind: exact", True),
        ("words.jsonl", "Say 1.", "Say 9.", True),
        ("words.jsonl", '"answers": ["1"]', '"answers": ["9"]', True),
        ("words.jsonl", "Say 3.", "Say 9.", False),  # standard, and the run asks quick
        ("words.yaml", "title: words", "title: Words", False),
        ("words.yaml", "measures: behaviour", "measures: safety", False),
    ],
)
def test_a_suite_is_a_setting_by_what_is_asked_and_scored(
    settings: Settings, suite: Path, file: str, old: str, new: str, changes: bool
) -> None:
    first = baseline_key(LOGITS, settings())
    path = suite.with_name(file)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert (baseline_key(LOGITS, settings()) != first) == changes


def baseline(key: str, nll: float = 2.0) -> Baseline:
    measurement = Measurement(general=(TextResult(tokens=3, nll=nll),))
    results = BaselineResults(key=key, measurement=measurement)
    return Baseline(results, {"nll": torch.full((3,), nll)}, {})


def test_a_baseline_is_measured_once_and_copied_into_every_run(tmp_path: Path) -> None:
    measured: list[str] = []

    def measure() -> Baseline:
        measured.append("once")
        return baseline("k")

    for run in ("one", "two", "one"):
        stored = cached_baseline(tmp_path / run, "k", measure, silent)
        assert stored.results == baseline("k").results
        assert torch.equal(stored.general["nll"], torch.full((3,), 2.0))
    assert measured == ["once"]
    assert read_baseline(tmp_path / "two").results.key == "k"


def test_a_baseline_under_another_key_is_replaced(tmp_path: Path) -> None:
    cached_baseline(tmp_path / "run", "old", lambda: baseline("old", 1.0), silent)
    cached_baseline(tmp_path / "run", "new", lambda: baseline("new", 2.0), silent)
    assert read_baseline(tmp_path / "run").results.key == "new"


def test_a_missing_or_broken_baseline_is_none(tmp_path: Path) -> None:
    assert read_baseline(tmp_path) is None
    cached_baseline(tmp_path, "k", lambda: baseline("k"), silent)
    (tmp_path / "results.json").write_text(json.dumps({"key": 1}))
    assert read_baseline(tmp_path) is None


def test_a_nonfinite_loss_is_not_cached(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="a loss that is not finite"):
        cached_baseline(tmp_path / "run", "k", lambda: baseline("k", float("nan")), silent)
    assert read_baseline(tmp_path / "run") is None


def test_results_under_a_wrong_key_in_the_cache_are_reported(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="cached results of the base are broken"):
        cached_baseline(tmp_path / "run", "k", lambda: baseline("another"), silent)
