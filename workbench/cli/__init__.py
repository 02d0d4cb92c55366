"""``ftwb …``: parse, call, print. stdout is data, stderr is narration.

Exit codes: 0 done; 1 the run or the command failed; 2 the input is wrong; 3 the machine lacks
something (disk, device, network, package); 130 interrupted. ``ftwb gate`` has its own.
"""

from __future__ import annotations

import sys

from workbench.core.errors import FtwbError

INTERRUPTED = 130
_GATE_ERROR = 3


def open_workbench() -> None:
    """Open the TUI without loading the parser, so that the first paint comes sooner."""
    from workbench.core import locations
    from workbench.tui import launch

    launch(locations.runs())


def main() -> None:
    """Run the command line; errors meant for people are one line on stderr and an exit code."""
    words = sys.argv[1:]
    try:
        if words:
            sys.exit(run_command(words))
        open_workbench()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        gate, debug = asks_the_gate(words), "--debug" in words
        if not gate and (debug or not isinstance(error, FtwbError)):
            raise
        _tell(error, debug=debug)
        sys.exit(error.exit_code if isinstance(error, FtwbError) and not gate else _GATE_ERROR)


def run_command(words: list[str]) -> int:
    """Parse and call; what is wrong with the words themselves is told by the parser."""
    import click

    from workbench.cli.root import ftwb

    try:
        left: int | None = ftwb.main(words, prog_name="ftwb", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return _GATE_ERROR if asks_the_gate(words) else error.exit_code
    except click.Abort:
        return INTERRUPTED
    return left or 0


def asks_the_gate(words: list[str]) -> bool:
    """Whether the command is ``gate``, whose exit codes 0 to 2 are verdicts and never errors."""
    import click

    from workbench.cli.root import ftwb

    known = ftwb.list_commands(click.Context(ftwb))
    values = {place + 1 for place, word in enumerate(words) if word == "--runs-dir"}
    named = [word for place, word in enumerate(words) if word in known and place not in values]
    return named[:1] == ["gate"]


def _tell(error: Exception, *, debug: bool) -> None:
    import traceback

    from workbench.cli.output import narrate

    if debug:
        traceback.print_exception(error)
    elif isinstance(error, FtwbError):
        narrate(f"ftwb: {error}")
    else:
        narrate(f"ftwb: the gate broke: {type(error).__name__}: {error}")
