"""Advice on the learning rate: usual values beside the field, and a warning below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Label, Select

from tests.tui.conftest import SIZES, form_of, until, workbench
from workbench.planning.learning_rates import JudgedRate
from workbench.tui.advice import Advice, advice_on

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import Runs
    from workbench.tui.widgets.form.field_row import FieldRow

pytestmark = pytest.mark.slow

RATE = JudgedRate(
    rate=0.003, verdict="high", low=5e-4, high=2e-3, setting="lora on 135 M", source="theirs"
)


def advice_text(row: FieldRow) -> str:
    """Everything that is shown beside and below the control."""
    return "\n".join(str(label.content) for label in row.query(Label) if label.display)


def test_rates_are_written_as_powers_of_ten() -> None:
    assert advice_on(RATE) == Advice(
        usual="5e-4 to 2e-3",
        source="lora on 135 M: theirs",
        warning="3e-3 is high and may cost old knowledge",
    )
    usual = RATE.model_copy(update={"rate": 1.5e-3, "verdict": "usual"})
    assert advice_on(usual).warning == ""


@pytest.mark.parametrize("size", SIZES)
async def test_usual_rates_are_shown_beside_the_field(
    runs: Runs, tiny_model: Path, size: tuple[int, int]
) -> None:
    async with workbench(runs, size, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        row, model = form.row("training.learning_rate"), form.row("model.id")
        assert row is not None
        assert model is not None
        model.set_value(str(tiny_model))
        row.set_value("1e-3")
        await until(pilot, lambda: "usual 5e-4 to 2e-3 ✓" in advice_text(row))
        assert "common practice" in advice_text(row)
        row.set_value("0.5")
        await until(pilot, lambda: "usual 5e-4 to 2e-3 ⚠" in advice_text(row))
        assert "0.5 is high and may cost old knowledge" in advice_text(row)
        row.set_value("1e-3")
        await until(pilot, lambda: "5e-1" not in advice_text(row))
        await until(pilot, lambda: "usual 5e-4 to 2e-3 ✓" in advice_text(row))
        app.screen.query_one("#kind-strategy", Select).value = "full"
        await until(pilot, lambda: "usual 5e-5 to 1e-4 ⚠" in advice_text(row))
        for label in row.query(Label):
            assert label.region.right <= size[0]
        app.screen.query_one("#kind-strategy", Select).value = "prompt_tuning"
        await until(pilot, lambda: "usual" not in advice_text(row))


async def test_a_value_that_is_no_rate_is_not_judged(runs: Runs, tiny_model: Path) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        row, model = form.row("training.learning_rate"), form.row("model.id")
        assert row is not None
        assert model is not None
        model.set_value(str(tiny_model))
        await until(pilot, lambda: "✓" in advice_text(row))
        row.set_value("fast")
        await until(pilot, lambda: row.error != "")
        assert "usual 5e-4 to 2e-3 …" in advice_text(row)
        assert "✓" not in advice_text(row)
