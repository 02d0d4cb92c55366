from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError, NotFoundError
from workbench.models.sources import kind_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "model").mkdir(parents=True)
    (tmp_path / "a.gguf").touch()
    (tmp_path / "a.txt").touch()


@pytest.mark.parametrize(
    ("model_id", "kind"),
    [
        ("demo", "demo"),
        ("gpt2", "hub"),
        ("Qwen/Qwen3-0.6B", "hub"),
        ("owner/model", "folder"),
        ("./owner", "folder"),
        ("a.gguf", "gguf"),
    ],
)
def test_ids_are_told_apart(model_id: str, kind: str) -> None:
    assert kind_of(model_id) == kind


@pytest.mark.parametrize("model_id", ["./nowhere", "/no/where", "~/no", "b.gguf", "a/b/c", "a b"])
def test_what_cannot_be_a_hub_id_is_a_missing_path(model_id: str) -> None:
    with pytest.raises(NotFoundError, match="no such file or folder"):
        kind_of(model_id)


def test_another_kind_of_file_is_no_model() -> None:
    with pytest.raises(BadInputError, match="not a model"):
        kind_of("a.txt")
