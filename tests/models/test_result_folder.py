"""A result folder is complete: other libraries use it as it lies, and it names no local path."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedTokenizerFast,
)

from tests.models.conftest import COMMIT
from tests.strategies.cases import Setup, logits, setup, take_steps
from tests.tiny import CHAT_TEMPLATE, make_tiny_model
from workbench.core.errors import MachineError
from workbench.core.files import is_disk_full
from workbench.data.rendering import Renderer
from workbench.data.splitting import Split
from workbench.models.loaded_base import LoadedBase
from workbench.models.result_folder import complete, data_name, note_verdict
from workbench.recipe.recipe import STRATEGIES
from workbench.recipe.yaml_io import validate
from workbench.strategies.peft_base import PeftStrategy
from workbench.training.result import save_result

if TYPE_CHECKING:
    from pathlib import Path

HUB_ID = "someone/tiny"
FIELDS: dict[str, dict[str, object]] = {
    **{kind: {} for kind in STRATEGIES},
    "freeze": {"layers": 1},
    "prompt_tuning-text": {"prompt_tuning_init": "text"},
    "lora-pissa": {"init_lora_weights": "pissa"},
}
IN_PEFT = [
    variant for variant in FIELDS if issubclass(STRATEGIES[variant.partition("-")[0]], PeftStrategy)
]


@pytest.fixture
def base(tmp_path: Path, own_hub: None, own_cache: Path) -> Path:
    """A tiny model in the hub's cache, laid out as its own client does."""
    del own_hub, own_cache
    repo = tmp_path / "hub" / "models--someone--tiny"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(COMMIT)
    return make_tiny_model(repo / "snapshots" / COMMIT, width=64)


def result(base: Path, folder: Path, variant: str, model_id: str = HUB_ID) -> tuple[Setup, Any]:
    """The trained model, whose result was saved into ``folder``."""
    kind = variant.partition("-")[0]
    case = setup(base, kind, **FIELDS[variant])
    recipe = validate(
        {
            "name": "tiny",
            "model": {"id": model_id},
            "strategy": {"kind": kind, **FIELDS[variant]},
            "data": {"train": str(folder.parent / "rows.jsonl")},
        }
    )
    tokenizer = AutoTokenizer.from_pretrained(base)
    untouched = case.base()
    loaded = LoadedBase(
        recipe,
        Split((), (), "text", ()),
        untouched,
        tokenizer,
        Renderer(tokenizer, True, 128),
        torch.float32,
    )
    model = case.prepared(untouched)
    take_steps(model)
    model.config.use_cache = False  # as the Trainer does
    save_result(case.strategy, model, folder, partial(complete, loaded=loaded))
    return case, model


def plain_base(tmp_path: Path) -> Any:
    """The base as the hub's users load it."""
    return AutoModelForCausalLM.from_pretrained(HUB_ID, cache_dir=tmp_path / "hub")


@pytest.mark.parametrize("variant", FIELDS)
def test_tokenizer_template_and_card_lie_beside_the_weights(
    variant: str, base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    result(base, folder, variant)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template == CHAT_TEMPLATE
    assert tokenizer("hello").input_ids == AutoTokenizer.from_pretrained(base)("hello").input_ids
    assert GenerationConfig.from_pretrained(folder).use_cache is True
    card = (folder / "README.md").read_text()
    assert f"| Base model | {HUB_ID} at {COMMIT} |" in card
    assert "| Data | rows.jsonl |" in card
    kind = variant.partition("-")[0]
    only_ours = kind in {"bottleneck", "freeze"}
    assert ("Only ftwb reads these weights" in card) == only_ours
    assert (folder / "adapter_config.json").exists() == (variant in IN_PEFT)
    texts = [file for file in folder.iterdir() if file.suffix in {".json", ".md", ".jinja"}]
    assert [file.name for file in texts if str(tmp_path) in file.read_text()] == []


@pytest.mark.parametrize("variant", IN_PEFT)
def test_plain_peft_reads_an_adapter(variant: str, base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    case, model = result(base, folder, variant)
    plain = PeftModel.from_pretrained(plain_base(tmp_path), str(folder))
    by_peft_alone = AutoPeftModelForCausalLM.from_pretrained(
        str(folder), cache_dir=tmp_path / "hub", dtype=torch.float32
    )
    assert by_peft_alone.active_peft_config.revision == COMMIT
    assert torch.equal(logits(by_peft_alone), logits(plain))
    if case.strategy.quantization() is None:
        torch.testing.assert_close(logits(plain), logits(model), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["lora", "ia3"])
def test_plain_transformers_reads_an_adapter(kind: str, base: Path, tmp_path: Path) -> None:
    _, model = result(base, tmp_path / "model", kind)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "model", cache_dir=tmp_path / "hub")
    torch.testing.assert_close(logits(plain), logits(model), rtol=0, atol=1e-6)


def test_plain_transformers_reads_a_full_result(base: Path, tmp_path: Path) -> None:
    _, model = result(base, tmp_path / "model", "full")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert torch.equal(logits(plain), logits(model))
    assert plain.config.use_cache is True


def test_an_adapter_on_a_local_base_finds_it(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    _, model = result(base, tmp_path / "model", "lora", str(base))
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(logits(plain), logits(model), rtol=0, atol=1e-6)
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| Base model | base |" in card
    assert str(tmp_path) not in card


def test_settings_that_transformers_refuses_to_save_are_made_valid(
    base: Path, tmp_path: Path
) -> None:
    (base / "generation_config.json").write_text('{"temperature": 0.6, "use_cache": false}')
    _, model = result(base, tmp_path / "model", "full")
    saved = GenerationConfig.from_pretrained(tmp_path / "model")
    assert (saved.do_sample, saved.temperature, saved.use_cache) == (True, 0.6, True)
    assert not model.generation_config.do_sample


def test_the_newest_verdict_stands_in_the_card(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    result(base, folder, "lora")
    before = (folder / "README.md").read_text()
    note_verdict(folder, "INCONCLUSIVE")
    note_verdict(folder, "PASS")
    card = (folder / "README.md").read_text()
    assert "| Data | rows.jsonl |\n| Verdict | PASS |\n" in card
    assert card.replace("| Verdict | PASS |\n", "") == before


def test_a_full_disk_is_recognised_in_what_the_tokenizer_raises(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Exception("No space left on device (os error 28)")  # noqa: TRY002 - as tokenizers does

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", fail)
    with pytest.raises(MachineError, match="cannot save the tokenizer: No space left") as full:
        result(base, tmp_path / "model", "lora")
    assert is_disk_full(full.value)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/me/private/rows.jsonl", "rows.jsonl"),
        ("rows.csv", "rows.csv"),
        ("preset:support_train", "preset:support_train"),
        ("tatsu-lab/alpaca", "tatsu-lab/alpaca"),
    ],
)
def test_data_is_named_without_its_folder(source: str, name: str) -> None:
    assert data_name(source) == name
