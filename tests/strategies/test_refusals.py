"""Recipes that cannot work are refused quickly, before anything is loaded."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.planning.estimate import estimate
from workbench.planning.preflight import preflight

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

REFUSED = {
    "lora targets": (
        ("strategy.kind=lora", "strategy.target_modules=[query]"),
        "'query' matches no matrix; the model has: down_proj, gate_proj",
    ),
    "freeze layers": (("strategy.kind=freeze", "strategy.layers=3"), "the model has 2 layers"),
    "freeze patterns": (
        ("strategy.kind=freeze", "strategy.choose=patterns", "strategy.patterns=[layers.9]"),
        "'layers.9' matches no tensor",
    ),
    "prompt tokens": (
        ("strategy.kind=prompt_tuning", "strategy.num_virtual_tokens=600"),
        "leave no room",
    ),
    "prefix checkpointing": (
        ("strategy.kind=prefix_tuning", "training.gradient_checkpointing=true"),
        "turn one of the two off",
    ),
    "qlora rows": (("strategy.kind=qlora",), "rows of 32 are not a multiple of 64"),
    "osf share": (("strategy.kind=osf", "strategy.effective_rank=0.01"), "freezes none"),
    "ia3 names": (
        ("strategy.kind=ia3", "strategy.target_modules=[fc1]"),
        "'fc1' matches no matrix",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("look", [preflight, estimate])
def test_the_preflight_explains_the_refusal(
    case: str, look: Callable[..., object], new_run: Callable[..., RunFolder]
) -> None:
    overrides, message = REFUSED[case]
    with pytest.raises(BadInputError) as caught:
        look(new_run(*overrides).recipe())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_counting_needs_no_torch(tiny_model: Path) -> None:
    code = (
        "import sys\n"
        "from workbench.models.describing import read_facts\n"
        "from workbench.recipe.recipe import STRATEGIES\n"
        "from workbench.recipe.model import ModelSection\n"
        "from workbench.recipe.training import TrainingSection\n"
        f"facts = read_facts(ModelSection(id={str(tiny_model)!r}))\n"
        "for kind in set(STRATEGIES) - {'qlora', 'freeze'}:\n"
        "    STRATEGIES[kind]().check(facts, TrainingSection())\n"
        "loaded = {'torch', 'transformers', 'peft', 'bitsandbytes'} & set(sys.modules)\n"
        "print('loaded:', *loaded)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "loaded:\n"
