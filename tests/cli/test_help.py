"""``ftwb --help``: every command under a heading, and a new module is a new command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from workbench.cli import commands
from workbench.cli.command import GROUPS, Command
from workbench.cli.root import ftwb as root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    Ftwb = Callable[..., Ended]

NAMES = root.list_commands(click.Context(root))
GREET = """
import click
from workbench.cli.command import Command

@click.command("greet", cls=Command, group="Chat", short_help="Say hello.")
def command() -> None:
    click.echo("hello")
"""


def get(name: str) -> Command:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    return command


def test_commands_are_listed_under_their_group(ftwb: Ftwb) -> None:
    sections = ftwb("--help").out.split("\n\n")
    for group in GROUPS:
        (section,) = [text for text in sections if text.startswith(f"{group}:\n")]
        listed = [line.split()[0] for line in section.splitlines()[1:]]
        assert listed == [name for name in NAMES if get(name).group == group]


@pytest.mark.parametrize("name", NAMES)
def test_a_command_has_its_name_and_a_summary_of_one_line(name: str) -> None:
    command = get(name)
    assert command.name == name
    assert command.short_help
    assert command.short_help.endswith(".")
    column = max(map(len, NAMES)) + 4
    assert column + len(command.short_help) <= 80
    assert command.help


def test_a_new_module_is_a_new_command(
    ftwb: Ftwb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "greet.py").write_text(GREET)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert "Say hello." in ftwb("--help").out
    assert ftwb("greet").out == "hello\n"
