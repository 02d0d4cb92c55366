"""Measuring on a device that is too small: in parts or not at all, and never fatally."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

from workbench.core.progress import silent
from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import take_fingerprint
from workbench.evaluation.run.evaluator import Evaluator
from workbench.models.dtype import RunDtypes
from workbench.models.loaded_base import open_base
from workbench.runs.events import EventReader
from workbench.training.callbacks import metrics
from workbench.training.callbacks.metrics import TrainingMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.nn import Module

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]


class Events:
    """A reporter that keeps its events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, kind: str, **values: Any) -> None:
        self.events.append((kind, values))

    def notice(self, text: str, level: str = "info") -> None:
        self.event("notice", level=level, text=text)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == kind]


@pytest.fixture
def watched(
    new_run: Callable[..., RunFolder], probed: tuple[str, ...]
) -> tuple[Module, TrainingMetrics, Events]:
    """A base that was measured and then moved a little, its metrics, and the events they write."""
    run, events = new_run(*probed, "evaluation.retention_rows=20"), Events()
    recipe = run.recipe()
    dtypes = RunDtypes("float32", "float32")
    loaded = open_base(recipe, load_split(recipe.data, 0), dtypes, lambda *_: None)
    evaluator = Evaluator(loaded)
    fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
    base = evaluator.measure_base(fingerprint, run.base, lambda *_: None)
    model: Any = loaded.base
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(0.02 * torch.randn_like(tensor))
    return model, TrainingMetrics(loaded, evaluator, base, cast("Any", events)), events


@contextmanager
def room_for(model: Module, rows: int) -> Iterator[None]:
    """Let the model run out of memory for more rows at once."""

    def forward(_model: Module, _positional: object, named: dict[str, Any]) -> None:
        if len(named["input_ids"]) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    hook = model.register_forward_pre_hook(forward, with_kwargs=True)
    yield
    hook.remove()


def test_a_measurement_that_does_not_fit_is_taken_in_parts(
    watched: tuple[Module, TrainingMetrics, Events],
) -> None:
    model, measured, events = watched
    whole = measured.retention(model)["kl"]
    model.train()
    with room_for(model, 3):
        parts = measured.retention(model)["kl"]
        assert [notice["text"] for notice in events.of("notice")] == [
            "KL to the base: out of memory, batch size 8 → 4",
            "KL to the base: out of memory, batch size 4 → 2",
        ]
        again = measured.retention(model)["kl"]
    assert model.training
    assert whole > 1e-3
    assert parts == again == pytest.approx(whole, rel=1e-5)
    first, second, _ = events.of("retention")
    assert second == {name: pytest.approx(value, rel=1e-4) for name, value in first.items()}
    assert len(events.of("notice")) == 2


def test_canaries_that_do_not_fit_are_asked_one_by_one(
    watched: tuple[Module, TrainingMetrics, Events],
) -> None:
    model, measured, events = watched
    measured.canaries(model)
    whole = events.of("canary")
    with room_for(model, 1):
        measured.canaries(model)
    assert events.of("canary") == whole * 2
    assert events.of("notice")[-1]["text"].endswith("out of memory, batch size 2 → 1")


def test_what_never_fits_is_skipped_with_a_notice(
    watched: tuple[Module, TrainingMetrics, Events],
) -> None:
    model, measured, events = watched
    with room_for(model, 0):
        assert measured.retention(model) == {}
        measured.canaries(model)
    assert events.of("retention") == events.of("canary") == []
    notices = [notice["text"] for notice in events.of("notice")]
    assert [text for text in notices if "skipped" in text] == [
        f"{what}: measurement skipped, out of memory at batch size 1"
        for what in ("KL to the base", "canary answers")
    ]


def test_no_run_ends_because_it_is_measured(
    trained: Train, probed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(metrics, "_watched", crowded)
    answer_prompts = Evaluator.answer_prompts

    def crowded_canaries(self: Evaluator, model: Any, report: Any, *args: Any) -> list[str]:
        if report is silent:  # as while training; the base and the result report progress
            raise torch.OutOfMemoryError("CUDA out of memory")
        return answer_prompts(self, model, report, *args)

    monkeypatch.setattr(Evaluator, "answer_prompts", crowded_canaries)
    run, view = trained(*probed, "retention.budget.action=rollback")
    assert view.status.state == "finished", view.status.reason
    assert view.status.step == 6
    assert run.has_result()
    kinds = [event["kind"] for event in EventReader(run.events).read()]
    assert "retention" not in kinds
    assert "canary" not in kinds
    assert any(
        "KL to the base: measurement skipped" in notice.get("text", "") for notice in view.notices
    )
