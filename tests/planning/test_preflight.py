"""What is to be measured is looked at before a worker is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import NotFoundError
from workbench.planning.preflight import preflight, resolve
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def recipe(tiny_model: Path, rows: Path):
    base = {"model": {"id": str(tiny_model)}, "data": {"train": str(rows)}}

    def make(*overrides: str):
        return yaml_io.validate(yaml_io.override(base, overrides))

    return make


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("evaluation.general_text=nowhere.jsonl", "nowhere"),
        ("evaluation.suites=[knowlege]", "knowlege: no such suite.* did you mean 'knowledge'"),
    ],
)
def test_what_cannot_be_asked_is_refused(recipe, override, says) -> None:
    with pytest.raises(NotFoundError, match=says):
        preflight(recipe(override))


def test_paths_of_what_is_asked_become_absolute(
    recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine.yaml", "text.jsonl"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    asked = ("evaluation.suites=[mine.yaml, knowledge]", "evaluation.general_text=text.jsonl")
    resolved = resolve(recipe(*asked)).evaluation
    assert resolved.suites == (str(tmp_path / "mine.yaml"), "knowledge")
    assert resolved.general_text == str(tmp_path / "text.jsonl")
    assert resolve(recipe("evaluation.general_text=null")).evaluation.general_text is None
