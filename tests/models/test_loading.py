"""Loading a base model as transformers does, and refusing a broken one in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.models.conftest import edit_json
from tests.strategies.cases import strategy_of
from workbench.core.errors import BadInputError, MachineError
from workbench.core.progress import silent
from workbench.models.headers import SINGLE
from workbench.models.loading import (
    choose_device,
    load_base,
    load_tokenizer,
    locate,
)
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

CPU = torch.device("cpu")


def load(folder: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    return load_base(ModelSection(id="m"), folder, device=CPU, dtype=dtype)


def test_a_folder_is_where_it_is(tiny_model: Path) -> None:
    assert locate(ModelSection(id=str(tiny_model)), silent) == tiny_model


def test_the_head_reads_consecutive_memory_also_where_only_the_last_position_is_wanted(
    tiny_model: Path,
) -> None:
    """Otherwise torch copies the head's matrix once for each row."""
    model = load(tiny_model)
    seen: list[torch.Tensor] = []
    model.get_output_embeddings().register_forward_hook(
        lambda _module, arguments, _output: seen.append(arguments[0])
    )
    inputs = torch.arange(24).reshape(4, 6)
    last = model(inputs, logits_to_keep=1).logits
    (hidden,) = seen
    assert hidden.shape[:2] == (4, 1)
    assert hidden.is_contiguous()
    assert torch.equal(
        last, AutoModelForCausalLM.from_pretrained(tiny_model)(inputs).logits[:, -1:]
    )


def test_a_cached_hub_model_is_found_offline(in_hub_cache: Callable[[str], Path]) -> None:
    folder = in_hub_cache("someone/tiny")
    assert locate(ModelSection(id="someone/tiny"), silent) == folder


def test_an_incomplete_hub_model_needs_the_hub(in_hub_cache: Callable[[str], Path]) -> None:
    (in_hub_cache("someone/tiny") / SINGLE).unlink()
    with pytest.raises(MachineError, match="someone/tiny: not on this machine"):
        locate(ModelSection(id="someone/tiny"), silent)


def test_the_model_loads_as_transformers_loads_it(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(ModelSection(id="m"), tiny_model)
    inputs = torch.tensor([tokenizer("hello")["input_ids"]])
    model = load(tiny_model)
    expected = AutoModelForCausalLM.from_pretrained(tiny_model)(inputs).logits
    assert not model.training
    assert torch.equal(model(inputs).logits, expected)


def test_the_dtype_is_the_given_one(tiny_model: Path) -> None:
    model = load(tiny_model, torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_a_tokenizer_without_padding_token_pads_with_eos(model_copy: Path) -> None:
    edit_json(model_copy / "tokenizer_config.json", pad_token=None)
    tokenizer = load_tokenizer(ModelSection(id="m"), model_copy)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


def test_a_missing_tokenizer_is_named(model_copy: Path) -> None:
    (model_copy / "tokenizer.json").unlink()
    with pytest.raises(BadInputError, match="m: no tokenizer in"):
        load_tokenizer(ModelSection(id="m"), model_copy)


def test_a_broken_tokenizer_is_named(model_copy: Path) -> None:
    (model_copy / "tokenizer.json").write_text("{")
    with pytest.raises(BadInputError, match="m: broken tokenizer"):
        load_tokenizer(ModelSection(id="m"), model_copy)


def truncate(folder: Path) -> None:
    file = folder / SINGLE
    file.write_bytes(file.read_bytes()[:-100])


def drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / SINGLE)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / SINGLE)


def change_a_shape(folder: Path) -> None:
    tensors = load_file(folder / SINGLE)
    tensors["model.layers.1.mlp.up_proj.weight"] = torch.zeros(3, 3)
    save_file(tensors, folder / SINGLE)


def leave_only_pickles(folder: Path) -> None:
    (folder / SINGLE).rename(folder / "pytorch_model.bin")


def lose_the_index(folder: Path) -> None:
    (folder / SINGLE).rename(folder / "model-00001-of-00002.safetensors")


def leave_only_an_adapter(folder: Path) -> None:
    (folder / SINGLE).rename(folder / "adapter_model.safetensors")


def rename_the_weights(folder: Path) -> None:
    (folder / SINGLE).rename(folder / "weights.safetensors")


def name_an_unknown_type(folder: Path) -> None:
    edit_json(folder / "config.json", model_type="perceptron")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "broken weights: model.safetensors has"),
        (drop_a_tensor, r"lack model.layers.1.mlp.up_proj.weight \(1 missing\)"),
        (
            change_a_shape,
            r"shape of .*layers.1.mlp.up_proj.weight does not match config.json \(1 mis",
        ),
        (leave_only_pickles, r"no safetensors in .*, only pytorch_model\.bin"),
        (lose_the_index, r"model-00001-of-00002\.safetensors is a part .*index\.json.* is missing"),
        (leave_only_an_adapter, "only an adapter's weights in"),
        (rename_the_weights, r"weights\.safetensors is not the name of a model's weights"),
        (name_an_unknown_type, "cannot be loaded: .*perceptron"),
    ],
)
def test_broken_models_are_refused_in_one_line(
    model_copy: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(model_copy)
    with pytest.raises(BadInputError, match=message) as error:
        load(model_copy)
    assert "\n" not in str(error.value)


def put_adapter_beside(folder: Path) -> None:
    """Save an adapter that changes a lot into a model's folder."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config).save_pretrained(
        str(folder)
    )


def test_an_adapter_in_the_same_folder_is_not_attached(model_copy: Path) -> None:
    expected = dict(load(model_copy).named_parameters())
    put_adapter_beside(model_copy)
    found = dict(load(model_copy).named_parameters())
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_a_full_result_beside_an_adapter_is_saved_and_loaded_whole(
    model_copy: Path, tmp_path: Path
) -> None:
    put_adapter_beside(model_copy)
    strategy, model = strategy_of("full"), load(model_copy)
    with torch.no_grad():
        model.get_parameter("model.norm.weight").add_(1)
    strategy.save(model, tmp_path / "result")
    put_adapter_beside(tmp_path / "result")
    tuned = strategy.load(load(model_copy), tmp_path / "result")
    assert [name for name, _ in tuned.named_parameters() if "lora" in name] == []
    assert torch.equal(tuned.model.norm.weight, model.get_parameter("model.norm.weight"))


def test_a_config_that_names_other_weights_is_refused(model_copy: Path) -> None:
    edit_json(model_copy / "config.json", transformers_weights="other.safetensors")
    with pytest.raises(BadInputError, match=r"transformers_weights names other\.safetensors"):
        load(model_copy)


def test_loading_prints_nothing(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(tiny_model)
    assert capfd.readouterr() == ("", "")


def test_a_gpu_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device().type == "cpu"
