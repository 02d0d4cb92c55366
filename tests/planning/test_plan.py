"""The arithmetic of a plan, by hand."""

from __future__ import annotations

import pytest

from tests.planning.facts import facts
from workbench.planning.plan import plan, steps_per_epoch, total_steps, warmup_steps
from workbench.recipe.recipe import Recipe
from workbench.recipe.training import TrainingSection


@pytest.mark.parametrize(
    ("rows", "micro", "accumulation", "epochs", "steps"),
    [
        (100, 8, 1, 1, 13),
        (100, 8, 4, 1, 4),
        (100, 8, 4, 2.5, 10),
        (3, 8, 1, 1, 1),
        (64, 8, 2, 3, 12),
    ],
)
def test_steps(rows: int, micro: int, accumulation: int, epochs: float, steps: int) -> None:
    training = TrainingSection(
        micro_batch_size=micro, gradient_accumulation_steps=accumulation, num_train_epochs=epochs
    )
    assert total_steps(training, rows) == steps


def test_steps_override_epochs() -> None:
    assert total_steps(TrainingSection(max_steps=7, num_train_epochs=50), 1000) == 7


def test_an_epoch_has_at_least_one_step() -> None:
    assert steps_per_epoch(TrainingSection(), 1) == 1


@pytest.mark.parametrize(
    ("warmup", "steps", "expected"), [(0, 100, 0), (0.05, 30, 2), (10, 100, 10), (50, 20, 20)]
)
def test_warmup_is_a_share_below_one_and_a_count_above(
    warmup: float, steps: int, expected: int
) -> None:
    assert warmup_steps(TrainingSection(warmup_steps=warmup), steps) == expected


def test_tokens_are_those_of_the_steps_taken() -> None:
    base = facts(
        parameters=4096 * 4096,
        shapes={"layers.0.self_attn.q_proj.weight": (4096, 4096)},
    )
    recipe = Recipe.model_validate({"training": {"max_steps": 26, "micro_batch_size": 8}})
    sized = plan(recipe, base, rows=100, tokens_per_epoch=5000)
    assert (sized.steps, sized.tokens) == (26, 10_000)
    assert sized.trainable == 65_536
    assert sized.share == pytest.approx(0.00390625)


@pytest.mark.parametrize(
    ("rows", "micro", "accumulation", "devices", "steps"),
    [(100, 8, 1, 2, 7), (100, 8, 4, 2, 2), (3, 8, 1, 4, 1), (96, 8, 1, 4, 3)],
)
def test_devices_share_the_steps_of_an_epoch(
    rows: int, micro: int, accumulation: int, devices: int, steps: int
) -> None:
    training = TrainingSection(micro_batch_size=micro, gradient_accumulation_steps=accumulation)
    together = training.model_copy(update={"gradient_accumulation_steps": accumulation * devices})
    assert total_steps(training, rows, devices) == total_steps(together, rows) == steps


def test_the_plan_notes_the_rows_of_all_devices() -> None:
    training = {"micro_batch_size": 2, "gradient_accumulation_steps": 3}
    values = {"strategy": {"kind": "full"}, "training": training, "devices": {"count": 4}}
    sized = plan(Recipe.model_validate(values), facts(), rows=48)
    assert sized.steps == 2
    assert sized.notes == ("4 devices take 3 x 2 rows each: 24 rows per step",)
