"""The ``ftwb`` group: every module of ``workbench.cli.commands`` is one command."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench import __version__
from workbench.cli import commands, open_or_list
from workbench.cli.command import GROUPS, Command
from workbench.core import locations

if TYPE_CHECKING:
    from workbench.cli.command import Group


class CommandFolder(click.Group):
    """Finds commands by listing their package, and imports one only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, sorted: ``sweep_strength.py`` is ``sweep-strength``.

        A command whose name is a Python keyword lives in a module with a trailing underscore.
        """
        del ctx
        modules = (info.name for info in pkgutil.iter_modules(commands.__path__))
        return sorted(name.rstrip("_").replace("_", "-") for name in modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Command | None:
        """Import the command of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = f"{cmd_name.replace('-', '_')}{'_' if iskeyword(cmd_name) else ''}"
        command: Command = importlib.import_module(f"{commands.__name__}.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands in ``--help`` under the heading of their group."""
        rows: dict[Group, list[tuple[str, str]]] = defaultdict(list)
        for name in self.list_commands(ctx):
            if command := self.get_command(ctx, name):
                rows[command.group].append((name, command.get_short_help_str()))
        for group in GROUPS:
            with formatter.section(group):
                formatter.write_dl(rows[group])


@click.group(cls=CommandFolder, invoke_without_command=True)
@click.option(
    "--runs-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that holds the runs [default: $FTWB_RUNS_DIR or the data folder].",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="ftwb")
@click.pass_context
def ftwb(context: click.Context, runs_dir: Path | None, debug: bool) -> None:
    """Fine-tune language models and see what they forget. Without a command, open the workbench.

    Exit codes: 0 success, 1 failure, 2 invalid input, 3 the machine lacks something (disk, device,
    network, package), 130 interrupted. 'ftwb gate' has its own.
    """
    del debug  # main() reads it
    context.obj = _expanded(runs_dir) if runs_dir else locations.runs()
    if context.invoked_subcommand is None:
        open_or_list(context.obj)


def _expanded(folder: Path) -> Path:
    try:
        return folder.expanduser().absolute()
    except RuntimeError as error:
        raise click.BadParameter(str(error), param_hint="--runs-dir") from error
