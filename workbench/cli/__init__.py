"""The command line: parse, call, print. Data goes to stdout, messages go to stderr.

Exit codes: 0 success; 1 the run or the command failed; 2 invalid input; 3 the machine lacks
something (disk, device, network, package); 130 interrupted. ``ftwb gate`` has its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from workbench.core.errors import FtwbError
from workbench.core.locations import provide_home

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = 130
_GATE_ERROR = 3


def open_workbench() -> None:
    """Open the TUI without loading the parser, so that the first paint comes sooner."""
    from workbench.core import locations

    open_or_list(locations.runs())


def open_or_list(root: Path) -> None:
    """Open the TUI on the runs below ``root``; without a terminal, list them and say what to do.

    Raises:
        BadInputError: There is no terminal.
    """
    from workbench.tui import launch
    from workbench.tui.terminal import has_terminal

    if not has_terminal():
        from workbench.cli.commands.runs import list_runs

        list_runs(root, as_json=False)
    launch(root)


def main() -> None:
    """Run the command line; an expected error is one line on stderr and an exit code."""
    arguments = sys.argv[1:]
    try:
        provide_home()
        if arguments:
            sys.exit(run_command(arguments))
        open_workbench()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        gate, debug = calls_gate(arguments), "--debug" in arguments
        if not gate and (debug or not isinstance(error, FtwbError)):
            raise
        _print_error(error, debug=debug)
        sys.exit(error.exit_code if isinstance(error, FtwbError) and not gate else _GATE_ERROR)


def run_command(arguments: list[str]) -> int:
    """Parse the arguments and run the command; click reports mistakes in the arguments."""
    import click

    from workbench.cli.root import ftwb

    try:
        exit_code: int | None = ftwb.main(arguments, prog_name="ftwb", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return _GATE_ERROR if calls_gate(arguments) else error.exit_code
    except click.Abort:
        return INTERRUPTED
    return exit_code or 0


def calls_gate(arguments: list[str]) -> bool:
    """Whether the command is ``gate``, whose exit codes 0 to 2 are verdicts and never errors."""
    import click

    from workbench.cli.root import ftwb

    commands = ftwb.list_commands(click.Context(ftwb))
    option_values = {index + 1 for index, word in enumerate(arguments) if word == "--runs-dir"}
    for index, word in enumerate(arguments):
        if word in commands and index not in option_values:
            return word == "gate"
    return False


def _print_error(error: Exception, *, debug: bool) -> None:
    import traceback

    from workbench.cli.output import narrate

    if debug:
        traceback.print_exception(error)
    elif isinstance(error, FtwbError):
        narrate(f"ftwb: {error}")
    else:
        narrate(f"ftwb: gate failed: {type(error).__name__}: {error}")
