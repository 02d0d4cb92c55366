"""``ftwb presets``: what can be started from, and a preset written out is a recipe again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from workbench.cli.root import ftwb
from workbench.core.errors import NotFoundError
from workbench.recipe import yaml_io


def presets(*arguments: str) -> Result:
    return CliRunner().invoke(ftwb, ["presets", *arguments], catch_exceptions=False)


def test_the_list_names_every_preset_with_its_strategy_and_protections() -> None:
    entries = {entry["name"]: entry for entry in json.loads(presets("--json").stdout)}
    assert set(entries) == set(yaml_io.presets())
    assert entries["ewc"]["strategy"] == "full"
    assert entries["ewc"]["retention"] == ["ewc"]
    assert entries["lora"]["retention"] == []
    assert entries["lora"]["description"].startswith("LoRA on all linear layers.")
    table = presets().stdout
    assert all(name in table for name in entries)


def test_a_printed_preset_loads_as_the_same_recipe() -> None:
    written = presets("ewc").stdout
    assert yaml_io.load(written) == yaml_io.load_file("ewc")
    assert json.loads(presets("ewc", "--json").stdout) == yaml_io.load_file("ewc").model_dump(
        mode="json"
    )


def test_a_preset_that_does_not_exist() -> None:
    with pytest.raises(NotFoundError, match="no preset of that name; presets: bottleneck"):
        presets("nothing")
