"""A run folder whose recipe has fields of an older version: refused in one line, still listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from workbench.cli.root import ftwb
from workbench.core.errors import BadInputError
from workbench.recipe.recipe import Recipe
from workbench.runs.run_index import RunIndex

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs


@pytest.fixture
def old(runs: Runs) -> RunFolder:
    run = runs.create(Recipe(name="old"))
    text = run.recipe_file.read_text()
    run.recipe_file.write_text(text.replace("lora_alpha", "alpha").replace("optim:", "optimizer:"))
    return run


def test_its_recipe_is_refused_with_the_new_names(old: RunFolder) -> None:
    with pytest.raises(BadInputError) as caught:
        old.recipe()
    assert str(caught.value) == (
        f"{old.recipe_file}: strategy.alpha: unknown field; did you mean 'strategy.lora_alpha'?; "
        "training.optimizer: unknown field; did you mean 'training.optim'?"
    )


def test_it_does_not_break_the_list(old: RunFolder, runs: Runs) -> None:
    new = runs.create(Recipe(name="new"))
    assert {row.run.id: (row.name, row.strategy) for row in RunIndex(runs.root).read()} == {
        new.id: ("new", "lora"),
        old.id: ("old", "lora"),
    }
    result = CliRunner().invoke(ftwb, ["--runs-dir", str(runs.root), "runs", "--json"])
    assert result.exit_code == 0
    assert {row["id"] for row in json.loads(result.stdout)} == {new.id, old.id}
