"""What makes a result folder complete, so that other libraries can use it as it lies."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from workbench.core import files
from workbench.core.errors import MachineError
from workbench.core.redaction import scrub
from workbench.data.template_settings import saved_template
from workbench.models.describing import licence_of
from workbench.models.smollm2 import NAME
from workbench.models.sources import DEMO, source_kind
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerBase

    from workbench.data.template_settings import TemplateSettings
    from workbench.models.loaded_base import LoadedBase
    from workbench.recipe.recipe import Recipe

CARD = "README.md"
_DATA, _VERDICT = "| Data | ", "| Verdict | "
_MODEL_CONFIG = "config.json"
_ADAPTER_CONFIG = "adapter_config.json"
_PATHS = ("base_model_name_or_path", "tokenizer_name_or_path")

_USE_ADAPTER = """```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("BASE")
model = PeftModel.from_pretrained(base, "THIS FOLDER")
tokenizer = AutoTokenizer.from_pretrained("THIS FOLDER")
```"""
_USE_MODEL = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("THIS FOLDER")
tokenizer = AutoTokenizer.from_pretrained("THIS FOLDER")
```"""
_USE_FTWB = (
    "Only ftwb reads these weights: `ftwb chat` and `ftwb evaluate` load them onto the base."
)


def complete(folder: Path, loaded: LoadedBase) -> None:
    """Add to saved weights whatever else their users need.

    That is the tokenizer with the chat template in force, how to generate, the base by an id that
    holds on other machines, the recipe, and a card.
    """
    recipe = loaded.recipe
    _save_tokenizer(trained_tokenizer(loaded.tokenizer, loaded.renderer.settings), folder)
    if loaded.base.can_generate() and loaded.base.generation_config:
        usable_generation_config(loaded.base.generation_config).save_pretrained(folder)
    base = Path(loaded.base.name_or_path or "")
    revision = _revision(recipe, base)
    if (folder / _MODEL_CONFIG).is_file():
        edit_json(folder / _MODEL_CONFIG, use_cache=True)  # the Trainer switches it off
    if (folder / _ADAPTER_CONFIG).is_file() and source_kind(recipe.model.id) == "hub":
        _name_base(folder / _ADAPTER_CONFIG, recipe.model.id, revision)
    text = scrub(yaml_io.dump(recipe))
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    write_card(folder, recipe, licence=licence_of(base), revision=revision)


def write_card(folder: Path, recipe: Recipe, *, licence: str = "", revision: str = "") -> None:
    """Write the model card of a result; it names no path of this machine.

    Args:
        folder: The result.
        recipe: What it was trained by.
        licence: The base's; may be empty.
        revision: Commit of a base from the hub; may be empty.
    """
    strategy, title = recipe.strategy, _base_title(recipe)
    data = ", ".join(data_name(source.path) for source in recipe.data.sources)
    library, use = _how_to_load(folder)
    on_hub = source_kind(recipe.model.id) == "hub"
    front = {
        "license": licence,
        "base_model": recipe.model.id if on_hub else "",
        "library_name": library,
        "pipeline_tag": "text-generation",
        "tags": ["ftwb", strategy.kind],
    }
    matter = yaml.safe_dump({name: v for name, v in front.items() if v}, sort_keys=False)
    card = (
        f"---\n{matter}---\n\n# {recipe.name}\n\n{strategy.card.does} Trained with ftwb by the "
        "recipe in `recipe.yaml`.\n\n| | |\n|---|---|\n"
        f"| Base model | {title}{f' at {revision}' if revision else ''} |\n"
        f"| Strategy | {strategy.card.title} |\n"
        f"{_DATA}{data} |\n\n{use.replace('BASE', title)}\n"
    )
    (folder / CARD).write_text(card, encoding="utf-8")


def note_verdict(folder: Path, verdict: str) -> None:
    """Write the verdict of the result's report into its card, in place of an earlier one.

    Raises:
        MachineError: The disk is full or not writable.
    """
    card = folder / CARD
    if not card.is_file():
        return
    lines = card.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(_VERDICT)]
    place = next((i for i, line in enumerate(kept, 1) if line.startswith(_DATA)), len(kept))
    noted = [f"{_VERDICT}{verdict} |"] if verdict else []
    files.write_atomic(card, "\n".join([*kept[:place], *noted, *kept[place:]]) + "\n")


def _how_to_load(folder: Path) -> tuple[str, str]:
    """The library that reads a result, and how."""
    if (folder / _ADAPTER_CONFIG).is_file():
        return "peft", _USE_ADAPTER
    if (folder / _MODEL_CONFIG).is_file():
        return "transformers", _USE_MODEL
    return "ftwb", _USE_FTWB


def data_name(source: str) -> str:
    """A dataset's name: that of a file without its folder."""
    path = Path(source).expanduser()
    return path.name if path.is_absolute() or path.exists() or path.suffix else source


def usable_generation_config(config: GenerationConfig) -> GenerationConfig:
    """A copy that uses the KV cache, and that transformers agrees to save.

    It refuses settings of sampling beside greedy decoding, which many published models have.
    """
    usable = copy.deepcopy(config)
    usable.use_cache = True
    try:
        usable.validate(strict=True)
    except ValueError:
        usable.do_sample = True
    return usable


def edit_json(file: Path, **changes: Any) -> None:
    """Change entries of a JSON file; None removes one."""
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) | changes
    kept = {name: value for name, value in values.items() if changes.get(name, "") is not None}
    file.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def trained_tokenizer(
    tokenizer: PreTrainedTokenizerBase, template: TemplateSettings
) -> PreTrainedTokenizerBase:
    """A copy of a run's tokenizer with the chat template that the model was trained with."""
    trained = copy.copy(tokenizer)
    trained.chat_template = saved_template(tokenizer, template)
    return trained


def _save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    try:
        tokenizer.save_pretrained(folder)
    except Exception as error:  # what tokenizers raises has no type of its own
        if files.is_disk_full(error):
            raise MachineError(f"{folder}: cannot save the tokenizer: {error}") from error
        raise
    edit_json(folder / "tokenizer_config.json", name_or_path=None, local_files_only=None)


def _name_base(file: Path, model_id: str, revision: str) -> None:
    """Name a base of the hub by its id and commit, as PEFT loads it."""
    config = json.loads(file.read_text(encoding="utf-8"))
    named = {name: model_id for name in _PATHS if config.get(name)}
    edit_json(file, **named, revision=revision or None)


def _revision(recipe: Recipe, base: Path) -> str:
    """The commit of a base in the hub's cache, else what the recipe names; else empty."""
    if source_kind(recipe.model.id) != "hub":
        return ""
    return base.name if base.parent.name == "snapshots" else recipe.model.revision or ""


def _base_title(recipe: Recipe) -> str:
    name = recipe.model.id
    if name == DEMO:
        return NAME
    return name if source_kind(name) == "hub" else Path(name).name
