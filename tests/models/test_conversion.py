"""A GGUF file is converted once, and nothing is lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.strategies.cases import strategy_of
from workbench.core.errors import BadInputError
from workbench.core.progress import silent
from workbench.models.conversion import convert, convert_once, converted_folder
from workbench.models.describing import read_facts
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@pytest.fixture(scope="module")
def converted(
    tiny_gguf: tuple[Path, dict[str, Tensor]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[tuple[str, int, int]]]:
    """The converted folder, and what was reported on the way."""
    reported: list[tuple[str, int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FTWB_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = convert_once(tiny_gguf[0], lambda *progress: reported.append(progress))
    return folder, reported


def test_the_weights_come_through_bit_for_bit(
    tiny_gguf: tuple[Path, dict[str, Tensor]],
    converted: tuple[Path, list[tuple[str, int, int]]],
) -> None:
    model = AutoModelForCausalLM.from_pretrained(converted[0])
    weights = model.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in tiny_gguf[1].items())
    assert model.config.tie_word_embeddings
    assert not hasattr(model.config, "quantization_config")
    assert model.dtype == torch.float32


def test_the_tokenizer_comes_through(converted: tuple[Path, list[tuple[str, int, int]]]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted[0])
    text = "he said: naïve 日本 🙂 <|im_end|>"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer("<|im_end|>")["input_ids"] == [tokenizer.eos_token_id]
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert tokenizer.tokenize("the") == ["t", "he"]
    assert tokenizer.model_max_length == 512
    assert "<|im_start|>" in tokenizer.chat_template


def test_digits_are_split_although_a_merge_joins_them(
    converted: tuple[Path, list[tuple[str, int, int]]],
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted[0])
    assert "12" in tokenizer.get_vocab()
    assert tokenizer.tokenize("123") == ["1", "2", "3"]


def test_files_beside_it_are_not_read(
    tiny_gguf: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    file = tmp_path / "here" / "tiny.gguf"
    file.parent.mkdir()
    file.hardlink_to(tiny_gguf[0])
    for name in ("adapter_config.json", "generation_config.json", "tokenizer_config.json"):
        (file.parent / name).write_text('{"peft_type": "LORA", "chat_template": "other"}')
    convert(file, tmp_path / "converted", silent)
    weights = AutoModelForCausalLM.from_pretrained(tmp_path / "converted").state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in tiny_gguf[1].items())
    assert AutoTokenizer.from_pretrained(tmp_path / "converted").chat_template != "other"


def test_every_tensor_is_reported(converted: tuple[Path, list[tuple[str, int, int]]]) -> None:
    progress = [report for report in converted[1] if report[0] == "converting the weights"]
    assert progress[-1][1:] == (20, 20)


def test_it_is_converted_once(
    tiny_gguf: tuple[Path, dict[str, Tensor]],
    converted: tuple[Path, list[tuple[str, int, int]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FTWB_CACHE", str(converted[0].parents[1]))
    before = (converted[0] / "model.safetensors").stat().st_mtime_ns
    assert convert_once(tiny_gguf[0], silent) == converted[0]
    assert (converted[0] / "model.safetensors").stat().st_mtime_ns == before


def test_the_file_is_described_as_it_is_once_converted(
    tiny_gguf: tuple[Path, dict[str, Tensor]],
    converted: tuple[Path, list[tuple[str, int, int]]],
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del own_cache
    section = ModelSection(id=str(tiny_gguf[0]))
    before = read_facts(section)
    monkeypatch.setenv("FTWB_CACHE", str(converted[0].parents[1]))
    after = read_facts(section)
    same = {"parameters", "shapes", "layers", "hidden_size", "vocabulary", "context", "licence"}
    assert before.model_dump(include=same) == after.model_dump(include=same)
    assert before.licence == "mit"
    assert before.chat_template == after.chat_template is True
    assert before.tied_embeddings == after.tied_embeddings is True
    assert (before.dtype, after.dtype) == ("F32", "float32")
    lora = strategy_of("lora", target_modules="attention")
    assert lora.trainable_parameters(before) == lora.trainable_parameters(after)


def test_a_changed_file_or_conversion_gets_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"one")
    first = converted_folder(file)
    file.write_bytes(b"other")
    changed = converted_folder(file)
    monkeypatch.setattr("workbench.models.conversion.CONVERSION_VERSION", 0)
    assert len({first, changed, converted_folder(file)}) == 3


def test_a_truncated_file_is_refused(
    tiny_gguf: tuple[Path, dict[str, Tensor]], tmp_path: Path, own_cache: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny_gguf[0].read_bytes()[:3000])
    message = r"broken\.gguf: not a complete GGUF file"
    with pytest.raises(BadInputError, match=message):
        read_facts(ModelSection(id=str(broken)))
    with pytest.raises(BadInputError, match=message):
        convert_once(broken, silent)
    assert not list(own_cache.glob("models/broken*"))


def test_an_unknown_architecture_is_refused(tmp_path: Path, own_cache: Path) -> None:
    from gguf import GGUFWriter

    file = tmp_path / "odd.gguf"
    writer = GGUFWriter(file, "perceptron")
    writer.add_token_list(["a"])
    writer.add_tokenizer_model("gpt2")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(BadInputError, match="transformers cannot read this GGUF file"):
        convert_once(file, silent)
    assert not list(own_cache.glob("models/odd*"))
