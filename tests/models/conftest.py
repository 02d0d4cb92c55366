"""Fixtures of the models room: a private cache, a private hub, and tiny models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants

from tests.models.gguf_writing import write_tiny_gguf
from tests.tiny import make_tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty hub cache, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def in_hub_cache(own_cache: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Put a tiny model into the hub cache under an id, laid out as the hub's own client does."""
    del own_cache

    def put(model_id: str) -> Path:
        repo = tmp_path / "hub" / f"models--{model_id.replace('/', '--')}"
        (repo / "refs").mkdir(parents=True)
        (repo / "refs" / "main").write_text(COMMIT)
        return make_tiny_model(repo / "snapshots" / COMMIT)

    return put


@pytest.fixture
def model_copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny Llama that a test may break."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in tiny_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """A tiny GGUF file and the weights in it."""
    file = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return file, write_tiny_gguf(file)


def edit_json(file: Path, **changes: object) -> None:
    """Change keys of a JSON file; None removes one."""
    values = {**json.loads(file.read_text()), **changes}
    kept = {key: value for key, value in values.items() if value is not None}
    file.write_text(json.dumps(kept))
