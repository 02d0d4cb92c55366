"""Runs on several datasets: their shares, their losses, and what is held out of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from tests.tiny import byte_tokenizer
from workbench.cli.summary import details
from workbench.data.batches import Collator, SourceRow, split_by_source
from workbench.data.formats import Example
from workbench.data.mixture import epoch_rates
from workbench.data.rendering import IGNORE_INDEX, Rendered, Renderer
from workbench.data.splitting import load_split
from workbench.data.tokenising import tokenise
from workbench.data.training_rows import TrainingRows
from workbench.models.loss import labelled_nll, mean_nll, mean_nll_by_dataset, nll_by_dataset
from workbench.recipe.data import DataSection
from workbench.runs.events import EventReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]


def texts(prefix: str, count: int, length: int) -> list[Example]:
    return [
        Example(number, {}, text=f"{prefix} {number} ".ljust(length, "x"))
        for number in range(1, count + 1)
    ]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Twenty short rows of another kind."""
    path = tmp_path / "other.jsonl"
    rows = [{"prompt": f"sum {n} and {n}", "completion": f"{n + n}"} for n in range(20)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_an_epoch_has_the_shares_of_trained_tokens() -> None:
    renderer = Renderer(byte_tokenizer(), True, 64)
    parts = [tokenise(renderer, texts(*of)).rows for of in (("a", 60, 20), ("b", 10, 50))]
    rows = TrainingRows(parts, [None, 0.5], seed=3)
    rates = epoch_rates([int(part.trained_tokens.sum()) for part in parts], [None, 0.5])
    assert rows.mixture.rows == [round(60 * rates[0]), round(10 * rates[1])]
    epoch = rows.mixture.epoch(0)
    trained = rows.trained_tokens[epoch]
    assert trained[epoch >= 60].sum() / trained.sum() == pytest.approx(0.5, abs=0.03)


def test_rows_know_their_dataset_only_where_there_are_several() -> None:
    renderer = Renderer(byte_tokenizer(), True, 64)
    parts = [tokenise(renderer, texts(*of)).rows for of in (("a", 3, 20), ("b", 2, 20))]
    both = TrainingRows(parts, [None, None], seed=0)
    assert [row.dataset for row in both if isinstance(row, SourceRow)] == [0, 0, 0, 1, 1]
    assert not any(isinstance(row, SourceRow) for row in TrainingRows(parts[:1], [None], seed=0))
    with pytest.raises(IndexError):
        both[5]


def test_losses_by_dataset_add_up_to_the_loss(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    rows = [
        SourceRow([1, 2, 3, 4], [IGNORE_INDEX, 2, 3, 4], False, dataset=1),
        SourceRow([5, 6, 7], [5, 6, 7], False),
        SourceRow([8, 9], [IGNORE_INDEX, 9], False, dataset=1),
    ]
    batch = Collator(0)(rows)
    total, sums, counts = nll_by_dataset(model, batch, 3)
    whole, labelled = labelled_nll(model, batch)
    assert counts.tolist() == [2, 4, 0]
    assert labelled == 6
    torch.testing.assert_close(total, whole)
    own, _ = labelled_nll(model, Collator(0)([rows[1]]))
    torch.testing.assert_close(sums, torch.stack([own, whole - own, own * 0]).detach())
    means = mean_nll_by_dataset(model, [batch], 2, max_rows=2)
    assert 2 * means[0] + 4 * means[1] == pytest.approx(6 * mean_nll(model, [batch]), rel=1e-5)


def test_the_dataset_stays_with_its_rows_where_replay_is_split_off() -> None:
    batch = Collator(0)([Rendered([1, 2], [1, 2], False), SourceRow([3], [3], False, dataset=2)])
    assert batch["dataset"].tolist() == [-1, 2]
    batch["replay"] = torch.tensor([True, False])
    assert split_by_source(batch)["target"]["dataset"].tolist() == [2]


def test_each_dataset_has_its_rows_held_out(rows: Path, other: Path) -> None:
    section = DataSection(train=f"{rows}, {other}:0.3", heldout_share=0.25)
    split = load_split(section, seed=0)
    assert split.names == ("rows", "other")
    assert [len(part.heldout) for part in split.sources] == [3, 5]
    assert sorted(row.dataset for row in split.heldout) == [0] * 3 + [1] * 5
    assert len(split.train) == 9 + 15
    assert [row.dataset for row in split.train] == [0] * 9 + [1] * 15
    assert split.format == "messages, prompt_completion"


def test_a_run_records_the_loss_of_each_dataset(trained: Train, rows: Path, other: Path) -> None:
    run, view = trained(
        f"data.train={rows}, {other}:0.3",
        "data.heldout=null",
        "data.heldout_share=0.25",
        "evaluation.target_field=null",
    )
    assert view.status.state == "finished", view.status.reason
    events = list(EventReader(run.events).read())
    train = [event for event in events if event["kind"] == "train"]
    names = {"loss_of_rows", "loss_of_other"}
    assert all(names & set(event) for event in train)
    both = next(event for event in train if names <= set(event))
    low, high = sorted(both[name] for name in names)
    assert low <= both["loss"] <= high
    (last,) = [event for event in events if event["kind"] == "eval"][-1:]
    assert names <= set(last)
    assert set(details(run)["loss_by_dataset"]["eval"]) == {"rows", "other"}
