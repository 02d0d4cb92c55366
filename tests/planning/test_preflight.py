"""A recipe that cannot run is refused before a worker starts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError, NotFoundError
from workbench.planning.preflight import check_sharding, preflight, resolve_paths
from workbench.recipe import yaml_io
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def recipe(tiny_model: Path, rows: Path) -> Callable[..., Recipe]:
    base = {"model": {"id": str(tiny_model)}, "data": {"train": str(rows)}}

    def make(*overrides: str) -> Recipe:
        return yaml_io.validate(yaml_io.override(base, overrides))

    return make


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("evaluation.general_text=nowhere.jsonl", "nowhere"),
        ("evaluation.suites=[knowlege]", "knowlege: no such suite.* did you mean 'knowledge'"),
    ],
)
def test_unreadable_text_and_suites_are_refused(
    recipe: Callable[..., Recipe], override: str, message: str
) -> None:
    with pytest.raises(NotFoundError, match=message):
        preflight(recipe(override))


def test_a_base_with_only_pickled_weights_is_refused(
    recipe: Callable[..., Recipe], tiny_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_model, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadInputError, match=r"only pytorch_model\.bin: opening pickled weights"):
        preflight(recipe(f"model.id={folder}"))


def test_paths_of_the_evaluation_become_absolute(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine.yaml", "text.jsonl"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    overrides = ("evaluation.suites=[mine.yaml, knowledge]", "evaluation.general_text=text.jsonl")
    resolved = resolve_paths(recipe(*overrides)).evaluation
    assert resolved.suites == (str(tmp_path / "mine.yaml"), "knowledge")
    assert resolved.general_text == str(tmp_path / "text.jsonl")
    assert resolve_paths(recipe("evaluation.general_text=null")).evaluation.general_text is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("strategy.kind=ia3",), "ia3 as configured does not train the rows that are added"),
        (("strategy.kind=freeze", "strategy.layers=1"), "freeze as configured does not train"),
        (("devices.count=2", "devices.sharding=full"), "resize_embeddings adds cannot be split"),
    ],
)
def test_rows_that_nothing_trains_are_not_added(
    recipe: Callable[..., Recipe], overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        preflight(recipe("model.resize_embeddings=true", *overrides))


def test_the_file_of_a_chat_template_becomes_absolute(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.jinja").write_text("")
    monkeypatch.chdir(tmp_path)
    resolved = resolve_paths(recipe("data.chat_template=mine.jinja"))
    assert resolved.data.chat_template == str(tmp_path / "mine.jinja")
    assert resolve_paths(recipe("data.chat_template=rag")).data.chat_template == "rag"


SHARDED = {"devices": {"count": 2, "sharding": "full"}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"devices": {"sharding": "full"}}, "one device has nothing to split"),
        ({"strategy": {"kind": "qlora"}}, "the 4-bit weights of qlora cannot be split"),
        ({"strategy": {"kind": "ia3"}}, "and ia3 as configured trains others"),
        ({"training": {"optim": "adafactor"}}, "use adamw_torch or sgd"),
        ({"training": {"precision": "fp16"}}, "use bf16"),
        ({"retention": {"ewc": True}}, "retention.ewc needs each weight in one piece"),
        ({"retention": {"l2sp": True}}, "retention.l2sp needs each weight in one piece"),
    ],
)
def test_what_cannot_be_sharded_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=f"devices.sharding: .*{message}"):
        check_sharding(Recipe.model_validate(SHARDED | values))


@pytest.mark.parametrize("kind", ["lora", "full", "freeze"])
def test_what_can_be_sharded_passes(kind: str) -> None:
    values = {"strategy": {"kind": kind}, "retention": {"kl": True}}
    check_sharding(Recipe.model_validate(SHARDED | values))
