"""The chat template and the date of a run, recorded once and kept with it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from workbench.core import files
from workbench.core.errors import BadInputError
from workbench.data.template_settings import TemplateSettings

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

TEMPLATE_FILE = "template.json"


def resolve_template(run: RunFolder, recipe: Recipe) -> TemplateSettings:
    """How conversations are written in ``run``: recorded at its first start, then read back.

    Some templates write today's date, and the file with one may change: a resumed worker and the
    chat engine use what was recorded.

    Raises:
        BadInputError: The template cannot be read, or the record.
        MachineError: The run folder is not writable.
    """
    file = run.path / TEMPLATE_FILE
    if not file.is_file():
        settings = TemplateSettings.of(recipe.data)
        record = {"today": settings.today.isoformat(), "chat_template": settings.source}
        files.write_atomic(file, json.dumps(record))
    return read_template(run)


def read_template(run: RunFolder) -> TemplateSettings:
    """How conversations were written when ``run`` was started.

    Raises:
        BadInputError: The record is missing or unreadable: the run never started, or an older
            ftwb wrote it.
    """
    file, section = run.path / TEMPLATE_FILE, run.recipe().data
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        source, today = str(record["chat_template"]), dt.date.fromisoformat(record["today"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{run.id}: {TEMPLATE_FILE} is missing or unreadable, so the date and the chat "
            "template of its training are unknown; it never started, or an older ftwb wrote it: "
            "train it again"
        ) from error
    return TemplateSettings(
        source=source,
        name="" if source else section.chat_template or "",
        system_prompt=section.system_prompt or "",
        end_of_turn=section.end_of_turn or "",
        today=today,
    )
