"""What a run settles at its first start and keeps: its number formats and its chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.models.dtype import RunDtypes, resolve_dtypes
from workbench.models.loading import choose_device
from workbench.models.template_record import resolve_template

if TYPE_CHECKING:
    from workbench.data.template_settings import TemplateSettings
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder


class Settled(NamedTuple):
    """The number formats of a run, and how conversations are written in it."""

    dtypes: RunDtypes
    template: TemplateSettings


def settle(run: RunFolder, recipe: Recipe) -> Settled:
    """Decide and record at the first start of ``run``, and read back at a resume.

    Raises:
        BadInputError: A record, or the file with the chat template, is unreadable.
        MachineError: The run folder is not writable.
    """
    dtypes = resolve_dtypes(run, recipe, choose_device())
    return Settled(dtypes, resolve_template(run, recipe))
