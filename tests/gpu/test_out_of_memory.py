"""A CUDA device that really has no memory left for a micro batch; skipped without one."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import pytest
import torch

from tests.tiny import make_tiny_model
from workbench.runs import checkpoints
from workbench.runs.events import EventReader
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

ROWS = 64


@pytest.fixture
def recipe(tmp_path: Path) -> tuple[str, ...]:
    """Rows and a model that need some hundred megabytes in one micro batch."""
    data = tmp_path / "long.jsonl"
    with data.open("w") as stream:
        for number in range(ROWS):
            said = [
                {"role": "user", "content": f"Tell me of {number}."},
                {"role": "assistant", "content": f"{number} is a number. " * 18},
            ]
            stream.write(json.dumps({"messages": said, "intent": "number"}) + "\n")
    model = make_tiny_model(tmp_path / "wide", width=256)
    return (
        f"model.id={model}",
        "model.dtype=float32",
        f"data.train={data}",
        "strategy.kind=full",
        f"training.micro_batch_size={ROWS}",
        "training.sequence_length=512",
        "training.precision=fp32",
        "training.learning_rate=0.001",
        "training.max_steps=4",
        "training.eval_steps=0",
    )


@pytest.fixture
def only() -> Iterator[Callable[[float], None]]:
    """Let this process have no more than so many bytes of the device."""
    total = torch.cuda.get_device_properties(0).total_memory

    def limit(most: float) -> None:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(min(1.0, most / total), 0)

    yield limit
    torch.cuda.set_per_process_memory_fraction(1.0, 0)


def peak_of(run: RunFolder) -> int:
    """Bytes that the run held at most."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(0)
    assert work(run) == 0, run.status().reason
    return torch.cuda.max_memory_reserved(0)


def losses_of(run: RunFolder) -> list[float]:
    return [e["loss"] for e in EventReader(run.events).read() if e["kind"] == "train"]


def test_a_run_goes_on_from_the_same_step_in_smaller_parts(
    new_run: NewRun, recipe: tuple[str, ...], only: Callable[[float], None]
) -> None:
    whole, cut = new_run(*recipe), new_run(*recipe)
    peak = peak_of(whole)
    assert peak > 256 << 20
    only(0.6 * peak)
    assert work(cut) == 0, cut.status().reason
    told = [e for e in EventReader(cut.events).read() if "rows_at_once" in e]
    assert told
    assert told[0]["rows_at_once"] == ROWS // 2
    assert losses_of(cut) == pytest.approx(losses_of(whole), rel=1e-3)


def test_what_was_learned_is_kept_where_no_row_fits_any_more(
    new_run: NewRun,
    recipe: tuple[str, ...],
    only: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from workbench.training.callbacks import monitor

    run, record = new_run(*recipe), monitor.Monitor.on_log
    hogs: list[torch.Tensor] = []

    def fill_at_two(self: monitor.Monitor, *args: object, **kwargs: object) -> None:
        record(self, *args, **kwargs)
        if self._reporter.status.step == 2 and not hogs:
            torch.cuda.empty_cache()
            only(torch.cuda.memory_reserved(0) + (4 << 20))
            hogs.append(torch.empty(2 << 20, dtype=torch.uint8, device="cuda"))

    monkeypatch.setattr(monitor.Monitor, "on_log", fill_at_two)
    assert work(run) == 1
    reason = run.status().reason
    assert "no memory for" in reason
    assert "what was learned up to step 2 is in its checkpoint" in reason
    assert checkpoints.choose(run).step == 2
    hogs.clear()
    only(torch.cuda.get_device_properties(0).total_memory)
    assert work(run, resume=True) == 0, run.status().reason
    assert len(losses_of(run)) == 4
