"""An empty text where a dataset is expected means none, or is refused; never the current folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.core.errors import BadInputError
from workbench.data.reading import iter_rows
from workbench.planning.preflight import resolve_paths
from workbench.recipe import yaml_io
from workbench.recipe.flatten import flatten

OPTIONAL = ("data.heldout", "evaluation.general_text")
REQUIRED = ("data.train", "retention.replay.source", "retention.kl.source", "retention.ewc.source")


def recipe(path: str, value: object) -> dict[str, Any]:
    return yaml_io.override({}, [f"{path}={'' if value is None else repr(value)}"])


@pytest.mark.parametrize("empty", ["", "  "])
@pytest.mark.parametrize("path", OPTIONAL)
def test_an_optional_dataset_is_none(path: str, empty: str) -> None:
    read = yaml_io.validate(recipe(path, empty))
    assert flatten(read.model_dump())[path] is None
    assert str(Path.cwd()) not in yaml_io.dump(resolve_paths(read))


@pytest.mark.parametrize("empty", ["", "  ", None])
@pytest.mark.parametrize("path", REQUIRED)
def test_a_dataset_that_is_needed_must_be_named(path: str, empty: str | None) -> None:
    with pytest.raises(BadInputError, match=f"{path}: is empty; name a file, a folder, a hub data"):
        yaml_io.validate(recipe(path, empty))


def test_text_for_corda_and_suites_must_be_named() -> None:
    for values, path in (
        ({"strategy": {"kind": "lora", "general_text": ""}}, "strategy.lora.general_text"),
        ({"evaluation": {"suites": ["quick", ""]}}, "evaluation.suites"),
    ):
        with pytest.raises(BadInputError, match="is empty; name a file") as caught:
            yaml_io.validate(values)
        assert path.rpartition(".")[2] in str(caught.value)


@pytest.mark.parametrize("empty", ["", " "])
def test_a_command_needs_a_dataset_as_well(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "never read"}')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="no dataset is named; name a file, a hub dataset or"):
        next(iter_rows(empty))
