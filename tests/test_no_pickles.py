"""No pickle is opened, and no code that came with a model or a run folder is executed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM

import workbench
from tests.strategies.cases import strategy_of
from workbench.core.errors import BadInputError
from workbench.core.weights import require_safetensors
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = sorted(Path(workbench.__path__[0]).rglob("*.py"))
UNSAFE_MODULES = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


def calls(tree: ast.AST) -> Iterator[tuple[str, dict[str, ast.expr]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            keywords = {word.arg: word.value for word in node.keywords if word.arg}
            yield ast.unparse(node.func), keywords


def is_literally(value: ast.expr | None, expected: object) -> bool:
    return isinstance(value, ast.Constant) and value.value is expected


def problems(source: str) -> list[str]:
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [name for name in names if name.partition(".")[0] in UNSAFE_MODULES]
    for name, keywords in calls(tree):
        if name == "torch.load" and not is_literally(keywords.get("weights_only"), True):
            found.append(name)
        reads_weights = name.endswith("from_pretrained") and ("Model" in name or "type(" in name)
        own = "gguf_file" in keywords or name.startswith("PeftModel")
        if reads_weights and not own and not is_literally(keywords.get("use_safetensors"), True):
            found.append(name)
        if is_literally(keywords.get("trust_remote_code"), True):
            found.append(f"{name}: trust_remote_code")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_source_opens_a_pickle(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "AutoModelForCausalLM.from_pretrained(folder)",
        "AutoTokenizer.from_pretrained(folder, trust_remote_code=True)",
    ],
)
def test_the_search_finds_unsafe_calls(source: str) -> None:
    assert len(problems(source)) == 1


def test_remote_code_is_off_by_default() -> None:
    assert ModelSection().trust_remote_code is False


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize(
    ("kind", "file"), [("lora", "adapter_model.bin"), ("full", "pytorch_model.bin")]
)
def test_a_pickled_result_is_refused(
    tiny_model: Path, tmp_path: Path, kind: str, file: str
) -> None:
    mark, folder = tmp_path / "was-run", tmp_path / "run" / "model"
    strategy = strategy_of(kind)
    strategy.save(strategy.prepare(AutoModelForCausalLM.from_pretrained(tiny_model)), folder)
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    torch.save({"weight": Trap(mark)}, folder / file)
    with pytest.raises(
        BadInputError, match=f"run: no safetensors in .*, only {file}: opening pickled weights"
    ):
        strategy.load(AutoModelForCausalLM.from_pretrained(tiny_model), folder)
    assert not mark.exists()


def test_an_empty_folder_has_no_weights(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="its weights are missing"):
        require_safetensors(tmp_path, "run")
