"""A CUDA device that really runs out of memory for a micro batch; skipped without one."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import pytest
import torch

from tests.tiny import make_tiny_model
from tests.training.live_runs import after, losses_of
from workbench.runs import checkpoints
from workbench.runs.events import EventReader
from workbench.training.worker import train_run

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
    assert train_run(run) == 0, run.status().reason
    return torch.cuda.max_memory_reserved(0)


def test_a_run_continues_from_the_same_step_in_smaller_parts(
    new_run: NewRun, recipe: tuple[str, ...], only: Callable[[float], None]
) -> None:
    whole, cut = new_run(*recipe), new_run(*recipe)
    peak = peak_of(whole)
    assert peak > 256 << 20
    only(0.6 * peak)
    assert train_run(cut) == 0, cut.status().reason
    splits = [e for e in EventReader(cut.events).read() if "micro_batch_size" in e]
    assert splits
    assert splits[0]["micro_batch_size"] == ROWS // 2
    assert losses_of(cut) == pytest.approx(losses_of(whole), rel=1e-3)


def test_what_was_learned_is_saved_where_no_row_fits_any_more(
    new_run: NewRun,
    recipe: tuple[str, ...],
    only: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = new_run(*recipe)
    hogs: list[torch.Tensor] = []

    def fill_the_device() -> None:
        if not hogs:
            torch.cuda.empty_cache()
            only(torch.cuda.memory_reserved(0) + (4 << 20))
            hogs.append(torch.empty(2 << 20, dtype=torch.uint8, device="cuda"))

    after(2, monkeypatch, fill_the_device)
    assert train_run(run) == 1
    reason = run.status().reason
    assert "out of memory" in reason
    assert "step 2 is saved in its checkpoint" in reason
    assert checkpoints.choose(run).step == 2
    hogs.clear()
    only(torch.cuda.get_device_properties(0).total_memory)
    assert train_run(run, resume=True) == 0, run.status().reason
    assert len(losses_of(run)) == 4
