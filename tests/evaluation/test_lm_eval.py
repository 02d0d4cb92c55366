"""Standard benchmarks by lm-evaluation-harness, on a task made for the test."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import random
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from workbench.core.errors import BadInputError, MachineError, NotFoundError
from workbench.data.splitting import load_split
from workbench.evaluation.lm_eval import runner
from workbench.evaluation.lm_eval.redirect_output import output_to
from workbench.evaluation.lm_eval.runner import BenchmarkRequest, benchmark
from workbench.models.dtype import read_dtypes
from workbench.models.loaded_base import open_base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]

pytestmark = pytest.mark.slow

needs_harness = pytest.mark.skipif(
    importlib.util.find_spec("lm_eval") is None,
    reason="lm-evaluation-harness is not installed: pip install 'ftwb[lm-eval]'",
)
DOCUMENTS: list[dict[str, Any]] = [
    {
        "question": f"question {n} about my",
        "options": ["refund", "outage", "router"],
        "right": n % 3,
    }
    for n in range(12)
]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A folder with a task of twelve documents, and with one whose dataset is nowhere."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    data = tmp_path / "documents.jsonl"
    data.write_text("\n".join(map(json.dumps, DOCUMENTS)))
    common = {
        "test_split": "train",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "options",
        "doc_to_target": "right",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 2.0},
    }
    sources = {
        "ftwb_intents": {"data_files": str(data), "cache_dir": str(tmp_path / "datasets")},
        "ftwb_nowhere": {"data_files": str(tmp_path / "none.jsonl")},
    }
    for name, source in sources.items():
        task = {"task": name, "dataset_path": "json", "dataset_kwargs": source, **common}
        (folder / f"{name}.yaml").write_text(json.dumps(task))
    return folder


def silent(*_: object) -> None:
    pass


def plain_accuracy(model: Any, tokenizer: Any) -> float:
    """Right where the summed log-probability of the right option is the highest."""
    right = 0
    for document in DOCUMENTS:
        sums = []
        for option in document["options"]:
            prompt = tokenizer(document["question"]).input_ids
            answer = tokenizer(f" {option}").input_ids
            with torch.no_grad():
                logits = model(torch.tensor([prompt + answer])).logits[0, -len(answer) - 1 : -1]
            chances = logits.log_softmax(-1)
            sums.append(float(chances[range(len(answer)), answer].sum()))
        right += sums.index(max(sums)) == document["right"]
    return right / len(DOCUMENTS)


def states() -> list[Any]:
    python, numbers = random.getstate(), np.random.get_state()
    return [python, numbers[1].tolist(), numbers[2:], torch.get_rng_state().tolist()]


@needs_harness
@pytest.mark.parametrize("kind", ["full", "lora", "prompt_tuning"])
def test_base_and_result_are_benchmarked_on_one_model(
    trained: Train, tasks: Path, tiny_model: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run, _ = trained(f"strategy.kind={kind}", "training.max_steps=20")
    capfd.readouterr()
    before = states()
    done = benchmark(run, BenchmarkRequest(["ftwb_intents"], include_path=tasks), silent)
    assert states() == before
    assert capfd.readouterr() == ("", "")
    assert "Running loglikelihood" in (run.path / "benchmarks.log").read_text()
    (score,) = (score for score in done.scores if score.metric == "acc")
    assert (score.task, score.version, score.n, score.of) == ("ftwb_intents", "2.0", 12, 12)
    recipe = run.recipe()
    opened = open_base(recipe, load_split(recipe.data, 0), read_dtypes(run), silent)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    assert score.before == pytest.approx(plain_accuracy(opened.base, tokenizer))
    tuned = recipe.strategy.load(opened.base, run.model)
    assert score.after == pytest.approx(plain_accuracy(tuned, tokenizer))
    assert score.gained - score.lost == round(12 * (score.after - score.before))
    assert score.before_error > 0
    assert done.batch_size == (1 if kind == "prompt_tuning" else 4)
    assert done.versions["lm_eval"] == importlib.metadata.version("lm_eval")


@needs_harness
def test_out_of_memory_halves_the_batch(
    trained: Train, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = trained("strategy.kind=lora", "training.max_steps=5")
    request = BenchmarkRequest(["ftwb_intents"], include_path=tasks)
    whole = benchmark(run, request, silent)

    def out_of_memory(
        _model: object, args: tuple[torch.Tensor, ...], named: dict[str, Any]
    ) -> None:
        if len(args[0] if args else named["input_ids"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    def small(*args: Any) -> Any:
        opened = open_base(*args)
        opened.base.register_forward_pre_hook(out_of_memory, with_kwargs=True)
        return opened

    progress: list[str] = []
    monkeypatch.setattr(runner, "open_base", small)
    done = benchmark(run, request, lambda what, _done, _total: progress.append(what))
    assert "the benchmarks: out of memory, batch size 2 → 1" in progress
    assert (whole.batch_size, done.batch_size) == (4, 1)
    for side in ("before", "after"):
        expected = [getattr(score, side) for score in whole.scores]
        assert [getattr(score, side) for score in done.scores] == pytest.approx(expected)


@needs_harness
def test_the_mode_of_the_model_is_restored(
    trained: Train, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = trained("training.max_steps=1")
    modes = []
    evaluate = runner._Harness.evaluate

    def in_training(self: Any, model: Any) -> Any:
        model.train()
        results = evaluate(self, model)
        modes.append(model.training)
        return results

    monkeypatch.setattr(runner._Harness, "evaluate", in_training)
    done = benchmark(run, BenchmarkRequest(["ftwb_intents"], limit=5, include_path=tasks), silent)
    assert modes == [True, True]
    assert {(score.n, score.of) for score in done.scores} == {(5, 12)}


@needs_harness
@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("ftwb_intent", NotFoundError, "no such task; did you mean 'ftwb_intents'"),
        ("ftwb_nowhere", MachineError, "of ftwb_nowhere cannot be read or fetched from the hub"),
    ],
)
def test_tasks_that_cannot_be_run_are_reported_in_one_line(
    trained: Train, tasks: Path, name: str, error: type[Exception], says: str
) -> None:
    run, _ = trained("training.max_steps=1")
    with pytest.raises(error, match=says) as raised:
        benchmark(run, BenchmarkRequest([name], include_path=tasks), silent)
    assert "\n" not in str(raised.value)


def test_without_the_harness_the_error_says_how_to_install_it(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "lm_eval" else find(name)
    )
    with pytest.raises(MachineError, match=r"pip install 'ftwb\[lm-eval\]'"):
        benchmark(new_run(), BenchmarkRequest(["arc_easy"]), silent)


@needs_harness
def test_a_run_without_a_result_is_refused(new_run: Callable[..., RunFolder]) -> None:
    with pytest.raises(BadInputError, match="has no result to benchmark"):
        benchmark(new_run(), BenchmarkRequest(["arc_easy"]), silent)


def test_redirected_output_does_not_reach_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("a library")
    logger.addHandler(handler)
    with output_to(log):
        sys.stdout.write("printed\n")
        os.write(1, b"written\n")
        os.system("echo from a child >&2")  # noqa: S605 - a fixed command
        logger.warning("logged")
    logger.removeHandler(handler)
    sys.stdout.write("afterwards\n")
    out, err = capfd.readouterr()
    assert (out, err.replace("logged\n", "")) == ("afterwards\n", "")
    assert {"printed", "written", "from a child"} <= set(log.read_text().splitlines())
