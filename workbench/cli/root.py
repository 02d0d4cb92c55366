"""The ``ftwb`` group: finds its commands by looking in their folder, one module each."""

from __future__ import annotations

import importlib
import pkgutil
from keyword import iskeyword
from pathlib import Path

import click

from workbench import __version__
from workbench.cli import commands
from workbench.core import locations


class CommandFolder(click.Group):
    """Every module of ``workbench.cli.commands`` is a command; its ``command`` is loaded on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the modules, with dashes; one that is a word of Python ends in one more."""
        del ctx
        names = (info.name for info in pkgutil.iter_modules(commands.__path__))
        return sorted(name.rstrip("_").replace("_", "-") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = f"{cmd_name.replace('-', '_')}{'_' if iskeyword(cmd_name) else ''}"
        module = importlib.import_module(f"{commands.__name__}.{name}")
        command: click.Command = module.command
        return command


@click.group(cls=CommandFolder, invoke_without_command=True)
@click.option(
    "--runs-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where runs live [default: $FTWB_RUNS_DIR or the data folder].",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="ftwb")
@click.pass_context
def ftwb(context: click.Context, runs_dir: Path | None, debug: bool) -> None:
    """Fine-tune language models and see what they forget. Without a command: the workbench.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 the machine lacks something, 130 interrupted.
    'ftwb gate' has its own.
    """
    del debug  # read by main(), which decides what an error looks like
    context.obj = _expanded(runs_dir) if runs_dir else locations.runs()
    if context.invoked_subcommand is None:
        from workbench.tui import launch

        launch(context.obj)


def _expanded(folder: Path) -> Path:
    try:
        return folder.expanduser().absolute()
    except RuntimeError as error:
        raise click.BadParameter(str(error), param_hint="--runs-dir") from error
