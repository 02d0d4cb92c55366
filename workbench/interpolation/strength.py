"""Saving a finished run at another strength: theta0 + alpha (theta - theta0)."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from workbench.core.errors import BadInputError
from workbench.models import loading
from workbench.models.dtype import DTYPES_FILE
from workbench.models.result_folder import note_verdict
from workbench.models.template_record import TEMPLATE_FILE
from workbench.runs.status import Status
from workbench.strategies.interpolation import LORA_B

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from workbench.core.progress import ProgressCallback
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder, Runs

_MAX_NAME = 64


def save_at_strength(
    runs: Runs, run: RunFolder, alpha: float, report: ProgressCallback
) -> RunFolder:
    """Save the result of ``run`` at another strength as a new run, ready to chat with.

    Args:
        runs: Where the new run is created.
        run: A run with a result that can be scaled.
        alpha: 0 is the base, 1 the result, above 1 an extrapolation.
        report: Called with what is being loaded.

    Raises:
        BadInputError: There is no result, or it cannot be scaled.
    """
    require_scalable(run)
    recipe = run.recipe()
    with tempfile.TemporaryDirectory(prefix=".strength-", dir=runs.root) as scratch:
        folder = Path(scratch) / "model"
        shutil.copytree(run.model, folder)
        _scale(recipe, folder, alpha, report)
        note_verdict(folder, "")  # that of the report was on strength 1
        scaled = runs.create(_renamed(recipe, run.id, alpha))
        try:
            _fill(scaled, folder, run)
        except BaseException:
            shutil.rmtree(scaled.path, ignore_errors=True)
            raise
    return scaled


def require_scalable(run: RunFolder) -> None:
    """Refuse a run that has no result, or whose result is not a change of the base's weights.

    Raises:
        BadInputError: The message says which.
    """
    strategy = run.recipe().strategy
    if strategy.delta_kind == "other":
        raise BadInputError(
            f"{run.id}: {strategy.kind} results cannot be scaled: they are not a change of weights"
        )
    if not run.has_result():
        raise BadInputError(f"{run.id} is {run.status().state} and has no result to scale")


def _fill(scaled: RunFolder, folder: Path, run: RunFolder) -> None:
    """Move the scaled model into its run, with the results of the base, as that was loaded."""
    folder.rename(scaled.model)
    for record in (DTYPES_FILE, TEMPLATE_FILE):
        shutil.copyfile(run.path / record, scaled.path / record)
    if run.base.is_dir():
        shutil.copytree(run.base, scaled.base)
    created = scaled.status().created
    Status.of_this_process(
        state="finished", created=created, started=created, ended=time.time(), phase="scaled"
    ).save(scaled.status_file)


def _renamed(recipe: Recipe, source: str, alpha: float) -> Recipe:
    suffix = f"-strength-{alpha:g}"
    return recipe.model_copy(
        update={
            "name": recipe.name[: _MAX_NAME - len(suffix)] + suffix,
            "description": f"Strength {alpha:g} of {source}.",
        }
    )


def _scale(recipe: Recipe, folder: Path, alpha: float, report: ProgressCallback) -> None:
    """Rewrite every tensor file of a copied result.

    A low-rank change B A is scaled by its second factor alone; whole weights are interpolated.
    """
    if recipe.strategy.delta_kind == "low_rank":
        _rewrite(folder, lambda name, t: t * alpha if LORA_B in name else t)
        return
    base = _base_tensors(recipe, report)
    _rewrite(folder, lambda name, t: base[name].float().lerp(t.float(), alpha).to(t.dtype))


def _rewrite(folder: Path, transform: Callable[[str, Tensor], Tensor]) -> None:
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata()
        tensors = {name: transform(name, t) for name, t in load_file(file).items()}
        save_file(tensors, file, metadata=metadata)


def _base_tensors(recipe: Recipe, report: ProgressCallback) -> dict[str, Tensor]:
    model = loading.load_base(
        recipe.model,
        loading.locate(recipe.model, report),
        device=torch.device("cpu"),
        dtype=torch.float32,
    )
    tensors: dict[str, Tensor] = model.state_dict()
    return tensors
