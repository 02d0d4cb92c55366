"""A base model is described from its config and weight headers alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.models.conftest import edit_json
from workbench.core.errors import BadInputError, NotFoundError
from workbench.models.describing import TIED_BY_DEFAULT, folder_facts, licence_of, read_facts
from workbench.models.headers import SINGLE
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_folder_is_described_from_config_and_headers(tiny_model: Path) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    weights = load_file(tiny_model / SINGLE)
    assert facts.architecture == "LlamaForCausalLM"
    assert facts.model_type == "llama"
    assert (facts.layers, facts.hidden_size, facts.vocabulary, facts.context) == (2, 32, 258, 512)
    assert facts.dtype == "float32"
    assert facts.parameters == sum(tensor.numel() for tensor in weights.values())
    assert facts.shapes == {name: tuple(tensor.shape) for name, tensor in weights.items()}
    assert facts.bytes_on_disk == 4 * facts.parameters
    assert facts.chat_template
    assert facts.tied_embeddings


def test_reading_facts_loads_neither_torch_nor_transformers(tiny_model: Path) -> None:
    code = (
        "import sys\n"
        "from workbench.models.finding import list_models\n"
        "from workbench.models.describing import read_facts\n"
        "from workbench.recipe.model import ModelSection\n"
        f"assert read_facts(ModelSection(id={str(tiny_model)!r})).parameters\n"
        "assert list_models()\n"
        "heavy = {'torch', 'transformers', 'peft', 'datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shards_count_as_one_model(model_copy: Path) -> None:
    whole = folder_facts(model_copy, "whole")
    tensors = load_file(model_copy / SINGLE)
    names = sorted(tensors)
    index: dict[str, str] = {}
    for number, part in enumerate((names[::2], names[1::2])):
        shard = f"model-0000{number + 1}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, model_copy / shard)
        index |= dict.fromkeys(part, shard)
    (model_copy / SINGLE).unlink()
    (model_copy / f"{SINGLE}.index.json").write_text(json.dumps({"weight_map": index}))
    sharded = folder_facts(model_copy, "whole")
    assert sharded == whole

    (model_copy / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(BadInputError, match=r"model-00002-of-00002.safetensors, which is missing"):
        folder_facts(model_copy, "broken")


@pytest.mark.parametrize("tied", [True, None])
def test_a_tied_head_that_is_stored_is_counted_once(model_copy: Path, tied: bool | None) -> None:
    expected = folder_facts(model_copy, "x").parameters
    tensors = load_file(model_copy / SINGLE)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, model_copy / SINGLE)
    edit_json(
        model_copy / "config.json",
        tie_word_embeddings=tied,
        model_type="llama" if tied else "gemma",
    )
    facts = folder_facts(model_copy, "x")
    assert facts.tied_embeddings
    assert facts.parameters == expected
    assert "lm_head.weight" not in facts.shapes


def test_an_untied_head_counts(model_copy: Path) -> None:
    expected = folder_facts(model_copy, "x").parameters + 258 * 32
    tensors = load_file(model_copy / SINGLE)
    tensors["lm_head.weight"] = torch.zeros(258, 32)
    save_file(tensors, model_copy / SINGLE)
    edit_json(model_copy / "config.json", tie_word_embeddings=None)
    facts = folder_facts(model_copy, "x")
    assert not facts.tied_embeddings
    assert facts.parameters == expected


def test_the_types_listed_as_tied_are_tied_by_default() -> None:
    from transformers import AutoConfig

    assert all(AutoConfig.for_model(name).tie_word_embeddings for name in TIED_BY_DEFAULT)


def test_buffers_of_old_files_are_not_parameters(model_copy: Path) -> None:
    before = folder_facts(model_copy, "x")
    buffers = {
        "h.0.attn.bias": torch.ones(1, 1, 8, 8),
        "h.0.attn.masked_bias": torch.ones(()),
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
        "embeddings.position_ids": torch.ones(1, 8, dtype=torch.int64),
    }
    parameter = {"h.0.attn.c_attn.bias": torch.ones(96)}
    save_file({**load_file(model_copy / SINGLE), **buffers, **parameter}, model_copy / SINGLE)
    after = folder_facts(model_copy, "x")
    assert after.parameters == before.parameters + 96
    assert after.shapes.keys() - before.shapes.keys() == set(parameter)


def test_a_multi_modal_model_is_described_by_its_language_model(model_copy: Path) -> None:
    config = json.loads((model_copy / "config.json").read_text())
    config = {
        "model_type": "gemma3",
        "architectures": ["Gemma3ForConditionalGeneration"],
        "text_config": config,
        "vision_config": {"hidden_size": 7, "num_hidden_layers": 9},
    }
    (model_copy / "config.json").write_text(json.dumps(config))
    facts = folder_facts(model_copy, "x")
    assert facts.architecture == "Gemma3ForConditionalGeneration"
    assert (facts.layers, facts.hidden_size, facts.vocabulary) == (2, 32, 258)


def test_pickled_weights_are_not_opened(model_copy: Path) -> None:
    (model_copy / SINGLE).rename(model_copy / "pytorch_model.bin")
    facts = folder_facts(model_copy, "x")
    assert facts.parameters == 0
    assert facts.shapes == {}
    assert facts.layers == 2


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\ntags: [a]\n---\n# A model", "mit"),
        ("# A model\n---\nlicense: mit\n---\n", ""),
        ("---\nlicense: [unclosed\n---\n", ""),
        ("", ""),
    ],
)
def test_the_licence_is_in_the_front_matter(tmp_path: Path, card: str, licence: str) -> None:
    (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == licence


def test_truncated_weights_are_refused(model_copy: Path) -> None:
    file = model_copy / SINGLE
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(BadInputError, match=r"broken weights: model.safetensors has .* bytes"):
        folder_facts(model_copy, "x")


def test_a_garbage_header_is_refused(model_copy: Path) -> None:
    (model_copy / SINGLE).write_bytes(b"\x20\0\0\0\0\0\0\0not a header, not a header, no...")
    with pytest.raises(BadInputError, match="broken weights"):
        folder_facts(model_copy, "x")


def test_other_folders_are_refused_with_what_they_contain(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not a model folder"):
        read_facts(ModelSection(id=str(tmp_path)))
    (tmp_path / "some.gguf").write_bytes(b"")
    with pytest.raises(BadInputError, match=r"such as some\.gguf"):
        read_facts(ModelSection(id=str(tmp_path)))
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(BadInputError, match="an adapter, not a base model"):
        read_facts(ModelSection(id=str(tmp_path)))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BadInputError, match="has no model_type"):
        read_facts(ModelSection(id=str(tmp_path)))


def test_the_base_of_an_adapter_is_named(tmp_path: Path) -> None:
    config = tmp_path / "adapter_config.json"
    config.write_text('{"base_model_name_or_path": "someone/tiny"}')
    with pytest.raises(BadInputError, match=r"not a base model; name .* someone/tiny"):
        read_facts(ModelSection(id=str(tmp_path)))


def test_a_missing_path_is_not_looked_up_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file or folder"):
        read_facts(ModelSection(id=str(tmp_path / "nothing")))


def test_the_demo_model_is_described_before_it_is_downloaded(own_cache: Path) -> None:
    assert not own_cache.exists()
    assert read_facts(ModelSection()).parameters == 134_515_008


def test_a_cached_hub_model_is_described_offline(in_hub_cache: Callable[[str], Path]) -> None:
    folder = in_hub_cache("someone/tiny")
    facts = read_facts(ModelSection(id="someone/tiny"))
    assert facts == folder_facts(folder, "someone/tiny")
