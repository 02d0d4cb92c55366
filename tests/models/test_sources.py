"""What a model id refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError, NotFoundError
from workbench.models.sources import source_kind

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
def test_ids_are_classified(model_id: str, kind: str) -> None:
    assert source_kind(model_id) == kind


@pytest.mark.parametrize("model_id", ["./nowhere", "/no/where", "~/no", "b.gguf", "a/b/c", "a b"])
def test_anything_but_a_hub_id_is_a_missing_path(model_id: str) -> None:
    with pytest.raises(NotFoundError, match="no such file or folder"):
        source_kind(model_id)


def test_another_type_of_file_is_refused() -> None:
    with pytest.raises(BadInputError, match="not a model"):
        source_kind("a.txt")
