from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from huggingface_hub import constants

from workbench.cli.root import ftwb
from workbench.core.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing cached, nothing here, no network."""
    monkeypatch.setenv("FTWB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("FTWB_MODELS", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def models(*arguments: str) -> Result:
    return CliRunner().invoke(ftwb, ["models", *arguments], catch_exceptions=False)


def test_the_list_as_a_table() -> None:
    result = models()
    assert result.exit_code == 0
    assert "demo" in result.stdout
    assert "downloaded on first use" in result.stdout


def test_the_list_as_json(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTWB_MODELS", str(tiny_model))
    demo, tiny = json.loads(models("--json").stdout)
    assert (demo["id"], demo["ready"]) == ("demo", False)
    assert (tiny["kind"], tiny["title"], tiny["ready"]) == ("folder", "tiny-llama", True)


def test_one_model_as_a_table() -> None:
    text = models("demo").stdout
    assert "134,515,008" in text
    assert "8,192 tokens" in text
    assert "apache-2.0" in text


def test_one_model_as_json(tiny_model: Path) -> None:
    facts = json.loads(models(str(tiny_model), "--json").stdout)
    assert facts["architecture"] == "LlamaForCausalLM"
    assert facts["parameters"] > 0
    assert "shapes" not in facts


def test_pickled_weights_have_an_unknown_size(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text((tiny_model / "config.json").read_text())
    (folder / "pytorch_model.bin").touch()
    assert "unknown: the weights are not safetensors" in models(str(folder)).stdout


def test_a_missing_model() -> None:
    with pytest.raises(NotFoundError, match=r"\./nowhere: no such file or folder"):
        models("./nowhere")
