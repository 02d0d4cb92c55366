"""Watching a model that the device has no room to watch: in parts, or not at all, never fatally."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch

from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import take_fingerprint
from workbench.evaluation.run.evaluator import Evaluator
from workbench.models.dtype import RunDtypes
from workbench.models.loaded_base import open_base
from workbench.runs.events import EventReader
from workbench.training.callbacks import retention_watch
from workbench.training.callbacks.retention_watch import RetentionWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.nn import Module

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]


class ActionResult:
    """A reporter that keeps what it is told."""

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
) -> tuple[Module, RetentionWatch, ActionResult]:
    """A base that was measured and then moved a little, who watches it, and what is told."""
    run, told = new_run(*probed, "evaluation.retention_rows=20"), ActionResult()
    recipe = run.recipe()
    dtypes = RunDtypes("float32", "float32")
    opened = open_base(recipe, load_split(recipe.data, 0), dtypes, lambda *_: None)
    evaluator = Evaluator(opened)
    fingerprint = take_fingerprint(opened.base, opened.tokenizer)
    base = evaluator.measure_base(fingerprint, run.base, lambda *_: None)
    model: Any = opened.base
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(0.02 * torch.randn_like(tensor))
    return model, RetentionWatch(opened, evaluator, base, told), told


@contextmanager
def room_for(model: Module, rows: int) -> Iterator[None]:
    """Let the model run out of memory for more rows at once."""

    def forward(_model: Module, _positional: object, named: dict[str, Any]) -> None:
        if len(named["input_ids"]) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    hook = model.register_forward_pre_hook(forward, with_kwargs=True)
    yield
    hook.remove()


def test_a_look_that_does_not_fit_is_taken_in_parts(
    watched: tuple[Module, RetentionWatch, ActionResult],
) -> None:
    model, watch, told = watched
    whole = watch.measure(model)
    model.train()
    with room_for(model, 3):
        parts = watch.measure(model)
        assert [notice["text"][-30:] for notice in told.of("notice")] == [
            "KL: from now on 4 rows at once",
            "KL: from now on 2 rows at once",
        ]
        again = watch.measure(model)
    assert model.training
    assert whole > 1e-3
    assert parts == again == pytest.approx(whole, rel=1e-5)
    first, second, _ = told.of("retention")
    assert second == {name: pytest.approx(value, rel=1e-4) for name, value in first.items()}
    assert len(told.of("notice")) == 2


def test_canaries_that_do_not_fit_are_asked_one_by_one(
    watched: tuple[Module, RetentionWatch, ActionResult],
) -> None:
    model, watch, told = watched
    watch.ask_canaries(model)
    whole = told.of("canary")
    with room_for(model, 1):
        watch.ask_canaries(model)
    assert told.of("canary") == whole * 2
    assert told.of("notice")[-1]["text"].endswith("canaries: from now on 1 row at once")


def test_what_never_fits_is_left_out_and_said(
    watched: tuple[Module, RetentionWatch, ActionResult],
) -> None:
    model, watch, told = watched
    with room_for(model, 0):
        assert watch.measure(model) is None
        watch.ask_canaries(model)
    assert told.of("retention") == told.of("canary") == []
    last = [notice["text"] for notice in told.of("notice") if "not even for one" in notice["text"]]
    assert [text.partition(":")[0] for text in last] == [
        "no memory for watching KL",
        "no memory for asking the canaries",
    ]


def test_no_run_ends_because_it_is_watched(
    trained: Train, probed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(retention_watch, "_against", crowded)
    monkeypatch.setattr(RetentionWatch, "_answers", crowded)
    run, view = trained(*probed, "retention.budget.action=rollback")
    assert view.status.state == "finished", view.status.reason
    assert view.status.step == 6
    assert run.has_result()
    kinds = [event["kind"] for event in EventReader(run.events).read()]
    assert "retention" not in kinds
    assert "canary" not in kinds
    assert any("no memory for watching KL" in notice.get("text", "") for notice in view.notices)
