"""The two lanes of every chat, and the names of the models that answer in them."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from workbench.models import smollm2

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe

BASE, TUNED = LANES = ("base", "tuned")


def base_name(recipe: Recipe) -> str:
    """The model, its revision and its quantisation: equal for runs that start from one base."""
    revision = f"@{recipe.model.revision}" if recipe.model.revision else ""
    quantization = recipe.strategy.quantization()
    if quantization is None:
        return f"{recipe.model.id}{revision}"
    double = " with double quantisation" if quantization.use_double_quant else ""
    dtype = quantization.compute_dtype
    products = "" if dtype == "auto" else f", products in {dtype}"
    return f"{recipe.model.id}{revision} in 4-bit {quantization.quant_type}{double}{products}"


def lane_titles(recipe: Recipe) -> dict[str, str]:
    """The model of each lane: the base by its short name, the tuned one by the run's name."""
    model = recipe.model.id
    base = smollm2.NAME if model == "demo" else PurePath(model).name
    return {BASE: base, TUNED: recipe.name}
