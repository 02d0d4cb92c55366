"""The models on this machine: demo, hub cache, folders and GGUF files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.models.conftest import edit_json
from workbench.core import locations
from workbench.models import smollm2
from workbench.models.finding import list_models
from workbench.models.headers import SINGLE
from workbench.models.sources import source_kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.models.finding import ModelEntry

pytestmark = pytest.mark.usefixtures("own_cache", "here")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and no other place to look."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FTWB_MODELS", raising=False)
    return folder


def by_id() -> dict[str, ModelEntry]:
    entries = list_models()
    assert len({entry.id for entry in entries}) == len(entries)
    return {entry.id: entry for entry in entries}


def test_the_demo_model_is_always_listed() -> None:
    (demo,) = list_models()
    assert (demo.id, demo.title, demo.ready) == ("demo", "SmolLM2-135M-Instruct", False)
    assert demo.bytes_on_disk == 0


def test_the_demo_model_is_ready_once_the_hub_cache_holds_it(
    in_hub_cache: Callable[[str], Path],
) -> None:
    folder = in_hub_cache(smollm2.HUB_ID)
    demo = by_id()["demo"]
    assert demo.ready
    assert demo.bytes_on_disk == (folder / SINGLE).stat().st_size


def test_folders_and_gguf_files_below_here_are_found(here: Path, model_copy: Path) -> None:
    deep = here / "a" / "b" / "tiny"
    deep.parent.mkdir(parents=True)
    model_copy.rename(deep)
    (here / "a" / "small.gguf").write_bytes(b"GGUF...")
    models = by_id()
    folder = models[locations.shorten(deep)]
    file = models[locations.shorten(here / "a" / "small.gguf")]
    assert (folder.kind, folder.title, folder.ready) == ("folder", "tiny", True)
    assert folder.bytes_on_disk == (deep / SINGLE).stat().st_size
    assert (file.kind, file.title, file.ready, file.bytes_on_disk) == ("gguf", "small", False, 7)
    assert all(source_kind(entry.id) == entry.kind for entry in models.values())


def test_folders_too_deep_hidden_or_of_other_tools_are_skipped(
    here: Path, model_copy: Path
) -> None:
    for name in ("a/b/c/d/tiny", ".hidden/tiny", "checkpoints/tiny"):
        (here / name).parent.mkdir(parents=True)
        (here / name).symlink_to(model_copy)
    assert list(by_id()) == ["demo"]


def test_named_folders_are_searched_once_each(
    here: Path, model_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = (model_copy, model_copy.parent, here / "missing")
    monkeypatch.setenv("FTWB_MODELS", ":".join(map(str, roots)))
    assert list(by_id()) == ["demo", locations.shorten(model_copy)]


def test_only_models_that_generate_text_are_listed(
    here: Path, model_copy: Path, in_hub_cache: Callable[[str], Path]
) -> None:
    model_copy.rename(here / "tiny")
    in_hub_cache("someone/generates")
    encoder = in_hub_cache("someone/encodes")
    half = in_hub_cache("someone/half-downloaded")
    edit_json(encoder / "config.json", architectures=["BertForMaskedLM"])
    (half / SINGLE).unlink()
    edit_json(here / "tiny" / "config.json", architectures=None)
    models = by_id()
    assert list(models) == ["demo", "someone/generates"]
    assert models["someone/generates"].kind == "hub"
    assert models["someone/generates"].bytes_on_disk > 100_000
