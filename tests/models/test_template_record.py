"""A run keeps the chat template and the date that it was started with."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.data import template_settings
from workbench.models.template_record import read_template, resolve_template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder


def test_the_date_of_the_first_start_is_kept(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, later = dt.date(2026, 2, 28), dt.date(2026, 3, 1)
    run = new_run()
    monkeypatch.setattr(template_settings, "local_date", lambda: first)
    assert resolve_template(run, run.recipe()).today == first
    monkeypatch.setattr(template_settings, "local_date", lambda: later)
    assert resolve_template(run, run.recipe()).today == read_template(run).today == first


def test_the_template_is_kept_though_its_file_changes(
    new_run: Callable[..., RunFolder], tmp_path: Path
) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text("{{ messages }}", encoding="utf-8")
    run = new_run(
        f"data.chat_template={file}", "data.system_prompt=Be kind.", "data.end_of_turn=<done>"
    )
    settings = resolve_template(run, run.recipe())
    file.write_text("{{ 1 }}", encoding="utf-8")
    assert resolve_template(run, run.recipe()) == settings
    assert (settings.source, settings.name) == ("{{ messages }}", "")
    assert (settings.system_prompt, settings.end_of_turn) == ("Be kind.", "<done>")


def test_the_name_of_a_template_is_not_a_source(new_run: Callable[..., RunFolder]) -> None:
    run = new_run("data.chat_template=tool_use")
    settings = resolve_template(run, run.recipe())
    assert (settings.source, settings.name) == ("", "tool_use")


@pytest.mark.parametrize("text", [None, "", "[]", '{"today": "2026-02-30", "chat_template": ""}'])
def test_a_run_without_a_record_is_refused_in_one_line(
    new_run: Callable[..., RunFolder], text: str | None
) -> None:
    run = new_run()
    if text is not None:
        (run.path / "template.json").write_text(text)
    with pytest.raises(BadInputError, match=r"template\.json is missing or unreadable"):
        read_template(run)
