"""The README is true: its recipe loads, its commands and links exist, its figures were measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from workbench.cli.root import ftwb
from workbench.recipe import yaml_io

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", ".github/CONTRIBUTING.md", ".github/ARCHITECTURE.md")
RESULTS = ROOT / "tests" / "benchmarks" / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")

FIGURES = [
    ("first_paint", "ratio", "{:.2f}"),
    ("big_log", "newest_seconds", "{:.1f} s"),
    ("big_log", "newest_cpu_seconds", "{:.1f} s"),
    ("big_log", "whole_seconds", "{:.0f} s"),
    ("big_log", "whole_cpu_seconds", "{:.1f} s"),
    ("big_log", "idle_core_share", "{:.1%}"),
    ("large_data", "estimate_first_seconds", "{:.0f} s"),
    ("large_data", "estimate_first_peak_gb", "{:.1f} GB"),
    ("prefill", "ratio_bfloat16", "{:.1f}"),
    ("verdict", "kept_standard", "{:.1%}"),
    ("verdict", "kept_full", "{:.1%}"),
    ("verdict", "kept_auto", "{:.1%}"),
    ("verdict", "wrong_fail", "{:.1%}"),
    ("verdict", "auto_share", "{:.1%}"),
]
"""Figures of result files, as the README writes them."""


def result(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return values


@pytest.mark.parametrize(("name", "figure", "form"), FIGURES)
def test_a_figure_is_that_of_its_result_file(name: str, figure: str, form: str) -> None:
    measured = form.format(result(name)["figures"][figure]).replace("%", " %")
    rows = [line for line in README.splitlines() if f"`{name}.json`" in line]
    assert any(f" {measured} " in row.replace(",", " ").replace(";", " ") for row in rows), measured


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_result_file_has_the_facts_of_its_machine(path: Path) -> None:
    kept = result(path.stem)
    assert kept["benchmark"] == path.stem
    assert {"date", "commit", "settings", "figures"} <= kept.keys()
    assert {"cpu", "cores", "memory_gib", "gpu", "fast_bfloat16"} <= kept["machine"].keys()
    assert {"torch", "transformers", "peft"} <= kept["versions"].keys()
    assert f"`{path.name}`" in README


def test_the_recipe_is_valid() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    recipe = yaml_io.load(block)
    assert recipe.name == "support"
    assert recipe.strategy.kind == "lora"


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    scripts = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    inline = re.findall(r"`ftwb ([a-z][a-z-]*)", text)
    used = {*inline, *re.findall(r"^ftwb ([a-z][a-z-]*)", scripts, re.MULTILINE)}
    assert used <= set(ftwb.list_commands(click.Context(ftwb)))


def test_settings_are_fields() -> None:
    settings = re.findall(r"--set ([a-z0-9_.]+=[^\s`|]+)", README)
    assert settings
    for setting in settings:
        yaml_io.validate(yaml_io.override({}, [setting]))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not ((ROOT / page).parent / link).exists()] == []


def test_named_presets_exist() -> None:
    (sentence,) = re.findall(r"or the name of a preset: (.*?)\n\n", README, re.DOTALL)
    assert set(re.findall(r"`([a-z0-9_]+)`", sentence)) <= set(yaml_io.presets())
